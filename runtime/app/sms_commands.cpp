// `trunkline send`, `estimate`, `cancel`, `explain`, `messages`, `consent`: text messages of a running server.
#include <algorithm>
#include <fstream>
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

struct SendOptions {
  std::string from;
  std::vector<std::string> to;
  std::string message;
  std::string tag;
  bool report = false;
  std::string wait;
  std::string at;
  std::string key;
  bool dry_run = false;
};

std::string money(const json& object, const char* member) {
  if (!object.contains(member)) return "no price";
  const auto micros = object[member].get<std::int64_t>();
  std::string decimals = std::to_string(1'000'000 + micros % 1'000'000).substr(1);
  while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
  return std::to_string(micros / 1'000'000) + "." + decimals + " " + text_of(object, "currency");
}

void print_steps(const Output& output, const json& decision) {
  for (const json& step : decision["steps"])
    output.line("  " + text_of(step, "at") + "  " + text_of(step, "outcome") + "  " + text_of(step, "rule") + "  " +
                text_of(step, "value") + (step.contains("detail") ? "  (" + text_of(step, "detail") + ")" : ""));
}

/// The sender that was given, or the first number of the resource that can send.
std::string sender_of(ApiClient& client, const std::string& given) {
  if (!given.empty()) return given;
  const json owned = client.get("/phoneNumbers?api-version=2025-06-01");
  for (const json& number : owned["phoneNumbers"]) {
    const std::string sms = text_of(number["capabilities"], "sms");
    if (sms == "outbound" || sms == "inbound+outbound") return text_of(number, "phoneNumber");
  }
  throw Error(ErrorCode::kFailedPrecondition, "the resource has no number that sends text messages; give --from", "from");
}

json control_body(const SendOptions& options, const std::string& from) {
  json body;
  body["from"] = from;
  body["to"] = options.to;
  body["message"] = options.message;
  body["delivery_report"] = options.report || !options.wait.empty();
  if (!options.tag.empty()) body["tag"] = options.tag;
  if (!options.at.empty()) body["send_at"] = options.at;
  if (!options.key.empty()) body["idempotency_key"] = options.key;
  return body;
}

/// What a send would do, and why.
int plan_sms(ApiClient& client, const Output& output, const SendOptions& options) {
  const json answer = client.post("/_control/sms/plan", control_body(options, sender_of(client, options.from)));
  bool all = true;
  for (const json& plan : answer["items"]) {
    const bool accepted = plan.value("accepted", false);
    all &= accepted;
    if (output.json()) {
      output.line(plan.dump());
      continue;
    }
    std::string line =
        text_of(plan, "to") + "  " + (accepted ? "would be accepted" : "would be refused  " + text_of(plan, "error_message"));
    if (accepted) {
      line += "  from " + text_of(plan, "from") + "  by " + (plan.contains("provider") ? text_of(plan, "provider") : "nobody") +
              "  " + std::to_string(plan["segments"].get<int>()) + " segment(s)  " + money(plan, "price_micros");
      if (plan.contains("expected_at")) line += "  at " + text_of(plan, "expected_at");
    }
    output.line(line);
    print_steps(output, plan["decision"]);
  }
  return all ? kExitOk : kExitFailed;
}

/// Through the control API: what Azure's has no member for.
int send_at(ApiClient& client, const Output& output, const SendOptions& options) {
  const json answer = client.post("/_control/messages", control_body(options, sender_of(client, options.from)));
  bool all = true;
  for (const json& item : answer["items"]) {
    const bool accepted = item.value("successful", false);
    all &= accepted;
    output.result(item,
                  text_of(item, "to") + "  " +
                      (accepted ? "accepted  " + text_of(item, "message_id") : "refused  " + text_of(item, "error_message")) +
                      (item.contains("expected_at") ? "  at " + text_of(item, "expected_at") : ""));
  }
  return all ? kExitOk : kExitFailed;
}

int send_sms(const CommandContext& context, const SendOptions& options) {
  ApiClient client(Connection::resolve(context.connection_string));
  const Output output(context.json);
  if (options.dry_run) return plan_sms(client, output, options);
  if (!options.at.empty() || !options.key.empty()) {
    if (!options.wait.empty()) throw Error(ErrorCode::kInvalidArgument, "--wait goes neither with --at nor with --key", "--wait");
    return send_at(client, output, options);
  }
  const std::string from = sender_of(client, options.from);
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
  sms->add_option("--at", options->at, "Not before this moment, such as 2026-01-01T09:00:00Z.");
  sms->add_option("--key", options->key, "Idempotency key: the same key is sent once.");
  sms->add_flag("--dry-run", options->dry_run, "Send nothing: say what would happen, and why.");
  sms->callback([&context, options] { context.run = [&context, options] { return send_sms(context, *options); }; });
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
        both["receipts"] = client.get(path + "/receipts")["items"];
        output.line(both.dump());
        return kExitOk;
      }
      std::string head =
          message_id + "  " + text_of(record, "from") + " → " + text_of(record, "to") + "  " + text_of(record, "state");
      if (text_of(record, "fault") != "none")
        head += "  " + text_of(record, "reason") + ": fault of the " + text_of(record, "fault") +
                (record.value("retryable", false) ? ", retryable" : ", permanent");
      output.line(head);
      print_steps(output, answer);
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

void add_estimate(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<SendOptions>();
  CLI::App* estimate = add_client_command(
      app, context, "estimate", "What a text costs: encoding, parts, the character that makes it dear, prices.",
      [options](ApiClient& client, const Output& output) {
        const json answer = client.post("/_control/sms/estimate", control_body(*options, options->from));
        if (output.json()) {
          output.line(answer.dump());
          return kExitOk;
        }
        output.line(text_of(answer, "encoding") + "  " + std::to_string(answer["segments"].get<int>()) + " segment(s)  " +
                    std::to_string(answer["characters"].get<int>()) + " character(s)");
        if (answer.contains("costly_character"))
          output.line("'" + text_of(answer, "costly_character") + "' is the first character that is not in GSM-7");
        for (const json& swap : answer["swaps"])
          output.line("  '" + text_of(swap, "found") + "' → '" + text_of(swap, "replacement") + "'  " +
                      std::to_string(swap["count"].get<int>()) + " time(s)");
        if (answer.contains("swapped_text"))
          output.line("with that " + std::to_string(answer["swapped_segments"].get<int>()) +
                      " segment(s): " + text_of(answer, "swapped_text"));
        for (const json& recipient : answer["recipients"]) {
          output.line(text_of(recipient, "to") + "  " + text_of(recipient, "country") + "  " +
                      (recipient.contains("route") ? text_of(recipient, "route") : "no route"));
          for (const json& price : recipient["prices"])
            output.line("  " + text_of(price, "provider") + "  " + money(price, "total_micros"));
        }
        return kExitOk;
      });
  estimate->add_option("message", options->message, "The text.")->required();
  estimate->add_option("--from", options->from, "The sender, as routes may ask for it.");
  estimate->add_option("--to", options->to, "Recipient in E.164; may be repeated.")->allow_extra_args(false);
  estimate->add_option("--tag", options->tag, "Tag, as routes may ask for it.");
}

void add_cancel(CLI::App& app, CommandContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* cancel = add_client_command(app, context, "cancel", "Take back a message that was not handed to a carrier yet.",
                                        [id](ApiClient& client, const Output& output) {
                                          const json record = client.remove("/_control/messages/" + net::percent_encode(*id));
                                          output.result(record, text_of(record, "message_id") + "  " + text_of(record, "state"));
                                          return kExitOk;
                                        });
  cancel->add_option("message", *id, "Its id.")->required();
}

/// Calls `each` with every item of every page.
template <class F>
void each_item(ApiClient& client, const std::string& path, const std::string& name, const std::string& value, F each) {
  std::string continuation;
  do {
    Target target(path);
    target.add("limit", "1000").add(name, value).add("continuation", continuation);
    const json page = client.get(target.text());
    for (const json& item : page["items"]) each(item);
    continuation = text_of(page, "continuation");
  } while (!continuation.empty());
}

void add_consent(CLI::App& app, CommandContext& context) {
  CLI::App* consent =
      app.add_subcommand("consent", "Who does not want to be written to, and how that came about.")->require_subcommand(1);
  struct Options {
    std::string from, recipient, file;
    std::vector<std::string> to;
  };
  auto options = std::make_shared<Options>();
  for (const auto& [name, path, what] :
       {std::tuple<const char*, const char*, const char*>{"add", "add", "Note that people do not want to hear from a sender."},
        {"remove", "remove", "Lift that."},
        {"check", "check", "Whether they opted out."}}) {
    CLI::App* command = add_client_command(
        *consent, context, name, what, [options, path = std::string(path)](ApiClient& client, const Output& output) {
          json body;
          body["from"] = sender_of(client, options->from);
          body["recipients"] = json::array();
          for (const std::string& to : options->to) {
            json one;
            one["to"] = to;
            body["recipients"].push_back(std::move(one));
          }
          const json answer = client.post("/sms/optouts:" + path + kSmsVersion, body);
          bool all = true;
          for (const json& item : answer["value"]) {
            const bool good = item.value("httpStatusCode", 0) == 200;
            all &= good;
            std::string line = text_of(item, "to") + "  ";
            line += !good                         ? "refused  " + text_of(item, "errorMessage")
                    : item.contains("isOptedOut") ? (item["isOptedOut"].get<bool>() ? "opted out" : "may be written to")
                                                  : "noted";
            output.result(item, line);
          }
          return all ? kExitOk : kExitFailed;
        });
    command->add_option("--from", options->from, "The sender; default: the first number that can send.");
    command->add_option("to", options->to, "Recipients in E.164.")->required();
  }
  CLI::App* list = add_client_command(
      *consent, context, "list", "Everybody who opted out.", [options](ApiClient& client, const Output& output) {
        each_item(client, "/_control/consent", "sender", options->from, [&](const json& item) {
          output.result(item, text_of(item, "recipient") + "  not from " + text_of(item, "sender") + "  since " +
                                  text_of(item, "since") + "  (" + text_of(item, "source") + ")");
        });
        return kExitOk;
      });
  list->add_option("--from", options->from, "Only of this sender.");
  CLI::App* history = add_client_command(
      *consent, context, "history", "The ledger, oldest first.", [options](ApiClient& client, const Output& output) {
        each_item(client, "/_control/consent/history", "recipient", options->recipient, [&](const json& item) {
          output.result(item, item["sequence"].dump() + "  " + text_of(item, "at") + "  " + text_of(item, "recipient") + "  " +
                                  text_of(item, "action") + "  " + text_of(item, "sender") + "  " + text_of(item, "source") +
                                  (item.contains("keyword") ? " " + text_of(item, "keyword") : ""));
        });
        return kExitOk;
      });
  history->add_option("--recipient", options->recipient, "Only of this person.");
  CLI::App* dump = add_client_command(
      *consent, context, "export", "The ledger and its proof as JSON lines: evidence to keep.",
      [options](ApiClient& client, const Output& output) {
        std::ofstream file(options->file, std::ios::binary);
        std::int64_t lines = 0;
        each_item(client, "/_control/consent/history", "", "", [&](const json& item) {
          file << item.dump() << '\n';
          ++lines;
        });
        json proof = client.get("/_control/consent/proof");
        file << proof.dump() << '\n';
        file.close();
        if (!file) throw Error(ErrorCode::kUnavailable, "cannot write " + options->file, "file");
        output.result(proof, std::to_string(lines) + " line(s), " +
                                 (proof.value("intact", false) ? "intact" : "broken at line " + proof["first_broken"].dump()) +
                                 ", digest " + text_of(proof, "digest"));
        return proof.value("intact", false) ? kExitOk : kExitFailed;
      });
  dump->add_option("file", options->file, "Where to write it.")->required();
}

}  // namespace

void add_sms_commands(CLI::App& app, CommandContext& context) {
  add_send(app, context);
  add_estimate(app, context);
  add_cancel(app, context);
  add_records(app, context);
  add_consent(app, context);
}

}  // namespace trunkline::app
