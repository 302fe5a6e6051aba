// Commands that talk to a running server.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/base/ids.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr const char* kSmsVersion = "?api-version=2026-01-23";

constexpr std::int64_t kLongestPollMs = 20'000;

/// How long the next poll may wait; none is left: not above 0.
std::int64_t poll_ms(Time until) {
  return std::min<std::int64_t>(kLongestPollMs,
                                std::chrono::duration_cast<std::chrono::milliseconds>(until - system_time_now()).count());
}

/// Reads events by long polls and gives each to `each` until it returns false or `until` has come.
template <class F>
void follow_events(ApiClient& client, const std::string& type, std::int64_t after, std::optional<Time> until, F each) {
  for (;;) {
    const std::int64_t wait_ms = until ? poll_ms(*until) : kLongestPollMs;
    if (wait_ms <= 0) throw Error(ErrorCode::kDeadlineExceeded, "no such event came in time");
    std::string path = "/_control/events?wait_ms=" + std::to_string(wait_ms);
    if (after >= 0) path += "&after=" + std::to_string(after);
    if (!type.empty()) path += "&type=" + net::percent_encode(type);
    const json answer = client.get(path);
    for (const json& event : answer["items"])
      if (!each(event)) return;
    after = answer["next"].get<std::int64_t>();
  }
}

/// The events API says where "now" is.
std::int64_t current_position(ApiClient& client) { return client.get("/_control/events?limit=1")["next"].get<std::int64_t>(); }

struct SendOptions {
  std::string from;
  std::vector<std::string> to;
  std::string message;
  std::string tag;
  bool report = false;
  std::string wait;
};

int send_sms(const CommandContext& context, const SendOptions& options) {
  ApiClient client(Connection::resolve(context.connection_string));
  const Output output(context.json);
  std::string from = options.from;
  if (from.empty()) {
    const json owned = client.get("/phoneNumbers?api-version=2025-06-01");
    for (const json& number : owned["phoneNumbers"]) {
      const std::string sms = text_of(number["capabilities"], "sms");
      if (sms == "outbound" || sms == "inbound+outbound") {
        from = text_of(number, "phoneNumber");
        break;
      }
    }
    if (from.empty())
      throw Error(ErrorCode::kFailedPrecondition, "the resource has no number that sends text messages; give --from", "from");
  }
  const std::int64_t position = options.wait.empty() ? 0 : current_position(client);
  IdSource ids;
  json body;
  body["from"] = from;
  body["message"] = options.message;
  body["smsRecipients"] = json::array();
  for (const std::string& to : options.to) {
    json recipient;
    recipient["to"] = to;
    recipient["repeatabilityRequestId"] = ids.uuid4().str();
    body["smsRecipients"].push_back(std::move(recipient));
  }
  body["smsSendOptions"]["enableDeliveryReport"] = options.report || !options.wait.empty();
  if (!options.tag.empty()) body["smsSendOptions"]["tag"] = options.tag;
  const json answer = client.post(std::string("/sms") + kSmsVersion, body);
  std::vector<std::string> waiting;
  bool all_accepted = true;
  for (const json& item : answer["value"]) {
    const bool accepted = item.value("successful", false);
    all_accepted &= accepted;
    if (accepted) waiting.push_back(text_of(item, "messageId"));
    output.result(item, text_of(item, "to") + "  " +
                            (accepted ? "accepted  " + text_of(item, "messageId") : "refused  " + text_of(item, "errorMessage")));
  }
  if (!options.wait.empty() && !waiting.empty()) {
    follow_events(client, "Microsoft.Communication.SMSDeliveryReportReceived", position,
                  system_time_now() + duration_option(options.wait, "--wait"), [&](const json& event) {
                    const auto it = std::find(waiting.begin(), waiting.end(), text_of(event["data"], "messageId"));
                    if (it == waiting.end()) return true;
                    waiting.erase(it);
                    all_accepted &= text_of(event["data"], "deliveryStatus") == "Delivered";
                    output.result(event, text_of(event["data"], "to") + "  " + text_of(event["data"], "deliveryStatus") + "  " +
                                             text_of(event["data"], "deliveryStatusDetails"));
                    return !waiting.empty();
                  });
  }
  return all_accepted ? kExitOk : kExitFailed;
}

void add_send(CLI::App& app, CommandContext& context) {
  CLI::App* send = app.add_subcommand("send", "Send a message.")->require_subcommand(1);
  CLI::App* sms = send->add_subcommand("sms", "Send a text message.");
  auto options = std::make_shared<SendOptions>();
  sms->add_option("--from", options->from, "A number of the resource; default: the first that can send.");
  sms->add_option("--to", options->to, "Recipient in E.164; may be repeated.")->required()->allow_extra_args(false);
  sms->add_option("message", options->message, "The text.")->required();
  sms->add_option("--tag", options->tag, "Comes back in the delivery report.");
  sms->add_flag("--report", options->report, "Ask for delivery reports.");
  sms->add_option("--wait", options->wait, "Wait so long for the delivery reports, such as 10s.");
  sms->callback([&context, options] { context.run = [&context, options] { return send_sms(context, *options); }; });
}

void add_phone(CLI::App& app, CommandContext& context) {
  CLI::App* phone =
      app.add_subcommand("phone", "Virtual phones: what they got; answer as one of them.")->require_subcommand(0, 1);
  auto number = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  auto message = std::make_shared<std::string>();
  phone->callback([&context, phone] {
    if (!phone->get_subcommands().empty()) return;
    context.run = [&context] {
      ApiClient client(Connection::resolve(context.connection_string));
      const Output output(context.json);
      const json page = client.get("/_control/phones");
      for (const json& item : page["items"])
        output.result(item, text_of(item, "number") + "  " + std::to_string(item["message_count"].get<int>()) + " message(s)");
      return kExitOk;
    };
  });
  CLI::App* show = phone->add_subcommand("show", "The messages of one phone.");
  show->add_option("number", *number, "E.164.")->required();
  show->callback([&context, number] {
    context.run = [&context, number] {
      ApiClient client(Connection::resolve(context.connection_string));
      const Output output(context.json);
      const json page = client.get("/_control/phones/" + net::percent_encode(*number) + "/messages");
      for (const json& item : page["items"])
        output.result(item, text_of(item, "at") + "  " + text_of(item, "from") +
                                (item.value("outbound", false) ? " (this phone)" : "") + " → " + text_of(item, "to") + "  " +
                                text_of(item, "text"));
      return kExitOk;
    };
  });
  CLI::App* send = phone->add_subcommand("send", "The phone sends a text to a number of the resource.");
  send->add_option("number", *number, "The phone, E.164.")->required();
  send->add_option("--to", *to, "A number of the resource.")->required();
  send->add_option("message", *message, "The text.")->required();
  send->callback([&context, number, to, message] {
    context.run = [&context, number, to, message] {
      ApiClient client(Connection::resolve(context.connection_string));
      json body;
      body["to"] = *to;
      body["message"] = *message;
      const json answer = client.post("/_control/phones/" + net::percent_encode(*number) + "/messages", body);
      Output(context.json).result(answer, "sent  " + text_of(answer, "message_id"));
      return kExitOk;
    };
  });
}

void add_wait(CLI::App& app, CommandContext& context) {
  CLI::App* wait = app.add_subcommand("wait", "Wait until something has happened; exit code 4 when it does not in time.")
                       ->require_subcommand(1);
  auto type = std::make_shared<std::string>();
  auto member = std::make_shared<std::vector<std::string>>();
  auto after = std::make_shared<std::int64_t>(-1);
  auto timeout = std::make_shared<std::string>("30s");
  CLI::App* event = wait->add_subcommand("event", "An event of a type, with certain data.");
  event->add_option("--type", *type, "Type, such as Microsoft.Communication.SMSReceived.")->required();
  event->add_option("--where", *member, "member=value of its data; may be repeated.")->allow_extra_args(false);
  event->add_option("--after", *after, "From this position on; 0: from the beginning. Default: from now on.");
  event->add_option("--timeout", *timeout, "Longest wait.");
  event->callback([&context, type, member, after, timeout] {
    context.run = [&context, type, member, after, timeout] {
      ApiClient client(Connection::resolve(context.connection_string));
      follow_events(client, *type, *after, system_time_now() + duration_option(*timeout, "--timeout"), [&](const json& found) {
        for (const std::string& condition : *member) {
          const auto at = condition.find('=');
          const std::string name = condition.substr(0, at);
          const std::string value = at == std::string::npos ? "" : condition.substr(at + 1);
          if (!found["data"].contains(name)) return true;
          const json& actual = found["data"][name];
          if ((actual.is_string() ? actual.get<std::string>() : actual.dump()) != value) return true;
        }
        Output(context.json).result(found, event_line(found));
        return false;
      });
      return kExitOk;
    };
  });
  CLI::App* message = wait->add_subcommand("message", "A text that a virtual phone gets or sends.");
  auto number = std::make_shared<std::string>();
  auto behind = std::make_shared<std::string>();
  message->add_option("number", *number, "The phone, E.164.")->required();
  message->add_option("--after", *behind, "The first one behind this message of the phone; 0: its first. Default: from now on.");
  message->add_option("--timeout", *timeout, "Longest wait.");
  message->callback([&context, number, behind, timeout] {
    context.run = [&context, number, behind, timeout] {
      const Time until = system_time_now() + duration_option(*timeout, "--timeout");
      ApiClient client(Connection::resolve(context.connection_string));
      const std::string path = "/_control/phones/" + net::percent_encode(*number) + "/messages?";
      std::string after = *behind;
      if (after.empty()) {
        const json before = client.get(path)["items"];
        if (!before.empty()) after = text_of(before.back(), "message_id");
      } else if (after == "0") {
        after.clear();
      }
      for (;;) {
        const std::int64_t wait_ms = poll_ms(until);
        if (wait_ms <= 0) throw Error(ErrorCode::kDeadlineExceeded, "no message came to " + *number + " in time");
        const json items = client.get(path + "wait_ms=" + std::to_string(wait_ms) +
                                      (after.empty() ? "" : "&after=" + net::percent_encode(after)))["items"];
        if (items.empty()) continue;
        Output(context.json).result(items.front(), text_of(items.front(), "from") + "  " + text_of(items.front(), "text"));
        return kExitOk;
      }
    };
  });
}

void add_clock(CLI::App& app, CommandContext& context) {
  CLI::App* clock = app.add_subcommand("clock", "The runtime's clock.")->require_subcommand(1);
  CLI::App* show = clock->add_subcommand("show", "What time it is there.");
  show->callback([&context] {
    context.run = [&context] {
      ApiClient client(Connection::resolve(context.connection_string));
      const json answer = client.get("/_control/clock");
      Output(context.json)
          .result(answer, text_of(answer, "now") + "  " + text_of(answer, "mode") + ", " + answer["pending_timers"].dump() +
                              " timer(s) pending");
      return kExitOk;
    };
  });
  CLI::App* advance = clock->add_subcommand("advance", "Move it forward; everything that becomes due happens.");
  auto by = std::make_shared<std::string>();
  advance->add_option("by", *by, "Such as 90s, 12h or PT1H30M.")->required();
  advance->callback([&context, by] {
    context.run = [&context, by] {
      duration_option(*by, "by");
      ApiClient client(Connection::resolve(context.connection_string));
      json body;
      body["by"] = *by;
      const json answer = client.post("/_control/clock/advance", body);
      Output(context.json).result(answer, text_of(answer, "now"));
      return kExitOk;
    };
  });
}

void add_records(CLI::App& app, CommandContext& context) {
  CLI::App* explain = app.add_subcommand("explain", "Why a message went the way it went.");
  auto id = std::make_shared<std::string>();
  explain->add_option("message", *id, "Its id; `last` for the newest one.")->required();
  explain->callback([&context, id] {
    context.run = [&context, id] {
      ApiClient client(Connection::resolve(context.connection_string));
      const Output output(context.json);
      std::string message_id = *id;
      if (message_id == "last") {
        const json page = client.get("/_control/messages?limit=1");
        if (page["items"].empty()) throw Error(ErrorCode::kNotFound, "there is no message yet");
        message_id = text_of(page["items"][0], "message_id");
      }
      const std::string path = "/_control/messages/" + net::percent_encode(message_id);
      const json record = client.get(path);
      const json answer = client.get(path + "/explain");
      if (output.json()) {
        json both = answer;
        both["message"] = record;
        output.line(both.dump());
        return kExitOk;
      }
      output.line(message_id + "  " + text_of(record, "from") + " → " + text_of(record, "to") + "  " + text_of(record, "state"));
      for (const json& step : answer["steps"])
        output.line("  " + text_of(step, "at") + "  " + text_of(step, "outcome") + "  " + text_of(step, "rule") + "  " +
                    text_of(step, "value") + (step.contains("detail") ? "  (" + text_of(step, "detail") + ")" : ""));
      return kExitOk;
    };
  });
  CLI::App* messages = app.add_subcommand("messages", "The newest text messages.");
  auto limit = std::make_shared<int>(20);
  messages->add_option("--limit", *limit, "How many.");
  messages->callback([&context, limit] {
    context.run = [&context, limit] {
      ApiClient client(Connection::resolve(context.connection_string));
      const Output output(context.json);
      const json page = client.get("/_control/messages?limit=" + std::to_string(*limit));
      for (const json& item : page["items"])
        output.result(item, text_of(item, "created_at") + "  " + text_of(item, "message_id") + "  " + text_of(item, "from") +
                                " → " + text_of(item, "to") + "  " + text_of(item, "state") + "  " + text_of(item, "message"));
      return kExitOk;
    };
  });
}

}  // namespace

void add_client_commands(CLI::App& app, CommandContext& context) {
  add_send(app, context);
  add_phone(app, context);
  add_wait(app, context);
  add_clock(app, context);
  add_records(app, context);
}

}  // namespace trunkline::app
