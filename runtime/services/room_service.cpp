#include "runtime/services/room_service.h"

#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/crypto/hash.h"
#include "runtime/services/chat_rules.h"

namespace trunkline {
namespace {

using service::Room;
using service::RoomParticipant;
using service::RoomRole;
using store::Row;
using store::Session;
using store::Statement;

constexpr Duration kLongest = std::chrono::days{180};
/// A caller that means "180 days from now" has a clock of its own.
constexpr Duration kGrace = std::chrono::minutes{5};
/// How long a room that is over can still be looked at.
constexpr Duration kKept = std::chrono::days{30};
constexpr std::int32_t kMaxPage = 500;

#define ROOM_COLUMNS "room_id, created_us, valid_from_us, valid_until_us, pstn_dial_out"
const Statement kInsertRoom{
    "INSERT INTO rooms (resource_key, room_id, created_us, valid_from_us, valid_until_us, pstn_dial_out, idempotency_key, "
    "request_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kSelectRoom{"SELECT " ROOM_COLUMNS " FROM rooms WHERE resource_key = ? AND room_id = ?"};
const Statement kSelectByKey{"SELECT " ROOM_COLUMNS ", request_hash FROM rooms WHERE resource_key = ? AND idempotency_key = ?"};
const Statement kSelectPage{"SELECT " ROOM_COLUMNS
                            " FROM rooms WHERE resource_key = ? AND room_id > ? AND valid_until_us > ? ORDER BY room_id LIMIT ?"};
const Statement kLastRoom{"SELECT MAX(room_id) FROM rooms WHERE resource_key = ?"};
const Statement kUpdateRoom{
    "UPDATE rooms SET valid_from_us = ?, valid_until_us = ?, pstn_dial_out = ? WHERE resource_key = ? AND room_id = ?"};
const Statement kDeleteRoom{"DELETE FROM rooms WHERE resource_key = ? AND room_id = ?"};
const Statement kDeleteMembers{"DELETE FROM room_participants WHERE resource_key = ? AND room_id = ?"};
const Statement kDeleteOldMembers{
    "DELETE FROM room_participants WHERE resource_key = ? AND room_id IN (SELECT room_id FROM rooms WHERE resource_key = ? AND "
    "valid_until_us < ?)"};
const Statement kDeleteOld{"DELETE FROM rooms WHERE resource_key = ? AND valid_until_us < ?"};
const Statement kSetMember{
    "INSERT INTO room_participants (resource_key, room_id, user_id, role) VALUES (?, ?, ?, ?) ON CONFLICT (resource_key, "
    "room_id, "
    "user_id) DO UPDATE SET role = excluded.role"};
const Statement kDeleteMember{"DELETE FROM room_participants WHERE resource_key = ? AND room_id = ? AND user_id = ?"};
const Statement kCountMembers{"SELECT COUNT(*) FROM room_participants WHERE resource_key = ? AND room_id = ?"};
const Statement kSelectMembers{
    "SELECT user_id, role FROM room_participants WHERE resource_key = ? AND room_id = ? AND user_id > ? ORDER BY user_id LIMIT "
    "?"};
const Statement kSelectMember{
    "SELECT user_id, role FROM room_participants WHERE resource_key = ? AND room_id = ? AND user_id = ?"};
const Statement kCopyRooms{"INSERT INTO rooms SELECT ?, " ROOM_COLUMNS
                           ", idempotency_key, request_hash FROM rooms WHERE resource_key = ?"};
const Statement kCopyMembers{
    "INSERT INTO room_participants SELECT ?, room_id, user_id, role FROM room_participants WHERE resource_key = ?"};
const Statement kDropRooms{"DELETE FROM rooms WHERE resource_key = ?"};
const Statement kDropMembers{"DELETE FROM room_participants WHERE resource_key = ?"};
#undef ROOM_COLUMNS

Room read_room(const Row& row) {
  Room room;
  room.id = row.text(0);
  room.created_at = from_unix_us(row.integer(1));
  room.valid_from = from_unix_us(row.integer(2));
  room.valid_until = from_unix_us(row.integer(3));
  room.pstn_dial_out = row.integer(4) != 0;
  return room;
}

std::optional<Room> find_room(Session& session, std::int64_t resource_key, std::string_view room_id) {
  std::optional<Room> room;
  session.query(kSelectRoom, {resource_key, room_id}, [&](const Row& row) { room = read_room(row); });
  return room;
}

Error not_found(std::string_view room_id) {
  return Error(ErrorCode::kNotFound, "there is no room '" + std::string(room_id.substr(0, 80)) + "'", "roomId");
}

void check_window(Time from, Time until, Time now) {
  if (until <= from)
    throw Error(ErrorCode::kInvalidArgument,
                "validUntil (" + format_rfc3339(until) + ") is not after validFrom (" + format_rfc3339(from) + ")", "validUntil");
  if (until <= now)
    throw Error(ErrorCode::kInvalidArgument, "validUntil (" + format_rfc3339(until) + ") has passed already", "validUntil");
  if (until - from > kLongest + kGrace)
    throw Error(ErrorCode::kInvalidArgument, "a room is valid for 180 days at most", "validUntil");
}

void check_user(const Resource& resource, const std::string& id) {
  const std::string target = "participants." + id.substr(0, 120);
  std::vector<chat::Participant> one(1);
  one[0].id = id;
  const auto strangers = chat_rules::remove_strangers(resource, one, false);
  if (!strangers.empty()) throw Error(ErrorCode::kInvalidArgument, strangers[0].message, target);
}

void check_participant(const Resource& resource, const RoomParticipant& participant) {
  check_user(resource, participant.id);
  if (to_rest(participant.role).empty())
    throw Error(ErrorCode::kInvalidArgument, "the role is none of Presenter, Attendee, Consumer, Collaborator",
                "participants." + participant.id + ".role");
}

void check_count(std::size_t count) {
  if (count > RoomService::kMaxParticipants)
    throw Error(ErrorCode::kInvalidArgument, "a room has at most 350 participants, not " + std::to_string(count), "participants");
}

void check_page(std::int32_t limit) {
  if (limit < 1 || limit > kMaxPage)
    throw Error(ErrorCode::kInvalidArgument, "a page has 1 to 500 items, not " + std::to_string(limit), "limit");
}

/// 17 digits that rise with time, and within a resource in any case.
std::string next_id(Session& session, std::int64_t resource_key, std::int64_t now_us) {
  constexpr std::int64_t kBase = 90'000'000'000'000'000;
  std::int64_t id = kBase + now_us;
  session.query(kLastRoom, {resource_key}, [&](const Row& row) {
    if (const auto last = parse_number<std::int64_t>(row.is_null(0) ? "" : row.text(0))) id = std::max(id, *last + 1);
  });
  return std::to_string(id);
}

/// Equal requests give equal text.
std::string fingerprint(const service::NewRoom& room) {
  std::string text = (room.valid_from ? format_rfc3339(*room.valid_from) : "") + "|" +
                     (room.valid_until ? format_rfc3339(*room.valid_until) : "") + "|" + (room.pstn_dial_out ? "1" : "0");
  for (const RoomParticipant& participant : room.participants.value_or(std::vector<RoomParticipant>{}))
    text += "|" + participant.id + "=" + std::to_string(static_cast<int>(participant.role));
  return base64_encode(crypto::as_text(crypto::sha256(text)));
}

}  // namespace

std::string_view to_rest(RoomRole role) {
  switch (role) {
    case RoomRole::kAttendee:
      return "Attendee";
    case RoomRole::kPresenter:
      return "Presenter";
    case RoomRole::kConsumer:
      return "Consumer";
    case RoomRole::kCollaborator:
      return "Collaborator";
    default:
      return {};
  }
}

std::optional<RoomRole> parse_room_role(std::string_view word) {
  for (const RoomRole role : {RoomRole::kAttendee, RoomRole::kPresenter, RoomRole::kConsumer, RoomRole::kCollaborator})
    if (iequals(word, to_rest(role))) return role;
  return std::nullopt;
}

Task<Room> RoomService::create(ResourcePtr resource, service::NewRoom wanted) {
  const Time now = from_unix_us(unix_us(context_.clock.now()));
  Room room;
  room.created_at = now;
  room.valid_from = wanted.valid_from.value_or(now);
  room.valid_until = wanted.valid_until.value_or(now + kLongest);
  room.pstn_dial_out = wanted.pstn_dial_out;
  check_window(room.valid_from, room.valid_until, now);
  const std::vector<RoomParticipant> participants = wanted.participants.value_or(std::vector<RoomParticipant>{});
  check_count(participants.size());
  for (const RoomParticipant& participant : participants) check_participant(*resource, participant);
  const std::string hash = fingerprint(wanted);
  // What it captures outlives the write, which is awaited here; every run starts anew.
  UniqueFunction<void(Session&)> work = [&](Session& session) {
    if (wanted.idempotency_key) {
      bool repeated = false;
      session.query(kSelectByKey, {resource->key, *wanted.idempotency_key}, [&](const Row& row) {
        if (row.text(5) != hash)
          throw Error(ErrorCode::kAlreadyExists, "this repeatability request id came with another request before",
                      "Repeatability-Request-ID")
              .with_http_status(412);
        room = read_room(row);
        repeated = true;
      });
      if (repeated) return;
    }
    const std::int64_t end_of_kept = unix_us(now - kKept);
    session.execute(kDeleteOldMembers, {resource->key, resource->key, end_of_kept});
    session.execute(kDeleteOld, {resource->key, end_of_kept});
    room.id = next_id(session, resource->key, unix_us(now));
    session.execute(kInsertRoom, {resource->key, room.id, unix_us(room.created_at), unix_us(room.valid_from),
                                  unix_us(room.valid_until), room.pstn_dial_out, wanted.idempotency_key, hash});
    for (const RoomParticipant& participant : participants)
      session.execute(kSetMember, {resource->key, room.id, participant.id, static_cast<std::int64_t>(participant.role)});
  };
  co_await resource->database->write(std::move(work));
  co_return room;
}

Room RoomService::get(const Resource& resource, std::string_view room_id) const {
  std::optional<Room> room;
  resource.database->read([&](Session& session) { room = find_room(session, resource.key, room_id); });
  if (!room) throw not_found(room_id);
  return *std::move(room);
}

service::RoomPage RoomService::list(const Resource& resource, std::int32_t limit,
                                    const std::optional<std::string>& continuation) const {
  check_page(limit);
  service::RoomPage page;
  resource.database->read([&](Session& session) {
    page.items.clear();
    session.query(kSelectPage,
                  {resource.key, continuation.value_or(""), unix_us(context_.clock.now()), static_cast<std::int64_t>(limit) + 1},
                  [&](const Row& row) { page.items.push_back(read_room(row)); });
  });
  if (page.items.size() > static_cast<std::size_t>(limit)) {
    page.items.pop_back();
    page.continuation = page.items.back().id;
  }
  return page;
}

Task<Room> RoomService::update(ResourcePtr resource, service::RoomChange change) {
  const Time now = context_.clock.now();
  Room room;
  // What it captures outlives the write, which is awaited here.
  UniqueFunction<void(Session&)> work = [&](Session& session) {
    std::optional<Room> found = find_room(session, resource->key, change.room_id);
    if (!found) throw not_found(change.room_id);
    room = *std::move(found);
    if (change.valid_from) room.valid_from = *change.valid_from;
    if (change.valid_until) room.valid_until = *change.valid_until;
    if (change.pstn_dial_out) room.pstn_dial_out = *change.pstn_dial_out;
    if (change.valid_from || change.valid_until) check_window(room.valid_from, room.valid_until, now);
    session.execute(kUpdateRoom,
                    {unix_us(room.valid_from), unix_us(room.valid_until), room.pstn_dial_out, resource->key, room.id});
  };
  co_await resource->database->write(std::move(work));
  co_return room;
}

Task<void> RoomService::drop(ResourcePtr resource, std::string room_id) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, room_id](Session& session) {
    session.execute(kDeleteMembers, {resource->key, room_id});
    if (session.execute(kDeleteRoom, {resource->key, room_id}) == 0) throw not_found(room_id);
  };
  co_await resource->database->write(std::move(work));
}

Task<void> RoomService::change_participants(ResourcePtr resource, std::string room_id, std::vector<RoomParticipant> set,
                                            std::vector<std::string> removed) {
  for (const RoomParticipant& participant : set) check_participant(*resource, participant);
  // Who was invited before the resource was restored may be taken out all the same: any id will do.
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, room_id, set, removed](Session& session) {
    if (!find_room(session, resource->key, room_id)) throw not_found(room_id);
    for (const std::string& id : removed) session.execute(kDeleteMember, {resource->key, room_id, id});
    for (const RoomParticipant& participant : set)
      session.execute(kSetMember, {resource->key, room_id, participant.id, static_cast<std::int64_t>(participant.role)});
    std::int64_t count = 0;
    session.query(kCountMembers, {resource->key, room_id}, [&](const Row& row) { count = row.integer(0); });
    check_count(static_cast<std::size_t>(count));
  };
  co_await resource->database->write(std::move(work));
}

service::RoomParticipantPage RoomService::participants(const Resource& resource, std::string_view room_id, std::int32_t limit,
                                                       const std::optional<std::string>& continuation) const {
  check_page(limit);
  service::RoomParticipantPage page;
  resource.database->read([&](Session& session) {
    page.items.clear();
    if (!find_room(session, resource.key, room_id)) throw not_found(room_id);
    session.query(kSelectMembers, {resource.key, room_id, continuation.value_or(""), static_cast<std::int64_t>(limit) + 1},
                  [&](const Row& row) {
                    page.items.push_back({std::string(row.text(0)), static_cast<RoomRole>(row.integer(1))});
                  });
  });
  if (page.items.size() > static_cast<std::size_t>(limit)) {
    page.items.pop_back();
    page.continuation = page.items.back().id;
  }
  return page;
}

Room RoomService::check_open(const Resource& resource, std::string_view room_id) const {
  Room room = get(resource, room_id);
  const Time now = context_.clock.now();
  if (now < room.valid_from)
    throw Error(ErrorCode::kFailedPrecondition, "the room opens at " + format_rfc3339(room.valid_from), "roomId");
  if (now >= room.valid_until)
    throw Error(ErrorCode::kFailedPrecondition, "the room has been closed since " + format_rfc3339(room.valid_until), "roomId");
  return room;
}

RoomParticipant RoomService::check_join(const Resource& resource, std::string_view room_id, std::string_view user_id) const {
  check_open(resource, room_id);
  std::optional<RoomParticipant> found;
  resource.database->read([&](Session& session) {
    session.query(kSelectMember, {resource.key, room_id, user_id}, [&](const Row& row) {
      found = RoomParticipant{std::string(row.text(0)), static_cast<RoomRole>(row.integer(1))};
    });
  });
  if (!found)
    throw Error(ErrorCode::kPermissionDenied, "the user " + std::string(user_id.substr(0, 120)) + " is not invited to the room",
                "id");
  return *std::move(found);
}

void RoomService::check_dial_out(const Resource& resource, std::string_view room_id, std::string_view user_id) const {
  const RoomParticipant participant = check_join(resource, room_id, user_id);
  if (!get(resource, room_id).pstn_dial_out)
    throw Error(ErrorCode::kPermissionDenied, "phone numbers cannot be called from this room: pstnDialOutEnabled is off",
                "roomId");
  if (participant.role != RoomRole::kPresenter)
    throw Error(ErrorCode::kPermissionDenied, "only a Presenter may call phone numbers from a room", "id");
}

void RoomService::copy_rows(Session& session, const Resource& from, const Resource& to) {
  for (const Statement* statement : {&kCopyRooms, &kCopyMembers}) session.execute(*statement, {to.key, from.key});
}

void RoomService::drop_rows(Session& session, const Resource& resource) {
  for (const Statement* statement : {&kDropRooms, &kDropMembers}) session.execute(*statement, {resource.key});
}

}  // namespace trunkline
