#include "runtime/services/number_service.h"

#include <algorithm>
#include <mutex>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/services/number_records.h"
#include "runtime/services/phone_number.h"

namespace trunkline {
namespace {

using service::NumberCapability;
using service::OwnedNumber;
using store::Session;

constexpr int kMaxQuantity = 100;
/// How far into each area code a search looks.
constexpr std::uint64_t kNumbersPerArea = 10'000;

Error bought_already() {
  return Error(ErrorCode::kFailedPrecondition, "the numbers of this search were bought already", "searchId");
}

/// Digits after the `+`, as prefixes are given with and without it.
std::string_view digits_of(std::string_view number) { return number.starts_with('+') ? number.substr(1) : number; }

}  // namespace

Error number_not_found(std::string_view number) {
  return Error(ErrorCode::kNotFound, "the resource has no number " + std::string(number), "phoneNumber")
      .with_service_code("PhoneNumberNotFound");
}

void check_e164(std::string_view number, const char* target) {
  if (const auto fault = e164_fault(number); !fault.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "'" + std::string(number.substr(0, 40)) + "' is no E.164 number: " + std::string(fault), target);
}

/// Keeps two purchases from taking one number, as forks of a resource may hold the same. Owns nothing but the marks.
class NumberService::Claim {
 public:
  Claim(NumberService& service, const std::vector<OwnedNumber>& numbers) : service_(service) {
    const std::unique_lock lock(service.mutex_);
    for (const OwnedNumber& number : numbers)
      if (service.owners_.contains(number.number) || service.claimed_.contains(number.number))
        throw Error(ErrorCode::kFailedPrecondition, "the number " + number.number + " was bought by somebody else",
                    "phoneNumbers");
    for (const OwnedNumber& number : numbers) {
      service.claimed_.insert(number.number);
      numbers_.push_back(number.number);
    }
  }
  Claim(const Claim&) = delete;
  ~Claim() {
    const std::unique_lock lock(service_.mutex_);
    for (const std::string& number : numbers_) service_.claimed_.erase(number);
  }

 private:
  NumberService& service_;
  std::vector<std::string> numbers_;
};

NumberService::NumberService(ServiceContext& context, ResourceService& resources) : context_(context), resources_(resources) {}

bool NumberService::is_taken(const std::string& number, Time now) const {
  if (owners_.contains(number) || claimed_.contains(number)) return true;
  const auto held = holds_.find(number);
  return held != holds_.end() && held->second.until > now;
}

const NumberOffer& NumberService::offer_for(const service::NumberQuery& query) {
  const NumberCountry* country = find_number_country(query.country_code);
  if (!country)
    throw Error(ErrorCode::kInvalidArgument, "the inventory has no numbers in '" + query.country_code.substr(0, 20) + "'",
                "countryCode")
        .with_http_status(404);
  const NumberOffer* offer = find_number_offer(*country, query.type);
  if (!offer)
    throw Error(ErrorCode::kInvalidArgument,
                "there are no " + std::string(to_rest(query.type)) + " numbers in " + query.country_code, "phoneNumberType");
  if (!covers(offer->calling, query.calling))
    throw Error(ErrorCode::kInvalidArgument, "these numbers offer calling '" + std::string(to_rest(offer->calling)) + "' at most",
                "capabilities.calling");
  if (!covers(offer->sms, query.sms))
    throw Error(ErrorCode::kInvalidArgument, "these numbers offer sms '" + std::string(to_rest(offer->sms)) + "' at most",
                "capabilities.sms");
  if (query.area_code && !find_number_area(*offer, *query.area_code))
    throw Error(ErrorCode::kInvalidArgument,
                "there is no area code '" + *query.area_code + "' among the " + std::string(to_rest(query.type)) +
                    " numbers of " + query.country_code,
                "areaCode");
  return *offer;
}

std::vector<std::string> NumberService::pick(const service::NumberQuery& query, std::span<const std::string> prefixes,
                                             std::size_t limit, Time now) const {
  const NumberOffer& offer = offer_for(query);
  const NumberCountry& country = *find_number_country(query.country_code);
  // Areas that a prefix leads to, or that lie within one.
  std::vector<const NumberArea*> areas;
  for (const NumberArea& area : offer.areas) {
    if (query.area_code && area.code != *query.area_code) continue;
    const std::string stem = std::string(country.calling_code) + std::string(area.code);
    const auto fits = [&](std::string_view prefix) {
      return digits_of(prefix).starts_with(stem) || stem.starts_with(digits_of(prefix));
    };
    if (prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(), fits)) areas.push_back(&area);
  }
  std::vector<std::string> found;
  for (std::uint64_t n = 0; n < kNumbersPerArea && found.size() < limit && !areas.empty(); ++n) {
    for (const NumberArea* area : areas) {
      std::string number = nth_number(country, *area, n);
      const auto begins = [&](const std::string& prefix) { return digits_of(number).starts_with(digits_of(prefix)); };
      if (!prefixes.empty() && std::none_of(prefixes.begin(), prefixes.end(), begins)) continue;
      // Small areas begin again before n does.
      if (is_taken(number, now) || std::find(found.begin(), found.end(), number) != found.end()) continue;
      found.push_back(std::move(number));
      if (found.size() == limit) break;
    }
  }
  return found;
}

Task<HeldNumbers> NumberService::search(ResourcePtr resource, service::NumberQuery query) {
  const NumberOffer& offer = offer_for(query);
  if (query.quantity < 1 || query.quantity > kMaxQuantity)
    throw Error(ErrorCode::kInvalidArgument, "quantity must be 1 to 100, not " + std::to_string(query.quantity), "quantity");
  HeldNumbers held;
  held.query = query;
  held.no_resell = offer.no_resell;
  held.search.search_id = context_.ids.uuid4().str();
  held.search.cost_micros = offer.monthly_cost_micros;
  held.search.currency = "USD";
  const Time now = context_.clock.now();
  held.search.expires_at = now + kNumberHoldTime;
  const auto wanted = static_cast<std::size_t>(query.quantity);
  {
    const std::unique_lock lock(mutex_);
    std::erase_if(holds_, [&](const auto& entry) { return entry.second.until <= now; });
    held.search.numbers = pick(query, {}, wanted, now);
    if (held.search.numbers.size() < wanted)
      throw Error(ErrorCode::kResourceExhausted, "the inventory has no more numbers of this kind", "quantity")
          .with_service_code("OutOfStock");
    for (const std::string& number : held.search.numbers) holds_[number] = {resource->key, held.search.expires_at};
  }
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, held](Session& session) { number_records::insert_search(session, resource->key, held); };
  co_await resource->database->write(std::move(work));
  co_return held;
}

HeldNumbers NumberService::get_search(const Resource& resource, std::string_view search_id) {
  std::optional<HeldNumbers> held;
  resource.database->read([&](Session& session) { held = number_records::find_search(session, resource.key, search_id); });
  if (!held) throw Error(ErrorCode::kNotFound, "there is no search '" + std::string(search_id.substr(0, 80)) + "'", "searchId");
  return *std::move(held);
}

Task<std::vector<OwnedNumber>> NumberService::purchase(ResourcePtr resource, std::string search_id, bool agree_to_not_resell) {
  const HeldNumbers held = get_search(*resource, search_id);
  const Time now = context_.clock.now();
  if (held.purchased) throw bought_already();
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
  UniqueFunction<void(Session&)> mark = [resource, search_id](Session& session) {
    if (!number_records::mark_bought(session, resource->key, search_id)) throw bought_already();
  };
  co_await own(resource, bought, std::move(mark));
  co_return bought;
}

Task<void> NumberService::own(ResourcePtr resource, std::vector<OwnedNumber> numbers, UniqueFunction<void(Session&)> also) {
  const Claim claim(*this, numbers);
  // Both outlive the write, which is awaited here.
  UniqueFunction<void(Session&)> work = [&numbers, &also, key = resource->key](Session& session) {
    also(session);
    for (const OwnedNumber& number : numbers) number_records::insert_number(session, key, number);
  };
  co_await resource->database->write(std::move(work));
  reload(*resource);
  for (const OwnedNumber& number : numbers) let_go(*resource, number.number);
}

Task<void> NumberService::release(ResourcePtr resource, std::string number) {
  if (!find(*resource, number)) throw number_not_found(number);
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, number](Session& session) {
    if (!number_records::delete_number(session, resource->key, number)) throw number_not_found(number);
  };
  co_await resource->database->write(std::move(work));
  reload(*resource);
}

Task<OwnedNumber> NumberService::update_capabilities(ResourcePtr resource, std::string number,
                                                     std::optional<NumberCapability> calling,
                                                     std::optional<NumberCapability> sms) {
  OwnedNumber owned = get(*resource, number);
  // Seeds may do more than their kind; what a number can do already it may keep.
  const NumberCountry* country = find_number_country(owned.country_code);
  const NumberOffer* offer = country ? find_number_offer(*country, owned.type) : nullptr;
  const auto check = [&](NumberCapability wanted, NumberCapability has, NumberCapability offered, const char* medium) {
    const auto most = static_cast<NumberCapability>(static_cast<int>(has) | static_cast<int>(offered));
    if (offer && !covers(most, wanted))
      throw Error(ErrorCode::kInvalidArgument,
                  std::string(to_rest(owned.type)) + " numbers of " + owned.country_code + " offer " + medium + " '" +
                      std::string(to_rest(offered)) + "' at most, not '" + std::string(to_rest(wanted)) + "'",
                  medium);
  };
  if (calling) check(*calling, owned.calling, offer ? offer->calling : NumberCapability::kBoth, "calling");
  if (sms) check(*sms, owned.sms, offer ? offer->sms : NumberCapability::kBoth, "sms");
  if (calling) owned.calling = *calling;
  if (sms) owned.sms = *sms;
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, owned](Session& session) {
    if (!number_records::update_number(session, resource->key, owned)) throw number_not_found(owned.number);
  };
  co_await resource->database->write(std::move(work));
  reload(*resource);
  co_return owned;
}

Task<void> NumberService::assign(ResourcePtr resource, OwnedNumber number) {
  check_e164(number.number, "number");
  if (find(*resource, number.number)) co_return;
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, number](Session& session) { number_records::insert_number(session, resource->key, number); };
  co_await resource->database->write(std::move(work));
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
  resource.database->read([&](Session& session) { found = number_records::read_numbers(session, resource.key); });
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

OwnedNumber NumberService::get(const Resource& resource, std::string_view number) const {
  check_e164(number);
  if (std::optional<OwnedNumber> owned = find(resource, number)) return *std::move(owned);
  throw number_not_found(number);
}

void NumberService::require(const Resource& resource, std::string_view number, NumberUse use, NumberDirection direction,
                            const std::string& target) const {
  const auto owned = find(resource, number);
  if (!owned)
    throw Error(ErrorCode::kUnauthenticated,
                "the resource '" + resource.name + "' does not own the number " + std::string(number), target);
  const NumberCapability has = use == NumberUse::kCall ? owned->calling : owned->sms;
  const bool inbound = direction == NumberDirection::kInbound;
  if (covers(has, inbound ? NumberCapability::kInbound : NumberCapability::kOutbound)) return;
  const std::string what = use == NumberUse::kCall ? (inbound ? "receive calls" : "place calls")
                                                   : (inbound ? "receive text messages" : "send text messages");
  throw Error(ErrorCode::kInvalidArgument,
              "the number " + std::string(number) + " cannot " + what + ": its " + (use == NumberUse::kCall ? "calling" : "sms") +
                  " capability is '" + std::string(to_rest(has)) + "'",
              target);
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

std::vector<std::string> NumberService::available(const service::NumberQuery& query, std::span<const std::string> prefixes,
                                                  std::size_t limit) const {
  const std::shared_lock lock(mutex_);
  return pick(query, prefixes, limit, context_.clock.now());
}

bool NumberService::hold(const Resource& resource, const std::string& number, Time until) {
  const std::unique_lock lock(mutex_);
  if (is_taken(number, context_.clock.now())) return false;
  holds_[number] = {resource.key, until};
  return true;
}

void NumberService::extend(const Resource& resource, const std::string& number, Time until) {
  const std::unique_lock lock(mutex_);
  const auto it = holds_.find(number);
  if (it != holds_.end() && it->second.resource_key == resource.key) it->second.until = until;
}

void NumberService::let_go(const Resource& resource, const std::string& number) {
  const std::unique_lock lock(mutex_);
  const auto it = holds_.find(number);
  if (it != holds_.end() && it->second.resource_key == resource.key) holds_.erase(it);
}

Task<std::string> NumberService::record_operation(ResourcePtr resource, std::string type, std::string resource_location) {
  NumberOperation operation{context_.ids.uuid4().str(), std::move(type), "succeeded", std::move(resource_location),
                            context_.clock.now()};
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, operation](Session& session) { number_records::insert_operation(session, resource->key, operation); };
  co_await resource->database->write(std::move(work));
  co_return operation.id;
}

NumberOperation NumberService::get_operation(const Resource& resource, std::string_view id) {
  std::optional<NumberOperation> operation;
  resource.database->read([&](Session& session) { operation = number_records::find_operation(session, resource.key, id); });
  if (!operation)
    throw Error(ErrorCode::kNotFound, "there is no operation '" + std::string(id.substr(0, 80)) + "'", "operationId");
  return *std::move(operation);
}

void NumberService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  number_records::copy_rows(session, from.key, to.key);
}

void NumberService::drop_rows(Session& session, const Resource& resource) { number_records::drop_rows(session, resource.key); }

void NumberService::on_added(const ResourcePtr& resource, const ResourcePtr&) {
  reload(*resource);
  const Time now = context_.clock.now();
  std::vector<std::pair<std::string, Time>> held;
  resource->database->read([&](Session& session) { held = number_records::read_holds(session, resource->key, now); });
  for (const auto& [number, until] : held) hold(*resource, number, until);
}

void NumberService::on_dropped(const ResourcePtr& resource) {
  const std::unique_lock lock(mutex_);
  std::erase_if(holds_, [&](const auto& entry) { return entry.second.resource_key == resource->key; });
  const auto it = owned_.find(resource->key);
  if (it == owned_.end()) return;
  disown(resource->key, it->second);
  owned_.erase(it);
}

}  // namespace trunkline
