// What a chat provider promises of threads and messages: see ChatProvider in bindings/idl/chat.tsp.
#include <algorithm>

#include "runtime/conformance/chat_client.h"

namespace trunkline::conformance {
namespace {

void life_of_a_thread(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  kit.require(value_of(chat.get_thread(thread), "get_thread").topic == "kit", "get_thread gave another topic");
  value_of(chat.get_thread(thread, kBob), "get_thread of a participant");
  kit.require(chat.subject().sink->events() > 0, "a new thread was not told to the host");
  value_of(chat.delete_thread(thread), "delete_thread");
  chat.close();
}

void life_of_a_message(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  const chat::ChatMessage sent = value_of(chat.send(thread, "hello"), "send_message");
  kit.require(value_of(chat.get(thread, sent.id, kBob), "get_message of a participant").content == "hello",
              "get_message gave another text");
  value_of(chat.update(thread, sent.id, "hello again"), "update_message");
  kit.require(value_of(chat.get(thread, sent.id), "get_message").content == "hello again", "an update is not to be seen");
  value_of(chat.send(thread, "second", kBob), "send_message of a participant");
  const auto messages = chat.list(thread);
  const auto has = [&](std::string_view text) {
    return std::any_of(messages.begin(), messages.end(), [&](const auto& one) { return one.content == text; });
  };
  kit.require(has("hello again") && has("second"), "list_messages lacks what was sent");
  value_of(chat.remove(thread, sent.id), "delete_message");
  chat.close();
}

void chat_not_found(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  require_refused(chat.get_thread("19:no-such-thread@thread.v2"), "get_thread of none");
  require_refused(chat.get(thread, "no-such-message"), "get_message of none");
  require_refused(chat.remove(thread, "no-such-message"), "delete_message of none");
  require_refused(chat.send("19:no-such-thread@thread.v2", "x"), "send_message to no thread");
  chat.close();
}

void strangers(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  const chat::ChatMessage sent = value_of(chat.send(thread, "secret"), "send_message");
  require_refused(chat.get_thread(thread, kStranger), "get_thread of somebody who is not in it");
  require_refused(chat.get(thread, sent.id, kStranger), "get_message of somebody who is not in the thread");
  require_refused(chat.send(thread, "x", kStranger), "send_message of somebody who is not in the thread");
  chat.close();
}

void odd_texts(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  for (const std::string& text :
       {std::string("a\0b", 3), std::string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), std::string(20'000, 'x')}) {
    const auto sent = chat.send(thread, text);
    if (!sent.ok()) {
      kit.remark("a text of " + std::to_string(text.size()) + " bytes: " + error_name(sent.error().code) + ": " +
                 sent.error().message);
      kit.require(sent.error().code != ErrorCode::kInternal && sent.error().code != ErrorCode::kUnknown,
                  "a text of " + std::to_string(text.size()) + " bytes ended in " + error_name(sent.error().code));
      continue;
    }
    kit.require(value_of(chat.get(thread, sent.value().id), "get_message").content == text,
                "a text of " + std::to_string(text.size()) + " bytes did not come back as it was sent");
  }
  chat.close();
}

void chat_unknown_enum(CheckContext& kit) {
  constexpr int kFromTheFuture = 9999;
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  const auto sent = chat.send(thread, "x", kAlice, static_cast<chat::MessageKind>(kFromTheFuture));
  if (!sent.ok()) kit.remark(error_name(sent.error().code) + ": " + sent.error().message);
  kit.require(sent.ok() || (sent.error().code != ErrorCode::kInternal && sent.error().code != ErrorCode::kUnknown),
              "a message of an unknown kind ended in an internal error");
  chat.close();
}

void host_keeps_nothing(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  chat.subject().sink->refuse(1);
  const auto refused = chat.send(thread, "lost");
  const auto texts = chat.list(thread);
  const bool there = std::any_of(texts.begin(), texts.end(), [](const auto& one) { return one.content == "lost"; });
  kit.require(refused.ok() || !there, "send_message failed, but the message is there");
  value_of(chat.send(thread, "kept"), "send_message after the host refused one");
  chat.close();
}

}  // namespace

std::vector<Check> chat_checks(NormalCall& normal) {
  normal = [](CheckContext&, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
    chat_client(instance).start_create_thread(kTestResource, kAlice, thread_request(), std::move(options),
                                              settle(std::move(done)));
  };
  return {{"chat.life_of_a_thread", life_of_a_thread},
          {"chat.life_of_a_message", life_of_a_message},
          {"chat.not_found", chat_not_found},
          {"chat.strangers", strangers},
          {"chat.odd_texts", odd_texts},
          {"chat.unknown_enum", chat_unknown_enum},
          {"chat.host_keeps_nothing", host_keeps_nothing}};
}

}  // namespace trunkline::conformance
