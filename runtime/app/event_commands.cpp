// `trunkline events`: what happened, what became of it, and once more.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/app/subscription_options.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr std::int64_t kWaitMs = 20'000;
constexpr const char* kMoment = "A time such as 2026-01-01T00:00:00Z, or a duration back from now such as 15m";

/// What commands say about the events they mean.
struct Selection {
  std::vector<std::string> types;
  std::string subject, correlation, from, to, subscription, state, topic;

  void add_options(CLI::App* command, bool with_subscription) {
    command->add_option("--type", types, "Only of this type, such as SMSReceived; may be repeated.")->allow_extra_args(false);
    command->add_option("--subject", subject, "Only whose subject begins so.");
    command->add_option("--correlation", correlation, "Only what one request caused: a trace id, or a messageId of its data.");
    command->add_option("--from", from, std::string(kMoment) + ".");
    command->add_option("--to", to, "The same; not including it.");
    if (with_subscription) command->add_option("--subscription", subscription, "With what became of them at this subscription.");
    command->add_option("--state", state, "Only in this state at the subscription: retrying, delivered, dead_lettered …");
    command->add_option("--topic", topic, "Of a custom topic.");
  }
  void add_to(Target& target) const {
    for (const std::string& type : types) target.add("type", type);
    target.add("subject", subject)
        .add("correlation", correlation)
        .add("from", from)
        .add("to", to)
        .add("subscription", subscription)
        .add("state", state)
        .add("topic", topic);
  }
  /// Members of a body; the topic goes into the path.
  void add_to(json& body) const {
    if (!types.empty()) body["type"] = types;
    const std::pair<const char*, const std::string&> texts[] = {
        {"subject", subject}, {"correlation", correlation}, {"from", from}, {"to", to}, {"state", state}};
    for (const auto& [name, value] : texts)
      if (!value.empty()) body[name] = value;
  }
  bool empty() const {
    return types.empty() && subject.empty() && correlation.empty() && from.empty() && to.empty() && state.empty();
  }
};

std::string event_path(const std::string& id, const char* more, const std::string& topic) {
  return Target("/_control/events/" + net::percent_encode(id) + more).add("topic", topic).text();
}

/// `last` is the newest event.
std::string resolve_id(ApiClient& client, const std::string& id, const std::string& topic) {
  if (id != "last") return id;
  const json page = client.get(Target("/_control/events").add("order", "newest").add("limit", "1").add("topic", topic).text());
  if (page["items"].empty()) throw Error(ErrorCode::kNotFound, "there is no event yet");
  return text_of(page["items"][0], "id");
}

void add_listen(CLI::App& events, CommandContext& context) {
  const auto types = std::make_shared<std::vector<std::string>>();
  const auto subject = std::make_shared<std::string>(), topic = std::make_shared<std::string>();
  const auto after = std::make_shared<std::int64_t>(-1);
  const auto count = std::make_shared<int>(0);
  CLI::App* listen = add_client_command(events, context, "listen", "Print events as they happen.",
                                        [types, subject, topic, after, count](ApiClient& client, const Output& output) {
                                          std::int64_t position = *after;
                                          for (int seen = 0;;) {
                                            Target target("/_control/events");
                                            target.add("wait_ms", std::to_string(kWaitMs)).add("subject", *subject);
                                            if (position >= 0) target.add("after", std::to_string(position));
                                            for (const std::string& type : *types) target.add("type", type);
                                            target.add("topic", *topic);
                                            const json answer = client.get(target.text());
                                            for (const json& event : answer["items"]) {
                                              output.result(event, event_line(event));
                                              if (++seen == *count) return kExitOk;
                                            }
                                            position = answer["next"].get<std::int64_t>();
                                          }
                                        });
  listen->add_option("--type", *types, "Only of this type, such as SMSReceived; may be repeated.")->allow_extra_args(false);
  listen->add_option("--subject", *subject, "Only whose subject begins so.");
  listen->add_option("--after", *after, "From this position on; 0: from the beginning.");
  listen->add_option("--count", *count, "End after so many.");
  listen->add_option("--topic", *topic, "Of a custom topic.");
}

void add_list(CLI::App& events, CommandContext& context) {
  const auto selection = std::make_shared<Selection>();
  const auto limit = std::make_shared<std::size_t>(20);
  const auto oldest = std::make_shared<bool>(false);
  CLI::App* list = add_client_command(
      events, context, "list", "The newest events, or those that fit.",
      [selection, limit, oldest](ApiClient& client, const Output& output) {
        std::int64_t after = -1;
        for (std::size_t left = *limit; left > 0;) {
          Target target("/_control/events");
          selection->add_to(target);
          target.add("order", *oldest ? "oldest" : "newest").add("limit", std::to_string(std::min<std::size_t>(left, 1000)));
          if (after >= 0) target.add("after", std::to_string(after));
          const json page = client.get(target.text());
          for (const json& event : page["items"])
            output.result(event, std::to_string(event["sequence"].get<std::int64_t>()) + "  " + text_of(event, "time") + "  " +
                                     text_of(event, "type") + "  " + text_of(event, "subject") + "  " + text_of(event, "id") +
                                     (event.contains("summary") ? "  " + text_of(event, "summary") : ""));
          left -= std::min(left, page["items"].size());
          if (!page.contains("next")) break;
          after = page["next"].get<std::int64_t>();
        }
        return kExitOk;
      });
  selection->add_options(list, true);
  list->add_option("--limit", *limit, "At most so many.");
  list->add_flag("--oldest", *oldest, "Oldest first.");
}

std::string attempts_table(const json& attempts) {
  std::vector<std::vector<std::string>> rows{{"#", "when", "status", "outcome", "took", "reply"}};
  for (const json& attempt : attempts) {
    char took[32];
    std::snprintf(took, sizeof took, "%.1f ms", attempt["latency_ms"].get<double>());
    std::string reply = text_of(attempt, "reply");
    std::replace_if(
        reply.begin(), reply.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    rows.push_back({attempt["number"].dump(), text_of(attempt, "at"),
                    attempt["status"].is_null() ? "-" : attempt["status"].dump(), text_of(attempt, "outcome"), took, reply});
  }
  return table_of(rows, "    ");
}

void show_event(const json& event, const Output& output) {
  output.line(table_of({{"event", text_of(event, "id") + " (" + event["sequence"].dump() + ")"},
                        {"type", text_of(event, "type")},
                        {"time", text_of(event, "time")},
                        {"subject", text_of(event, "subject")},
                        {"topic", text_of(event, "topic")},
                        {"data", event["data"].dump()}}));
  if (event["subscriptions"].empty()) output.line("\nThere is no subscription it could go to.");
  for (const json& at : event["subscriptions"]) {
    const std::string endpoint = text_of(at, "endpoint");
    std::string head = "\n" + text_of(at, "subscription") + "  " + (endpoint.empty() ? text_of(at, "kind") : endpoint);
    if (text_of(at, "event_id") != text_of(event, "id")) head += "  as " + text_of(at, "event_id");
    output.line(head + "  " + text_of(at, "state"));
    output.line("    " + text_of(at, "summary"));
    if (!at["attempts"].empty()) output.line(attempts_table(at["attempts"]));
    if (const std::string expires = text_of(at, "expires_at"); !expires.empty()) output.line("    it is given up at " + expires);
  }
}

/// Every subscription that wants it has tried it, and what came of that is on disk.
bool is_tried(const json& event) {
  return std::all_of(event["subscriptions"].begin(), event["subscriptions"].end(), [](const json& at) {
    const std::string state = text_of(at, "state");
    return state != "waiting" && (state != "delivered" || !at["attempts"].empty());
  });
}

json get_when_tried(ApiClient& client, const std::string& path, Time until, const std::string& topic) {
  for (;;) {
    json event = client.get(path);
    if (is_tried(event)) return event;
    if (system_time_now() >= until) throw Error(ErrorCode::kDeadlineExceeded, "a subscription has not tried the event in time");
    client.get(Target("/_control/events").add("wait_ms", "50").add("topic", topic).text());  // a moment
  }
}

void add_show(CLI::App& events, CommandContext& context) {
  const auto id = std::make_shared<std::string>(), topic = std::make_shared<std::string>(),
             wait = std::make_shared<std::string>();
  CLI::App* show =
      add_client_command(events, context, "show", "What became of an event at each subscription, why and when.",
                         [id, topic, wait](ApiClient& client, const Output& output) {
                           const Time until = system_time_now() + (wait->empty() ? Duration{} : duration_option(*wait, "--wait"));
                           const std::string path = event_path(resolve_id(client, *id, *topic), "", *topic);
                           const json event = wait->empty() ? client.get(path) : get_when_tried(client, path, until, *topic);
                           if (output.json())
                             output.line(event.dump());
                           else
                             show_event(event, output);
                           return kExitOk;
                         });
  show->add_option("--wait", *wait, "Wait so long until every subscription has tried it, such as 5s.");
  show->add_option("event", *id, "Its id or position; `last` for the newest one.")->required();
  show->add_option("--topic", *topic, "Of a custom topic.");
}

void add_redeliver(CLI::App& events, CommandContext& context) {
  const auto id = std::make_shared<std::string>();
  const auto all = std::make_shared<bool>(false);
  const auto selection = std::make_shared<Selection>();
  CLI::App* redeliver = add_client_command(
      events, context, "redeliver", "Send an event again, or all that fit.",
      [id, all, selection](ApiClient& client, const Output& output) {
        json body = json::object();
        if (!selection->subscription.empty()) body["subscription"] = selection->subscription;
        if (!id->empty()) {
          if (*all || !selection->empty())
            throw Error(ErrorCode::kInvalidArgument, "an event, or options that say which; not both", "event");
          const std::string event = resolve_id(client, *id, selection->topic);
          const json answer = client.post(event_path(event, "/redeliver", selection->topic), body);
          std::string names;
          for (const json& name : answer["subscriptions"]) names += (names.empty() ? "" : ", ") + name.get<std::string>();
          output.result(answer, text_of(answer, "id") + "  to " + names);
          return kExitOk;
        }
        if (selection->empty() && !*all)
          throw Error(ErrorCode::kInvalidArgument, "say which: an event, --from, --state, --type …, or --all", "event");
        if (selection->subscription.empty())
          throw Error(ErrorCode::kInvalidArgument, "--subscription is missing", "--subscription");
        selection->add_to(body);
        const json answer = client.post(Target("/_control/events/redeliver").add("topic", selection->topic).text(), body);
        output.result(answer, answer["count"].dump() + " event(s) to " + text_of(answer, "subscription"));
        return kExitOk;
      });
  redeliver->add_option("event", *id, "Its id or position; `last` for the newest one.");
  redeliver->add_option("--subscription", selection->subscription, "To this one; one event goes to all that take it otherwise.");
  redeliver->add_flag("--all", *all, "Everything in the log.");
  selection->add_options(redeliver, false);
}

void add_replay(CLI::App& events, CommandContext& context) {
  const auto options = std::make_shared<SubscriptionOptions>();
  const auto from = std::make_shared<std::string>(), to = std::make_shared<std::string>();
  CLI::App* replay = add_client_command(
      events, context, "replay", "Send what the log has to another endpoint.",
      [options, from, to](ApiClient& client, const Output& output) {
        json body = options->body();
        if (options->endpoint.empty() && options->properties_file.empty())
          throw Error(ErrorCode::kInvalidArgument, "say where to: --to, or --properties", "--to");
        if (!options->name.empty()) body["name"] = options->name;
        if (!from->empty()) body["from"] = *from;
        if (!to->empty()) body["to"] = *to;
        const json answer = client.post(Target("/_control/events/replay").add("topic", options->topic).text(), body);
        output.result(answer, text_of(answer, "name") + "  " + text_of(answer, "endpoint") + "  " + text_of(answer, "state"));
        return kExitOk;
      });
  replay->add_option("--to", options->endpoint, "URL of the endpoint.");
  replay->add_option("--name", options->name, "Name of the subscription that does it; default: replay-…");
  replay->add_option("--from", *from, std::string(kMoment) + "; default: the beginning.");
  replay->add_option("--until", *to, "The same; default: now.");
  options->add_shape(replay);
}

void add_export(CLI::App& events, CommandContext& context) {
  const auto selection = std::make_shared<Selection>();
  const auto schema = std::make_shared<std::string>(), after = std::make_shared<std::string>();
  CLI::App* command = add_client_command(
      events, context, "export", "Write events as JSON lines, oldest first.",
      [selection, schema, after](ApiClient& client, const Output&) {
        Target target("/_control/events/export");
        selection->add_to(target);
        target.add("schema", *schema).add("after", *after);
        client.download(target.text(), [](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), stdout); });
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
          throw Error(ErrorCode::kDataLoss, "the events could not be written to standard output");
        return kExitOk;
      });
  selection->add_options(command, true);
  command->add_option("--schema", *schema, "eventgrid or cloudevents; default: as the log has them.");
  command->add_option("--after", *after, "Behind this position.");
}

}  // namespace

void add_event_commands(CLI::App& app, CommandContext& context) {
  CLI::App* events = app.add_subcommand("events", "What happened, and what became of it.")->require_subcommand(1);
  add_listen(*events, context);
  add_list(*events, context);
  add_show(*events, context);
  add_redeliver(*events, context);
  add_replay(*events, context);
  add_export(*events, context);
}

}  // namespace trunkline::app
