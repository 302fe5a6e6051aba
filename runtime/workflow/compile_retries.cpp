// Retry policies: their type, count and intervals.
#include "runtime/base/time_text.h"
#include "runtime/workflow/compiler.h"

namespace trunkline::workflow {
namespace {

bool is_constant(const Value& value) {
  return value.is_string() && !expression::holds_expression(value.get_ref<const std::string&>());
}

}  // namespace

void Compiler::retry_policy(const Value& inputs, const std::string& pointer) {
  if (in_.stored) return;  // what is wrong with it is said when it is used
  const Value* policy = find(inputs, "retryPolicy");
  if (policy == nullptr || (policy->is_string() && !is_constant(*policy))) return;
  const std::string at = append_pointer(pointer, "retryPolicy");
  if (!check_object(policy, at, "'retryPolicy'")) return;
  check_members(*policy, at, {"type", "count", "interval", "minimumInterval", "maximumInterval"}, "'retryPolicy'");
  const Options& options = in_.options;
  const Value* type = find(*policy, "type");
  if (type != nullptr && !type->is_string())
    problem(append_pointer(at, "type"), "The type of a retry policy must be none, fixed or exponential.");
  if (type != nullptr && is_constant(*type)) {
    const std::string& word = type->get_ref<const std::string&>();
    if (iequals(word, "none")) return;  // what else it says does not count
    if (!iequals(word, "fixed") && !iequals(word, "exponential"))
      problem(append_pointer(at, "type"), "The type of a retry policy must be none, fixed or exponential.");
    else
      for (const char* member : {"count", "interval"})
        if (find(*policy, member) == nullptr) problem(at, std::string("The retry policy has no '") + member + "'.");
  }
  if (const Value* count = find(*policy, "count"); count != nullptr && !(count->is_string() && !is_constant(*count))) {
    const std::optional<std::int64_t> number =
        count->is_string()           ? parse_number<std::int64_t>(count->get_ref<const std::string&>())
        : count->is_number_integer() ? std::optional<std::int64_t>(count->get<std::int64_t>())
                                     : std::nullopt;
    if (!number || *number < 1 || *number > options.max_retries)
      problem(append_pointer(at, "count"),
              "The 'count' of a retry policy must be a whole number from 1 to " + std::to_string(options.max_retries) + ".");
  }
  std::optional<Duration> shortest, longest;
  for (const char* member : {"interval", "minimumInterval", "maximumInterval"}) {
    const Value* text = find(*policy, member);
    if (text == nullptr || (text->is_string() && !is_constant(*text))) continue;
    const auto length = text->is_string() ? parse_duration(text->get_ref<const std::string&>()) : std::nullopt;
    const std::string here = append_pointer(at, member);
    if (!length) {
      problem(here, std::string("The '") + member + "' of a retry policy must be an ISO 8601 duration such as PT10S.");
      continue;
    }
    if (*length < options.min_retry_interval || *length > options.max_retry_interval)
      problem(here, std::string("The '") + member + "' of a retry policy must be from '" +
                        format_duration(options.min_retry_interval) + "' to '" + format_duration(options.max_retry_interval) +
                        "', but is '" + text->get<std::string>().substr(0, 40) + "'.");
    if (std::string_view(member) == "minimumInterval") shortest = length;
    if (std::string_view(member) == "maximumInterval") longest = length;
  }
  if (shortest && longest && *shortest > *longest)
    problem(append_pointer(at, "minimumInterval"),
            "The 'minimumInterval' of a retry policy must not be longer than its 'maximumInterval'.");
}

}  // namespace trunkline::workflow
