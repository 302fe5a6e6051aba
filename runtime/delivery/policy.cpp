#include "runtime/delivery/policy.h"

#include <algorithm>
#include <array>

#include "runtime/net/http_sender.h"

namespace trunkline::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<Duration, 10> kSchedule = {seconds{10}, seconds{30}, minutes{1}, minutes{5}, minutes{10},
                                                minutes{30}, hours{1},    hours{3},   hours{6},   hours{12}};

constexpr OutcomeRule kBadRequest{Outcome::kBadRequest, true};
constexpr OutcomeRule kUnauthorized{Outcome::kUnauthorized, true};
constexpr OutcomeRule kForbidden{Outcome::kForbidden, true};
constexpr OutcomeRule kTooLarge{Outcome::kPayloadTooLarge, true};
constexpr OutcomeRule kNotFound{Outcome::kNotFound, false, true, minutes{5}};
constexpr OutcomeRule kTimedOut{Outcome::kTimedOut, false, true, minutes{2}};
constexpr OutcomeRule kBusy{Outcome::kBusy, false, true, seconds{10}};

}  // namespace

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDelivered:
      return "Delivered";
    case Outcome::kBadRequest:
      return "BadRequest";
    case Outcome::kUnauthorized:
      return "Unauthorized";
    case Outcome::kForbidden:
      return "Forbidden";
    case Outcome::kNotFound:
      return "NotFound";
    case Outcome::kPayloadTooLarge:
      return "PayloadTooLarge";
    case Outcome::kTimedOut:
      return "TimedOut";
    case Outcome::kBusy:
      return "Busy";
    case Outcome::kSocketError:
      return "SocketError";
    case Outcome::kResolutionError:
      return "ResolutionError";
    case Outcome::kAborted:
      return "Aborted";
    case Outcome::kProbation:
      return "Probation";
  }
  return "Aborted";
}

OutcomeRule rule_of_status(int status) {
  if (status >= 200 && status <= 204) return {Outcome::kDelivered};
  switch (status) {
    case 400:
      return kBadRequest;
    case 401:
      return kUnauthorized;
    case 403:
      return kForbidden;
    case 404:
      return kNotFound;
    case 408:
      return kTimedOut;
    case 413:
      return kTooLarge;
    case 503:
      return {Outcome::kBusy, false, true, seconds{30}};
    default:
      return kBusy;
  }
}

OutcomeRule rule_of_error(const Error& error) {
  if (error.code == ErrorCode::kDeadlineExceeded) return {Outcome::kTimedOut, false, true, seconds{10}};
  if (net::is_resolution_failure(error)) return {Outcome::kResolutionError, false, true, minutes{5}};
  if (error.code == ErrorCode::kCancelled) return {Outcome::kAborted};
  // It never left: the request is at fault, and no endpoint.
  if (error.code == ErrorCode::kInvalidArgument) return kBadRequest;
  return {Outcome::kSocketError, false, true, seconds{10}};
}

OutcomeRule rule_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kBadRequest:
      return kBadRequest;
    case Outcome::kUnauthorized:
      return kUnauthorized;
    case Outcome::kForbidden:
      return kForbidden;
    case Outcome::kPayloadTooLarge:
      return kTooLarge;
    case Outcome::kNotFound:
      return kNotFound;
    case Outcome::kTimedOut:
      return kTimedOut;
    case Outcome::kBusy:
    case Outcome::kSocketError:
    case Outcome::kResolutionError:
      return {outcome, false, true, seconds{10}};
    default:
      return {outcome};
  }
}

std::string_view dead_letter_reason(Outcome outcome) {
  switch (outcome) {
    case Outcome::kBadRequest:
      return "UndeliverableDueToHttpBadRequest";
    case Outcome::kUnauthorized:
      return "UndeliverableDueToHttpUnauthorized";
    case Outcome::kForbidden:
      return "UndeliverableDueToHttpForbidden";
    case Outcome::kPayloadTooLarge:
      return "UndeliverableDueToHttpEntityTooLarge";
    default:
      return "";
  }
}

Duration retry_wait(const DeliveryOptions& options, int attempts, const OutcomeRule& rule, IdSource& random) {
  const auto step = static_cast<std::size_t>(std::max(attempts, 1) - 1);
  Duration wait;
  if (options.retry_schedule.empty())
    wait = std::max(kSchedule[std::min(step, kSchedule.size() - 1)], rule.least_wait);
  else
    wait = options.retry_schedule[std::min(step, options.retry_schedule.size() - 1)];
  // Only ever longer, so that "after ten seconds" is a promise.
  const double share = static_cast<double>(random.next_below(1'000'000)) / 1e6 * options.jitter;
  return wait + std::chrono::duration_cast<Duration>(wait * share);
}

}  // namespace trunkline::delivery
