// One check of the kit, and what it is made of.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/conformance/host.h"
#include "runtime/conformance/operations.h"
#include "runtime/conformance/quirks.h"
#include "runtime/conformance/report.h"
#include "runtime/isolation/options.h"

namespace trunkline::conformance {

/// What is tested, and with what.
struct KitInput {
  const plugin::LoadedPlugin* plugin = nullptr;
  std::string config_json = "{}";
  std::map<std::string, Secret> secrets;
  std::vector<std::string> interfaces;  // empty: all of the manifest
  Quirks quirks;
  /// The plugin runs in processes of its own; `plugin` is a manifest and no more.
  std::optional<isolation::Options> isolation;
};

/// One call that was begun. [any-thread]
struct CallRecord {
  std::atomic<int> completions{0};
  std::optional<Error> error;  // of the first completion; read it after `completions`
  std::chrono::steady_clock::time_point begun, ended;
  bool done() const { return completions.load(std::memory_order_acquire) > 0; }
};
using CallPtr = std::shared_ptr<CallRecord>;

/// Ends a check as failed.
struct CheckFailed {
  std::string why;
};
/// Ends a check as skipped.
struct CheckSkipped {
  std::string why;
};

/// What one check works with: a host of its own, and what it has found so far.
class CheckContext {
 public:
  CheckContext(const KitInput& input, CheckResult& result) : input(input), host(input.quirks), result_(result) {}

  [[noreturn]] static void fail(const std::string& why) { throw CheckFailed{why}; }
  [[noreturn]] static void skip(const std::string& why) { throw CheckSkipped{why}; }
  static void require(bool condition, const std::string& why) {
    if (!condition) fail(why);
  }
  /// Goes into the report of a check that passes, too.
  void remark(const std::string& text) { result_.detail += (result_.detail.empty() ? "" : "\n") + text; }
  void figure(const std::string& name, double value) { result_.figures[name] = value; }

  /// An instance with the configuration of the run.
  Subject open(const std::string& provider = "under-test");
  /// Stops it and fails the check when it has not drained, or anything but `forgiven` broke the ABI.
  void close(Subject& subject, std::string_view forgiven = {});
  /// Fails the check when a plugin broke the rules of the ABI up to now. `but`: a kind that is forgiven.
  void require_good_behaviour(std::string_view but = {});
  /// Settled that fills a record.
  Settled recorder(const CallPtr& record);
  /// Waits until a call has ended; fails the check when it does not.
  void await(const CallPtr& record, const std::string& what);
  void await_all(const std::vector<CallPtr>& records, const std::string& what);

  const KitInput& input;
  KitHost host;

 private:
  CheckResult& result_;
};

struct Check {
  std::string name;
  std::function<void(CheckContext&)> run;
};

/// A call of an interface as the author would expect it to come: what the general checks repeat.
using NormalCall = std::function<void(CheckContext&, plugin::PluginInstance&, int seed, CallOptions, Settled)>;

/// `sms` of `trunkline.sms/1`.
std::string short_name(std::string_view interface_id);
/// `invalid_argument`.
std::string error_name(ErrorCode code);

// ---- the parts; each gives its checks ----
std::vector<Check> lifecycle_checks(const KitInput& input);
/// Of any provider interface.
std::vector<Check> call_checks(const std::string& interface_id, NormalCall normal);
std::vector<Check> operation_checks(const std::string& interface_id);
std::vector<Check> struct_checks(const std::string& interface_id);
/// Of one interface. `normal` is set to its normal call.
std::vector<Check> sms_checks(NormalCall& normal);
std::vector<Check> receipt_checks();
std::vector<Check> identity_checks(NormalCall& normal);
std::vector<Check> chat_checks(NormalCall& normal);
std::vector<Check> chat_list_checks();
std::vector<Check> email_checks(NormalCall& normal);
std::vector<Check> email_report_checks();
std::vector<Check> pstn_checks(NormalCall& normal);
std::vector<Check> pstn_audio_checks(NormalCall& normal);
std::vector<Check> media_checks(NormalCall& normal);
/// `prefix`: `sms.structs.`
std::vector<Check> chat_struct_checks(const std::string& prefix);
std::vector<Check> email_struct_checks(const std::string& prefix);
std::vector<Check> pstn_struct_checks(const std::string& prefix);
std::vector<Check> pstn_audio_struct_checks(const std::string& prefix);
std::vector<Check> media_struct_checks(const std::string& prefix);

}  // namespace trunkline::conformance
