// Mail on the command line: sending, what the sandbox caught, suppressed addresses.
#include <CLI/App.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/base/encoding.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr const char* kEmailVersion = "?api-version=2025-09-01";
constexpr const char* kDeliveryReport = "Microsoft.Communication.EmailDeliveryReportReceived";

std::string operation_path(const std::string& id, const char* behind = "") {
  return "/_control/mails/" + net::percent_encode(id) + behind;
}

struct Email {
  std::string from = "donotreply@sandbox.trunkline.test";
  std::vector<std::string> to, cc, bcc, attachments;
  std::string subject, text, html, wait;
  bool unsubscribe = false;
};

/// A media type by the ending of the name; what is not known is bytes.
std::string media_type(const std::string& name) {
  static constexpr std::pair<std::string_view, const char*> kTypes[] = {
      {".txt", "text/plain"},      {".html", "text/html"}, {".csv", "text/csv"},   {".json", "application/json"},
      {".pdf", "application/pdf"}, {".png", "image/png"},  {".jpg", "image/jpeg"}, {".gif", "image/gif"}};
  for (const auto& [ending, type] : kTypes)
    if (name.ends_with(ending)) return type;
  return "application/octet-stream";
}

json attachment(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kNotFound, "the file " + path + " cannot be read", "--attach");
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto slash = path.rfind('/');
  json one;
  one["name"] = slash == std::string::npos ? path : path.substr(slash + 1);
  one["contentType"] = media_type(path);
  one["contentInBase64"] = base64_encode(content);
  return one;
}

json addresses(const std::vector<std::string>& list) {
  json out = json::array();
  for (const std::string& address : list) {
    json one;
    one["address"] = address;
    out.push_back(std::move(one));
  }
  return out;
}

/// Waits until each recipient has its report. True: all were delivered.
bool wait_for_reports(ApiClient& client, const Output& output, const std::string& id, std::vector<std::string> waiting,
                      std::int64_t after, Time until) {
  bool delivered = true;
  while (!waiting.empty()) {
    const std::int64_t wait_ms = poll_ms(until);
    if (wait_ms <= 0) throw Error(ErrorCode::kDeadlineExceeded, "not every report came in time");
    const json page = client.get("/_control/events?wait_ms=" + std::to_string(wait_ms) + "&after=" + std::to_string(after) +
                                 "&type=" + std::string(kDeliveryReport));
    for (const json& event : page["items"]) {
      const json& data = event["data"];
      if (text_of(data, "messageId") != id) continue;
      if (std::erase(waiting, text_of(data, "recipient")) == 0) continue;
      delivered &= text_of(data, "status") == "Delivered";
      output.result(event, text_of(data, "recipient") + "  " + text_of(data, "status") + "  " +
                               text_of(data["deliveryStatusDetails"], "statusMessage"));
    }
    after = page["next"].get<std::int64_t>();
  }
  return delivered;
}

int send_email(const CommandContext& context, const Email& email) {
  ApiClient client(Connection::resolve(context.connection_string));
  const Output output(context.json);
  json body;
  body["senderAddress"] = email.from;
  body["content"]["subject"] = email.subject;
  if (!email.text.empty()) body["content"]["plainText"] = email.text;
  if (!email.html.empty()) body["content"]["html"] = email.html;
  body["recipients"]["to"] = addresses(email.to);
  body["recipients"]["cc"] = addresses(email.cc);
  body["recipients"]["bcc"] = addresses(email.bcc);
  if (email.unsubscribe) body["unsubscribe"] = true;
  for (const std::string& path : email.attachments) body["attachments"].push_back(attachment(path));
  std::vector<std::string> waiting;
  for (const auto* list : {&email.to, &email.cc, &email.bcc}) waiting.insert(waiting.end(), list->begin(), list->end());
  const std::int64_t position = email.wait.empty() ? 0 : client.get("/_control/events?limit=1")["next"].get<std::int64_t>();
  const json answer = client.post(std::string("/emails:send") + kEmailVersion, body);
  const std::string id = text_of(answer, "id");
  output.result(answer, "accepted  " + id);
  if (email.wait.empty()) return kExitOk;
  const Time until = system_time_now() + duration_option(email.wait, "--wait");
  return wait_for_reports(client, output, id, std::move(waiting), position, until) ? kExitOk : kExitFailed;
}

void add_send(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.get_subcommand("send")->add_subcommand("email", "Send a mail.");
  auto email = std::make_shared<Email>();
  command->add_option("--from", email->from, "A sender of the resource.")->capture_default_str();
  command->add_option("--to", email->to, "Recipient; may be repeated.")->allow_extra_args(false);
  command->add_option("--cc", email->cc, "The same for Cc.")->allow_extra_args(false);
  command->add_option("--bcc", email->bcc, "The same for Bcc.")->allow_extra_args(false);
  command->add_option("--subject", email->subject, "Subject.")->required();
  command->add_option("text", email->text, "The text.");
  command->add_option("--html", email->html, "The same as HTML.");
  command->add_option("--attach", email->attachments, "A file; may be repeated.")->allow_extra_args(false);
  command->add_flag("--unsubscribe", email->unsubscribe, "Offer one-click unsubscribing.");
  command->add_option("--wait", email->wait, "Wait so long for the delivery reports, such as 10s.");
  command->callback([&context, email] { context.run = [&context, email] { return send_email(context, *email); }; });
}

std::string mail_line(const json& mail) {
  return text_of(mail, "at") + "  " + text_of(mail, "mail_id") + "  " + text_of(mail, "from") + " → " + joined(mail["to"]) +
         "  " + text_of(mail, "subject");
}

int show_mail(const Output& output, const json& mail) {
  std::string text;
  for (const json& header : mail["headers"]) text += header.get<std::string>() + "\n";
  for (const auto& [recipient, outcome] : mail["outcomes"].items())
    text += "→ " + recipient + ": " + outcome.get<std::string>() + "\n";
  text += "\n" + (mail.contains("text") ? text_of(mail, "text") : text_of(mail, "html"));
  for (const json& file : mail["files"])
    text += "[" + text_of(file, "name") + ", " + text_of(file, "content_type") + ", " + file["size"].dump() + " bytes]\n";
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  output.result(mail, text);
  return kExitOk;
}

void add_caught(CLI::App& mail, CommandContext& context) {
  auto id = std::make_shared<std::string>();
  auto address = std::make_shared<std::string>();
  CLI::App* list =
      add_client_command(mail, context, "list", "Mails, oldest first.", [address](ApiClient& client, const Output& output) {
        const json page = client.get(Target("/_control/mails").add("address", *address).text());
        for (const json& one : page["items"]) output.result(one, mail_line(one));
        return kExitOk;
      });
  list->add_option("address", *address, "Only mails to this address.");
  CLI::App* show =
      add_client_command(mail, context, "show", "One mail: headers, text, files.", [id](ApiClient& client, const Output& output) {
        std::string wanted = *id;
        if (wanted == "last") {
          const json all = client.get("/_control/mails")["items"];
          if (all.empty()) throw Error(ErrorCode::kNotFound, "there is no mail yet");
          wanted = text_of(all.back(), "mail_id");
        }
        return show_mail(output, client.get(operation_path(wanted)));
      });
  show->add_option("mail", *id, "Its id; `last` for the newest one.")->required();
  CLI::App* raw =
      add_client_command(mail, context, "raw", "The mail as it went over the wire.", [id](ApiClient& client, const Output&) {
        client.download(operation_path(*id, "/raw"),
                        [](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), stdout); });
        return kExitOk;
      });
  raw->add_option("mail", *id, "Its id.")->required();
  auto recipient = std::make_shared<std::string>();
  CLI::App* complain = add_client_command(mail, context, "complain", "A recipient calls a mail spam.",
                                          [id, recipient](ApiClient& client, const Output& output) {
                                            json body;
                                            body["recipient"] = *recipient;
                                            output.result(client.post(operation_path(*id, "/complain"), body), "complained");
                                            return kExitOk;
                                          });
  complain->add_option("mail", *id, "Its id.")->required();
  complain->add_option("recipient", *recipient, "Who complains.")->required();
}

void add_receive(CLI::App& mail, CommandContext& context) {
  struct Letter {
    std::string from, subject, text;
    std::vector<std::string> to;
  };
  auto letter = std::make_shared<Letter>();
  CLI::App* command = add_client_command(mail, context, "receive", "Somebody writes to a mailbox of the resource.",
                                         [letter](ApiClient& client, const Output& output) {
                                           json body;
                                           body["from"] = letter->from;
                                           body["to"] = letter->to;
                                           body["subject"] = letter->subject;
                                           body["text"] = letter->text;
                                           const json answer = client.post("/_control/mails", body);
                                           output.result(answer, "received  " + text_of(answer, "mail_id"));
                                           return kExitOk;
                                         });
  command->add_option("from", letter->from, "Who writes.")->required();
  command->add_option("--to", letter->to, "A mailbox of the resource; may be repeated.")->required()->allow_extra_args(false);
  command->add_option("--subject", letter->subject, "Subject.");
  command->add_option("text", letter->text, "The text.")->required();
}

void add_rule(CLI::App& mail, CommandContext& context) {
  struct Rule {
    std::string match, outcome, code, detail, latency;
    bool refuse = false, temporary = false, bounce_mail = false, silent = false;
    int times = 0;
  };
  auto rule = std::make_shared<Rule>();
  CLI::App* command = add_client_command(mail, context, "rule", "How the sandbox treats mail to certain addresses.",
                                         [rule](ApiClient& client, const Output& output) {
                                           json body;
                                           body["match"] = rule->match;
                                           body["outcome"] = rule->outcome;
                                           if (!rule->code.empty()) body["status_code"] = rule->code;
                                           if (!rule->detail.empty()) body["detail"] = rule->detail;
                                           if (!rule->latency.empty()) body["latency"] = rule->latency;
                                           body["refuse"] = rule->refuse;
                                           body["temporary"] = rule->temporary;
                                           body["bounce_mail"] = rule->bounce_mail;
                                           body["silent"] = rule->silent;
                                           body["times"] = rule->times;
                                           const json answer = client.post("/_control/mail-rules", body);
                                           output.result(answer, text_of(answer, "match") + "  " + text_of(answer, "outcome"));
                                           return kExitOk;
                                         });
  command->add_option("match", rule->match, "An address in which * stands for anything.")->required();
  command->add_option("outcome", rule->outcome, "delivered, bounced, filtered_spam, quarantined, expanded, failed or complained.")
      ->required();
  command->add_option("--status-code", rule->code, "Such as 5.1.1.");
  command->add_option("--detail", rule->detail, "The server's words.");
  command->add_option("--latency", rule->latency, "Time until the report, such as 10s.");
  command->add_flag("--refuse", rule->refuse, "At once, instead of by a report.");
  command->add_flag("--temporary", rule->temporary, "With --refuse: trying again later helps.");
  command->add_flag("--bounce-mail", rule->bounce_mail, "The bounce comes as a mail to the sender.");
  command->add_flag("--silent", rule->silent, "No report is ever sent.");
  command->add_option("--times", rule->times, "So many mails, then the rule retires.");
}

void add_operations(CLI::App& mail, CommandContext& context) {
  add_client_command(mail, context, "sent", "The newest sends and what became of them.",
                     [](ApiClient& client, const Output& output) {
                       const json page = client.get("/_control/emails?limit=20");
                       for (const json& one : page["items"]) {
                         std::string text = text_of(one, "created_at") + "  " + text_of(one, "operation_id") + "  " +
                                            text_of(one, "status") + "  " + text_of(one, "subject");
                         for (const json& recipient : one["recipients"])
                           text += "\n  " + text_of(recipient, "address") + "  " + text_of(recipient, "state") + "  " +
                                   text_of(recipient, "status_code") + "  " + text_of(recipient, "detail");
                         output.result(one, text);
                       }
                       return kExitOk;
                     });
  auto id = std::make_shared<std::string>();
  CLI::App* explain = add_client_command(
      mail, context, "explain", "Why a mail went the way it went.", [id](ApiClient& client, const Output& output) {
        const json answer = client.get("/_control/emails/" + net::percent_encode(*id) + "/explain");
        std::string text = *id;
        for (const json& step : answer["steps"])
          text += "\n  " + text_of(step, "at") + "  " + text_of(step, "outcome") + "  " + text_of(step, "rule") + "  " +
                  text_of(step, "value") + (step.contains("detail") ? "  (" + text_of(step, "detail") + ")" : "");
        output.result(answer, text);
        return kExitOk;
      });
  explain->add_option("operation", *id, "Id of the send.")->required();
}

void add_suppressions(CLI::App& mail, CommandContext& context) {
  add_client_command(mail, context, "suppressed", "Addresses that get no mail.", [](ApiClient& client, const Output& output) {
    const json page = client.get("/_control/suppressions");
    for (const json& one : page["items"])
      output.result(one, text_of(one, "address") + "  " + text_of(one, "reason") +
                             (text_of(one, "sender").empty() ? "" : "  of " + text_of(one, "sender")) +
                             (one.contains("expires_at") ? "  until " + text_of(one, "expires_at") : "") + "  " +
                             text_of(one, "detail"));
    return kExitOk;
  });
  auto address = std::make_shared<std::string>();
  auto note = std::make_shared<std::string>();
  CLI::App* suppress = add_client_command(mail, context, "suppress", "Send an address no mail any more.",
                                          [address, note](ApiClient& client, const Output& output) {
                                            json body;
                                            body["address"] = *address;
                                            body["note"] = *note;
                                            output.result(client.post("/_control/suppressions", body), "suppressed  " + *address);
                                            return kExitOk;
                                          });
  suppress->add_option("address", *address, "Address.")->required();
  suppress->add_option("--note", *note, "Why.");
  CLI::App* lift =
      add_client_command(mail, context, "lift", "Send it mail again.", [address](ApiClient& client, const Output& output) {
        output.result(client.remove("/_control/suppressions/" + net::percent_encode(*address)), "lifted  " + *address);
        return kExitOk;
      });
  lift->add_option("address", *address, "Address.")->required();
}

void add_wait_for_mail(CLI::App& app, CommandContext& context) {
  auto address = std::make_shared<std::string>();
  auto after = std::make_shared<std::string>();
  auto timeout = std::make_shared<std::string>("30s");
  CLI::App* wait = add_client_command(*app.get_subcommand("wait"), context, "mail", "A mail to an address, in the sandbox.",
                                      [address, after, timeout](ApiClient& client, const Output& output) {
                                        const Time until = system_time_now() + duration_option(*timeout, "--timeout");
                                        std::string behind = *after;
                                        if (behind.empty()) {
                                          const json before =
                                              client.get(Target("/_control/mails").add("address", *address).text())["items"];
                                          if (!before.empty()) behind = text_of(before.back(), "mail_id");
                                        } else if (behind == "0") {
                                          behind.clear();
                                        }
                                        for (;;) {
                                          const std::int64_t wait_ms = poll_ms(until);
                                          if (wait_ms <= 0)
                                            throw Error(ErrorCode::kDeadlineExceeded, "no mail came to " + *address + " in time");
                                          const std::string target = Target("/_control/mails")
                                                                         .add("address", *address)
                                                                         .add("after", behind)
                                                                         .add("wait_ms", std::to_string(wait_ms))
                                                                         .text();
                                          const json items = client.get(target)["items"];
                                          if (items.empty()) continue;
                                          output.result(items.front(), mail_line(items.front()));
                                          return kExitOk;
                                        }
                                      });
  wait->add_option("address", *address, "The address.")->required();
  wait->add_option("--after", *after, "The first one behind this mail; 0: the first of all. Default: from now on.");
  wait->add_option("--timeout", *timeout, "Longest wait.");
}

}  // namespace

void add_mail_commands(CLI::App& app, CommandContext& context) {
  CLI::App* mail =
      app.add_subcommand("mail", "Mail: what the sandbox caught, what was sent, who is suppressed.")->require_subcommand(0, 1);
  mail->callback([&context, mail] {
    if (!mail->get_subcommands().empty()) return;
    context.run = [&context] {
      ApiClient client(Connection::resolve(context.connection_string));
      const Output output(context.json);
      const json page = client.get("/_control/mailboxes");
      if (!text_of(page, "smtp").empty() && !output.json()) output.line("SMTP at " + text_of(page, "smtp"));
      for (const json& item : page["items"])
        output.result(item, text_of(item, "address") + "  " + item["mail_count"].dump() + " mail(s)");
      return kExitOk;
    };
  });
  add_caught(*mail, context);
  add_receive(*mail, context);
  add_rule(*mail, context);
  add_operations(*mail, context);
  add_suppressions(*mail, context);
  add_send(app, context);
  add_wait_for_mail(app, context);
}

}  // namespace trunkline::app
