// Threads as the checks of chat providers use them.
#pragma once
#include <string>
#include <vector>

#include "runtime/conformance/check.h"
#include "runtime/conformance/one_call.h"
#include "trunkline/chat_client.hpp"

namespace trunkline::conformance {

inline const std::string kAlice = "8:acs:" + kTestResource + "_alice";
inline const std::string kBob = "8:acs:" + kTestResource + "_bob";
inline const std::string kStranger = "8:acs:" + kTestResource + "_stranger";

inline chat::ChatProviderClient chat_client(plugin::PluginInstance& instance) {
  return {instance.interface(chat::ChatProviderClient::kInterfaceId), instance.calls()};
}

template <class T>
void require_refused(const Result<T>& result, const std::string& what) {
  CheckContext::require(!result.ok(), what + ": wanted not_found or permission_denied, but it succeeded");
  const ErrorCode code = result.error().code;
  CheckContext::require(
      code == ErrorCode::kNotFound || code == ErrorCode::kPermissionDenied,
      what + ": wanted not_found or permission_denied, found " + error_name(code) + ": " + result.error().message);
}

inline chat::CreateThreadRequest thread_request() {
  chat::CreateThreadRequest request;
  request.topic = "kit";
  request.participants.emplace_back().id = kBob;
  return request;
}

/// A provider that is under test.
class Chat {
 public:
  explicit Chat(CheckContext& kit) : kit_(kit), subject_(kit.open()), client_(chat_client(*subject_.instance)) {}

  Result<chat::CreateThreadResult> create(chat::CreateThreadRequest request) {
    return call<chat::CreateThreadResult>(kit_, "create_thread", [&](auto done) {
      client_.start_create_thread(kTestResource, kAlice, std::move(request), {}, std::move(done));
    });
  }
  std::string create_thread() { return value_of(create(thread_request()), "create_thread").thread.id; }
  Result<chat::ChatThread> get_thread(const std::string& thread, const std::string& user = kAlice) {
    return call<chat::ChatThread>(kit_, "get_thread",
                                  [&](auto done) { client_.start_get_thread(kTestResource, user, thread, {}, std::move(done)); });
  }
  Result<chat::ChatMessage> send(const std::string& thread, const std::string& text, const std::string& user = kAlice,
                                 chat::MessageKind kind = chat::MessageKind::kText) {
    chat::SendMessageRequest request;
    request.content = text;
    request.kind = kind;
    return call<chat::ChatMessage>(kit_, "send_message", [&](auto done) {
      client_.start_send_message(kTestResource, user, thread, request, {}, std::move(done));
    });
  }
  Result<chat::ChatMessage> get(const std::string& thread, const std::string& message, const std::string& user = kAlice) {
    return call<chat::ChatMessage>(kit_, "get_message", [&](auto done) {
      client_.start_get_message(kTestResource, user, thread, message, {}, std::move(done));
    });
  }
  std::vector<chat::ChatMessage> list(const std::string& thread, const std::string& user = kAlice) {
    chat::PageRequest page;
    page.limit = 100;
    const auto begin = [&](auto done) { client_.start_list_messages(kTestResource, user, thread, page, {}, std::move(done)); };
    return value_of(call<chat::MessagePage>(kit_, "list_messages", begin), "list_messages").items;
  }
  Result<void> update(const std::string& thread, const std::string& message, const std::string& text) {
    chat::MessageUpdate update;
    update.content = text;
    const auto begin = [&](auto done) {
      client_.start_update_message(kTestResource, kAlice, thread, message, update, {}, std::move(done));
    };
    auto result = call<chat::ChatMessage>(kit_, "update_message", begin);
    if (!result.ok()) return result.error();
    return {};
  }
  Result<void> remove(const std::string& thread, const std::string& message) {
    return call<void>(kit_, "delete_message", [&](auto done) {
      client_.start_delete_message(kTestResource, kAlice, thread, message, {}, std::move(done));
    });
  }
  Result<void> delete_thread(const std::string& thread) {
    return call<void>(kit_, "delete_thread",
                      [&](auto done) { client_.start_delete_thread(kTestResource, kAlice, thread, {}, std::move(done)); });
  }
  const chat::ChatProviderClient& client() const { return client_; }
  Subject& subject() { return subject_; }
  void close() { kit_.close(subject_); }

 private:
  CheckContext& kit_;
  Subject subject_;
  chat::ChatProviderClient client_;
};

}  // namespace trunkline::conformance
