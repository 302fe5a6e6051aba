// Lists, participants, receipts and events of a chat provider, and the errors that it declares.
#include <algorithm>
#include <set>

#include "runtime/conformance/chat_client.h"
#include "runtime/conformance/declared_errors.h"

namespace trunkline::conformance {
namespace {

using chat::ChatChange;

template <class T>
void chat_require_error(const Result<T>& result, ErrorCode wanted, const std::string& what) {
  CheckContext::require(!result.ok(), what + ": wanted " + error_name(wanted) + ", but it succeeded");
  CheckContext::require(result.error().code == wanted, what + ": wanted " + error_name(wanted) + ", found " +
                                                           error_name(result.error().code) + ": " + result.error().message);
}

Result<chat::MessagePage> chat_messages(CheckContext& kit, Chat& chat, const std::string& thread, const chat::PageRequest& page) {
  return call<chat::MessagePage>(kit, "list_messages", [&](auto done) {
    chat.client().start_list_messages(kTestResource, kAlice, thread, page, {}, std::move(done));
  });
}

// All of it, in pages of two: everything once, newest first.
void chat_pages(CheckContext& kit) {
  constexpr int kMessages = 5, kMostPages = 50;
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  std::set<std::string> wanted;
  for (int i = 0; i < kMessages; ++i)
    wanted.insert(value_of(chat.send(thread, "message " + std::to_string(i)), "send_message").id);
  chat::PageRequest page;
  page.limit = 2;
  std::set<std::string> seen;
  std::optional<std::int64_t> last;
  for (int i = 0;; ++i) {
    kit.require(i < kMostPages, "list_messages has no end: the cursor goes on and on");
    const chat::MessagePage found = value_of(chat_messages(kit, chat, thread, page), "list_messages");
    kit.require(found.items.size() <= 2, "a page of 2 has " + std::to_string(found.items.size()) + " messages");
    for (const chat::ChatMessage& message : found.items) {
      kit.require(seen.insert(message.id).second, "list_messages has a message twice, on two pages");
      kit.require(!last || message.sequence < *last, "list_messages is not in order, newest first");
      last = message.sequence;
    }
    if (!found.cursor) break;
    page.cursor = found.cursor;
  }
  for (const std::string& id : wanted) kit.require(seen.contains(id), "the pages of list_messages lack a message");
  chat.close();
}

void bad_cursors(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  chat::PageRequest page;
  for (const std::string& cursor : {std::string("no such cursor"),
                                    std::string("1\0"
                                                "2",
                                                3),
                                    std::string(5000, '9')}) {
    page.cursor = cursor;
    chat_require_error(chat_messages(kit, chat, thread, page), ErrorCode::kInvalidArgument,
                       "list_messages with a cursor of no list");
    chat_require_error(
        call<chat::ThreadPage>(
            kit, "list_threads",
            [&](auto done) { chat.client().start_list_threads(kTestResource, kAlice, page, {}, std::move(done)); }),
        ErrorCode::kInvalidArgument, "list_threads with a cursor of no list");
    chat_require_error(
        call<chat::ParticipantPage>(
            kit, "list_participants",
            [&](auto done) { chat.client().start_list_participants(kTestResource, kAlice, thread, page, {}, std::move(done)); }),
        ErrorCode::kInvalidArgument, "list_participants with a cursor of no list");
  }
  chat.close();
}

void chat_idempotency(CheckContext& kit) {
  Chat chat(kit);
  chat::CreateThreadRequest request = thread_request();
  request.idempotency_key = "kit-once";
  const auto first = value_of(chat.create(request), "create_thread");
  const auto second = value_of(chat.create(request), "create_thread with the same key");
  kit.require(first.thread.id == second.thread.id, "the same idempotency key made two threads");
  kit.require(!first.repeated && second.repeated, "repeated is not set for a thread that an earlier call has created");
  request.topic = "another";
  chat_require_error(chat.create(request), ErrorCode::kAlreadyExists, "create_thread with the key of another request");
  chat.close();
}

std::vector<chat::Participant> chat_people(std::int32_t count) {
  std::vector<chat::Participant> all(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < all.size(); ++i) all[i].id = "8:acs:" + kTestResource + "_person-" + std::to_string(i);
  return all;
}

// More than fit: nobody is added.
void chat_too_many(CheckContext& kit) {
  Chat chat(kit);
  const std::int32_t most = chat.client().capabilities().max_participants;
  constexpr std::int32_t kMostTested = 2000;
  if (most > kMostTested) kit.skip("max_participants is " + std::to_string(most) + ": not tested");
  chat::CreateThreadRequest request = thread_request();
  request.participants = chat_people(most + 1);
  chat_require_error(chat.create(std::move(request)), ErrorCode::kOutOfRange, "create_thread with more than max_participants");
  const std::string thread = chat.create_thread();
  chat_require_error(call<std::vector<chat::InvalidParticipant>>(kit, "add_participants",
                                                                 [&](auto done) {
                                                                   chat.client().start_add_participants(kTestResource, kAlice,
                                                                                                        thread, chat_people(most),
                                                                                                        {}, std::move(done));
                                                                 }),
                     ErrorCode::kOutOfRange, "add_participants beyond max_participants");
  const auto there = value_of(
      call<chat::ParticipantPage>(
          kit, "list_participants",
          [&](auto done) { chat.client().start_list_participants(kTestResource, kAlice, thread, {}, {}, std::move(done)); }),
      "list_participants");
  kit.require(there.items.size() == 2,
              "add_participants failed, but the thread has " + std::to_string(there.items.size()) + " participants, wanted 2");
  chat.close();
}

void life_of_a_participant(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  std::vector<chat::Participant> carl(1);
  carl.front().id = "8:acs:" + kTestResource + "_carl";
  const auto add = [&] {
    return value_of(
        call<std::vector<chat::InvalidParticipant>>(
            kit, "add_participants",
            [&](auto done) { chat.client().start_add_participants(kTestResource, kAlice, thread, carl, {}, std::move(done)); }),
        "add_participants");
  };
  kit.require(add().empty() && add().empty(), "add_participants of somebody who can be added, and is there then");
  value_of(chat.get_thread(thread, carl.front().id), "get_thread of somebody who was added");
  for (int i = 0; i < 2; ++i)
    value_of(call<void>(kit, "remove_participant",
                        [&](auto done) {
                          chat.client().start_remove_participant(kTestResource, kAlice, thread, carl.front().id, {},
                                                                 std::move(done));
                        }),
             i == 0 ? "remove_participant" : "remove_participant of somebody who is not there");
  require_refused(chat.get_thread(thread, carl.front().id), "get_thread of somebody who was removed");
  chat.close();
}

void chat_receipts(CheckContext& kit) {
  Chat chat(kit);
  if (chat.client().capabilities().max_receipt_participants == 0) kit.skip("capabilities say that it takes no receipts");
  const std::string thread = chat.create_thread();
  const std::string message = value_of(chat.send(thread, "read me"), "send_message").id;
  const auto read = [&](const std::string& user, const std::string& id) {
    return call<void>(kit, "send_read_receipt", [&](auto done) {
      chat.client().start_send_read_receipt(kTestResource, user, thread, id, {}, std::move(done));
    });
  };
  value_of(read(kBob, message), "send_read_receipt");
  value_of(read(kBob, message), "send_read_receipt of what was read already");
  const auto list = value_of(
      call<chat::ReadReceiptPage>(
          kit, "list_read_receipts",
          [&](auto done) { chat.client().start_list_read_receipts(kTestResource, kAlice, thread, {}, {}, std::move(done)); }),
      "list_read_receipts");
  const auto of_bob = std::count_if(list.items.begin(), list.items.end(), [](const auto& one) { return one.sender_id == kBob; });
  kit.require(of_bob == 1, "list_read_receipts has " + std::to_string(of_bob) + " receipts of one reader, wanted 1");
  const auto type = [&](const std::string& user) {
    return call<void>(kit, "send_typing",
                      [&](auto done) { chat.client().start_send_typing(kTestResource, user, thread, {}, {}, std::move(done)); });
  };
  value_of(type(kBob), "send_typing");
  require_refused(read(kStranger, message), "send_read_receipt of somebody who is not in the thread");
  require_refused(type(kStranger), "send_typing of somebody who is not in the thread");
  require_refused(read(kBob, "no-such-message"), "send_read_receipt of no message");
  chat.close();
}

std::size_t chat_count(const std::vector<ChatChange>& changes, ChatChange::Kind kind) {
  return static_cast<std::size_t>(
      std::count_if(changes.begin(), changes.end(), [&](const auto& one) { return one.kind() == kind; }));
}

// What the host is told: every change, once, by the time that its operation is over or soon after.
void chat_events(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  const std::string message = value_of(chat.send(thread, "one"), "send_message").id;
  value_of(chat.update(thread, message, "two"), "update_message");
  value_of(chat.remove(thread, message), "delete_message");
  chat::ThreadUpdate update;
  update.topic = "another topic";
  const auto renamed = call<chat::ChatThread>(kit, "update_thread", [&](auto done) {
    chat.client().start_update_thread(kTestResource, kAlice, thread, update, {}, std::move(done));
  });
  kit.require(value_of(renamed, "update_thread").topic == "another topic", "update_thread gave another topic");
  value_of(chat.delete_thread(thread), "delete_thread");
  const auto told = [&] { return chat.subject().sink->chat_changes(); };
  using Kind = ChatChange::Kind;
  static constexpr std::pair<Kind, const char*> kWanted[] = {{Kind::kThreadCreated, "a new thread"},
                                                             {Kind::kMessageEdited, "an edit"},
                                                             {Kind::kMessageDeleted, "a deleted message"},
                                                             {Kind::kThreadUpdated, "a new topic"},
                                                             {Kind::kThreadDeleted, "a deleted thread"}};
  kit.host.wait([&] { return chat_count(told(), Kind::kThreadDeleted) > 0; });
  for (const auto& [kind, what] : kWanted)
    kit.require(chat_count(told(), kind) == 1,
                std::string(what) + " was told to the host " + std::to_string(chat_count(told(), kind)) + " times, wanted once");
  std::size_t texts = 0;
  for (const ChatChange& change : told()) {
    const chat::MessageReceived* received = change.message_received();
    texts += received && received->message.id == message ? 1 : 0;
    const chat::MessageDeleted* deleted = change.message_deleted();
    kit.require(!deleted || !deleted->message.content, "the event of a deleted message has its content");
  }
  kit.require(texts == 1, "a message was told to the host " + std::to_string(texts) + " times, wanted once");
  chat.close();
}

}  // namespace

std::vector<Check> chat_list_checks() {
  return {{"chat.list_messages.pages", chat_pages},
          {"chat.error.invalid_argument", bad_cursors},
          {"chat.error.already_exists", chat_idempotency},
          {"chat.error.out_of_range", chat_too_many},
          {"chat.life_of_a_participant", life_of_a_participant},
          {"chat.receipts", chat_receipts},
          {"chat.events", chat_events}};
}

}  // namespace trunkline::conformance
