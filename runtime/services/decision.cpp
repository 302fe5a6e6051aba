#include "runtime/services/decision.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"

namespace trunkline {
namespace {

constexpr std::size_t kLineBytes = 64;  // of a line beside its value and detail, nearly always
constexpr std::size_t kFirstBytes = 320;

void append_line(std::string& out, Time at, std::string_view rule, std::string_view outcome, std::string_view value,
                 std::string_view detail) {
  // Room for several lines at once: a text that grows with each piece is moved again and again.
  if (out.capacity() - out.size() < kLineBytes + value.size() + detail.size())
    out.reserve(out.size() + kFirstBytes + value.size() + detail.size());
  out += '[';
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, unix_us(at)).ptr);
  for (const std::string_view part : {rule, outcome, value}) {
    out += ',';
    append_json_string(out, part);
  }
  if (!detail.empty()) {
    out += ',';
    append_json_string(out, detail);
  }
  out += "]\n";
}

}  // namespace

DecisionLines& DecisionLines::step(std::string_view rule, std::string_view outcome, std::string_view value,
                                   std::string_view detail) {
  append_line(text_, at_, rule, outcome, value, detail);
  return *this;
}

DecisionLines& DecisionLines::steps(const std::vector<DecisionStep>& steps) {
  for (const DecisionStep& s : steps)
    append_line(text_, s.at, s.rule, s.outcome, s.value, s.detail ? std::string_view(*s.detail) : std::string_view{});
  return *this;
}

DecisionRecord parse_decision(std::string_view subject, std::string_view lines) {
  DecisionRecord record;
  record.subject = subject;
  for (const std::string_view line : split(lines, '\n')) {
    if (line.empty()) continue;
    const auto parts = nlohmann::json::parse(line);
    DecisionStep step;
    step.at = from_unix_us(parts.at(0).get<std::int64_t>());
    step.rule = parts.at(1);
    step.outcome = parts.at(2);
    step.value = parts.at(3);
    if (parts.size() > 4) step.detail = parts.at(4).get<std::string>();
    record.steps.push_back(std::move(step));
  }
  return record;
}

}  // namespace trunkline
