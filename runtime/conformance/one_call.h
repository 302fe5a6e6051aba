// One operation of a provider, begun and waited for.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {

inline const std::string kTestResource(kResourceId);

/// Runs it and waits on the kit's clock. `begin(done)`.
template <class T, class Begin>
Result<T> call(CheckContext& kit, const std::string& what, Begin begin) {
  auto record = std::make_shared<CallRecord>();
  auto kept = std::make_shared<Result<T>>();
  begin([kept, settled = kit.recorder(record)](Result<T> result) mutable {
    *kept = std::move(result);
    settled(kept->ok() ? nullptr : &kept->error());
  });
  kit.await(record, what);
  return std::move(*kept);
}
/// Fails the check when there is none.
template <class T>
T value_of(Result<T> result, const std::string& what) {
  if (!result.ok()) CheckContext::fail(what + " failed: " + error_name(result.error().code) + ": " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace trunkline::conformance
