#include "runtime/flows/retry_policy.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"
#include "runtime/workflow/machine.h"

namespace trunkline::flows {
namespace {

using expression::Value;

Error wrong(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "the retry policy " + what, "retryPolicy"); }

std::optional<Duration> duration(const Value& policy, const char* name, const workflow::Options& limits) {
  const auto found = policy.find(name);
  if (found == policy.end() || found->is_null()) return std::nullopt;
  const auto parsed = found->is_string() ? parse_duration(found->get_ref<const std::string&>()) : std::nullopt;
  if (!parsed) throw wrong(std::string("has a '") + name + "' that is no ISO 8601 duration");
  if (*parsed < limits.min_retry_interval || *parsed > limits.max_retry_interval)
    throw wrong(std::string("has a '") + name + "' that is not from " + format_duration(limits.min_retry_interval) + " to " +
                format_duration(limits.max_retry_interval));
  return parsed;
}

}  // namespace

std::optional<Duration> RetryPolicy::wait(int retry, std::optional<Duration> asked, double random) const {
  if (kind == Kind::kNone || retry > count) return std::nullopt;
  if (asked) return asked;
  if (kind == Kind::kFixed) return interval;
  const auto scaled = [&](int doublings) {
    const double ns = static_cast<double>(interval.count()) * std::ldexp(1.0, std::min(doublings, 40));
    return Duration{static_cast<std::int64_t>(std::min(ns, 9e18))};
  };
  if (kind == Kind::kDefault) return std::clamp(scaled(retry - 1), minimum, maximum);
  const Duration from = std::max(retry == 1 ? Duration{0} : scaled(retry - 2), minimum);
  const Duration to = std::min(scaled(retry - 1), maximum);
  if (to <= from) return std::min(from, maximum);
  return from + Duration{static_cast<std::int64_t>(random * static_cast<double>((to - from).count()))};
}

RetryPolicy read_retry_policy(const Value& inputs, const workflow::Options& limits) {
  RetryPolicy out;
  if (!inputs.is_object()) return out;
  const auto found = inputs.find("retryPolicy");
  if (found == inputs.end() || found->is_null()) return out;
  if (!found->is_object()) throw wrong("is no object");
  const auto type = found->find("type");
  const std::string kind = type != found->end() && type->is_string() ? type->get<std::string>() : "";
  if (iequals(kind, "none")) {
    out.kind = RetryPolicy::Kind::kNone;
    return out;
  }
  if (iequals(kind, "fixed"))
    out.kind = RetryPolicy::Kind::kFixed;
  else if (iequals(kind, "exponential"))
    out.kind = RetryPolicy::Kind::kExponential;
  else if (!kind.empty())
    throw wrong("has the unknown type '" + kind.substr(0, 40) + "'");
  else
    return out;
  const auto count = found->find("count");
  const auto number = count != found->end() ? workflow::whole_number(*count) : std::nullopt;
  if (!number || *number < 1 || *number > limits.max_retries)
    throw wrong("needs a 'count' from 1 to " + std::to_string(limits.max_retries));
  out.count = static_cast<int>(*number);
  const auto interval = duration(*found, "interval", limits);
  if (!interval) throw wrong("has no 'interval'");
  out.interval = *interval;
  out.minimum = duration(*found, "minimumInterval", limits).value_or(std::chrono::seconds{5});
  out.maximum = duration(*found, "maximumInterval", limits).value_or(std::chrono::hours{24});
  return out;
}

}  // namespace trunkline::flows
