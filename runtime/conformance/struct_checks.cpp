// Structures of another size than ours: those of texts, and the lists of the other interfaces' checks.
#include "runtime/conformance/raw_call.h"
#include "trunkline/chat_client.hpp"
#include "trunkline/email_client.hpp"
#include "trunkline/identity_client.hpp"
#include "trunkline/media_client.hpp"
#include "trunkline/pstn_client.hpp"
#include "trunkline/sms_client.hpp"

namespace trunkline::conformance {
namespace {

/// Of a send: every result names the one message.
void read_results(RawDone& done, const tl_list& list) {
  done.results = list.count;
  for (std::size_t i = 0; i < list.count; ++i) {
    const auto* result = reinterpret_cast<const tl_sms_send_result*>(static_cast<const char*>(list.data) + i * list.stride);
    if (abi::text(result->message_id) != "kit") ++done.strangers;
  }
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
  raw.read = read_results;
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
  const ShapedCall call(kit.host, shape);
  send_with(kit, call.get(), &request.request, shape.name);
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
  const std::array<Grown<tl_sms_recipient>, 2> recipients{Grown(raw.recipient), Grown(raw.recipient)};
  raw.request.recipients = {recipients.data(), recipients.size(), sizeof recipients[0]};
  const Sized<tl_sms_send_request> request(raw.request, sizeof(tl_sms_send_request) + 48);
  send_with(kit, nullptr, request.get(), "a request from a newer host", recipients.size());
}

}  // namespace

std::vector<Check> struct_checks(const std::string& interface_id) {
  std::vector<Check> all;
  const std::string prefix = short_name(interface_id) + ".structs.";
  if (interface_id == sms::SmsProviderClient::kInterfaceId) {
    add_capability_checks(all, interface_id, &tl_sms_provider::capabilities, &RawDone::complete<tl_sms_capabilities>);
    for (const CallShape& shape : kCallShapes)
      all.push_back({prefix + "send_" + shape.name, [&shape](CheckContext& kit) { send_with_call(kit, shape); }});
    all.push_back({prefix + "small_request", send_small_request});
    all.push_back({prefix + "large_request", send_large_request});
  }
  if (interface_id == identity::IdentityProviderClient::kInterfaceId)
    add_capability_checks(all, interface_id, &tl_identity_provider::capabilities, &RawDone::complete<tl_identity_capabilities>);
  if (interface_id == chat::ChatProviderClient::kInterfaceId) all = chat_struct_checks(prefix);
  if (interface_id == email::EmailProviderClient::kInterfaceId) all = email_struct_checks(prefix);
  if (interface_id == pstn::PstnProviderClient::kInterfaceId) all = pstn_struct_checks(prefix);
  if (interface_id == pstn::PstnAudioProviderClient::kInterfaceId) all = pstn_audio_struct_checks(prefix);
  if (interface_id == media::MediaProviderClient::kInterfaceId) all = media_struct_checks(prefix);
  return all;
}

}  // namespace trunkline::conformance
