#include "runtime/core/calling_objects.h"

#include <algorithm>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/services/number_lookup.h"
#include "runtime/services/number_reservations.h"
#include "runtime/services/room_service.h"
#include "runtime/services/sip_routing.h"

namespace trunkline {
namespace {

constexpr std::size_t kBrowsed = 20;

const trunkline::NumberCountry& country_named(const std::string& code) {
  if (const trunkline::NumberCountry* country = find_number_country(code)) return *country;
  throw Error(ErrorCode::kNotFound, "the inventory has no numbers in '" + code.substr(0, 20) + "'", "countryCode");
}

std::optional<std::string> text_or_none(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

}  // namespace

Task<service::NumberSearch> NumbersObject::search(Call, service::NumberQuery query) {
  HeldNumbers held = co_await scope_.runtime().numbers().search(scope_.resource(), std::move(query));
  co_return std::move(held.search);
}

Task<std::vector<service::OwnedNumber>> NumbersObject::purchase(Call, std::string search_id) {
  co_return co_await scope_.runtime().numbers().purchase(scope_.resource(), std::move(search_id), true);
}

Task<std::vector<service::OwnedNumber>> NumbersObject::list(Call) {
  co_return scope_.runtime().numbers().list(*scope_.resource());
}

Task<void> NumbersObject::release(Call, std::string number) {
  co_await scope_.runtime().numbers().release(scope_.resource(), std::move(number));
}

Task<service::OwnedNumber> NumbersObject::get(Call, std::string number) {
  co_return scope_.runtime().numbers().get(*scope_.resource(), number);
}

Task<service::OwnedNumber> NumbersObject::update_capabilities(Call, std::string number,
                                                              std::optional<service::NumberCapability> calling,
                                                              std::optional<service::NumberCapability> sms) {
  co_return co_await scope_.runtime().numbers().update_capabilities(scope_.resource(), std::move(number), calling, sms);
}

Task<std::vector<service::NumberCountry>> NumbersObject::countries(Call) {
  std::vector<service::NumberCountry> all;
  for (const trunkline::NumberCountry& country : number_countries())
    all.push_back({std::string(country.code), std::string(country.name), std::string(country.calling_code)});
  co_return all;
}

Task<std::vector<service::NumberOffering>> NumbersObject::offerings(Call, std::string country_code) {
  std::vector<service::NumberOffering> all;
  for (const NumberOffer& offer : country_named(country_code).offers)
    all.push_back({offer.type, offer.calling, offer.sms, offer.monthly_cost_micros, "USD", offer.no_resell});
  co_return all;
}

Task<std::vector<service::NumberAreaCode>> NumbersObject::area_codes(Call, std::string country_code, service::NumberType type) {
  std::vector<service::NumberAreaCode> all;
  if (const NumberOffer* offer = find_number_offer(country_named(country_code), type))
    for (const NumberArea& area : offer->areas)
      all.push_back({std::string(area.code), text_or_none(area.locality), text_or_none(area.division)});
  co_return all;
}

Task<std::vector<service::ReservedNumber>> NumbersObject::browse(Call, service::NumberQuery query,
                                                                 std::vector<std::string> prefixes) {
  std::vector<service::ReservedNumber> found;
  const auto limit = query.quantity > 1 ? std::min<std::size_t>(static_cast<std::size_t>(query.quantity), 100) : kBrowsed;
  for (const std::string& number : scope_.runtime().numbers().available(query, prefixes, limit)) {
    found.push_back(inventory_number(number));
    found.back().for_application = query.for_application;
  }
  co_return found;
}

Task<service::NumberReservation> NumbersObject::reserve(Call, std::vector<std::string> add, std::vector<std::string> remove,
                                                        std::optional<std::string> reservation_id) {
  std::vector<service::ReservedNumber> wanted;
  for (const std::string& number : add) wanted.push_back(inventory_number(number));
  std::string id = reservation_id ? *reservation_id : scope_.runtime().ids().uuid4().str();
  ReservationChange change = co_await scope_.runtime().number_reservations().change(scope_.resource(), std::move(id),
                                                                                    std::move(wanted), std::move(remove));
  co_return std::move(change.reservation);
}

Task<service::NumberReservation> NumbersObject::get_reservation(Call, std::string reservation_id) {
  co_return scope_.runtime().number_reservations().get(*scope_.resource(), reservation_id);
}

Task<std::vector<service::NumberReservation>> NumbersObject::list_reservations(Call) {
  co_return scope_.runtime().number_reservations().list(*scope_.resource());
}

Task<std::vector<service::OwnedNumber>> NumbersObject::purchase_reservation(Call, std::string reservation_id) {
  co_return co_await scope_.runtime().number_reservations().purchase(scope_.resource(), std::move(reservation_id), true);
}

Task<void> NumbersObject::delete_reservation(Call, std::string reservation_id) {
  co_await scope_.runtime().number_reservations().remove(scope_.resource(), std::move(reservation_id));
}

Task<service::NumberInfo> NumbersObject::lookup(Call, std::string number) { co_return look_up_number(number); }

namespace {

using Change = trunkline::SipRoutingService::Change;

/// Named steps: GCC 12 does not keep a temporary std::function alive within co_await.
Task<service::SipConfiguration> change_routing(const Scope& scope, Change change) {
  const trunkline::SipRoutingService::TablePtr table =
      co_await scope.runtime().sip_routing().update(scope.resource(), std::move(change));
  co_return table->routing();
}

}  // namespace

Task<service::SipConfiguration> SipRoutingObject::get(Call) {
  co_return scope_.runtime().sip_routing().table(*scope_.resource())->routing();
}

Task<service::SipConfiguration> SipRoutingObject::set_trunk(Call, service::SipTrunk trunk) {
  trunk.fqdn = to_lower(trunk.fqdn);
  Change change = [&trunk](service::SipConfiguration& routing) {
    std::erase_if(routing.trunks, [&](const service::SipTrunk& t) { return t.fqdn == trunk.fqdn; });
    routing.trunks.push_back(trunk);
  };
  co_return co_await change_routing(scope_, std::move(change));
}

Task<service::SipConfiguration> SipRoutingObject::set_trunks(Call, std::vector<service::SipTrunk> trunks) {
  Change change = [&trunks](service::SipConfiguration& routing) { routing.trunks = trunks; };
  co_return co_await change_routing(scope_, std::move(change));
}

Task<service::SipConfiguration> SipRoutingObject::delete_trunk(Call, std::string fqdn) {
  fqdn = to_lower(fqdn);
  Change change = [&fqdn](service::SipConfiguration& routing) {
    std::erase_if(routing.trunks, [&](const service::SipTrunk& t) { return t.fqdn == fqdn; });
  };
  co_return co_await change_routing(scope_, std::move(change));
}

Task<service::SipConfiguration> SipRoutingObject::set_domains(Call, std::vector<service::SipDomain> domains) {
  Change change = [&domains](service::SipConfiguration& routing) { routing.domains = domains; };
  co_return co_await change_routing(scope_, std::move(change));
}

Task<service::SipConfiguration> SipRoutingObject::set_routes(Call, std::vector<service::SipRoute> routes) {
  Change change = [&routes](service::SipConfiguration& routing) { routing.routes = routes; };
  co_return co_await change_routing(scope_, std::move(change));
}

Task<service::SipRouteTest> SipRoutingObject::test(Call, std::string number) {
  co_return scope_.runtime().sip_routing().test(*scope_.resource(), number);
}

Task<service::Room> RoomsObject::create(Call call, service::NewRoom room) {
  if (!room.idempotency_key && !call.idempotency_key().empty()) room.idempotency_key = std::string(call.idempotency_key());
  co_return co_await scope_.runtime().rooms().create(scope_.resource(), std::move(room));
}

Task<service::Room> RoomsObject::get(Call, std::string room_id) {
  co_return scope_.runtime().rooms().get(*scope_.resource(), room_id);
}

Task<service::RoomPage> RoomsObject::list(Call, std::int32_t limit, std::optional<std::string> continuation) {
  co_return scope_.runtime().rooms().list(*scope_.resource(), limit, continuation);
}

Task<service::Room> RoomsObject::update(Call, service::RoomChange change) {
  co_return co_await scope_.runtime().rooms().update(scope_.resource(), std::move(change));
}

Task<void> RoomsObject::drop(Call, std::string room_id) {
  co_await scope_.runtime().rooms().drop(scope_.resource(), std::move(room_id));
}

Task<void> RoomsObject::set_participants(Call, std::string room_id, std::vector<service::RoomParticipant> participants) {
  std::vector<std::string> none;
  co_await scope_.runtime().rooms().change_participants(scope_.resource(), std::move(room_id), std::move(participants),
                                                        std::move(none));
}

Task<void> RoomsObject::remove_participants(Call, std::string room_id, std::vector<std::string> ids) {
  std::vector<service::RoomParticipant> none;
  co_await scope_.runtime().rooms().change_participants(scope_.resource(), std::move(room_id), std::move(none), std::move(ids));
}

Task<service::RoomParticipantPage> RoomsObject::list_participants(Call, std::string room_id, std::int32_t limit,
                                                                  std::optional<std::string> continuation) {
  co_return scope_.runtime().rooms().participants(*scope_.resource(), room_id, limit, continuation);
}

Task<service::RoomParticipant> RoomsObject::check_join(Call, std::string room_id, std::string id) {
  co_return scope_.runtime().rooms().check_join(*scope_.resource(), room_id, id);
}

}  // namespace trunkline
