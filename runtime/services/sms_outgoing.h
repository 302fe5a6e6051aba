// One accepted request on its way to a provider.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/services/resource.h"
#include "trunkline/sms.hpp"

namespace trunkline {

struct RouteTarget;

struct OutgoingRecipient {
  std::string to;
  std::string message_id;
  bool on_net = false;
};

/// Shared by the dispatcher and the provider's completion; one of them has it at a time.
struct OutgoingSms {
  ResourcePtr resource;
  std::string from;
  std::string text;
  bool wants_report = false;
  std::string tag;
  std::string traceparent;
  std::vector<OutgoingRecipient> recipients;
  std::int32_t segments = 1;
  Time accepted_at{};
  /// The answer to a keyword: goes to people who opted out as well.
  bool confirmation = false;
  /// What SmsConsent::recalls() was when it was accepted; 0: long ago, check again.
  std::uint64_t recalls = 0;
  /// A price was reserved for it.
  bool reserved = false;

  /// Carriers that had it and reported later that they failed: never asked again. What it ends with when nobody else can.
  std::vector<std::string> given_up;
  sms::FailureReason given_up_reason = sms::FailureReason::kNone;
  std::string given_up_code;
  /// Those that were asked in this round, and how often all of them were gone through.
  std::vector<const RouteTarget*> tried;
  int round = 0;
  /// How often it waited because every carrier was left alone.
  int left_alone = 0;
  /// One of them may answer otherwise later.
  bool worth_retrying = false;
  /// Its turn under the rate limits has come.
  bool has_turn = false;
  /// The provider that is asked now, and the lines that say why.
  const RouteTarget* target = nullptr;
  std::string decision;
  /// Its answer was lost: nobody else may be asked until it is known what became of it. How often we tried to find out.
  bool in_doubt = false;
  std::size_t inquiries = 0;
};
/// Whether a carrier may not be asked for it in this round.
bool is_out(const OutgoingSms& message, const RouteTarget& target);
using OutgoingPtr = std::shared_ptr<OutgoingSms>;

}  // namespace trunkline
