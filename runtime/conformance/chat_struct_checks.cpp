// Threads and messages in structures of another size than ours.
#include "runtime/conformance/chat_client.h"
#include "runtime/conformance/raw_call.h"

namespace trunkline::conformance {
namespace {

/// A thread and a message as they cross the ABI.
struct RawThread {
  tl_chat_participant bob{};
  tl_chat_create_thread_request request{};

  RawThread() {
    bob.struct_size = sizeof bob;
    bob.id = abi::text(kBob);
    bob.metadata.stride = sizeof(tl_kv);
    request.struct_size = sizeof request;
    request.topic = abi::text("kit");
    request.participants = {&bob, 1, sizeof bob};
    request.metadata.stride = sizeof(tl_kv);
  }
  RawThread(const RawThread&) = delete;
};

const tl_chat_provider& vtbl(const tl_iface& target) { return *static_cast<const tl_chat_provider*>(target.vtbl); }

void chat_create_with(CheckContext& kit, const tl_call* call, const tl_chat_create_thread_request* request,
                      const std::string& what) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(chat::ChatProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  vtbl(target).create_thread(target.self, call, abi::text(kTestResource), abi::text(kAlice), request,
                             &RawDone::complete<tl_chat_create_thread_result>, &raw);
  await_meaning(kit, raw, "create_thread with " + what);
  kit.close(subject);
}

void chat_small_request(CheckContext& kit) {
  // Ends behind `participants`: what follows has a default.
  const RawThread thread;
  const Sized<tl_chat_create_thread_request> request(thread.request, offsetof(tl_chat_create_thread_request, metadata));
  chat_create_with(kit, nullptr, request.get(), "a request that ends behind its participants");
}

void chat_large_request(CheckContext& kit) {
  RawThread thread;
  tl_chat_participant carl = thread.bob;
  const std::string name = "8:acs:" + kTestResource + "_carl";
  carl.id = abi::text(name);
  const std::array<Grown<tl_chat_participant>, 2> people{Grown(thread.bob), Grown(carl)};
  thread.request.participants = {people.data(), people.size(), sizeof people[0]};
  const Sized<tl_chat_create_thread_request> request(thread.request, sizeof(tl_chat_create_thread_request) + 48);
  chat_create_with(kit, nullptr, request.get(), "a request from a newer host");
}

void large_message(CheckContext& kit) {
  Chat chat(kit);
  const std::string thread = chat.create_thread();
  tl_chat_attachment file{};
  file.struct_size = sizeof file;
  file.id = abi::text("1");
  file.kind = TL_CHAT_ATTACHMENT_KIND_FILE;
  const std::array<Grown<tl_chat_attachment>, 1> files{Grown(file)};
  tl_chat_send_message_request message{};
  message.kind = TL_CHAT_MESSAGE_KIND_TEXT;
  message.content = abi::text("hello");
  message.metadata.stride = sizeof(tl_kv);
  message.attachments = {files.data(), files.size(), sizeof files[0]};
  const Sized<tl_chat_send_message_request> request(message, sizeof message + 48);
  const tl_iface target = chat.subject()->interface(chat::ChatProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  vtbl(target).send_message(target.self, nullptr, abi::text(kTestResource), abi::text(kAlice), abi::text(thread), request.get(),
                            &RawDone::complete<tl_chat_message>, &raw);
  await_meaning(kit, raw, "send_message with a request from a newer host");
  chat.close();
}

}  // namespace

std::vector<Check> chat_struct_checks(const std::string& prefix) {
  std::vector<Check> all;
  add_capability_checks(all, std::string(chat::ChatProviderClient::kInterfaceId), &tl_chat_provider::capabilities,
                        &RawDone::complete<tl_chat_capabilities>);
  for (const CallShape& shape : kCallShapes)
    all.push_back({prefix + "create_thread_" + shape.name, [&shape](CheckContext& kit) {
                     const RawThread thread;
                     const ShapedCall call(kit.host, shape);
                     chat_create_with(kit, call.get(), &thread.request, shape.name);
                   }});
  all.push_back({prefix + "small_request", chat_small_request});
  all.push_back({prefix + "large_request", chat_large_request});
  all.push_back({prefix + "large_message", large_message});
  return all;
}

}  // namespace trunkline::conformance
