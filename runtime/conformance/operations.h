// Every operation of every provider interface, for checks that need no knowledge of what it does.
#pragma once
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/base/function.h"
#include "trunkline/call.hpp"
#include "trunkline/call_table.hpp"

namespace trunkline::conformance {

/// The resource that the kit's host has; operations that name one are called with it.
inline constexpr std::string_view kResourceId = "11111111-2222-4333-8444-555555555555";

/// Told how a call ended: null when it has a result. On any thread.
using Settled = UniqueFunction<void(const Error*)>;

struct OperationInfo {
  std::string_view interface_id;
  std::string_view name;
  bool synchronous;
  std::span<const ErrorCode> errors;  // those that the interface declares
  /// Calls it with arguments that say nothing.
  void (*start)(tl_iface target, CallTable& calls, CallOptions options, Settled done);
};

/// By interface. Generated from bindings/idl.
std::span<const OperationInfo> all_operations();

inline auto settle(Settled done) {
  return [done = std::move(done)]<class T>(Result<T> result) mutable { done(result.ok() ? nullptr : &result.error()); };
}
template <class Body>
void settle_now(Body body, Settled done) {
  try {
    body();
  } catch (const Error& error) {
    return done(&error);
  }
  done(nullptr);
}

}  // namespace trunkline::conformance
