// Legs as the checks of telephone providers set them up.
#pragma once
#include <string>
#include <vector>

#include "runtime/conformance/check.h"
#include "runtime/conformance/one_call.h"
#include "trunkline/pstn_client.hpp"

namespace trunkline::conformance {

/// An id that no other leg of this process has.
std::string new_leg_id();
pstn::DialRequest dial_request(const PstnSample& sample);

/// A leg and its instance.
class Phone {
 public:
  explicit Phone(CheckContext& kit)
      : kit_(kit),
        subject_(kit.open()),
        client_(subject_->interface(pstn::PstnProviderClient::kInterfaceId), subject_->calls()) {}

  Result<void> dial(pstn::DialRequest request);
  Result<void> answer(const std::string& leg);
  Result<void> hang_up(const std::string& leg, std::int32_t cause = 16);
  Result<void> send_dtmf(const std::string& leg, const std::string& digits);
  /// Sets a leg up and waits until somebody answers. Skips the check when the quirks say that nobody does.
  std::string answered_leg();
  /// Sets a leg up that will be answered, and does not wait.
  std::string dialed_leg();
  /// Waits until it ended. Fails the check when it does not.
  void await_end(const std::string& leg);
  /// What was told of it, in order.
  std::vector<pstn::LegChange> changes(const std::string& leg) const;
  bool has_ended(const std::string& leg) const;
  /// Fails the check when what was told of a leg goes back, or on after its end.
  void check_history(const std::string& leg) const;

  Subject& subject() { return subject_; }
  void close() { kit_.close(subject_); }

 private:
  CheckContext& kit_;
  Subject subject_;
  pstn::PstnProviderClient client_;
};

template <class T>
void require_not_found(const Result<T>& result, const std::string& what) {
  CheckContext::require(!result.ok(), what + ": wanted not_found, but it succeeded");
  CheckContext::require(result.error().code == ErrorCode::kNotFound,
                        what + ": wanted not_found, found " + error_name(result.error().code) + ": " + result.error().message);
}

}  // namespace trunkline::conformance
