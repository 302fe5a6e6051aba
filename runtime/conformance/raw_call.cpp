#include "runtime/conformance/raw_call.h"

#include "runtime/conformance/declared_errors.h"

namespace trunkline::conformance {

RawDone& RawDone::make(CheckContext& kit) {
  static auto& all = *new std::deque<RawDone>;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  RawDone& made = all.emplace_back();
  made.pulse = &kit.host.pulse;
  return made;
}

bool RawDone::take(tl_error* raw) {
  const bool first = completions.load() == 0;
  if (raw) {
    const Error taken = abi::Errors().take(raw);
    if (first) error = taken;
  }
  return first;
}

void await(CheckContext& kit, RawDone& done, const std::string& what) {
  if (!kit.host.wait([&] { return done.completions.load() > 0; })) kit.fail(what + ": never completed");
  kit.host.let_pass(std::chrono::seconds(1));
  kit.require(done.completions == 1, what + ": completed " + std::to_string(done.completions) + " times");
}

void await_meaning(CheckContext& kit, RawDone& done, const std::string& what) {
  await(kit, done, what);
  if (done.error) require_meaning(kit, *done.error);
}

tl_call full_call(const KitHost& host) {
  tl_call call{};
  call.struct_size = sizeof call;
  call.deadline = {1, {}, (host.clock.now() + std::chrono::hours(1)).time_since_epoch().count()};
  call.idempotency_key = abi::text("kit");
  call.resource = abi::text("kit");
  return call;
}

}  // namespace trunkline::conformance
