// What the machine of a run asks its run for, and how runs and actions are named.
#include "runtime/flows/engine.h"
#include "runtime/flows/run.h"
#include "runtime/workflow/trigger.h"

namespace trunkline::flows {
namespace {

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

std::string stable_guid(RunKey run, std::uint64_t a, std::uint64_t b) {
  Uuid uuid;
  const std::uint64_t first = mix(mix(static_cast<std::uint64_t>(run)) ^ a), second = mix(first ^ mix(b));
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(first >> (8 * i));
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(second >> (8 * i));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x40 | (uuid.bytes[6] & 0x0f));
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
  return uuid.str();
}

std::string ParentLink::str() const {
  if (empty()) return {};
  return std::to_string(run) + " " + std::to_string(frame) + " " + std::to_string(action) + " " + workflow;
}

ParentLink ParentLink::parse(std::string_view text) {
  ParentLink out;
  std::vector<std::string_view> parts = split(text, ' ');
  if (parts.size() < 4) return out;
  out.run = parse_number<RunKey>(parts[0]).value_or(0);
  out.frame = parse_number<FrameId>(parts[1]).value_or(0);
  out.action = parse_number<ActionIndex>(parts[2]).value_or(workflow::kNone);
  out.workflow = text.substr(parts[0].size() + parts[1].size() + parts[2].size() + 3);
  return out;
}

/// Rows and histories hold microseconds; a finer time would differ after it was read back.
Time Run::now() { return std::chrono::floor<std::chrono::microseconds>(engine_.parts().clock.now()); }

std::array<std::uint8_t, 16> Run::guid_bytes() { return engine_.parts().ids.uuid4().bytes; }

std::uint64_t Run::random_below(std::uint64_t bound) { return engine_.parts().ids.next_below(bound); }

std::optional<std::string> Run::setting(std::string_view name) {
  return engine_.options().setting ? engine_.options().setting(name) : std::nullopt;
}

std::string Run::tracking_id(FrameId frame, ActionIndex action) {
  return stable_guid(row_.key, (std::uint64_t{frame} << 32) | action, 1);
}

std::optional<std::string> Run::callback_url(FrameId frame, ActionIndex action) {
  const auto type = version_->plan->actions[action].type;
  if (type != workflow::ActionType::kHttpWebhook && type != workflow::ActionType::kApiConnectionWebhook) return std::nullopt;
  return engine_.parts().registry.callback_url(*workflow_, name_, version_->plan->actions[action].name, frame);
}

const Value& Run::workflow_value() {
  if (!workflow_value_.is_null()) return workflow_value_;
  Value tags = Value::object();
  for (const auto& [name, value] : workflow_->tags) tags[name] = value;
  const std::string name = name_;
  workflow_value_ = {
      {"id", workflow_->arm_id},
      {"name", workflow_->name},
      {"type", "Microsoft.Logic/workflows"},
      {"location", workflow_->location},
      {"tags", std::move(tags)},
      {"run", {{"id", workflow_->arm_id + "/runs/" + name}, {"name", name}, {"type", "Microsoft.Logic/workflows/runs"}}}};
  return workflow_value_;
}

}  // namespace trunkline::flows
