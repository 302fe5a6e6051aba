#include "runtime/app/workflow_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/app/client_command.h"
#include "runtime/base/time_text.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr std::size_t kShort = 150;

std::optional<Time> time_at(const json& object, const char* member) {
  const std::string text = text_of(object, member);
  return text.empty() ? std::nullopt : parse_rfc3339(text);
}

/// `1.25s`, `12ms`; empty while it goes on.
std::string length_of(const json& object) {
  const auto from = time_at(object, "started_at"), to = time_at(object, "ended_at");
  if (!from || !to) return {};
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(*to - *from));
}

/// Cut at a character, not inside one.
std::string shortened(const std::string& text, bool full) {
  if (full || text.size() <= kShort) return text;
  std::size_t end = kShort;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "… (" + std::to_string(text.size()) + " bytes)";
}

std::string written(const json& value, bool full) {
  if (value.is_string()) return shortened(value.get<std::string>(), full);
  return shortened(full ? value.dump(2) : value.dump(), full);
}

std::string error_text(const json& error, bool full) {
  if (!error.is_object()) return written(error, full);
  // Attempts have the envelope of a service around it.
  if (const auto inner = error.find("error"); inner != error.end()) return error_text(*inner, full);
  const std::string code = text_of(error, "code"), message = text_of(error, "message");
  if (code.empty() && message.empty()) return written(error, full);
  return code + (code.empty() || message.empty() ? "" : ": ") + shortened(message, full);
}

class RunText {
 public:
  RunText(const json& run, RunTextOptions options) : run_(run), full_(options.full) {}

  std::string write() {
    const std::string length = length_of(run_);
    line(0, text_of(run_, "workflow") + "  " + text_of(run_, "run") + "  " + text_of(run_, "status") +
                (length.empty() ? "" : "  after " + length));
    if (run_.contains("error")) line(1, "error    " + error_text(run_["error"], full_));
    if (const std::string repeats = text_of(run_, "repeats"); !repeats.empty()) {
      const std::string from = text_of(run_, "repeats_from");
      line(1, "repeats  " + repeats + (from.empty() ? "" : " from " + from));
    }
    line(1, "trigger  " + text_of(run_, "trigger") + "  " + text_of(run_, "started_at"));
    value(2, "inputs", run_, "trigger_inputs");
    value(2, "outputs", run_, "trigger_outputs");
    if (const auto steps = run_.find("steps"); steps != run_.end())
      for (const json& step : *steps) write_step(step);
    if (const auto response = run_.find("response"); response != run_.end())
      line(1, "response " + (*response)["status_code"].dump() + "  " + written(response->value("body", json()), full_));
    value(1, "outputs", run_, "outputs");
    const std::string status = text_of(run_, "status");
    if (status == "failed" || status == "timed_out")
      line(1, "again    trunkline workflow rerun " + text_of(run_, "workflow") + " " + text_of(run_, "run"));
    return std::move(out_);
  }

 private:
  void line(int depth, const std::string& text) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    if (!out_.empty()) out_ += '\n';
    out_ += indent;
    // What has lines of its own stays below its beginning.
    for (const char c : text) {
      out_ += c;
      if (c == '\n') out_ += indent + "         ";
    }
  }

  void value(int depth, const char* label, const json& object, const char* member) {
    const auto found = object.find(member);
    if (found == object.end() || found->is_null() || (found->is_object() && found->empty())) return;
    std::string name(label);
    name.resize(9, ' ');
    line(depth, name + written(*found, full_));
  }

  void write_step(const json& step) {
    const int depth = 1 + step.value("depth", 0);
    const std::string length = length_of(step), repetition = text_of(step, "repetition"), code = text_of(step, "code");
    std::string head = text_of(step, "status") + "  " + text_of(step, "name");
    if (!repetition.empty()) head += " [" + repetition + "]";
    head += "  (" + text_of(step, "type") + ")";
    if (!code.empty()) head += "  " + code;
    if (!length.empty()) head += "  " + length;
    if (const std::string due = text_of(step, "due_at"); !due.empty()) head += "  goes on at " + due;
    line(depth, head);
    value(depth + 1, "inputs", step, "inputs");
    int attempt = 0;
    if (const auto retries = step.find("retries"); retries != step.end()) {
      for (const json& retry : *retries) {
        std::string text = "attempt " + std::to_string(++attempt) + "  " + text_of(retry, "code");
        if (const std::string took = length_of(retry); !took.empty()) text += "  " + took;
        if (retry.contains("error")) text += "  " + error_text(retry["error"], full_);
        line(depth + 1, text);
      }
    }
    if (attempt > 0 && step.contains("ended_at"))
      line(depth + 1, "attempt " + std::to_string(attempt + 1) + "  " + code + "  the last" +
                          (step.contains("error") ? "  " + error_text(step["error"], full_) : ""));
    value(depth + 1, "outputs", step, "outputs");
    value(depth + 1, "tracked", step, "tracked_properties");
    if (step.contains("error") && attempt == 0) write_error(step, depth + 1);
  }

  /// Of a step that was skipped it is why, in the words that matter.
  void write_error(const json& step, int depth) {
    constexpr std::string_view kBefore = "is skipped: ";
    const std::string message = step["error"].is_object() ? text_of(step["error"], "message") : std::string();
    const std::size_t why = message.find(kBefore);
    if (text_of(step, "status") == "skipped" && why != std::string::npos && !full_)
      line(depth, "because  " + message.substr(why + kBefore.size()));
    else
      line(depth, "error    " + error_text(step["error"], full_));
  }

  const json& run_;
  const bool full_;
  std::string out_;
};

}  // namespace

std::vector<std::string> workflow_row(const json& workflow) {
  std::string triggers;
  for (const json& trigger : workflow["triggers"]) {
    triggers += (triggers.empty() ? "" : ", ") + text_of(trigger, "name") + " (" + text_of(trigger, "type") + ")";
    if (const std::string url = text_of(trigger, "callback_url"); !url.empty()) triggers += " " + url;
    if (const std::string next = text_of(trigger, "next_run_at"); !next.empty()) triggers += " next " + next;
    if (const std::string problem = text_of(trigger, "problem"); !problem.empty()) triggers += " does not fire: " + problem;
  }
  return {text_of(workflow, "name"), workflow.value("enabled", true) ? "enabled" : "disabled", text_of(workflow, "version"),
          triggers};
}

std::string workflow_line(const json& workflow) { return table_of({workflow_row(workflow)}); }

std::string missing_text(const json& workflow) {
  constexpr std::size_t kNamed = 3;
  std::string out;
  const auto connectors = workflow.find("connectors");
  if (connectors == workflow.end()) return out;
  bool can_be_mapped = false;
  for (const json& one : *connectors) {
    if (one.contains("stands_for")) continue;
    const std::string kind = text_of(one, "kind");
    can_be_mapped = can_be_mapped || kind != "action_type";
    out += "\n  nothing stands for the " + std::string(kind == "action_type" ? "action type" : kind) + " '" +
           text_of(one, "name") + "': ";
    const json& users = one["used_by"];
    for (std::size_t i = 0; i < users.size() && i < kNamed; ++i) out += (i == 0 ? "" : ", ") + users[i].get<std::string>();
    if (users.size() > kNamed) out += " and " + std::to_string(users.size() - kNamed) + " more";
  }
  if (can_be_mapped)
    out += "\n  map connectors and functions under `connections` in the configuration; other steps run as they are";
  return out;
}

std::vector<std::string> run_row(const json& run) {
  std::string note;
  if (run.contains("error")) note = error_text(run["error"], false);
  if (const std::string repeats = text_of(run, "repeats"); !repeats.empty())
    note += (note.empty() ? "repeats " : "  repeats ") + repeats;
  return {text_of(run, "run"), text_of(run, "status"), text_of(run, "trigger"), text_of(run, "started_at"), length_of(run), note};
}

std::vector<std::string> version_row(const json& version) {
  return {text_of(version, "version"), text_of(version, "created_at"),
          version.value("current", false) ? "new runs follow it" : ""};
}

std::vector<std::string> firing_row(const json& firing) {
  std::string note;
  if (firing.contains("error"))
    note = error_text(firing["error"], false);
  else if (const std::string run = text_of(firing, "run"); !run.empty())
    note = "run " + run;
  else
    note = "started no run";
  return {text_of(firing, "started_at"), text_of(firing, "trigger"), text_of(firing, "status"), text_of(firing, "code"), note};
}

std::string started_text(const json& started) {
  const std::string run = text_of(started, "run");
  std::string text = run.empty() ? "the trigger did not fire: its conditions do not hold"
                                 : "started  " + text_of(started, "workflow") + "  " + run;
  if (const auto response = started.find("response"); response != started.end())
    text += "\nresponse " + (*response)["status_code"].dump() + "  " + written(response->value("body", json()), true);
  return text;
}

std::string run_text(const json& run, RunTextOptions options) { return RunText(run, options).write(); }

}  // namespace trunkline::app
