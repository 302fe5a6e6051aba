// Chat that is kept in memory, and sins as its configuration says. tests/integration/test_plugin_kit.py checks that the
// conformance kit finds each sin, in the check that is meant for it and in no other.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "tests/abi/plugins/sin.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

using namespace trunkline;
using chat::ChatChange;
using chat::ChatMessage;
using chat::Participant;

constexpr std::size_t kMostPeople = 20;

struct Kept {
  chat::ChatThread thread;
  std::vector<Participant> people;
  std::vector<ChatMessage> messages;
  std::map<std::string, chat::ReadReceipt> receipts;
  bool has(std::string_view user) const {
    return std::any_of(people.begin(), people.end(), [&](const auto& one) { return one.id == user; });
  }
};

/// A page of what there is: the cursor is the number of items before it.
template <class Page, class T>
Page page_of(const std::vector<T>& all, const chat::PageRequest& request, bool any_cursor) {
  std::size_t begin = static_cast<std::size_t>(std::max(0, request.skip));
  if (request.cursor && !any_cursor) {
    const std::string& cursor = *request.cursor;
    const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), begin);
    if (error != std::errc() || end != cursor.data() + cursor.size() || begin > all.size())
      throw Error(ErrorCode::kInvalidArgument, "the cursor is none of this list", "cursor");
  }
  const std::size_t limit = request.limit > 0 ? static_cast<std::size_t>(request.limit) : 1;
  Page page;
  for (std::size_t i = begin; i < all.size() && page.items.size() < limit; ++i) page.items.push_back(all[i]);
  if (begin + page.items.size() < all.size()) page.cursor = std::to_string(begin + page.items.size());
  return page;
}

class AwkwardChat final : public chat::ChatProvider {
 public:
  AwkwardChat(Host host, std::string_view config) : host_(host), sin_(config) {}

  chat::ChatCapabilities capabilities(const Call&) override {
    chat::ChatCapabilities out;
    out.max_participants = kMostPeople;
    return out;
  }

  // ---- threads ----
  Task<chat::CreateThreadResult> create_thread(Call, std::string resource, std::string user,
                                               chat::CreateThreadRequest request) override {
    chat::CreateThreadResult result;
    chat::ThreadCreated created;
    {
      const std::lock_guard lock(mutex_);
      if (request.idempotency_key && !(sin_ == "forgets_keys")) {
        const auto [known, fresh] =
            keys_.try_emplace(user + *request.idempotency_key, request.topic, "19:" + std::to_string(last_ + 1));
        if (!fresh && known->second.first != request.topic)
          throw Error(ErrorCode::kAlreadyExists, "another request had this key", "idempotencyKey");
        if (!fresh) {
          result.thread = threads_.at(known->second.second).thread;
          result.repeated = true;
          co_return result;
        }
      }
      Kept kept;
      Participant creator;
      creator.id = user;
      kept.people = {creator};
      add(kept, request.participants);
      kept.thread.id = "19:" + std::to_string(++last_);
      kept.thread.topic = request.topic;
      kept.thread.created_on = host_.clock().now();
      kept.thread.created_by = user;
      kept.thread.metadata = request.metadata;
      created.thread = result.thread = kept.thread;
      created.participants = kept.people;
      created.version = ++version_;
      threads_[kept.thread.id] = std::move(kept);
    }
    ChatChange change = ChatChange::of_thread_created(std::move(created));
    co_await tell(resource, std::move(change));
    co_return result;
  }
  Task<chat::ChatThread> get_thread(Call, std::string, std::string user, std::string thread) override {
    const std::lock_guard lock(mutex_);
    co_return find(thread, user).thread;
  }
  Task<chat::ThreadPage> list_threads(Call, std::string, std::string user, chat::PageRequest page) override {
    std::vector<chat::ThreadItem> items;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, kept] : threads_) {
      if (!kept.has(user)) continue;
      chat::ThreadItem& item = items.emplace_back();
      item.id = id;
      item.topic = kept.thread.topic;
    }
    co_return page_of<chat::ThreadPage>(items, page, sin_ == "takes_any_cursor");
  }
  Task<chat::ChatThread> update_thread(Call, std::string resource, std::string user, std::string thread,
                                       chat::ThreadUpdate update) override {
    chat::ThreadUpdated updated;
    {
      const std::lock_guard lock(mutex_);
      Kept& kept = find(thread, user);
      if (update.topic) kept.thread.topic = *update.topic;
      updated.thread = kept.thread;
      updated.updated_by = user;
      updated.updated_on = host_.clock().now();
      updated.version = ++version_;
    }
    const chat::ChatThread now = updated.thread;
    ChatChange change = ChatChange::of_thread_updated(std::move(updated));
    co_await tell(resource, std::move(change));
    co_return now;
  }
  Task<void> delete_thread(Call, std::string resource, std::string user, std::string thread) override {
    chat::ThreadDeleted deleted;
    {
      const std::lock_guard lock(mutex_);
      deleted.thread = find(thread, user).thread;
      deleted.deleted_by = user;
      deleted.deleted_on = host_.clock().now();
      deleted.version = ++version_;
      threads_.erase(thread);
    }
    ChatChange change = ChatChange::of_thread_deleted(std::move(deleted));
    co_await tell(resource, std::move(change));
  }

  // ---- participants ----
  Task<std::vector<chat::InvalidParticipant>> add_participants(Call, std::string resource, std::string user, std::string thread,
                                                               std::vector<Participant> people) override {
    chat::ParticipantsAdded added;
    {
      const std::lock_guard lock(mutex_);
      Kept& kept = find(thread, user);
      added.participants = add(kept, people);
      added.thread_id = thread;
      added.added_by = user;
      added.version = ++version_;
    }
    if (!added.participants.empty()) {
      ChatChange change = ChatChange::of_participants_added(std::move(added));
      co_await tell(resource, std::move(change));
    }
    std::vector<chat::InvalidParticipant> none;
    co_return none;
  }
  Task<chat::ParticipantPage> list_participants(Call, std::string, std::string user, std::string thread,
                                                chat::PageRequest page) override {
    const std::lock_guard lock(mutex_);
    co_return page_of<chat::ParticipantPage>(find(thread, user).people, page, sin_ == "takes_any_cursor");
  }
  Task<void> remove_participant(Call, std::string resource, std::string user, std::string thread,
                                std::string participant) override {
    chat::ParticipantsRemoved removed;
    {
      const std::lock_guard lock(mutex_);
      Kept& kept = find(thread, user);
      if (sin_ == "removes_nobody_twice" && !kept.has(participant))
        throw Error(ErrorCode::kNotFound, "there is no such participant", "participantId");
      std::erase_if(kept.people, [&](const auto& one) { return one.id == participant; });
      removed.thread_id = thread;
      removed.removed_by = user;
      removed.version = ++version_;
    }
    ChatChange change = ChatChange::of_participants_removed(std::move(removed));
    co_await tell(resource, std::move(change));
  }

  // ---- messages ----
  Task<ChatMessage> send_message(Call, std::string resource, std::string user, std::string thread,
                                 chat::SendMessageRequest request) override {
    if (sin_ == "crashes_on_unknown_enum" && request.kind > chat::MessageKind::kHtml) std::abort();
    ChatMessage message;
    {
      const std::lock_guard lock(mutex_);
      (void)find(thread, user);
      const auto sequence = ++last_;
      message.id = std::to_string(1'000'000'000 + sequence);
      message.thread_id = thread;
      message.sequence = sequence;
      message.version = ++version_;
      message.kind = request.kind;
      message.content = request.content;
      if (sin_ == "takes_c_strings") message.content = request.content.substr(0, request.content.find('\0'));
      message.sender_id = user;
      message.created_on = host_.clock().now();
      if (sin_ == "keeps_what_failed") threads_.at(thread).messages.push_back(message);
    }
    chat::MessageReceived received;
    received.message = message;
    ChatChange change = ChatChange::of_message_received(received);
    co_await tell(resource, std::move(change));
    if (sin_ == "tells_twice") {
      ChatChange again = ChatChange::of_message_received(received);
      co_await tell(resource, std::move(again));
    }
    const std::lock_guard lock(mutex_);
    const auto kept = threads_.find(thread);
    if (kept != threads_.end() && !(sin_ == "keeps_what_failed")) kept->second.messages.push_back(message);
    co_return message;
  }
  Task<ChatMessage> get_message(Call, std::string, std::string user, std::string thread, std::string message) override {
    const std::lock_guard lock(mutex_);
    co_return find_message(thread, user, message);
  }
  Task<chat::MessagePage> list_messages(Call, std::string, std::string user, std::string thread,
                                        chat::PageRequest page) override {
    const std::lock_guard lock(mutex_);
    std::vector<ChatMessage> newest = find(thread, user).messages;
    if (!(sin_ == "lists_oldest_first" && page.limit == 2)) std::reverse(newest.begin(), newest.end());
    if (sin_ == "repeats_pages" && page.cursor && page.limit == 2) page.cursor = "1";
    co_return page_of<chat::MessagePage>(newest, page, sin_ == "takes_any_cursor" && page.limit != 2);
  }
  Task<ChatMessage> update_message(Call, std::string resource, std::string user, std::string thread, std::string message,
                                   chat::MessageUpdate update) override {
    chat::MessageEdited edited;
    {
      const std::lock_guard lock(mutex_);
      ChatMessage& kept = find_message(thread, user, message);
      if (update.content && !(sin_ == "forgets_edits")) kept.content = update.content;
      kept.version = ++version_;
      edited.message = kept;
    }
    const ChatMessage now = edited.message;
    ChatChange change = ChatChange::of_message_edited(std::move(edited));
    co_await tell(resource, std::move(change));
    co_return now;
  }
  Task<void> delete_message(Call, std::string resource, std::string user, std::string thread, std::string message) override {
    if (sin_ == "deletes_anything" && message == "no-such-message") co_return;
    chat::MessageDeleted deleted;
    {
      const std::lock_guard lock(mutex_);
      ChatMessage& kept = find_message(thread, user, message);
      if (!(sin_ == "tells_deleted_content")) kept.content.reset();
      kept.version = ++version_;
      deleted.message = kept;
    }
    ChatChange change = ChatChange::of_message_deleted(std::move(deleted));
    co_await tell(resource, std::move(change));
  }

  // ---- receipts ----
  Task<void> send_typing(Call, std::string resource, std::string user, std::string thread, std::optional<std::string>) override {
    chat::Typing typing;
    {
      const std::lock_guard lock(mutex_);
      (void)find(thread, user);
      typing.thread_id = thread;
      typing.sender_id = user;
      typing.at = host_.clock().now();
    }
    ChatChange change = ChatChange::of_typing(std::move(typing));
    co_await tell(resource, std::move(change));
  }
  Task<void> send_read_receipt(Call, std::string resource, std::string user, std::string thread, std::string message) override {
    chat::ReceiptSent sent;
    {
      const std::lock_guard lock(mutex_);
      (void)find_message(thread, user, message);
      sent.thread_id = thread;
      sent.receipt.sender_id = user;
      sent.receipt.message_id = message;
      sent.receipt.read_on = host_.clock().now();
      std::string key = user;
      if (sin_ == "keeps_every_receipt") key += std::to_string(++last_);
      find(thread, user).receipts[key] = sent.receipt;
    }
    ChatChange change = ChatChange::of_read_receipt(std::move(sent));
    co_await tell(resource, std::move(change));
  }
  Task<chat::ReadReceiptPage> list_read_receipts(Call, std::string, std::string user, std::string thread,
                                                 chat::PageRequest page) override {
    const std::lock_guard lock(mutex_);
    std::vector<chat::ReadReceipt> all;
    for (const auto& [key, receipt] : find(thread, user).receipts) all.push_back(receipt);
    co_return page_of<chat::ReadReceiptPage>(all, page, false);
  }
  Task<chat::Maintenance> maintain(Call, std::string, bool) override {
    chat::Maintenance nothing;
    co_return nothing;
  }

 private:
  /// Under mutex_.
  Kept& find(const std::string& thread, const std::string& user) {
    const auto found = threads_.find(thread);
    if (found == threads_.end()) throw Error(ErrorCode::kNotFound, "there is no such thread", "threadId");
    if (!found->second.has(user) &&
        !(sin_ == "lets_strangers_in" && user.ends_with("_stranger") && found->second.receipts.empty()))
      throw Error(ErrorCode::kPermissionDenied, "not a participant", "threadId");
    return found->second;
  }
  ChatMessage& find_message(const std::string& thread, const std::string& user, const std::string& message) {
    for (ChatMessage& one : find(thread, user).messages)
      if (one.id == message) return one;
    throw Error(ErrorCode::kNotFound, "there is no such message", "messageId");
  }
  /// Those who were not in it before.
  std::vector<Participant> add(Kept& kept, const std::vector<Participant>& people) const {
    std::vector<Participant> fresh;
    for (const Participant& one : people)
      if (!kept.has(one.id)) fresh.push_back(one);
    if (kept.people.size() + fresh.size() > kMostPeople && !(sin_ == "takes_everybody"))
      throw Error(ErrorCode::kOutOfRange, "too many participants", "participants");
    kept.people.insert(kept.people.end(), fresh.begin(), fresh.end());
    return fresh;
  }
  Task<void> tell(std::string resource, ChatChange change) {
    co_await host_.chat_events().changed(std::move(resource), std::move(change), std::nullopt);
  }

  const Host host_;
  const Sin sin_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Kept> threads_;
  std::map<std::string, std::pair<std::string, std::string>> keys_;  // to the topic and the thread
  std::int64_t last_ = 0, version_ = 0;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(AwkwardChat)
