// What is about phone calls in the embedding API: numbers, SIP routing, rooms. Owned by ServiceObjects.
#pragma once
#include "runtime/core/object_scope.h"
#include "trunkline/service_provider.hpp"

namespace trunkline {

class NumbersObject final : public service::NumbersService {
 public:
  explicit NumbersObject(const Scope& scope) : scope_(scope) {}

  Task<service::NumberSearch> search(Call, service::NumberQuery query) override;
  Task<std::vector<service::OwnedNumber>> purchase(Call, std::string search_id) override;
  Task<std::vector<service::OwnedNumber>> list(Call) override;
  Task<void> release(Call, std::string number) override;
  Task<service::OwnedNumber> get(Call, std::string number) override;
  Task<service::OwnedNumber> update_capabilities(Call, std::string number, std::optional<service::NumberCapability> calling,
                                                 std::optional<service::NumberCapability> sms) override;
  Task<std::vector<service::NumberCountry>> countries(Call) override;
  Task<std::vector<service::NumberOffering>> offerings(Call, std::string country_code) override;
  Task<std::vector<service::NumberAreaCode>> area_codes(Call, std::string country_code, service::NumberType type) override;
  Task<std::vector<service::ReservedNumber>> browse(Call, service::NumberQuery query, std::vector<std::string> prefixes) override;
  Task<service::NumberReservation> reserve(Call, std::vector<std::string> add, std::vector<std::string> remove,
                                           std::optional<std::string> reservation_id) override;
  Task<service::NumberReservation> get_reservation(Call, std::string reservation_id) override;
  Task<std::vector<service::NumberReservation>> list_reservations(Call) override;
  Task<std::vector<service::OwnedNumber>> purchase_reservation(Call, std::string reservation_id) override;
  Task<void> delete_reservation(Call, std::string reservation_id) override;
  Task<service::NumberInfo> lookup(Call, std::string number) override;

 private:
  const Scope& scope_;
};

class SipRoutingObject final : public service::SipRoutingService {
 public:
  explicit SipRoutingObject(const Scope& scope) : scope_(scope) {}

  Task<service::SipConfiguration> get(Call) override;
  Task<service::SipConfiguration> set_trunk(Call, service::SipTrunk trunk) override;
  Task<service::SipConfiguration> set_trunks(Call, std::vector<service::SipTrunk> trunks) override;
  Task<service::SipConfiguration> delete_trunk(Call, std::string fqdn) override;
  Task<service::SipConfiguration> set_domains(Call, std::vector<service::SipDomain> domains) override;
  Task<service::SipConfiguration> set_routes(Call, std::vector<service::SipRoute> routes) override;
  Task<service::SipRouteTest> test(Call, std::string number) override;

 private:
  const Scope& scope_;
};

class RoomsObject final : public service::RoomsService {
 public:
  explicit RoomsObject(const Scope& scope) : scope_(scope) {}

  Task<service::Room> create(Call call, service::NewRoom room) override;
  Task<service::Room> get(Call, std::string room_id) override;
  Task<service::RoomPage> list(Call, std::int32_t limit, std::optional<std::string> continuation) override;
  Task<service::Room> update(Call, service::RoomChange change) override;
  Task<void> drop(Call, std::string room_id) override;
  Task<void> set_participants(Call, std::string room_id, std::vector<service::RoomParticipant> participants) override;
  Task<void> remove_participants(Call, std::string room_id, std::vector<std::string> ids) override;
  Task<service::RoomParticipantPage> list_participants(Call, std::string room_id, std::int32_t limit,
                                                       std::optional<std::string> continuation) override;
  Task<service::RoomParticipant> check_join(Call, std::string room_id, std::string id) override;

 private:
  const Scope& scope_;
};

}  // namespace trunkline
