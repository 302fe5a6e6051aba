// `trunkline subscription` and `trunkline topic`: who is told of events, and sources of one's own.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/app/subscription_options.h"
#include "runtime/base/ids.h"
#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;
using SubscriptionOptionsPtr = std::shared_ptr<SubscriptionOptions>;

std::string subscription_path(const SubscriptionOptions& options) {
  return Target("/_control/event-subscriptions/" + net::percent_encode(options.name)).add("topic", options.topic).text();
}

std::string wants_of(const json& item) {
  const json& filter = item["properties"]["filter"];
  std::string out;
  if (filter.contains("includedEventTypes")) {
    for (const json& type : filter["includedEventTypes"]) {
      const std::string name = type.get<std::string>();
      out += (out.empty() ? "" : ",") + name.substr(name.rfind('.') + 1);
    }
  } else {
    out = "all types";
  }
  if (const std::string subject = text_of(filter, "subjectBeginsWith"); !subject.empty()) out += " of " + subject + "…";
  if (filter.contains("advancedFilters")) out += " with " + std::to_string(filter["advancedFilters"].size()) + " filter(s)";
  return out;
}

std::string doing_of(const json& item) {
  const json& activity = item["activity"];
  std::string out;
  for (const char* member : {"queued", "in_flight", "retrying", "blocked", "dead_lettered", "dropped"})
    if (activity[member].get<std::int64_t>() > 0) {
      std::string word(member);
      std::replace(word.begin(), word.end(), '_', ' ');
      out += (out.empty() ? "" : ", ") + activity[member].dump() + " " + word;
    }
  if (const std::string until = text_of(activity, "paused_until"); !until.empty())
    out += (out.empty() ? "" : ", ") + ("its endpoint is left alone until " + until);
  return out;
}

std::vector<std::string> row_of(const json& item) {
  const std::string endpoint = text_of(item, "endpoint");
  return {text_of(item, "name"), text_of(item, "state"), endpoint.empty() ? text_of(item, "kind") : endpoint, wants_of(item),
          doing_of(item)};
}

std::string details_of(const json& item) {
  const json& retry = item["properties"]["retryPolicy"];
  std::vector<std::vector<std::string>> rows{
      {"name", text_of(item, "name")},
      {"of", text_of(item, "source")},
      {"state",
       text_of(item, "state") +
           (text_of(item, "state") == "awaiting_validation" ? ": the endpoint got a validation URL and has to fetch it" : "")},
      {"to", text_of(item, "kind") + " " + text_of(item, "endpoint")},
      {"schema", text_of(item, "schema")},
      {"wants", wants_of(item)},
      {"retries",
       retry["maxDeliveryAttempts"].dump() + " attempts within " + retry["eventTimeToLiveInMinutes"].dump() + " minutes"},
      {"created", text_of(item, "created_at")}};
  if (const std::string doing = doing_of(item); !doing.empty()) rows.push_back({"now", doing});
  return table_of(rows);
}

int show_one(const json& answer, const Output& output) {
  output.result(answer, table_of({row_of(answer)}));
  return kExitOk;
}

void add_subscriptions(CLI::App& app, CommandContext& context) {
  CLI::App* all = app.add_subcommand("subscription", "Who is told of events.")->require_subcommand(1);
  const auto options = std::make_shared<SubscriptionOptions>();
  const auto after = std::make_shared<std::int64_t>(-1);
  CLI::App* create = add_client_command(*all, context, "create", "Send events to a webhook, or keep them for a handler.",
                                        [options, after](ApiClient& client, const Output& output) {
                                          json body = options->body();
                                          if (*after >= 0) body["after"] = *after;
                                          return show_one(client.put(subscription_path(*options), body), output);
                                        });
  create->add_option("name", options->name, "3 to 64 letters, digits or '-'.")->required();
  create->add_option("url", options->endpoint, "Of the webhook. It is asked first whether it wants them.");
  create->add_flag("--handler", options->handler, "For a consumer that takes and acknowledges them, instead of a webhook.");
  create->add_option("--workflow", options->workflow, "To this trigger of a workflow, instead of a webhook.");
  create->add_option("--after", *after, "Also events behind this position; 0: all. Default: from now on.");
  options->add_shape(create);

  CLI::App* update = add_client_command(*all, context, "update", "Change what is named; the rest stays.",
                                        [options](ApiClient& client, const Output& output) {
                                          return show_one(client.patch(subscription_path(*options), options->body()), output);
                                        });
  update->add_option("name", options->name, "Which.")->required();
  update->add_option("--endpoint", options->endpoint, "Another URL.");
  options->add_shape(update);

  CLI::App* list = add_client_command(
      *all, context, "list", "All of them and what they are doing.", [options](ApiClient& client, const Output& output) {
        const json page = client.get(Target("/_control/event-subscriptions").add("topic", options->topic).text());
        std::vector<std::vector<std::string>> rows;
        for (const json& item : page["items"]) {
          if (output.json()) output.line(item.dump());
          rows.push_back(row_of(item));
        }
        if (!output.json() && !rows.empty()) output.line(table_of(rows));
        return kExitOk;
      });
  list->add_option("--topic", options->topic, "Of a custom topic.");
  CLI::App* show = add_client_command(*all, context, "show", "One of them.", [options](ApiClient& client, const Output& output) {
    const json answer = client.get(subscription_path(*options));
    output.result(answer, details_of(answer));
    return kExitOk;
  });
  CLI::App* remove = add_client_command(*all, context, "delete", "End one. What it had still to deliver is forgotten.",
                                        [options](ApiClient& client, const Output& output) {
                                          client.remove(subscription_path(*options));
                                          json answer;
                                          answer["name"] = options->name;
                                          answer["deleted"] = true;
                                          output.result(answer, "deleted  " + options->name);
                                          return kExitOk;
                                        });
  for (CLI::App* one : {show, remove}) {
    one->add_option("name", options->name, "Which.")->required();
    one->add_option("--topic", options->topic, "Of a custom topic.");
  }
}

// ---- topics

struct TopicOptions {
  std::string name;
  std::string schema;
  std::vector<std::string> tags;
  std::string regenerate;
  std::string type, subject, id, data = "{}";
  std::string file;
};

std::string topic_path(const std::string& name, const char* more = "") {
  return "/_control/topics/" + net::percent_encode(name) + more;
}

std::string topic_line(const json& item) {
  return text_of(item, "name") + "  " + text_of(item, "schema") + "  " + text_of(item, "publish_url");
}

/// One event as the schema of the topic has it, from the options; or a file, as it is.
json events_of(const TopicOptions& options, bool cloud) {
  if (!options.file.empty()) {
    std::ifstream in(options.file);
    if (options.file != "-" && !in) throw Error(ErrorCode::kNotFound, "--file: " + options.file + " cannot be read", "--file");
    std::istream& from = options.file == "-" ? std::cin : in;
    return parse_json(std::string(std::istreambuf_iterator<char>(from), {}));
  }
  if (options.type.empty()) throw Error(ErrorCode::kInvalidArgument, "--type is missing", "--type");
  IdSource ids;
  json event;
  event["id"] = options.id.empty() ? ids.uuid4().str() : options.id;
  event["subject"] = options.subject;
  event["data"] = parse_json(options.data);
  if (cloud) {
    event["specversion"] = "1.0";
    event["type"] = options.type;
    event["source"] = "trunkline";
    if (options.subject.empty()) event.erase("subject");
    return event;
  }
  event["eventType"] = options.type;
  event["eventTime"] = format_rfc3339(system_time_now());
  event["dataVersion"] = "1.0";
  return json::array({event});
}

void add_topics(CLI::App& app, CommandContext& context) {
  CLI::App* all = app.add_subcommand("topic", "Event sources of one's own.")->require_subcommand(1);
  const auto options = std::make_shared<TopicOptions>();
  CLI::App* create =
      add_client_command(*all, context, "create", "Create one.", [options](ApiClient& client, const Output& output) {
        json body;
        body["name"] = options->name;
        if (!options->schema.empty()) body["schema"] = options->schema;
        for (const std::string& tag : options->tags) {
          const auto [name, value] = name_and_value(tag, "--tag");
          body["tags"][name] = value;
        }
        const json answer = client.post("/_control/topics", body);
        output.result(answer, topic_line(answer));
        return kExitOk;
      });
  create->add_option("--schema", options->schema, "What publishers send: eventgrid (the default) or cloudevents.");
  create->add_option("--tag", options->tags, "name=value; may be repeated.")->allow_extra_args(false);
  add_client_command(*all, context, "list", "All of them.", [](ApiClient& client, const Output& output) {
    const json page = client.get("/_control/topics");
    for (const json& item : page["items"]) output.result(item, topic_line(item));
    return kExitOk;
  });
  CLI::App* show = add_client_command(*all, context, "show", "One of them.", [options](ApiClient& client, const Output& output) {
    const json answer = client.get(topic_path(options->name));
    output.result(answer, topic_line(answer));
    return kExitOk;
  });
  CLI::App* keys = add_client_command(*all, context, "keys", "Its keys.", [options](ApiClient& client, const Output& output) {
    json body;
    body["kind"] = options->regenerate;
    const json answer = options->regenerate.empty() ? client.get(topic_path(options->name))
                                                    : client.post(topic_path(options->name, "/keys"), body);
    json shown;
    shown["key1"] = answer["key1"];
    shown["key2"] = answer["key2"];
    output.result(shown, "key1  " + text_of(answer, "key1") + "\nkey2  " + text_of(answer, "key2"));
    return kExitOk;
  });
  keys->add_option("--regenerate", options->regenerate, "key1 or key2: make a new one; the old one opens nothing any more.")
      ->check(CLI::IsMember({"key1", "key2"}));
  CLI::App* publish =
      add_client_command(*all, context, "publish", "Publish an event.", [options](ApiClient& client, const Output& output) {
        const bool cloud = text_of(client.get(topic_path(options->name)), "schema") == "CloudEventSchemaV1_0";
        const json answer = client.post(topic_path(options->name, "/events"), events_of(*options, cloud));
        for (const json& id : answer["ids"]) {
          json line;
          line["id"] = id;
          output.result(line, "published  " + id.get<std::string>());
        }
        return kExitOk;
      });
  CLI::App* remove = add_client_command(*all, context, "delete", "Delete one with its events and subscriptions.",
                                        [options](ApiClient& client, const Output& output) {
                                          client.remove(topic_path(options->name));
                                          json answer;
                                          answer["name"] = options->name;
                                          answer["deleted"] = true;
                                          output.result(answer, "deleted  " + options->name);
                                          return kExitOk;
                                        });
  for (CLI::App* one : {create, show, keys, publish, remove})
    one->add_option("name", options->name, "3 to 50 letters, digits or '-'.")->required();
  publish->add_option("data", options->data, "JSON.");
  publish->add_option("--type", options->type, "Type of the event.");
  publish->add_option("--subject", options->subject, "What it is about.");
  publish->add_option("--id", options->id, "Default: random.");
  publish->add_option("--file", options->file, "File with events in the topic's schema, instead; `-`: standard input.");
}

}  // namespace

void add_subscription_commands(CLI::App& app, CommandContext& context) {
  add_subscriptions(app, context);
  add_topics(app, context);
}

}  // namespace trunkline::app
