// Rooms: places for calls that are open to those who are invited, for some time.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource_service.h"
#include "trunkline/service.hpp"

namespace trunkline {

/// REST words of the roles; parse gives nullopt for others.
std::string_view to_rest(service::RoomRole role);
std::optional<service::RoomRole> parse_room_role(std::string_view word);

/// [any-thread] Durable; nothing is kept in memory.
class RoomService final : public ResourceParticipant {
 public:
  static constexpr std::size_t kMaxParticipants = 350;

  explicit RoomService(ServiceContext& context) : context_(context) {}

  /// Errors: kInvalidArgument; kAlreadyExists when the idempotency key came with another request.
  Task<service::Room> create(ResourcePtr resource, service::NewRoom room);
  /// Also of a room that is over. Errors: kNotFound.
  service::Room get(const Resource& resource, std::string_view room_id) const;
  /// Rooms that are not over, oldest first. Errors: kInvalidArgument.
  service::RoomPage list(const Resource& resource, std::int32_t limit, const std::optional<std::string>& continuation) const;
  /// Errors: kInvalidArgument, kNotFound.
  Task<service::Room> update(ResourcePtr resource, service::RoomChange change);
  /// Errors: kNotFound.
  Task<void> drop(ResourcePtr resource, std::string room_id);

  /// Invites, changes roles (`set`) and takes invitations back (`removed`), all or nothing. Errors: kInvalidArgument, kNotFound.
  Task<void> change_participants(ResourcePtr resource, std::string room_id, std::vector<service::RoomParticipant> set,
                                 std::vector<std::string> removed);
  /// By id. Errors: kInvalidArgument, kNotFound.
  service::RoomParticipantPage participants(const Resource& resource, std::string_view room_id, std::int32_t limit,
                                            const std::optional<std::string>& continuation) const;

  /// Whoever lets a user into a room asks here first. Errors: kNotFound, kPermissionDenied (not invited), kFailedPrecondition
  /// (outside of its window).
  service::RoomParticipant check_join(const Resource& resource, std::string_view room_id, std::string_view user_id) const;
  /// Whether the room is open right now, for calls of the application itself, which needs no invitation. Errors: kNotFound,
  /// kFailedPrecondition.
  service::Room check_open(const Resource& resource, std::string_view room_id) const;
  /// Errors: as check_join, and kPermissionDenied when the room does not call phone numbers or the role may not.
  void check_dial_out(const Resource& resource, std::string_view room_id, std::string_view user_id) const;

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  ServiceContext& context_;
};

}  // namespace trunkline
