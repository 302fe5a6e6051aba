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

void add_wait_for_event(CLI::App& app, CommandContext& context) {
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

}  // namespace

void add_client_commands(CLI::App& app, CommandContext& context) {
  add_phone(app, context);
  add_wait_for_event(app, context);
  add_clock(app, context);
}

}  // namespace trunkline::app
