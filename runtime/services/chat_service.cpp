#include "runtime/services/chat_service.h"

#include <algorithm>

#include "runtime/diagnostics/log.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/chat_html.h"
#include "runtime/services/chat_members.h"
#include "trunkline/chat_client.hpp"

namespace trunkline {
namespace {

using chat_rules::Right;

/// `clamp`: the largest page is what a caller gets who asks for more.
chat::PageRequest checked(chat::PageRequest page) {
  chat_rules::check(page);
  page.limit = std::min(page.limit, chat_rules::kMaxPage);
  return page;
}

/// Errors of the provider in the form the REST API has for them.
Error in_rest_words(Error error) {
  if (error.code == ErrorCode::kAlreadyExists && error.target == "idempotencyKey") {
    error.http_status = 412;
    error.service_code = "PreconditionFailed";
    error.target = "repeatability-request-id";
  } else if (error.target == "cursor") {
    error.target = "continuation";
  }
  return error;
}

void check_ids(const std::string& thread, const std::string* message = nullptr) {
  if (!chat_rules::is_plain_id(thread)) throw Error(ErrorCode::kNotFound, "there is no thread with this id", "threadId");
  if (message && !chat_rules::is_plain_id(*message))
    throw Error(ErrorCode::kNotFound, "there is no message with this id", "messageId");
}

}  // namespace

ChatService::ChatService(ServiceContext& context, ResourceService& resources, bool rate_limits)
    : context_(context), resources_(resources), limits_(rate_limits), live_(context) {}

ChatService::~ChatService() = default;

ProviderPtr ChatService::provider() const { return context_.providers.require(chat::ChatProviderClient::kInterfaceId); }

CallOptions ChatService::options(const Resource& resource, const ProviderPtr& provider, const ChatActor& actor) const {
  CallOptions options;
  options.deadline = context_.clock.now() + provider->timeout();
  options.resource = resource.name;
  options.traceparent = actor.traceparent;
  return options;
}

void ChatService::admit(const Resource& resource, const ChatActor& actor, Right right, ChatUse use, const std::string& thread) {
  chat_rules::require(actor, right);
  limits_.count(use, context_.clock.now(), resource.key, actor.user_id, thread);
}

Task<std::vector<chat::InvalidParticipant>> ChatService::remove_unknown(ResourcePtr resource, ChatActor actor,
                                                                        std::vector<chat::Participant>* participants) {
  const bool foreigners = provider()->chat_capabilities().foreign_participants;
  std::vector<chat::InvalidParticipant> invalid = chat_rules::remove_strangers(*resource, *participants, foreigners);
  if (!user_exists_) co_return invalid;
  for (std::size_t i = 0; i < participants->size();) {
    const std::string& id = (*participants)[i].id;
    if (id == actor.user_id || !chat_rules::is_communication_user(id) || co_await user_exists_(resource, id)) {
      ++i;
      continue;
    }
    invalid.push_back({id, "the participant " + id + " does not exist"});
    participants->erase(participants->begin() + static_cast<std::ptrdiff_t>(i));
  }
  co_return invalid;
}

// ---- threads

Task<chat::CreateThreadResult> ChatService::create_thread(ResourcePtr resource, ChatActor actor,
                                                          chat::CreateThreadRequest request) {
  admit(*resource, actor, Right::kManageThreads, ChatUse::kCreateThread);
  chat_rules::check(request);
  std::vector<chat::InvalidParticipant> invalid = co_await remove_unknown(resource, actor, &request.participants);
  const ProviderPtr chat = provider();
  const bool retention = request.retention_days > 0;
  chat::CreateThreadResult result;
  try {
    const chat::ChatProviderClient at = co_await chat->chat();
    CallOptions call = options(*resource, chat, actor);
    result = co_await at.create_thread(resource->id, actor.user_id, std::move(request), std::move(call));
  } catch (const Error& error) {
    throw in_rest_words(error);
  }
  result.invalid_participants.insert(result.invalid_participants.begin(), invalid.begin(), invalid.end());
  if (retention) care_for(resource, false);
  co_return result;
}

Task<chat::ChatThread> ChatService::get_thread(ResourcePtr resource, ChatActor actor, std::string thread) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kReadThreads);
  check_ids(thread);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.get_thread(resource->id, actor.user_id, std::move(thread), std::move(call));
}

Task<chat::ThreadPage> ChatService::list_threads(ResourcePtr resource, ChatActor actor, chat::PageRequest page) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kReadThreads);
  page = checked(std::move(page));
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.list_threads(resource->id, actor.user_id, std::move(page), std::move(call));
}

Task<chat::ChatThread> ChatService::update_thread(ResourcePtr resource, ChatActor actor, std::string thread,
                                                  chat::ThreadUpdate update) {
  admit(*resource, actor, Right::kManageThreads, ChatUse::kUpdateThread, thread);
  check_ids(thread);
  chat_rules::check(update);
  const ProviderPtr chat = provider();
  const bool retention = update.retention_days.value_or(0) > 0;
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  chat::ChatThread after =
      co_await at.update_thread(resource->id, actor.user_id, std::move(thread), std::move(update), std::move(call));
  if (retention) care_for(resource, false);
  co_return after;
}

Task<void> ChatService::delete_thread(ResourcePtr resource, ChatActor actor, std::string thread) {
  admit(*resource, actor, Right::kManageThreads, ChatUse::kDeleteThread);
  check_ids(thread);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_await at.delete_thread(resource->id, actor.user_id, std::move(thread), std::move(call));
  care_for(resource, false);
}

// ---- participants

Task<std::vector<chat::InvalidParticipant>> ChatService::add_participants(ResourcePtr resource, ChatActor actor,
                                                                          std::string thread,
                                                                          std::vector<chat::Participant> participants) {
  admit(*resource, actor, Right::kManageParticipants, ChatUse::kChangeParticipants, thread);
  check_ids(thread);
  if (participants.empty()) throw Error(ErrorCode::kInvalidArgument, "nobody is to be added", "participants");
  chat_rules::check_batch(participants);
  std::vector<chat::InvalidParticipant> invalid = co_await remove_unknown(resource, actor, &participants);
  const ProviderPtr chat = provider();
  // Also with nobody left: the provider says whether the user may.
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  const std::vector<chat::InvalidParticipant> more =
      co_await at.add_participants(resource->id, actor.user_id, std::move(thread), std::move(participants), std::move(call));
  invalid.insert(invalid.end(), more.begin(), more.end());
  co_return invalid;
}

Task<chat::ParticipantPage> ChatService::list_participants(ResourcePtr resource, ChatActor actor, std::string thread,
                                                           chat::PageRequest page) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kListParticipants, thread);
  check_ids(thread);
  page = checked(std::move(page));
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.list_participants(resource->id, actor.user_id, std::move(thread), std::move(page), std::move(call));
}

Task<void> ChatService::remove_participant(ResourcePtr resource, ChatActor actor, std::string thread, std::string participant) {
  // Everybody may leave.
  admit(*resource, actor, participant == actor.user_id ? Right::kTakePart : Right::kManageParticipants,
        ChatUse::kChangeParticipants, thread);
  check_ids(thread);
  if (!chat_rules::is_plain_id(participant))
    throw Error(ErrorCode::kInvalidArgument, "this is no id of a participant", "communicationIdentifier");
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_await at.remove_participant(resource->id, actor.user_id, std::move(thread), std::move(participant), std::move(call));
}

// ---- messages

Task<chat::ChatMessage> ChatService::send_message(ResourcePtr resource, ChatActor actor, std::string thread,
                                                  chat::SendMessageRequest request) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kWriteMessage, thread);
  check_ids(thread);
  chat_rules::check(request);
  if (request.kind == chat::MessageKind::kHtml) request.content = sanitize_html(request.content);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.send_message(resource->id, actor.user_id, std::move(thread), std::move(request), std::move(call));
}

Task<chat::ChatMessage> ChatService::get_message(ResourcePtr resource, ChatActor actor, std::string thread, std::string message) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kReadMessage, thread);
  check_ids(thread, &message);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.get_message(resource->id, actor.user_id, std::move(thread), std::move(message), std::move(call));
}

Task<chat::MessagePage> ChatService::list_messages(ResourcePtr resource, ChatActor actor, std::string thread,
                                                   chat::PageRequest page) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kListMessages, thread);
  check_ids(thread);
  page = checked(std::move(page));
  const ProviderPtr chat = provider();
  chat::MessagePage found;
  try {
    const chat::ChatProviderClient at = co_await chat->chat();
    CallOptions call = options(*resource, chat, actor);
    found = co_await at.list_messages(resource->id, actor.user_id, std::move(thread), std::move(page), std::move(call));
  } catch (const Error& error) {
    throw in_rest_words(error);
  }
  co_return found;
}

Task<chat::ChatMessage> ChatService::update_message(ResourcePtr resource, ChatActor actor, std::string thread,
                                                    std::string message, chat::MessageUpdate update) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kWriteMessage, thread);
  check_ids(thread, &message);
  chat_rules::check(update);
  const ProviderPtr chat = provider();
  // The kind is the message's own, so it has to be asked for before the content can be cleaned. It never changes.
  if (update.content && update.content->find('<') != std::string::npos) {
    const chat::ChatProviderClient at = co_await chat->chat();
    CallOptions reading = options(*resource, chat, actor);
    const chat::ChatMessage before = co_await at.get_message(resource->id, actor.user_id, thread, message, std::move(reading));
    if (before.kind == chat::MessageKind::kHtml) update.content = sanitize_html(*update.content);
  }
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.update_message(resource->id, actor.user_id, std::move(thread), std::move(message), std::move(update),
                                       std::move(call));
}

Task<void> ChatService::delete_message(ResourcePtr resource, ChatActor actor, std::string thread, std::string message) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kWriteMessage, thread);
  check_ids(thread, &message);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_await at.delete_message(resource->id, actor.user_id, std::move(thread), std::move(message), std::move(call));
}

// ---- typing and receipts

Task<void> ChatService::send_typing(ResourcePtr resource, ChatActor actor, std::string thread,
                                    std::optional<std::string> display_name) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kTyping, thread);
  check_ids(thread);
  chat_rules::check_display_name(display_name, "senderDisplayName");
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_await at.send_typing(resource->id, actor.user_id, std::move(thread), std::move(display_name), std::move(call));
}

Task<void> ChatService::send_read_receipt(ResourcePtr resource, ChatActor actor, std::string thread, std::string message) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kSendReceipt, thread);
  check_ids(thread, &message);
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_await at.send_read_receipt(resource->id, actor.user_id, std::move(thread), std::move(message), std::move(call));
}

Task<chat::ReadReceiptPage> ChatService::list_read_receipts(ResourcePtr resource, ChatActor actor, std::string thread,
                                                            chat::PageRequest page) {
  admit(*resource, actor, Right::kTakePart, ChatUse::kListReceipts, thread);
  check_ids(thread);
  page = checked(std::move(page));
  const ProviderPtr chat = provider();
  const chat::ChatProviderClient at = co_await chat->chat();
  CallOptions call = options(*resource, chat, actor);
  co_return co_await at.list_read_receipts(resource->id, actor.user_id, std::move(thread), std::move(page), std::move(call));
}

// ---- changes

Task<void> ChatService::on_changed(std::string provider, std::string resource_id, chat::ChatChange change,
                                   std::optional<host::StoreBatch> batch, std::string traceparent) {
  ResourcePtr resource = resources_.find_by_id(resource_id);
  if (!resource) throw Error(ErrorCode::kNotFound, "there is no resource with this id", "resourceId");
  return live_.record(std::move(resource), std::move(provider), std::move(change), std::move(batch), std::move(traceparent));
}

Task<void> ChatService::forget_user(ResourcePtr resource, std::string user) {
  live_.close_user(resource->key, user);
  if (context_.providers.all_of(chat::ChatProviderClient::kInterfaceId).empty()) co_return;
  const ProviderPtr chat = provider();
  const ChatActor actor = ChatActor::trusted(user);
  for (;;) {
    // Always the first page: what is left of is not in it any more.
    chat::PageRequest page;
    page.limit = chat_rules::kMaxPage;
    const chat::ChatProviderClient at = co_await chat->chat();
    CallOptions listing = options(*resource, chat, actor);
    const chat::ThreadPage threads = co_await at.list_threads(resource->id, user, std::move(page), std::move(listing));
    bool left = false;
    for (const chat::ThreadItem& thread : threads.items) {
      try {
        CallOptions leaving = options(*resource, chat, actor);
        co_await at.remove_participant(resource->id, user, thread.id, user, std::move(leaving));
        left = true;
      } catch (const Error& error) {
        if (error.code != ErrorCode::kNotFound && error.code != ErrorCode::kPermissionDenied) throw;
      }
    }
    if (!left || !threads.cursor) co_return;
  }
}

// ---- resources

void ChatService::copy_rows(store::Session& session, const Resource& from, const Resource& to) {
  chat_members::copy(session, from.key, to.key);
}

void ChatService::drop_rows(store::Session& session, const Resource& resource) { chat_members::drop(session, resource.key); }

}  // namespace trunkline
