#include "runtime/flowtest/report.h"

#include <re2/re2.h>

#include <algorithm>

namespace trunkline::flowtest {
namespace {

constexpr std::size_t kMaxShown = 400;

std::string shown(const Value& value) {
  std::string text = expression::to_json_text(value);
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "…";
  return text;
}

bool is_regex(const Value& value) {
  return value.is_object() && value.size() == 1 && value.contains("$regex") && value["$regex"].is_string();
}

}  // namespace

std::size_t Coverage::covered_actions() const {
  return static_cast<std::size_t>(std::count_if(actions.begin(), actions.end(), [](const Action& one) { return one.hits > 0; }));
}
std::size_t Coverage::covered_branches() const {
  return static_cast<std::size_t>(
      std::count_if(branches.begin(), branches.end(), [](const Branch& one) { return one.taken > 0; }));
}

void Coverage::add(const Coverage& other) {
  for (std::size_t i = 0; i < std::min(actions.size(), other.actions.size()); ++i) actions[i].hits += other.actions[i].hits;
  for (std::size_t i = 0; i < std::min(branches.size(), other.branches.size()); ++i) branches[i].taken += other.branches[i].taken;
}

void compare(const Value& expected, const Value& actual, bool partial, const std::string& where, std::vector<Difference>& out) {
  if (is_regex(expected)) {
    const std::string& pattern = expected["$regex"].get_ref<const std::string&>();
    const bool fits =
        actual.is_string() && re2::RE2::PartialMatch(actual.get_ref<const std::string&>(), re2::RE2(pattern, re2::RE2::Quiet));
    if (!fits) out.push_back({where, "a text that fits /" + pattern + "/", shown(actual)});
    return;
  }
  if (expected.is_object() && actual.is_object()) {
    for (const auto& item : expected.items()) {
      const auto found = actual.find(item.key());
      if (found == actual.end())
        out.push_back({where + "." + item.key(), shown(item.value()), "(missing)"});
      else
        compare(item.value(), *found, partial, where + "." + item.key(), out);
    }
    if (!partial)
      for (const auto& item : actual.items())
        if (!expected.contains(item.key())) out.push_back({where + "." + item.key(), "(nothing)", shown(item.value())});
    return;
  }
  if (expected.is_array() && actual.is_array()) {
    for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
      const std::string here = where + "[" + std::to_string(i) + "]";
      if (i >= actual.size())
        out.push_back({here, shown(expected[i]), "(missing)"});
      else if (i >= expected.size())
        out.push_back({here, "(nothing)", shown(actual[i])});
      else
        compare(expected[i], actual[i], partial, here, out);
    }
    return;
  }
  if (!expression::equal_values(expected, actual)) out.push_back({where, shown(expected), shown(actual)});
}

std::vector<Coverage> merge(const std::vector<TestReport>& reports) {
  std::vector<Coverage> out;
  for (const TestReport& report : reports) {
    if (report.coverage.actions.empty()) continue;
    const auto found =
        std::find_if(out.begin(), out.end(), [&](const Coverage& one) { return one.file == report.coverage.file; });
    if (found == out.end())
      out.push_back(report.coverage);
    else
      found->add(report.coverage);
  }
  return out;
}

std::string lcov(const std::vector<Coverage>& coverage) {
  std::string out;
  for (const Coverage& one : coverage) {
    out += "TN:\nSF:" + one.file + "\n";
    for (std::size_t i = 0; i < one.branches.size(); ++i) {
      const Coverage::Branch& branch = one.branches[i];
      out += "BRDA:" + std::to_string(branch.line) + ",0," + std::to_string(i) + "," + std::to_string(branch.taken) + "\n";
    }
    out += "BRF:" + std::to_string(one.branches.size()) + "\nBRH:" + std::to_string(one.covered_branches()) + "\n";
    for (const Coverage::Action& action : one.actions)
      out += "DA:" + std::to_string(action.line) + "," + std::to_string(action.hits) + "\n";
    out += "LF:" + std::to_string(one.actions.size()) + "\nLH:" + std::to_string(one.covered_actions()) + "\nend_of_record\n";
  }
  return out;
}

}  // namespace trunkline::flowtest
