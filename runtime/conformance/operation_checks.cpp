// Every operation of an interface, called with arguments that say nothing: it completes once, with a result or an error that the
// interface declares.
#include <algorithm>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {
namespace {

// Errors that any operation may end in.
constexpr ErrorCode kAlways[] = {ErrorCode::kCancelled, ErrorCode::kDeadlineExceeded, ErrorCode::kUnimplemented,
                                 ErrorCode::kUnavailable, ErrorCode::kInvalidArgument};

void call_with_nothing(CheckContext& kit, const OperationInfo& operation) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(operation.interface_id);
  if (!target.vtbl) kit.skip("this instance does not offer the interface");
  const auto call = [&](CallOptions options) {
    auto record = std::make_shared<CallRecord>();
    operation.start(target, subject->calls(), std::move(options), kit.recorder(record));
    if (operation.synchronous) kit.require(record->done(), "it is marked @sync and has not completed when it returned");
    kit.await(record, "a call with empty arguments");
    return record;
  };
  const CallPtr record = call({});
  std::stop_source stop;
  stop.request_stop();
  CallOptions cancelled;
  cancelled.stop = stop.get_token();
  call(std::move(cancelled));
  kit.close(subject);
  if (!record->error) return;
  const Error& error = *record->error;
  kit.remark(error_name(error.code) + ": " + error.message);
  const auto among = [&](auto&& codes) { return std::find(std::begin(codes), std::end(codes), error.code) != std::end(codes); };
  if (!among(operation.errors) && !among(kAlways))
    kit.fail("empty arguments end in " + error_name(error.code) + ", which the interface does not declare for this operation");
}

}  // namespace

std::vector<Check> operation_checks(const std::string& interface_id) {
  std::vector<Check> all;
  for (const OperationInfo& operation : all_operations())
    if (operation.interface_id == interface_id)
      all.push_back({short_name(interface_id) + "." + std::string(operation.name) + ".empty_arguments",
                     [&operation](CheckContext& kit) { call_with_nothing(kit, operation); }});
  return all;
}

}  // namespace trunkline::conformance
