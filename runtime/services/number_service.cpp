#include "runtime/services/number_service.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/services/phone_number.h"

namespace trunkline {
namespace {

using nlohmann::json;
using service::NumberCapability;
using service::NumberType;
using service::OwnedNumber;
using store::Row;
using store::Session;
using store::Statement;

constexpr Duration kHoldTime = std::chrono::minutes{15};
constexpr int kMaxQuantity = 100;

const Statement kInsertNumber{
    "INSERT INTO phone_numbers (resource_key, number, country_code, number_type, assignment_type, calling, sms, purchased_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kDeleteNumber{"DELETE FROM phone_numbers WHERE resource_key = ? AND number = ?"};
const Statement kUpdateNumber{"UPDATE phone_numbers SET calling = ?, sms = ? WHERE resource_key = ? AND number = ?"};
const Statement kSelectNumbers{
    "SELECT number, country_code, number_type, assignment_type, calling, sms, purchased_us FROM phone_numbers WHERE resource_key "
    "= ?"};
const Statement kInsertSearch{
    "INSERT INTO number_searches (resource_key, search_id, expires_us, purchased, body) VALUES (?, ?, ?, 0, ?)"};
const Statement kSelectSearch{"SELECT expires_us, purchased, body FROM number_searches WHERE resource_key = ? AND search_id = ?"};
const Statement kBuySearch{"UPDATE number_searches SET purchased = 1 WHERE resource_key = ? AND search_id = ? AND purchased = 0"};
const Statement kInsertOperation{
    "INSERT INTO number_operations (resource_key, operation_id, created_us, body) VALUES (?, ?, ?, ?)"};
const Statement kSelectOperation{"SELECT created_us, body FROM number_operations WHERE resource_key = ? AND operation_id = ?"};

const Statement kCopyNumbers{
    "INSERT INTO phone_numbers SELECT ?, number, country_code, number_type, assignment_type, calling, sms, purchased_us "
    "FROM phone_numbers WHERE resource_key = ?"};
const Statement kCopySearches{
    "INSERT INTO number_searches SELECT ?, search_id, expires_us, purchased, body FROM number_searches WHERE resource_key = ?"};
const Statement kCopyOperations{
    "INSERT INTO number_operations SELECT ?, operation_id, created_us, body FROM number_operations WHERE resource_key = ?"};
const Statement kDropNumbers{"DELETE FROM phone_numbers WHERE resource_key = ?"};
const Statement kDropSearches{"DELETE FROM number_searches WHERE resource_key = ?"};
const Statement kDropOperations{"DELETE FROM number_operations WHERE resource_key = ?"};

std::int64_t unix_us(Time time) { return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count(); }
Time from_unix_us(std::int64_t us) { return Time{std::chrono::microseconds{us}}; }

json to_json(const HeldNumbers& held) {
  return {{"numbers", held.search.numbers},
          {"cost_micros", held.search.cost_micros},
          {"currency", held.search.currency},
          {"country_code", held.query.country_code},
          {"type", static_cast<int>(held.query.type)},
          {"for_application", held.query.for_application},
          {"calling", static_cast<int>(held.query.calling)},
          {"sms", static_cast<int>(held.query.sms)},
          {"no_resell", held.no_resell}};
}

HeldNumbers held_from_json(std::string_view search_id, const json& body, Time expires_at, bool purchased) {
  HeldNumbers held;
  held.search.search_id = search_id;
  held.search.numbers = body.at("numbers").get<std::vector<std::string>>();
  held.search.cost_micros = body.at("cost_micros");
  held.search.currency = body.at("currency");
  held.search.expires_at = expires_at;
  held.query.country_code = body.at("country_code");
  held.query.type = static_cast<NumberType>(body.at("type").get<int>());
  held.query.for_application = body.at("for_application");
  held.query.calling = static_cast<NumberCapability>(body.at("calling").get<int>());
  held.query.sms = static_cast<NumberCapability>(body.at("sms").get<int>());
  held.query.quantity = static_cast<std::int32_t>(held.search.numbers.size());
  held.no_resell = body.at("no_resell");
  held.purchased = purchased;
  return held;
}

/// `offered` includes everything that `wanted` asks for.
bool covers(NumberCapability offered, NumberCapability wanted) {
  return (static_cast<int>(wanted) & ~static_cast<int>(offered)) == 0;
}

void insert_number(Session& session, std::int64_t resource_key, const OwnedNumber& number) {
  session.execute(kInsertNumber, {resource_key, number.number, number.country_code, static_cast<std::int64_t>(number.type),
                                  std::int64_t{number.for_application}, static_cast<std::int64_t>(number.calling),
                                  static_cast<std::int64_t>(number.sms), unix_us(number.purchased_at)});
}

Error number_not_found(std::string_view number) {
  return Error(ErrorCode::kNotFound, "the resource has no number " + std::string(number), "phoneNumber")
      .with_service_code("PhoneNumberNotFound");
}

}  // namespace

NumberService::NumberService(ServiceContext& context, ResourceService& resources) : context_(context), resources_(resources) {}

bool NumberService::is_taken(const std::string& number, Time now) const {
  if (owners_.contains(number)) return true;
  const auto held = held_until_.find(number);
  return held != held_until_.end() && held->second > now;
}

Task<HeldNumbers> NumberService::search(ResourcePtr resource, service::NumberQuery query) {
  const NumberCountry* country = find_number_country(query.country_code);
  if (!country)
    throw Error(ErrorCode::kInvalidArgument, "the inventory has no numbers in '" + query.country_code + "'", "countryCode")
        .with_http_status(404);
  const NumberOffer* offer = find_number_offer(*country, query.type);
  if (!offer)
    throw Error(ErrorCode::kInvalidArgument,
                "there are no " + std::string(to_rest(query.type)) + " numbers in " + query.country_code, "phoneNumberType");
  if (query.quantity < 1 || query.quantity > kMaxQuantity)
    throw Error(ErrorCode::kInvalidArgument, "quantity must be 1 to 100, not " + std::to_string(query.quantity), "quantity");
  if (!covers(offer->calling, query.calling))
    throw Error(ErrorCode::kInvalidArgument, "these numbers offer calling '" + std::string(to_rest(offer->calling)) + "' at most",
                "capabilities.calling");
  if (!covers(offer->sms, query.sms))
    throw Error(ErrorCode::kInvalidArgument, "these numbers offer sms '" + std::string(to_rest(offer->sms)) + "' at most",
                "capabilities.sms");
  std::span<const std::string_view> areas = offer->area_codes;
  if (query.area_code) {
    const auto it = std::find(areas.begin(), areas.end(), *query.area_code);
    if (it == areas.end())
      throw Error(ErrorCode::kInvalidArgument,
                  "there is no area code '" + *query.area_code + "' among the " + std::string(to_rest(query.type)) +
                      " numbers of " + query.country_code,
                  "areaCode");
    areas = std::span(&*it, 1);
  }

  HeldNumbers held;
  held.query = query;
  held.no_resell = offer->no_resell;
  held.search.search_id = context_.ids.uuid4().str();
  held.search.cost_micros = offer->monthly_cost_micros;
  held.search.currency = "USD";
  const Time now = context_.clock.now();
  held.search.expires_at = now + kHoldTime;
  {
    const std::unique_lock lock(mutex_);
    for (std::uint64_t n = 0; n < 10'000 && held.search.numbers.size() < static_cast<std::size_t>(query.quantity); ++n) {
      for (const std::string_view area : areas) {
        std::string number = nth_number(*country, *offer, area, n);
        if (is_taken(number, now)) continue;
        held_until_[number] = held.search.expires_at;
        held.search.numbers.push_back(std::move(number));
        if (held.search.numbers.size() == static_cast<std::size_t>(query.quantity)) break;
      }
    }
  }
  if (held.search.numbers.size() < static_cast<std::size_t>(query.quantity))
    throw Error(ErrorCode::kResourceExhausted, "the inventory has no more numbers of this kind", "quantity");

  const std::string body = to_json(held).dump();
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, id = held.search.search_id, expires = unix_us(held.search.expires_at), body](Session& session) {
    session.execute(kInsertSearch, {resource->key, id, expires, body});
  };
  co_await resource->database->write(std::move(work));
  co_return held;
}

HeldNumbers NumberService::get_search(const Resource& resource, std::string_view search_id) {
  std::optional<HeldNumbers> held;
  resource.database->read([&](Session& session) {
    session.query(kSelectSearch, {resource.key, search_id}, [&](const Row& row) {
      held = held_from_json(search_id, json::parse(row.text(2)), from_unix_us(row.integer(0)), row.integer(1) != 0);
    });
  });
  if (!held) throw Error(ErrorCode::kNotFound, "there is no search " + std::string(search_id), "searchId");
  return *std::move(held);
}

Task<std::vector<OwnedNumber>> NumberService::purchase(ResourcePtr resource, std::string search_id, bool agree_to_not_resell) {
  const HeldNumbers held = get_search(*resource, search_id);
  const Time now = context_.clock.now();
  if (held.purchased) throw Error(ErrorCode::kFailedPrecondition, "the numbers of this search were bought already", "searchId");
  if (held.search.expires_at <= now) throw Error(ErrorCode::kFailedPrecondition, "the search has expired", "searchId");
  if (held.no_resell && !agree_to_not_resell)
    throw Error(ErrorCode::kInvalidArgument, "these numbers are sold only to buyers who agree not to resell them",
                "agreeToNotResell");

  std::vector<OwnedNumber> bought;
  for (const std::string& number : held.search.numbers) {
    OwnedNumber owned;
    owned.number = number;
    owned.country_code = held.query.country_code;
    owned.type = held.query.type;
    owned.for_application = held.query.for_application;
    owned.calling = held.query.calling;
    owned.sms = held.query.sms;
    owned.purchased_at = now;
    bought.push_back(std::move(owned));
  }
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work2 = [resource, search_id, bought](Session& session) {
    if (session.execute(kBuySearch, {resource->key, search_id}) == 0)
      throw Error(ErrorCode::kFailedPrecondition, "the numbers of this search were bought already", "searchId");
    for (const OwnedNumber& number : bought) insert_number(session, resource->key, number);
  };
  co_await resource->database->write(std::move(work2));
  reload(*resource);
  co_return bought;
}

Task<void> NumberService::release(ResourcePtr resource, std::string number) {
  if (!find(*resource, number)) throw number_not_found(number);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work3 = [resource, number](Session& session) {
    if (session.execute(kDeleteNumber, {resource->key, number}) == 0) throw number_not_found(number);
  };
  co_await resource->database->write(std::move(work3));
  reload(*resource);
  const std::unique_lock lock(mutex_);
  held_until_.erase(number);
}

Task<OwnedNumber> NumberService::update_capabilities(ResourcePtr resource, std::string number,
                                                     std::optional<NumberCapability> calling,
                                                     std::optional<NumberCapability> sms) {
  std::optional<OwnedNumber> owned = find(*resource, number);
  if (!owned) throw number_not_found(number);
  if (calling) owned->calling = *calling;
  if (sms) owned->sms = *sms;
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work4 = [resource, updated = *owned](Session& session) {
    if (session.execute(kUpdateNumber, {static_cast<std::int64_t>(updated.calling), static_cast<std::int64_t>(updated.sms),
                                        resource->key, updated.number}) == 0)
      throw number_not_found(updated.number);
  };
  co_await resource->database->write(std::move(work4));
  reload(*resource);
  co_return *std::move(owned);
}

Task<void> NumberService::assign(ResourcePtr resource, OwnedNumber number) {
  if (!is_e164(number.number)) throw Error(ErrorCode::kInvalidArgument, "'" + number.number + "' is no E.164 number", "number");
  if (find(*resource, number.number)) co_return;
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work5 = [resource, number](Session& session) { insert_number(session, resource->key, number); };
  co_await resource->database->write(std::move(work5));
  reload(*resource);
}

// After each write, and after a restore. Reads that began later have seen at least as much, so theirs is the one that stays.
void NumberService::reload(const Resource& resource) {
  std::uint64_t ticket = 0;
  {
    const std::unique_lock lock(mutex_);
    ticket = ++last_ticket_;
  }
  Owned found;
  resource.database->read([&](Session& session) {
    found.clear();
    session.query(kSelectNumbers, {resource.key}, [&](const Row& row) {
      OwnedNumber number;
      number.number = row.text(0);
      number.country_code = row.text(1);
      number.type = static_cast<NumberType>(row.integer(2));
      number.for_application = row.integer(3) != 0;
      number.calling = static_cast<NumberCapability>(row.integer(4));
      number.sms = static_cast<NumberCapability>(row.integer(5));
      number.purchased_at = from_unix_us(row.integer(6));
      found[number.number] = std::move(number);
    });
  });
  const std::unique_lock lock(mutex_);
  OfResource& mine = owned_[resource.key];
  if (mine.ticket > ticket) return;
  mine.ticket = ticket;
  disown(resource.key, mine);
  for (const auto& [number, owned] : found) {
    auto& keys = owners_[number];
    keys.insert(std::upper_bound(keys.begin(), keys.end(), resource.key), resource.key);
  }
  mine.numbers = std::move(found);
}

void NumberService::disown(std::int64_t resource_key, OfResource& of_resource) {
  for (const auto& [number, owned] : of_resource.numbers) {
    const auto keys = owners_.find(number);
    if (keys == owners_.end()) continue;
    std::erase(keys->second, resource_key);
    if (keys->second.empty()) owners_.erase(keys);
  }
  of_resource.numbers.clear();
}

std::vector<OwnedNumber> NumberService::list(const Resource& resource) const {
  const std::shared_lock lock(mutex_);
  std::vector<OwnedNumber> all;
  if (const auto it = owned_.find(resource.key); it != owned_.end())
    for (const auto& [number, owned] : it->second.numbers) all.push_back(owned);
  return all;
}

std::optional<OwnedNumber> NumberService::find(const Resource& resource, std::string_view number) const {
  const std::shared_lock lock(mutex_);
  const auto of_resource = owned_.find(resource.key);
  if (of_resource == owned_.end()) return std::nullopt;
  const auto it = of_resource->second.numbers.find(number);
  if (it == of_resource->second.numbers.end()) return std::nullopt;
  return it->second;
}

bool NumberService::is_on_net(std::string_view number) const {
  const std::shared_lock lock(mutex_);
  return owners_.find(number) != owners_.end();
}

ResourcePtr NumberService::owner_of(std::string_view number) const {
  std::int64_t key = 0;
  {
    const std::shared_lock lock(mutex_);
    const auto it = owners_.find(number);
    if (it == owners_.end()) return nullptr;
    key = it->second.front();
  }
  return resources_.find_by_key(key);
}

Task<std::string> NumberService::record_operation(ResourcePtr resource, std::string type, std::string resource_location) {
  std::string id = context_.ids.uuid4().str();
  const json body = {{"type", type}, {"status", "succeeded"}, {"resource_location", resource_location}};
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work6 = [resource, id, created = unix_us(context_.clock.now()), text = body.dump()](Session& session) {
    session.execute(kInsertOperation, {resource->key, id, created, text});
  };
  co_await resource->database->write(std::move(work6));
  co_return id;
}

NumberOperation NumberService::get_operation(const Resource& resource, std::string_view id) {
  std::optional<NumberOperation> operation;
  resource.database->read([&](Session& session) {
    session.query(kSelectOperation, {resource.key, id}, [&](const Row& row) {
      const json body = json::parse(row.text(1));
      operation = NumberOperation{std::string(id), body.at("type"), body.at("status"), body.at("resource_location"),
                                  from_unix_us(row.integer(0))};
    });
  });
  if (!operation) throw Error(ErrorCode::kNotFound, "there is no operation " + std::string(id), "operationId");
  return *std::move(operation);
}

void NumberService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  for (const Statement* statement : {&kCopyNumbers, &kCopySearches, &kCopyOperations})
    session.execute(*statement, {to.key, from.key});
}

void NumberService::drop_rows(Session& session, const Resource& resource) {
  for (const Statement* statement : {&kDropNumbers, &kDropSearches, &kDropOperations})
    session.execute(*statement, {resource.key});
}

void NumberService::on_added(const ResourcePtr& resource, const ResourcePtr&) { reload(*resource); }

void NumberService::on_dropped(const ResourcePtr& resource) {
  const std::unique_lock lock(mutex_);
  const auto it = owned_.find(resource->key);
  if (it == owned_.end()) return;
  disown(resource->key, it->second);
  owned_.erase(it);
}

void NumberService::on_restored(const ResourcePtr& resource) { reload(*resource); }

std::string_view to_rest(NumberType type) {
  switch (type) {
    case NumberType::kGeographic:
      return "geographic";
    case NumberType::kTollFree:
      return "tollFree";
    case NumberType::kMobile:
      return "mobile";
    default:
      return "unknown";
  }
}

std::string_view to_rest(NumberCapability capability) {
  switch (capability) {
    case NumberCapability::kInbound:
      return "inbound";
    case NumberCapability::kOutbound:
      return "outbound";
    case NumberCapability::kBoth:
      return "inbound+outbound";
    default:
      return "none";
  }
}

std::optional<NumberType> parse_number_type(std::string_view word) {
  for (const NumberType type : {NumberType::kGeographic, NumberType::kTollFree, NumberType::kMobile})
    if (word == to_rest(type)) return type;
  return std::nullopt;
}

std::optional<NumberCapability> parse_number_capability(std::string_view word) {
  for (const NumberCapability c :
       {NumberCapability::kNone, NumberCapability::kInbound, NumberCapability::kOutbound, NumberCapability::kBoth})
    if (word == to_rest(c)) return c;
  return std::nullopt;
}

}  // namespace trunkline
