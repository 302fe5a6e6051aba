// Structures of another size than ours: an older host gives less, a newer one more. What lies behind a structure's end is filled
// with bytes that a careless reader trips over.
#include <array>
#include <cstring>
#include <deque>

#include "runtime/conformance/check.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/identity_client.hpp"
#include "trunkline/sms_client.hpp"

namespace trunkline::conformance {
namespace {

constexpr int kGarbage = 0xAB;

/// A completion as it crosses the ABI. Leaked: a plugin may complete it at any time.
struct RawDone {
  std::atomic<int> completions{0};
  std::atomic<Pulse*> pulse{nullptr};
  std::optional<Error> error;
  std::size_t results = 0, strangers = 0;

  static RawDone& make(CheckContext& kit) {
    static auto& all = *new std::deque<RawDone>;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    RawDone& made = all.emplace_back();
    made.pulse = &kit.host.pulse;
    return made;
  }
  /// Of a send: every result names the one message.
  void read(const tl_list& list) {
    results = list.count;
    for (std::size_t i = 0; i < list.count; ++i) {
      const auto* result = reinterpret_cast<const tl_sms_send_result*>(static_cast<const char*>(list.data) + i * list.stride);
      if (abi::text(result->message_id) != "kit") ++strangers;
    }
  }
  template <class C>
  static void complete(void* user, const C* result, tl_error* error) noexcept {
    auto* self = static_cast<RawDone*>(user);
    const bool first = self->completions.load() == 0;
    if (error) {
      const Error taken = abi::Errors().take(error);
      if (first) self->error = taken;
    }
    if constexpr (std::is_same_v<C, tl_list>) {
      if (first && result) self->read(*result);
    }
    self->completions.fetch_add(1);
    self->pulse.load()->beat();
  }
};

void await(CheckContext& kit, RawDone& done, const std::string& what) {
  if (!kit.host.wait([&] { return done.completions.load() > 0; })) kit.fail(what + ": never completed");
  kit.host.let_pass(std::chrono::seconds(1));
  kit.require(done.completions == 1, what + ": completed " + std::to_string(done.completions) + " times");
}

/// A structure with garbage behind what its size says.
template <class T, std::size_t Extra = 64>
struct Sized {
  alignas(16) std::array<unsigned char, sizeof(T) + Extra> bytes;

  Sized(const T& value, std::size_t size) {
    bytes.fill(kGarbage);
    std::memcpy(bytes.data(), &value, std::min(size, sizeof(T)));
    const auto said = static_cast<std::uint32_t>(size);
    std::memcpy(bytes.data(), &said, sizeof said);
  }
  const T* get() const { return reinterpret_cast<const T*>(bytes.data()); }
};

tl_call full_call(const KitHost& host) {
  tl_call call{};
  call.struct_size = sizeof call;
  call.deadline = {1, {}, (host.clock.now() + std::chrono::hours(1)).time_since_epoch().count()};
  call.idempotency_key = abi::text("kit");
  call.resource = abi::text("kit");
  return call;
}

/// One way to give a tl_call. Null: none at all.
struct CallShape {
  const char* name;
  std::size_t size;  // 0: no call
};
constexpr CallShape kCallShapes[] = {{"no_call", 0},
                                     {"call_of_8_bytes", 8},
                                     {"call_with_deadline_only", offsetof(tl_call, cancel)},
                                     {"call_larger_than_known", sizeof(tl_call) + 48}};

template <class Vtbl, class Done>
void capabilities_with(CheckContext& kit, std::string_view id, void (*Vtbl::*slot)(void*, const tl_call*, Done, void*),
                       std::type_identity_t<Done> done, const CallShape& shape) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(id);
  const auto* vtbl = static_cast<const Vtbl*>(target.vtbl);
  const Sized<tl_call> call(full_call(kit.host), shape.size);
  RawDone& raw = RawDone::make(kit);
  (vtbl->*slot)(target.self, shape.size ? call.get() : nullptr, done, &raw);
  await(kit, raw, std::string("capabilities with ") + shape.name);
  kit.require(!raw.error, std::string("capabilities failed: ") + (raw.error ? raw.error->message : ""));
  kit.close(subject);
}

struct RawRequest {
  tl_sms_recipient recipient{};
  tl_sms_send_request request{};

  explicit RawRequest(const SmsSample& sample) {
    recipient.struct_size = sizeof recipient;
    recipient.to = abi::text(sample.to);
    recipient.message_id = abi::text("kit");
    request.struct_size = sizeof request;
    request.from = abi::text(sample.from);
    request.recipients = {&recipient, 1, sizeof recipient};
    request.text = abi::text(sample.text);
    request.properties.stride = sizeof(tl_kv);
  }
  RawRequest(const RawRequest&) = delete;
};

void send_with(CheckContext& kit, const tl_call* call, const tl_sms_send_request* request, const std::string& what,
               std::size_t recipients = 1) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(sms::SmsProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  static_cast<const tl_sms_provider*>(target.vtbl)->send(target.self, call, request, &RawDone::complete<tl_list>, &raw);
  await(kit, raw, "send with " + what);
  if (raw.error)
    kit.remark(error_name(raw.error->code) + ": " + raw.error->message);
  else
    kit.require(raw.results == recipients, "send with " + what + ": " + std::to_string(raw.results) + " results for " +
                                               std::to_string(recipients) + " recipients");
  kit.require(raw.strangers == 0, "send with " + what + ": results name another message_id than the request");
  kit.close(subject);
}

void send_with_call(CheckContext& kit, const CallShape& shape) {
  const RawRequest request(kit.input.quirks.sms);
  const Sized<tl_call> call(full_call(kit.host), shape.size);
  send_with(kit, shape.size ? call.get() : nullptr, &request.request, shape.name);
}

void send_small_request(CheckContext& kit) {
  // Ends behind `text`: what follows has a default.
  const RawRequest raw(kit.input.quirks.sms);
  const Sized<tl_sms_send_request> request(raw.request, offsetof(tl_sms_send_request, encoding));
  send_with(kit, nullptr, request.get(), "a request that ends behind its text");
}

void send_large_request(CheckContext& kit) {
  RawRequest raw(kit.input.quirks.sms);
  // Recipients grow, too: the stride says how far they are apart.
  struct Larger {
    tl_sms_recipient recipient;
    std::array<unsigned char, 24> more;
  };
  std::array<Larger, 2> recipients{};
  for (Larger& one : recipients) {
    one.recipient = raw.recipient;
    one.recipient.struct_size = sizeof(Larger);
    one.more.fill(kGarbage);
  }
  raw.request.recipients = {recipients.data(), recipients.size(), sizeof(Larger)};
  const Sized<tl_sms_send_request> request(raw.request, sizeof(tl_sms_send_request) + 48);
  send_with(kit, nullptr, request.get(), "a request from a newer host", recipients.size());
}

}  // namespace

std::vector<Check> struct_checks(const std::string& interface_id) {
  std::vector<Check> all;
  const std::string prefix = short_name(interface_id) + ".structs.";
  const auto add_capabilities = [&](auto slot, auto done) {
    for (const CallShape& shape : kCallShapes)
      all.push_back({prefix + "capabilities_" + shape.name, [interface_id, slot, done, &shape](CheckContext& kit) {
                       capabilities_with(kit, interface_id, slot, done, shape);
                     }});
  };
  if (interface_id == sms::SmsProviderClient::kInterfaceId) {
    add_capabilities(&tl_sms_provider::capabilities, &RawDone::complete<tl_sms_capabilities>);
    for (const CallShape& shape : kCallShapes)
      all.push_back({prefix + "send_" + shape.name, [&shape](CheckContext& kit) { send_with_call(kit, shape); }});
    all.push_back({prefix + "small_request", send_small_request});
    all.push_back({prefix + "large_request", send_large_request});
  }
  if (interface_id == identity::IdentityProviderClient::kInterfaceId)
    add_capabilities(&tl_identity_provider::capabilities, &RawDone::complete<tl_identity_capabilities>);
  if (interface_id == chat::ChatProviderClient::kInterfaceId)
    add_capabilities(&tl_chat_provider::capabilities, &RawDone::complete<tl_chat_capabilities>);
  return all;
}

}  // namespace trunkline::conformance
