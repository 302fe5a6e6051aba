#include "runtime/conformance/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/json.h"

namespace trunkline::conformance {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kNames{"passed", "failed", "skipped"};

json describe(const CheckResult& result) {
  json out;
  out["name"] = result.name;
  out["outcome"] = outcome_name(result.outcome);
  out["detail"] = result.detail;
  out["seconds"] = result.seconds;
  out["figures"] = result.figures;
  return out;
}

// Text of a plugin may hold anything.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// Control characters that XML 1.0 does not know become `?`.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", seconds);
  return text.data();
}

std::string indented(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    out.append("        ").append(lines.substr(0, end)) += '\n';
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return out;
}

}  // namespace

std::string_view outcome_name(Outcome outcome) { return kNames[static_cast<std::size_t>(outcome)]; }

std::size_t Report::count(Outcome outcome) const {
  return static_cast<std::size_t>(
      std::count_if(results.begin(), results.end(), [&](const CheckResult& result) { return result.outcome == outcome; }));
}

std::string to_text(const Report& report) {
  std::string out = report.plugin + "  " + report.version + "\n";
  for (const CheckResult& result : report.results) {
    out += result.outcome == Outcome::kPassed ? "  pass  " : result.outcome == Outcome::kFailed ? "  FAIL  " : "  skip  ";
    out += result.name;
    for (const auto& [name, value] : result.figures) {
      std::array<char, 64> number{};
      std::snprintf(number.data(), number.size(), "%.*f", value < 10 ? 2 : 0, value);
      out.append("  ").append(name).append("=").append(number.data());
    }
    out += '\n';
    out += indented(result.detail);
  }
  return out + std::to_string(report.count(Outcome::kPassed)) + " passed, " + std::to_string(report.count(Outcome::kFailed)) +
         " failed, " + std::to_string(report.count(Outcome::kSkipped)) + " skipped";
}

std::string to_json(const Report& report) {
  json out;
  out["plugin"] = report.plugin;
  out["version"] = report.version;
  out["interfaces"] = report.interfaces;
  for (const Outcome outcome : {Outcome::kPassed, Outcome::kFailed, Outcome::kSkipped})
    out[outcome_name(outcome)] = report.count(outcome);
  out["checks"] = json::array();
  for (const CheckResult& result : report.results) out["checks"].push_back(describe(result));
  return dump(out);
}

std::string to_junit(const Report& report) {
  double total = 0;
  for (const CheckResult& result : report.results) total += result.seconds;
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + xml(report.plugin) + "\" tests=\"" +
                    std::to_string(report.results.size()) + "\" failures=\"" + std::to_string(report.count(Outcome::kFailed)) +
                    "\" skipped=\"" + std::to_string(report.count(Outcome::kSkipped)) + "\" time=\"" + seconds_text(total) +
                    "\">\n";
  for (const CheckResult& result : report.results) {
    out += "  <testcase classname=\"" + xml(report.plugin) + "\" name=\"" + xml(result.name) + "\" time=\"" +
           seconds_text(result.seconds) + "\">\n";
    const std::string detail = xml(result.detail);
    if (result.outcome == Outcome::kFailed) out += "    <failure message=\"" + detail + "\"/>\n";
    if (result.outcome == Outcome::kSkipped) out += "    <skipped message=\"" + detail + "\"/>\n";
    if (!result.figures.empty()) {
      out += "    <properties>\n";
      for (const auto& [name, value] : result.figures)
        out += "      <property name=\"" + xml(name) + "\" value=\"" + std::to_string(value) + "\"/>\n";
      out += "    </properties>\n";
    }
    out += "  </testcase>\n";
  }
  return out + "</testsuite>\n";
}

std::string to_line(const CheckResult& result) { return dump(describe(result)); }

CheckResult from_line(std::string_view line) {
  const json value = parse_json(line);
  CheckResult result;
  try {
    result.name = value.at("name").get<std::string>();
    const auto outcome = value.at("outcome").get<std::string>();
    const auto* const found = std::find(kNames.begin(), kNames.end(), outcome);
    if (found == kNames.end()) throw Error(ErrorCode::kInvalidArgument, "outcome: found " + outcome, "outcome");
    result.outcome = static_cast<Outcome>(found - kNames.begin());
    result.detail = value.at("detail").get<std::string>();
    result.seconds = value.at("seconds").get<double>();
    result.figures = value.at("figures").get<std::map<std::string, double>>();
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("a line of the kit: ") + error.what());
  }
  return result;
}

}  // namespace trunkline::conformance
