// Legs and their sound in structures of another size than ours.
#include "runtime/conformance/pstn_client.h"
#include "runtime/conformance/raw_call.h"

namespace trunkline::conformance {
namespace {

struct RawDial {
  const std::string leg = new_leg_id();
  tl_pstn_dial_trunk trunk{};
  tl_pstn_dial_request request{};

  explicit RawDial(const PstnSample& sample) {
    trunk.struct_size = sizeof trunk;
    trunk.host = abi::text("trunk.example");
    trunk.port = 5060;
    request.struct_size = sizeof request;
    request.leg_id = abi::text(leg);
    request.from = abi::text(sample.from);
    request.to = abi::text(sample.to);
    request.ring_timeout = 30'000'000'000;
    request.headers.stride = sizeof(tl_kv);
    request.trunks.stride = sizeof trunk;
  }
  RawDial(const RawDial&) = delete;
};

void dial_with(CheckContext& kit, const tl_call* call, const tl_pstn_dial_request* request, const std::string& what) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(pstn::PstnProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  static_cast<const tl_pstn_provider*>(target.vtbl)->dial(target.self, call, request, &RawDone::complete_void, &raw);
  await_meaning(kit, raw, "dial with " + what);
  kit.close(subject);
}

void dial_small_request(CheckContext& kit) {
  // Ends behind `to`: what follows has a default.
  const RawDial dial(kit.input.quirks.pstn);
  const Sized<tl_pstn_dial_request> request(dial.request, offsetof(tl_pstn_dial_request, ring_timeout));
  dial_with(kit, nullptr, request.get(), "a request that ends behind its number");
}

void dial_large_request(CheckContext& kit) {
  RawDial dial(kit.input.quirks.pstn);
  const std::array<Grown<tl_pstn_dial_trunk>, 2> trunks{Grown(dial.trunk), Grown(dial.trunk)};
  dial.request.trunks = {trunks.data(), trunks.size(), sizeof trunks[0]};
  const Sized<tl_pstn_dial_request> request(dial.request, sizeof(tl_pstn_dial_request) + 48);
  dial_with(kit, nullptr, request.get(), "a request from a newer host");
}

void play_with(CheckContext& kit, const CallShape& shape) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(pstn::PstnAudioProviderClient::kInterfaceId);
  const ShapedCall call(kit.host, shape);
  const Bytes samples(640);
  RawDone& raw = RawDone::make(kit);
  static_cast<const tl_pstn_audio_provider*>(target.vtbl)
      ->play(target.self, call.get(), abi::text("no-such-leg"), 1, {samples.data(), samples.size()}, &RawDone::complete_void,
             &raw);
  await_meaning(kit, raw, std::string("play with ") + shape.name);
  kit.close(subject);
}

}  // namespace

std::vector<Check> pstn_struct_checks(const std::string& prefix) {
  std::vector<Check> all;
  for (const CallShape& shape : kCallShapes)
    all.push_back({prefix + "dial_" + shape.name, [&shape](CheckContext& kit) {
                     const RawDial dial(kit.input.quirks.pstn);
                     const ShapedCall call(kit.host, shape);
                     dial_with(kit, call.get(), &dial.request, shape.name);
                   }});
  all.push_back({prefix + "small_request", dial_small_request});
  all.push_back({prefix + "large_request", dial_large_request});
  return all;
}

std::vector<Check> pstn_audio_struct_checks(const std::string& prefix) {
  std::vector<Check> all;
  for (const CallShape& shape : kCallShapes)
    all.push_back({prefix + "play_" + shape.name, [&shape](CheckContext& kit) { play_with(kit, shape); }});
  return all;
}

}  // namespace trunkline::conformance
