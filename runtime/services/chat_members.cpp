#include "runtime/services/chat_members.h"

#include "runtime/base/unix_time.h"
#include "runtime/services/chat_stream.h"

namespace trunkline {
namespace {

using chat::ChatChange;
using store::Row;
using store::Session;
using store::Statement;

const Statement kJoin{
    "INSERT INTO chat_members (resource_key, thread_id, user_id, joined, share_history_us) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS "
    "(SELECT 1 FROM chat_members WHERE resource_key = ? AND thread_id = ? AND user_id = ? AND left_at IS NULL)"};
const Statement kLeave{
    "UPDATE chat_members SET left_at = ? WHERE resource_key = ? AND thread_id = ? AND user_id = ? AND left_at IS NULL"};
const Statement kEnd{"UPDATE chat_members SET left_at = ? WHERE resource_key = ? AND thread_id = ? AND left_at IS NULL"};
const Statement kAt{
    "SELECT user_id, joined, left_at, share_history_us FROM chat_members WHERE resource_key = ? AND thread_id = ? AND joined <= "
    "? "
    "AND (left_at IS NULL OR left_at >= ?) ORDER BY user_id"};
const Statement kOfUser{
    "SELECT user_id, joined, left_at, share_history_us FROM chat_members WHERE resource_key = ? AND thread_id = ? AND user_id = "
    "?"};
// The copied events kept their ids and got new positions. An event that is gone was before all that are left.
const Statement kCopy{
    "INSERT INTO chat_members (resource_key, thread_id, user_id, joined, left_at, share_history_us) "
    "SELECT DISTINCT ?1, thread_id, user_id, "
    "COALESCE((SELECT n.sequence FROM events o JOIN events n ON n.id = o.id AND n.resource_key = ?1 WHERE o.sequence = joined), "
    "0), "
    "CASE WHEN left_at IS NULL THEN NULL ELSE COALESCE((SELECT n.sequence FROM events o JOIN events n ON n.id = o.id AND "
    "n.resource_key = ?1 WHERE o.sequence = left_at), 0) END, "
    "share_history_us FROM chat_members WHERE resource_key = ?2 ON CONFLICT DO NOTHING"};
const Statement kDrop{"DELETE FROM chat_members WHERE resource_key = ?"};

void join(Session& session, std::int64_t key, const std::string& thread, const std::vector<chat::Participant>& participants,
          std::int64_t position) {
  for (const chat::Participant& participant : participants) {
    const std::int64_t history = participant.share_history_time ? unix_us(*participant.share_history_time) : 0;
    session.execute(kJoin, {key, thread, participant.id, position, history, key, thread, participant.id});
  }
}

ChatStay read_stay(const Row& row) {
  ChatStay stay;
  stay.user_id = row.text(0);
  stay.joined = row.integer(1);
  if (!row.is_null(2)) stay.left = row.integer(2);
  stay.share_history = from_unix_us(row.integer(3));
  return stay;
}

}  // namespace

namespace chat_members {

void apply(Session& session, std::int64_t key, const ChatChange& change, std::int64_t position) {
  if (const auto* created = change.thread_created()) {
    join(session, key, created->thread.id, created->participants, position);
  } else if (const auto* added = change.participants_added()) {
    join(session, key, added->thread_id, added->participants, position);
  } else if (const auto* removed = change.participants_removed()) {
    for (const chat::Participant& participant : removed->participants)
      session.execute(kLeave, {position, key, removed->thread_id, participant.id});
  } else if (const auto* deleted = change.thread_deleted()) {
    session.execute(kEnd, {position, key, deleted->thread.id});
  }
}

std::vector<ChatStay> at(const Resource& resource, std::string_view thread_id, std::int64_t position) {
  std::vector<ChatStay> stays;
  resource.database->read([&](Session& session) {
    session.query(kAt, {resource.key, thread_id, position, position}, [&](const Row& row) { stays.push_back(read_stay(row)); });
  });
  return stays;
}

std::vector<ChatStay> of_user(const Resource& resource, std::string_view thread_id, std::string_view user_id) {
  std::vector<ChatStay> stays;
  resource.database->read([&](Session& session) {
    session.query(kOfUser, {resource.key, thread_id, user_id}, [&](const Row& row) { stays.push_back(read_stay(row)); });
  });
  return stays;
}

void copy(Session& session, std::int64_t from_key, std::int64_t to_key) { session.execute(kCopy, {to_key, from_key}); }

void drop(Session& session, std::int64_t key) { session.execute(kDrop, {key}); }

}  // namespace chat_members

const std::string& thread_of(const ChatChange& change) {
  static const std::string kNone;
  if (const auto* c = change.message_received()) return c->message.thread_id;
  if (const auto* c = change.message_edited()) return c->message.thread_id;
  if (const auto* c = change.message_deleted()) return c->message.thread_id;
  if (const auto* c = change.typing()) return c->thread_id;
  if (const auto* c = change.read_receipt()) return c->thread_id;
  if (const auto* c = change.thread_created()) return c->thread.id;
  if (const auto* c = change.thread_updated()) return c->thread.id;
  if (const auto* c = change.thread_deleted()) return c->thread.id;
  if (const auto* c = change.participants_added()) return c->thread_id;
  if (const auto* c = change.participants_removed()) return c->thread_id;
  return kNone;
}

std::string_view actor_of(const ChatChange& change) {
  const auto sender = [](const chat::ChatMessage& message) -> std::string_view {
    return message.sender_id ? std::string_view(*message.sender_id) : std::string_view();
  };
  if (const auto* c = change.message_received()) return sender(c->message);
  if (const auto* c = change.message_edited()) return sender(c->message);
  if (const auto* c = change.message_deleted()) return sender(c->message);
  if (const auto* c = change.typing()) return c->sender_id;
  if (const auto* c = change.read_receipt()) return c->receipt.sender_id;
  if (const auto* c = change.thread_created()) return c->thread.created_by;
  if (const auto* c = change.thread_updated()) return c->updated_by;
  if (const auto* c = change.thread_deleted()) return c->deleted_by ? std::string_view(*c->deleted_by) : std::string_view();
  if (const auto* c = change.participants_added()) return c->added_by;
  if (const auto* c = change.participants_removed()) return c->removed_by;
  return {};
}

bool may_see(const ChatChange& change, Time share_history) {
  if (const auto* c = change.message_edited()) return c->message.created_on >= share_history;
  if (const auto* c = change.message_deleted()) return c->message.created_on >= share_history;
  return true;
}

}  // namespace trunkline
