#include "runtime/expression/json_context.h"

#include <cstring>

#include "runtime/expression/date_time.h"

namespace trunkline::expression {
namespace {

const Value* by_name(const Value* object, const Name& name) { return object ? find_member(*object, name.text) : nullptr; }

}  // namespace

JsonContext::JsonContext(Value document, Sources sources) : document_(std::move(document)), sources_(std::move(sources)) {
  if (!document_.is_object()) throw Error(ErrorCode::kInvalidArgument, "The context has to be an object", "context");
  parameters_ = member("parameters", true);
  variables_ = member("variables", true);
  actions_ = member("actions", true);
  results_ = member("results", true);
  items_ = member("items", true);
  iteration_indexes_ = member("iterationIndexes", true);
  settings_ = member("settings", true);
  agent_parameters_ = member("agentParameters", true);
  trigger_ = member("trigger", false);
  current_action_ = member("action", false);
  item_ = member("item", false);
  workflow_ = member("workflow", false);
  callback_url_ = member("callbackUrl", false);
  if (callback_url_ && !callback_url_->is_string())
    throw Error(ErrorCode::kInvalidArgument, "callbackUrl has to be a text", "context.callbackUrl");
  if (const Value* now = member("utcNow", false)) {
    const auto parsed = now->is_string() ? parse_date(now->get_ref<const std::string&>(), Culture::invariant(), sources_.now)
                                         : std::optional<DateTime>();
    if (parsed) now_ = to_time(*parsed);
    if (!now_)
      throw Error(ErrorCode::kInvalidArgument, "utcNow has to be a time such as 2025-09-25T05:18:31.3384797Z", "context.utcNow");
  }
}

const Value* JsonContext::member(std::string_view name, bool must_be_object) const {
  const auto found = document_.find(name);
  if (found == document_.end()) return nullptr;
  if (must_be_object && !found->is_object())
    throw Error(ErrorCode::kInvalidArgument, std::string(name) + " has to be an object", "context." + std::string(name));
  return &*found;
}

const Value* JsonContext::action(const Name& name) { return by_name(actions_, name); }
const Value* JsonContext::result(const Name& scope) { return by_name(results_, scope); }
const Value* JsonContext::items(const Name& loop) { return by_name(items_, loop); }
const Value* JsonContext::variable(const Name& name) { return by_name(variables_, name); }
const Value* JsonContext::parameter(const Name& name) { return by_name(parameters_, name); }
const Value* JsonContext::agent_parameter(const Name& name) { return by_name(agent_parameters_, name); }

std::optional<std::int64_t> JsonContext::iteration_index(const Name& loop) {
  const Value* index = by_name(iteration_indexes_, loop);
  return index && index->is_number_integer() ? std::optional(index->get<std::int64_t>()) : std::nullopt;
}

std::optional<std::string> JsonContext::callback_url() {
  return callback_url_ ? std::optional(callback_url_->get<std::string>()) : std::nullopt;
}

std::optional<std::string> JsonContext::setting(const Name& name) {
  const Value* value = by_name(settings_, name);
  return value ? std::optional(to_text(*value)) : std::nullopt;
}

Time JsonContext::now() { return now_ ? *now_ : sources_.now(); }

std::array<std::uint8_t, 16> JsonContext::guid_bytes() {
  std::array<std::uint8_t, 16> out{};
  sources_.random(out.data(), out.size());
  return out;
}

std::uint64_t JsonContext::random_below(std::uint64_t bound) {
  // Values in the last, incomplete round would favour small numbers.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    std::array<std::uint8_t, 8> bytes{};
    sources_.random(bytes.data(), bytes.size());
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    if (value < limit) return value % bound;
  }
}

}  // namespace trunkline::expression
