#include "personality.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "settings.h"

namespace sms_sandbox {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::sms::FailureReason;

namespace {

/// Presets: members of a personality; what stands beside `preset` wins.
const json& presets() {
  static const json kPresets = json::parse(R"({
    "steady": {"latency_curve": [{"percentile": 50, "ms": 300}, {"percentile": 99, "ms": 3000}, {"percentile": 100, "ms": 20000}],
               "fail": [{"reason": "unreachable", "share": 0.01}]},
    "busy":   {"rate_per_second": 10, "burst": 20,
               "latency_curve": [{"percentile": 50, "ms": 2000}, {"percentile": 95, "ms": 30000}, {"percentile": 100, "ms": 600000}],
               "refuse": [{"reason": "temporary", "share": 0.02}],
               "fail": [{"reason": "unreachable", "share": 0.03}],
               "late": {"share": 0.05, "by_ms": 3600000}},
    "flaky":  {"latency_curve": [{"percentile": 80, "ms": 500}, {"percentile": 100, "ms": 120000}],
               "refuse": [{"reason": "temporary", "share": 0.15}],
               "fail": [{"reason": "temporary", "share": 0.05}, {"reason": "unreachable", "share": 0.05}],
               "missing": {"share": 0.05}},
    "liar":   {"duplicate": {"share": 0.2, "after_ms": 1000}, "contradictory": {"share": 0.2, "after_ms": 2000},
               "late": {"share": 0.1, "by_ms": 600000}, "missing": {"share": 0.1},
               "fail": [{"reason": "unreachable", "share": 0.1}, {"reason": "blocked", "share": 0.05}]}
  })");
  return kPresets;
}

[[noreturn]] void invalid(const std::string& member, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "personality." + member + ": " + what, "personality." + member);
}

std::vector<Share> shares(const json& list, const std::string& member) {
  std::vector<Share> out;
  double sum = 0;
  for (const json& one : list) {
    out.push_back({parse_reason(one.value("reason", "unspecified")), one.value("share", 0.0)});
    sum += out.back().share;
  }
  if (sum > 1) invalid(member, "the shares are more than 1 together");
  return out;
}

void quirk(const json& config, const char* member, const char* duration, double& share, Duration* time) {
  const auto found = config.find(member);
  if (found == config.end()) return;
  share = found->value("share", 0.0);
  if (time) *time = std::chrono::milliseconds(found->value(duration, std::int64_t{1000}));
}

/// Which share a draw from [0, 1) falls into.
FailureReason pick(const std::vector<Share>& list, double draw) {
  for (const Share& one : list) {
    if (draw < one.share) return one.reason;
    draw -= one.share;
  }
  return FailureReason::kNone;
}

/// Straight between the points; before the first one, from nothing.
Duration along(const std::vector<LatencyPoint>& curve, double percentile) {
  LatencyPoint before;
  for (const LatencyPoint& point : curve) {
    if (percentile <= point.percentile) {
      const double width = point.percentile - before.percentile;
      const double part = width > 0 ? (percentile - before.percentile) / width : 1;
      return before.latency + std::chrono::duration_cast<Duration>(part * (point.latency - before.latency));
    }
    before = point;
  }
  return before.latency;
}

}  // namespace

Personality parse_personality(const json& config) {
  json members = config;
  if (const std::string name = config.value("preset", ""); !name.empty()) {
    members = presets().at(name);
    members.update(config);
  }
  Personality p;
  p.rate_per_second = members.value("rate_per_second", 0.0);
  p.burst = std::max(1.0, members.value("burst", p.rate_per_second));
  if (const auto curve = members.find("latency_curve"); curve != members.end())
    for (const json& point : *curve)
      p.latency_curve.push_back({point.value("percentile", 0.0), std::chrono::milliseconds(point.value("ms", std::int64_t{0}))});
  for (std::size_t i = 1; i < p.latency_curve.size(); ++i) {
    const LatencyPoint &a = p.latency_curve[i - 1], &b = p.latency_curve[i];
    if (b.percentile <= a.percentile || b.latency < a.latency)
      invalid("latency_curve[" + std::to_string(i) + "]", "wanted more than the point before it");
  }
  if (const auto list = members.find("refuse"); list != members.end()) p.refuse = shares(*list, "refuse");
  if (const auto list = members.find("fail"); list != members.end()) p.fail = shares(*list, "fail");
  quirk(members, "late", "by_ms", p.late_share, &p.late_by);
  quirk(members, "duplicate", "after_ms", p.duplicate_share, &p.duplicate_after);
  quirk(members, "contradictory", "after_ms", p.contradictory_share, &p.contradictory_after);
  quirk(members, "missing", "", p.missing_share, nullptr);
  return p;
}

Whim draw(const Personality& p, Random random) {
  const double refuse = random.uniform(), fail = random.uniform(), latency = random.uniform(), late = random.uniform(),
               late_by = random.uniform(), duplicate = random.uniform(), contradictory = random.uniform(),
               order = random.uniform(), missing = random.uniform();
  Whim whim;
  whim.refuse = pick(p.refuse, refuse);
  whim.fail = pick(p.fail, fail);
  if (!p.latency_curve.empty()) whim.latency = along(p.latency_curve, latency * 100);
  if (late < p.late_share) whim.late_by = std::chrono::duration_cast<Duration>(late_by * p.late_by);
  if (duplicate < p.duplicate_share) whim.duplicate_after = p.duplicate_after;
  if (contradictory < p.contradictory_share) whim.contradictory_after = p.contradictory_after;
  whim.lies_first = order < 0.5;
  whim.missing = missing < p.missing_share;
  return whim;
}

bool RateGate::pass(const Personality& p, Time now) {
  if (!p.has_rate()) return true;
  if (!std::exchange(started_, true))
    tokens_ = p.burst;
  else
    tokens_ = std::min(p.burst, tokens_ + p.rate_per_second * std::chrono::duration<double>(now - at_).count());
  at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace sms_sandbox
