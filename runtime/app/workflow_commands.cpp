// `trunkline workflow`: deploy, run and look at workflows.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/app/workflow_text.h"
#include "runtime/base/json.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

struct WorkflowOptions {
  std::string name, file, parameters_file, trigger, body, body_file, path, tracking, run = "last", action, status, wait;
  std::vector<std::string> parameters, headers, tags;
  bool stateless = false, disabled = false, check = false, full = false;
  int limit = 20;
};
using WorkflowOptionsPtr = std::shared_ptr<WorkflowOptions>;

constexpr std::int64_t kLongestRunPollMs = 30'000;

std::string workflow_path(const std::string& name, const std::string& more = {}) {
  return "/_control/workflows/" + net::percent_encode(name) + more;
}

std::string run_path(const WorkflowOptions& options, const char* more = "") {
  return workflow_path(options.name, "/runs/" + net::percent_encode(options.run) + more);
}

std::string read_text(const std::string& file, const char* option) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorCode::kNotFound, std::string(option) + ": " + file + " cannot be read", option);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// JSON when it is some, else the text itself.
json value_of(const std::string& text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    return text;
  }
}

/// Members keep their order in the text that is sent, so the body is put together by hand.
std::string deployment_of(const WorkflowOptions& options) {
  std::string out = R"({"definition":)" + read_text(options.file, "file");
  json parameters = json::object();
  if (!options.parameters_file.empty()) parameters = parse_json(read_text(options.parameters_file, "--parameters"));
  for (const std::string& one : options.parameters) {
    const auto [name, value] = name_and_value(one, "--parameter");
    parameters[name] = value_of(value);
  }
  if (!parameters.empty()) out += R"(,"parameters":)" + parameters.dump();
  json tags = json::object();
  for (const std::string& one : options.tags) {
    const auto [name, value] = name_and_value(one, "--tag");
    tags[name] = value;
  }
  if (!tags.empty()) out += R"(,"tags":)" + tags.dump();
  if (options.stateless) out += R"(,"stateless":true)";
  if (options.disabled) out += R"(,"enabled":false)";
  return out + "}";
}

int deploy(ApiClient& client, const Output& output, const WorkflowOptions& options) {
  std::string name = options.name;
  if (name.empty()) name = std::filesystem::path(options.file).stem().string();
  if (name.empty() || name == "-")
    throw Error(ErrorCode::kInvalidArgument, "--name is missing: the definition has no file name", "--name");
  const std::string body = deployment_of(options);
  if (!options.check) {
    const json answer = client.put_text(workflow_path(name), body);
    output.result(answer, "deployed  " + workflow_line(answer) + missing_text(answer));
    return kExitOk;
  }
  const json answer = client.post_text(workflow_path(name, "/validate"), body);
  const json& problems = answer["problems"];
  for (const json& problem : problems)
    if (!output.json()) output.line(text_of(problem, "pointer") + ": " + text_of(problem, "message"));
  if (output.json()) output.line(answer.dump());
  if (problems.empty() && !output.json()) output.line("valid  " + name);
  return problems.empty() ? kExitOk : kExitFailed;
}

bool is_over(const json& run) {
  const std::string status = text_of(run, "status");
  return status != "running" && status != "waiting";
}

/// Asks again and again, each time for as long as the server lets us, until the run has ended.
json wait_for_run(ApiClient& client, const WorkflowOptions& options, Duration patience) {
  const Time until = system_time_now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - system_time_now()).count();
    const std::int64_t wait_ms = std::clamp<std::int64_t>(left, 0, kLongestRunPollMs);
    json run = client.get(Target(run_path(options)).add("wait_ms", std::to_string(wait_ms)).text());
    if (is_over(run) || left <= 0) return run;
  }
}

int exit_code_of(const json& run) {
  if (!is_over(run)) return kExitTimeout;
  return text_of(run, "status") == "succeeded" ? kExitOk : kExitFailed;
}

int start(ApiClient& client, const Output& output, WorkflowOptions options) {
  json body = json::object();
  if (!options.trigger.empty()) body["trigger"] = options.trigger;
  if (!options.path.empty()) body["path"] = options.path;
  if (!options.tracking.empty()) body["client_tracking_id"] = options.tracking;
  if (!options.body_file.empty())
    body["body"] = parse_json(read_text(options.body_file, "--body-file"));
  else if (!options.body.empty())
    body["body"] = value_of(options.body);
  for (const std::string& one : options.headers) {
    const auto [name, value] = name_and_value(one, "--header");
    body["headers"][name] = value;
  }
  const json started = client.post(workflow_path(options.name, "/runs"), body);
  options.run = text_of(started, "run");
  if (options.wait.empty() || options.run.empty()) {
    output.result(started, started_text(started));
    return kExitOk;
  }
  const json run = wait_for_run(client, options, duration_option(options.wait, "--wait"));
  output.result(run, run_text(run, {options.full}));
  return exit_code_of(run);
}

/// A list that the server answers as a page: each item as JSON, or all of them as a table.
int print_page(ApiClient& client, const Output& output, const std::string& target,
               std::vector<std::string> (*row)(const json& item)) {
  std::vector<std::vector<std::string>> rows;
  const json page = client.get(target);
  for (const json& item : page["items"]) {
    if (output.json()) output.line(item.dump());
    rows.push_back(row(item));
  }
  if (!output.json() && !rows.empty()) output.line(table_of(rows));
  return kExitOk;
}

int list_all(ApiClient& client, const Output& output) { return print_page(client, output, "/_control/workflows", workflow_row); }

int list_versions(ApiClient& client, const Output& output, const WorkflowOptions& options) {
  return print_page(client, output, workflow_path(options.name, "/versions"), version_row);
}

int list_runs(ApiClient& client, const Output& output, const WorkflowOptions& options) {
  return print_page(client, output,
                    Target(workflow_path(options.name, "/runs"))
                        .add("status", options.status)
                        .add("client_tracking_id", options.tracking)
                        .add("limit", std::to_string(options.limit))
                        .text(),
                    run_row);
}

int list_history(ApiClient& client, const Output& output, const WorkflowOptions& options) {
  return print_page(client, output,
                    Target(workflow_path(options.name, "/history"))
                        .add("trigger", options.trigger)
                        .add("status", options.status)
                        .add("limit", std::to_string(options.limit))
                        .text(),
                    firing_row);
}

int show_run(ApiClient& client, const Output& output, const WorkflowOptions& options) {
  const json run = options.wait.empty() ? client.get(run_path(options))
                                        : wait_for_run(client, options, duration_option(options.wait, "--wait"));
  output.result(run, run_text(run, {options.full}));
  return options.wait.empty() ? kExitOk : exit_code_of(run);
}

/// What starts another run: prints it, or waits for it and prints its steps.
int again(ApiClient& client, const Output& output, WorkflowOptions options, const char* what, const json& body) {
  const json answer = client.post(run_path(options, what), body);
  options.run = text_of(answer, "run");
  if (options.wait.empty()) {
    output.result(answer, "started  " + options.name + "  " + options.run);
    return kExitOk;
  }
  const json run = wait_for_run(client, options, duration_option(options.wait, "--wait"));
  output.result(run, run_text(run, {options.full}));
  return exit_code_of(run);
}

int set_enabled(ApiClient& client, const Output& output, const std::string& name, bool enabled) {
  json body;
  body["enabled"] = enabled;
  const json answer = client.patch(workflow_path(name), body);
  output.result(answer, (enabled ? "enabled  " : "disabled  ") + name);
  return kExitOk;
}

void add_name(CLI::App* command, const WorkflowOptionsPtr& options) {
  command->add_option("name", options->name, "Of the workflow.")->required();
}

void add_run(CLI::App* command, const WorkflowOptionsPtr& options) {
  add_name(command, options);
  command->add_option("run", options->run, "Name of the run, or `last`.")->capture_default_str();
}

void add_waiting(CLI::App* command, const WorkflowOptionsPtr& options) {
  command->add_option("--wait", options->wait,
                      "Until it has ended, at most so long (30s); then show it. Exit code 0: it succeeded.");
  command->add_flag("--full", options->full, "Inputs and outputs in full.");
}

void add_definitions(CLI::App& all, CommandContext& context) {
  const auto options = std::make_shared<WorkflowOptions>();
  CLI::App* command =
      add_client_command(all, context, "deploy", "Deploy a definition, or a new version of one.",
                         [options](ApiClient& client, const Output& output) { return deploy(client, output, *options); });
  command->add_option("file", options->file, "The definition, or a document that holds it; `-`: standard input.")->required();
  command->add_option("--name", options->name, "Default: the name of the file.");
  command->add_option("--parameter", options->parameters, "name=value, where the value may be JSON; may be repeated.")
      ->allow_extra_args(false);
  command->add_option("--parameters", options->parameters_file, "File with values by parameter.");
  command->add_option("--tag", options->tags, "name=value; may be repeated.")->allow_extra_args(false);
  command->add_flag("--stateless", options->stateless, "Keep nothing of its runs.");
  command->add_flag("--disabled", options->disabled, "Its triggers do not fire yet.");
  command->add_flag("--check", options->check, "Say all that is wrong with it, and deploy nothing.");
  add_client_command(all, context, "list", "All workflows.",
                     [](ApiClient& client, const Output& output) { return list_all(client, output); });
  const auto of = std::make_shared<WorkflowOptions>();
  add_name(add_client_command(all, context, "versions", "Versions of a workflow, newest first; `--json`: with their definitions.",
                              [of](ApiClient& client, const Output& output) { return list_versions(client, output, *of); }),
           of);
  for (const bool enabled : {true, false}) {
    const auto own = std::make_shared<WorkflowOptions>();
    add_name(
        add_client_command(
            all, context, enabled ? "enable" : "disable", enabled ? "Let its triggers fire." : "Stop its triggers; runs go on.",
            [own, enabled](ApiClient& client, const Output& output) { return set_enabled(client, output, own->name, enabled); }),
        own);
  }
  const auto gone = std::make_shared<WorkflowOptions>();
  add_name(add_client_command(all, context, "delete", "Delete a workflow with its runs.",
                              [gone](ApiClient& client, const Output& output) {
                                client.remove(workflow_path(gone->name));
                                json answer;
                                answer["name"] = gone->name;
                                answer["deleted"] = true;
                                output.result(answer, "deleted  " + gone->name);
                                return kExitOk;
                              }),
           gone);
}

void add_runs(CLI::App& all, CommandContext& context) {
  const auto starting = std::make_shared<WorkflowOptions>();
  CLI::App* run = add_client_command(all, context, "run", "Fire a trigger.", [starting](ApiClient& client, const Output& output) {
    return start(client, output, *starting);
  });
  add_name(run, starting);
  run->add_option("--trigger", starting->trigger, "Which; default: the only one.");
  run->add_option("--body", starting->body, "What the trigger is given: JSON, or a text.");
  run->add_option("--body-file", starting->body_file, "The same from a file; `-`: standard input.");
  run->add_option("--header", starting->headers, "name=value; may be repeated.")->allow_extra_args(false);
  run->add_option("--path", starting->path, "Of a Request trigger: what comes after its address.");
  run->add_option("--tracking-id", starting->tracking, "Names the run for those who look for it.");
  add_waiting(run, starting);

  const auto listing = std::make_shared<WorkflowOptions>();
  CLI::App* runs =
      add_client_command(all, context, "runs", "Runs, newest first.",
                         [listing](ApiClient& client, const Output& output) { return list_runs(client, output, *listing); });
  add_name(runs, listing);
  runs->add_option("--status", listing->status, "running, waiting, succeeded, failed, cancelled or timed_out.");
  runs->add_option("--tracking-id", listing->tracking, "Only runs with this id.");
  runs->add_option("--limit", listing->limit, "How many.")->check(CLI::Range(1, 250))->capture_default_str();

  const auto looking = std::make_shared<WorkflowOptions>();
  CLI::App* history =
      add_client_command(all, context, "history", "What a trigger did, newest first: also firings that started no run, and why.",
                         [looking](ApiClient& client, const Output& output) { return list_history(client, output, *looking); });
  add_name(history, looking);
  history->add_option("--trigger", looking->trigger, "Which; default: the only one.");
  history->add_option("--status", looking->status, "succeeded (it started a run), skipped or failed.");
  history->add_option("--limit", looking->limit, "How many.")->check(CLI::Range(1, 250))->capture_default_str();

  const auto showing = std::make_shared<WorkflowOptions>();
  CLI::App* one =
      add_client_command(all, context, "show", "A run, step by step.",
                         [showing](ApiClient& client, const Output& output) { return show_run(client, output, *showing); });
  add_run(one, showing);
  add_waiting(one, showing);

  const auto cancelling = std::make_shared<WorkflowOptions>();
  add_run(add_client_command(all, context, "cancel", "End a run.",
                             [cancelling](ApiClient& client, const Output& output) {
                               const json answer = client.post(run_path(*cancelling, "/cancel"), json::object());
                               output.result(answer, "cancelled  " + text_of(answer, "run"));
                               return kExitOk;
                             }),
          cancelling);
  const auto repeating = std::make_shared<WorkflowOptions>();
  CLI::App* resubmit = add_client_command(all, context, "resubmit", "Run again with what the trigger was given.",
                                          [repeating](ApiClient& client, const Output& output) {
                                            return again(client, output, *repeating, "/resubmit", json::object());
                                          });
  add_run(resubmit, repeating);
  add_waiting(resubmit, repeating);
  const auto going = std::make_shared<WorkflowOptions>();
  CLI::App* rerun = add_client_command(all, context, "rerun", "Run again from what failed, keeping what was done before.",
                                       [going](ApiClient& client, const Output& output) {
                                         json body = json::object();
                                         if (!going->action.empty()) body["action"] = going->action;
                                         return again(client, output, *going, "/rerun", body);
                                       });
  add_run(rerun, going);
  rerun->add_option("--from", going->action, "Begin at this action; default: at those that failed.");
  add_waiting(rerun, going);
}

}  // namespace

void add_workflow_commands(CLI::App& app, CommandContext& context) {
  CLI::App* all = app.add_subcommand("workflow", "Workflows and their runs.")->require_subcommand(1);
  add_definitions(*all, context);
  add_runs(*all, context);
}

}  // namespace trunkline::app
