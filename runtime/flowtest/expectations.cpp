#include "runtime/flowtest/expectations.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/strings.h"
#include "runtime/flows/http_content.h"

namespace trunkline::flowtest {
namespace {

using flows::ActionView;
using flows::RunView;

constexpr double kToleranceSeconds = 0.5;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string number(double value) {
  std::string text = std::to_string(value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void check_text(const Value& expected, std::string_view actual, const std::string& where, std::vector<Difference>& out) {
  compare(expected, Value(std::string(actual)), false, where, out);
}

void check_view(const Value& expected, const ActionView& view, const std::string& where, std::vector<Difference>& out) {
  static const Value kNull;
  if (const auto status = expected.find("status"); status != expected.end())
    check_text(*status, workflow::to_text(view.status), where + ".status", out);
  if (const auto code = expected.find("code"); code != expected.end()) check_text(*code, view.code, where + ".code", out);
  if (const auto code = expected.find("errorCode"); code != expected.end()) {
    const auto found = view.error.is_object() ? view.error.find("code") : view.error.end();
    compare(*code, view.error.is_object() && found != view.error.end() ? *found : kNull, false, where + ".errorCode", out);
  }
  const Value& outputs = view.outputs ? *view.outputs : kNull;
  if (const auto wanted = expected.find("outputs"); wanted != expected.end())
    compare(*wanted, outputs, false, where + ".outputs", out);
  if (const auto wanted = expected.find("outputsPartial"); wanted != expected.end())
    compare(*wanted, outputs, true, where + ".outputs", out);
  if (const auto wanted = expected.find("trackedProperties"); wanted != expected.end())
    compare(*wanted, view.tracked_properties, false, where + ".trackedProperties", out);
  if (const auto wanted = expected.find("iterations"); wanted != expected.end())
    compare(*wanted, view.iterations ? Value(*view.iterations) : Value(), false, where + ".iterations", out);
}

void check_actions(const Value& expected, const RunView& run, const std::string& where, std::vector<Difference>& out) {
  if (!expected.is_object()) return;
  for (const auto& item : expected.items()) {
    const std::string here = where + item.key();
    const Value& wanted = item.value();
    if (wanted.contains("anything")) continue;
    const std::optional<ActionView> view = run.action(item.key());
    if (!view) {
      out.push_back({here, "an action of the definition", "(there is none)"});
      continue;
    }
    check_view(wanted, *view, here, out);
    const auto repetitions = wanted.find("repetitions");
    if (repetitions == wanted.end() || !repetitions->is_array()) continue;
    const std::vector<ActionView> actual = run.repetitions(item.key());
    if (actual.size() != repetitions->size())
      out.push_back({here + ".repetitions", std::to_string(repetitions->size()) + " of them", std::to_string(actual.size())});
    for (std::size_t i = 0; i < std::min(actual.size(), repetitions->size()); ++i)
      check_view((*repetitions)[i], actual[i], here + ".repetitions[" + std::to_string(i) + "]", out);
  }
}

void check_run(const Value& expected, const RunView& run, const std::string& where, std::vector<Difference>& out) {
  if (const auto status = expected.find("runStatus"); status != expected.end())
    check_text(*status, workflow::to_text(run.row().status), where + "runStatus", out);
  if (const auto error = expected.find("runError"); error != expected.end())
    compare(*error, run.error(), true, where + "runError", out);
  if (const auto actions = expected.find("actions"); actions != expected.end())
    check_actions(*actions, run, where + "actions.", out);
}

void check_response(const Value& expected, const std::optional<net::Response>& actual, const std::string& where,
                    std::vector<Difference>& out) {
  if (!actual) {
    out.push_back({where, "a response", "(none)"});
    return;
  }
  if (const auto status = expected.find("statusCode"); status != expected.end())
    compare(*status, Value(actual->status), false, where + ".statusCode", out);
  if (const auto headers = expected.find("headers"); headers != expected.end() && headers->is_object())
    for (const auto& header : headers->items()) {
      const bool type = iequals(header.key(), "Content-Type");
      const std::string_view value = type ? std::string_view(actual->content_type) : actual->headers.get(header.key());
      if (!type && !actual->headers.has(header.key()))
        out.push_back({where + ".headers." + header.key(), expression::to_json_text(header.value()), "(missing)"});
      else
        check_text(header.value(), value, where + ".headers." + header.key(), out);
    }
  if (const auto body = expected.find("body"); body != expected.end()) {
    const Value found = actual->body.empty() ? Value() : flows::body_value(actual->content_type, actual->body);
    // What the service itself refuses with has a message, which is for people.
    const bool envelope = body->is_object() && body->size() == 1 && body->contains("error");
    compare(*body, found, envelope, where + ".body", out);
  }
}

void check_calls(const Value& expected, const Outcome& outcome, std::vector<Difference>& out) {
  std::vector<bool> known(outcome.calls.size());
  const Value none = Value::array();
  const Value& groups = expected.is_array() ? expected : none;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const Value& group = groups[g];
    const std::string method = group.value("method", ""), pattern = group.value("urlPattern", ".*");
    const std::string where = "calls[" + std::to_string(g) + "] " + method + " " + pattern;
    const re2::RE2 url(pattern, re2::RE2::Quiet);
    if (!url.ok()) out.push_back({where, "a regular expression", url.error()});
    std::vector<const MockSender::Call*> calls;
    for (std::size_t i = 0; i < outcome.calls.size(); ++i) {
      const MockSender::Call& call = outcome.calls[i];
      if (known[i] || (!method.empty() && !iequals(method, call.method)) || !re2::RE2::FullMatch(call.url, url)) continue;
      known[i] = true;
      calls.push_back(&call);
    }
    if (const auto count = group.find("count"); count != group.end())
      compare(*count, Value(calls.size()), false, where + ".count", out);
    if (const auto at = group.find("atSeconds"); at != group.end() && at->is_array())
      for (std::size_t i = 0; i < std::min(at->size(), calls.size()); ++i) {
        const double actual = seconds(calls[i]->at - outcome.began), wanted = (*at)[i].get<double>();
        if (std::fabs(actual - wanted) > kToleranceSeconds)
          out.push_back({where + ".atSeconds[" + std::to_string(i) + "]", number(wanted), number(actual)});
      }
    if (const auto bodies = group.find("bodies"); bodies != group.end() && bodies->is_array())
      for (std::size_t i = 0; i < std::min(bodies->size(), calls.size()); ++i)
        compare((*bodies)[i], calls[i]->body, false, where + ".bodies[" + std::to_string(i) + "]", out);
  }
  for (std::size_t i = 0; i < outcome.calls.size(); ++i)
    if (!known[i])
      out.push_back(
          {"calls", "no further call",
           outcome.calls[i].method + " " + outcome.calls[i].url + (outcome.calls[i].answered ? "" : " (which no mock fits)")});
}

}  // namespace

void check(const Value& expect, const Outcome& outcome, std::vector<Difference>& out) {
  if (!expect.is_object()) return;
  const auto fired = expect.find("fired");
  const bool wants_none = fired != expect.end() && fired->is_boolean() && !fired->get<bool>();
  if (wants_none) {
    if (!outcome.runs.empty()) out.push_back({"fired", "no run", std::to_string(outcome.runs.size()) + " runs"});
  } else if (const auto runs = expect.find("runs"); runs != expect.end() && runs->is_array()) {
    if (runs->size() != outcome.runs.size())
      out.push_back({"runs", std::to_string(runs->size()) + " runs", std::to_string(outcome.runs.size()) + " runs"});
    for (std::size_t i = 0; i < std::min(runs->size(), outcome.runs.size()); ++i)
      check_run((*runs)[i], outcome.runs[i], "runs[" + std::to_string(i) + "].", out);
  } else if (outcome.runs.empty()) {
    out.push_back({"fired", "a run", "(none)"});
  } else {
    check_run(expect, outcome.runs.front(), "", out);
    if (outcome.runs.size() > 1) out.push_back({"runs", "one run", std::to_string(outcome.runs.size()) + " runs"});
  }
  if (const auto response = expect.find("response"); response != expect.end())
    check_response(*response, outcome.response, "response", out);
  if (const auto response = expect.find("finalResponse"); response != expect.end())
    check_response(*response, outcome.final_response, "finalResponse", out);
  const auto calls = expect.find("calls");
  check_calls(calls == expect.end() ? Value::array() : *calls, outcome, out);
  if (const auto bounds = expect.find("elapsedSeconds"); bounds != expect.end() && bounds->is_object() && !outcome.runs.empty()) {
    const flows::RunRow& row = outcome.runs.front().row();
    const double elapsed = row.ended ? seconds(*row.ended - row.started) : 0;
    const double least = bounds->value("min", 0.0), most = bounds->value("max", 1e18);
    if (elapsed < least || elapsed > most)
      out.push_back({"elapsedSeconds", number(least) + " to " + number(most), number(elapsed)});
  }
}

}  // namespace trunkline::flowtest
