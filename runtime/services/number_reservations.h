// Reservations of phone numbers: several numbers that are held together until they are bought.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/number_service.h"

namespace trunkline {

/// What a change of a reservation came to.
struct ReservationChange {
  /// Numbers with an `error` are not part of it: they could not be reserved.
  service::NumberReservation reservation;
  bool created = false;
  bool partial = false;
};

/// [any-thread] Durable; the holds themselves are the NumberService's. A reservation lasts 15 minutes from its last change, two
/// hours at most, and is forgotten a month later.
class NumberReservations final : public ResourceParticipant {
 public:
  NumberReservations(ServiceContext& context, NumberService& numbers) : context_(context), numbers_(numbers) {}

  /// Numbers of `add` say what is wanted of them; those that are in it already are ignored, as are numbers of `remove` that are
  /// not. Errors: kInvalidArgument (id, more than 100 numbers), kFailedPrecondition (it is not active any more).
  Task<ReservationChange> change(ResourcePtr resource, std::string id, std::vector<service::ReservedNumber> add,
                                 std::vector<std::string> remove);
  /// Errors: kNotFound.
  service::NumberReservation get(const Resource& resource, std::string_view id) const;
  /// Newest first.
  std::vector<service::NumberReservation> list(const Resource& resource) const;
  /// Errors: kNotFound, kFailedPrecondition (not active), kInvalidArgument (empty, or resale clause refused).
  Task<std::vector<service::OwnedNumber>> purchase(ResourcePtr resource, std::string id, bool agree_to_not_resell);
  /// Errors: kNotFound, kFailedPrecondition (not active).
  Task<void> remove(ResourcePtr resource, std::string id);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_added(const ResourcePtr& resource, const ResourcePtr& from) override;

 private:
  ServiceContext& context_;
  NumberService& numbers_;
};

/// A number of the inventory with all that its kind can do. Errors: kInvalidArgument when the inventory has no such number.
service::ReservedNumber inventory_number(std::string_view number);
/// Buyers of this number must agree not to resell it.
bool needs_no_resell(const service::ReservedNumber& number);

}  // namespace trunkline
