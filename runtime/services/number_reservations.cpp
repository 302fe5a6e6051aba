#include "runtime/services/number_reservations.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/providers/country.h"

namespace trunkline {
namespace {

using nlohmann::json;
using service::NumberReservation;
using service::ReservationState;
using service::ReservedNumber;
using store::Row;
using store::Session;
using store::Statement;

constexpr std::size_t kMaxNumbers = 100;
constexpr Duration kLongest = std::chrono::hours{2};
constexpr Duration kKept = std::chrono::days{30};

const Statement kUpsert{
    "INSERT INTO number_reservations (resource_key, reservation_id, created_us, expires_us, purchased, body) VALUES (?, ?, ?, ?, "
    "0, ?) ON CONFLICT (resource_key, reservation_id) DO UPDATE SET expires_us = excluded.expires_us, body = excluded.body"};
const Statement kSelectReservation{
    "SELECT reservation_id, created_us, expires_us, purchased, body FROM number_reservations WHERE resource_key = ? AND "
    "reservation_id = ?"};
const Statement kSelectAll{
    "SELECT reservation_id, created_us, expires_us, purchased, body FROM number_reservations WHERE resource_key = ? ORDER BY "
    "created_us DESC, reservation_id"};
const Statement kMarkBought{
    "UPDATE number_reservations SET purchased = 1 WHERE resource_key = ? AND reservation_id = ? AND purchased = 0"};
const Statement kDelete{"DELETE FROM number_reservations WHERE resource_key = ? AND reservation_id = ? AND purchased = 0"};
const Statement kDropOld{"DELETE FROM number_reservations WHERE resource_key = ? AND created_us < ?"};
const Statement kCopy{
    "INSERT INTO number_reservations SELECT ?, reservation_id, created_us, expires_us, purchased, body FROM number_reservations "
    "WHERE resource_key = ?"};
const Statement kDrop{"DELETE FROM number_reservations WHERE resource_key = ?"};

struct Stored {
  NumberReservation reservation;
  Time created_at;
};

json to_json(const std::vector<ReservedNumber>& numbers) {
  json out = json::array();
  for (const ReservedNumber& n : numbers)
    out.push_back({{"number", n.number},
                   {"country_code", n.country_code},
                   {"type", static_cast<int>(n.type)},
                   {"for_application", n.for_application},
                   {"calling", static_cast<int>(n.calling)},
                   {"sms", static_cast<int>(n.sms)}});
  return out;
}

Stored read_row(const Row& row, Time now) {
  Stored stored;
  stored.reservation.id = row.text(0);
  stored.created_at = from_unix_us(row.integer(1));
  stored.reservation.expires_at = from_unix_us(row.integer(2));
  stored.reservation.state = row.integer(3) != 0                    ? ReservationState::kCompleted
                             : stored.reservation.expires_at <= now ? ReservationState::kExpired
                                                                    : ReservationState::kActive;
  for (const json& item : json::parse(row.text(4))) {
    ReservedNumber number;
    number.number = item.at("number");
    number.country_code = item.at("country_code");
    number.type = static_cast<service::NumberType>(item.at("type").get<int>());
    number.for_application = item.at("for_application");
    number.calling = static_cast<service::NumberCapability>(item.at("calling").get<int>());
    number.sms = static_cast<service::NumberCapability>(item.at("sms").get<int>());
    stored.reservation.numbers.push_back(std::move(number));
  }
  return stored;
}

std::optional<Stored> find_row(Session& session, std::int64_t resource_key, std::string_view id, Time now) {
  std::optional<Stored> stored;
  session.query(kSelectReservation, {resource_key, id}, [&](const Row& row) { stored = read_row(row, now); });
  return stored;
}

std::string canonical_id(const std::string& id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) throw Error(ErrorCode::kInvalidArgument, "'" + id.substr(0, 80) + "' is no GUID", "reservationId");
  return uuid->str();
}

/// Its key for lookups: an id that is none finds nothing.
std::string key_of(std::string_view id) {
  const auto uuid = Uuid::parse(id);
  return uuid ? uuid->str() : std::string(id);
}

Error not_found(std::string_view id) {
  return Error(ErrorCode::kNotFound, "there is no reservation '" + std::string(id.substr(0, 80)) + "'", "reservationId");
}

void check_active(const NumberReservation& reservation) {
  if (reservation.state == ReservationState::kActive) return;
  throw Error(ErrorCode::kFailedPrecondition,
              reservation.state == ReservationState::kCompleted ? "the numbers of this reservation were bought already"
                                                                : "the reservation has expired",
              "reservationId");
}

auto find_number(std::vector<ReservedNumber>& numbers, const std::string& number) {
  return std::find_if(numbers.begin(), numbers.end(), [&](const ReservedNumber& n) { return n.number == number; });
}

}  // namespace

ReservedNumber inventory_number(std::string_view number) {
  check_e164(number, "phoneNumbers");
  const NumberPlace place = place_of(country_of(number), number);
  const std::size_t rest = place.area ? number.size() - 1 - place.country->calling_code.size() - place.area->code.size() : 0;
  if (!place.area || rest != static_cast<std::size_t>(place.area->subscriber_digits))
    throw Error(ErrorCode::kInvalidArgument, "the inventory has no number " + std::string(number), "phoneNumbers");
  ReservedNumber out;
  out.number = number;
  out.country_code = place.country->code;
  out.type = place.offer->type;
  out.for_application = true;
  out.calling = place.offer->calling;
  out.sms = place.offer->sms;
  return out;
}

bool needs_no_resell(const ReservedNumber& number) {
  const NumberCountry* country = find_number_country(number.country_code);
  const NumberOffer* offer = country ? find_number_offer(*country, number.type) : nullptr;
  return offer && offer->no_resell;
}

Task<ReservationChange> NumberReservations::change(ResourcePtr resource, std::string id, std::vector<ReservedNumber> add,
                                                   std::vector<std::string> remove) {
  id = canonical_id(id);
  const Time now = context_.clock.now();
  ReservationChange change;
  std::vector<ReservedNumber> failed;
  std::vector<std::string> taken;  // holds of this call, given back when it fails
  std::optional<Stored> before;
  resource->database->read([&](Session& session) { before = find_row(session, resource->key, id, now); });
  if (before) check_active(before->reservation);
  for (ReservedNumber& number : add) {
    if (before && find_number(before->reservation.numbers, number.number) != before->reservation.numbers.end()) continue;
    try {
      const ReservedNumber offered = inventory_number(number.number);
      if (!covers(offered.calling, number.calling) || !covers(offered.sms, number.sms))
        throw Error(ErrorCode::kInvalidArgument, "the number " + number.number + " cannot do all that is asked of it",
                    "capabilities");
      number.country_code = offered.country_code;
      number.type = offered.type;
      if (!numbers_.hold(*resource, number.number, now + kNumberHoldTime))
        throw Error(ErrorCode::kFailedPrecondition, "the number " + number.number + " is not available", "phoneNumbers");
      taken.push_back(number.number);
    } catch (const Error& error) {
      number.error = error.message;
      failed.push_back(std::move(number));
      number.number.clear();
    }
  }
  std::erase_if(add, [&](const ReservedNumber& n) { return std::find(taken.begin(), taken.end(), n.number) == taken.end(); });

  Stored after;
  std::exception_ptr trouble;
  // What it captures outlives the write, which is awaited here; every run starts anew.
  UniqueFunction<void(Session&)> work = [&](Session& session) {
    session.execute(kDropOld, {resource->key, unix_us(now - kKept)});
    const std::optional<Stored> stored = find_row(session, resource->key, id, now);
    change.created = !stored;
    after = stored.value_or(Stored{{}, now});
    if (stored) check_active(stored->reservation);
    after.reservation.id = id;
    after.reservation.state = ReservationState::kActive;
    after.reservation.expires_at = std::min(now + kNumberHoldTime, after.created_at + kLongest);
    std::vector<ReservedNumber>& numbers = after.reservation.numbers;
    std::erase_if(numbers,
                  [&](const ReservedNumber& n) { return std::find(remove.begin(), remove.end(), n.number) != remove.end(); });
    for (const ReservedNumber& number : add)
      if (find_number(numbers, number.number) == numbers.end()) numbers.push_back(number);
    if (numbers.size() > kMaxNumbers)
      throw Error(ErrorCode::kInvalidArgument, "a reservation holds at most 100 numbers", "phoneNumbers");
    session.execute(
        kUpsert, {resource->key, id, unix_us(after.created_at), unix_us(after.reservation.expires_at), to_json(numbers).dump()});
  };
  try {
    co_await resource->database->write(std::move(work));
  } catch (...) {
    trouble = std::current_exception();
  }
  if (trouble) {
    for (const std::string& number : taken) numbers_.let_go(*resource, number);
    std::rethrow_exception(trouble);
  }
  for (const std::string& number : remove)
    if (before && find_number(before->reservation.numbers, number) != before->reservation.numbers.end())
      numbers_.let_go(*resource, number);
  for (const ReservedNumber& number : after.reservation.numbers)
    numbers_.extend(*resource, number.number, after.reservation.expires_at);
  change.reservation = std::move(after.reservation);
  change.partial = !failed.empty();
  for (ReservedNumber& number : failed) change.reservation.numbers.push_back(std::move(number));
  co_return change;
}

NumberReservation NumberReservations::get(const Resource& resource, std::string_view id) const {
  std::optional<Stored> stored;
  const Time now = context_.clock.now();
  resource.database->read([&](Session& session) { stored = find_row(session, resource.key, key_of(id), now); });
  if (!stored) throw not_found(id);
  return std::move(stored->reservation);
}

std::vector<NumberReservation> NumberReservations::list(const Resource& resource) const {
  std::vector<NumberReservation> all;
  const Time now = context_.clock.now();
  resource.database->read([&](Session& session) {
    all.clear();
    session.query(kSelectAll, {resource.key}, [&](const Row& row) {
      Stored stored = read_row(row, now);
      if (stored.created_at > now - kKept) all.push_back(std::move(stored.reservation));
    });
  });
  return all;
}

Task<std::vector<service::OwnedNumber>> NumberReservations::purchase(ResourcePtr resource, std::string id,
                                                                     bool agree_to_not_resell) {
  const NumberReservation reservation = get(*resource, id);
  check_active(reservation);
  if (reservation.numbers.empty()) throw Error(ErrorCode::kInvalidArgument, "the reservation has no numbers", "reservationId");
  if (!agree_to_not_resell && std::any_of(reservation.numbers.begin(), reservation.numbers.end(), needs_no_resell))
    throw Error(ErrorCode::kInvalidArgument, "some of these numbers are sold only to buyers who agree not to resell them",
                "agreeToNotResell");
  std::vector<service::OwnedNumber> bought;
  for (const ReservedNumber& number : reservation.numbers) {
    service::OwnedNumber owned;
    owned.number = number.number;
    owned.country_code = number.country_code;
    owned.type = number.type;
    owned.for_application = number.for_application;
    owned.calling = number.calling;
    owned.sms = number.sms;
    owned.purchased_at = context_.clock.now();
    bought.push_back(std::move(owned));
  }
  UniqueFunction<void(Session&)> mark = [resource, key = reservation.id](Session& session) {
    if (session.execute(kMarkBought, {resource->key, key}) == 0)
      throw Error(ErrorCode::kFailedPrecondition, "the numbers of this reservation were bought already", "reservationId");
  };
  co_await numbers_.own(resource, bought, std::move(mark));
  co_return bought;
}

Task<void> NumberReservations::remove(ResourcePtr resource, std::string id) {
  const NumberReservation reservation = get(*resource, id);
  check_active(reservation);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, key = reservation.id](Session& session) {
    if (session.execute(kDelete, {resource->key, key}) == 0) throw not_found(key);
  };
  co_await resource->database->write(std::move(work));
  for (const ReservedNumber& number : reservation.numbers) numbers_.let_go(*resource, number.number);
}

void NumberReservations::copy_rows(Session& session, const Resource& from, const Resource& to) {
  session.execute(kCopy, {to.key, from.key});
}

void NumberReservations::drop_rows(Session& session, const Resource& resource) { session.execute(kDrop, {resource.key}); }

// After the NumberService, which has forgotten the holds of the resource by then.
void NumberReservations::on_added(const ResourcePtr& resource, const ResourcePtr&) {
  for (const NumberReservation& reservation : list(*resource))
    if (reservation.state == ReservationState::kActive)
      for (const ReservedNumber& number : reservation.numbers) numbers_.hold(*resource, number.number, reservation.expires_at);
}

}  // namespace trunkline
