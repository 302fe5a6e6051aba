// What an email provider promises about a send: see EmailProvider in bindings/idl/email.tsp.
#include <algorithm>

#include "runtime/conformance/declared_errors.h"
#include "runtime/conformance/email_client.h"

namespace trunkline::conformance {

email::EmailSendRequest mail_of(CheckContext& kit, const EmailSample& sample, int seed) {
  email::EmailSendRequest request;
  request.message_id = "kit-" + std::to_string(seed);
  request.internet_message_id = "<kit-" + std::to_string(seed) + "@example.com>";
  request.date = kit.host.clock.now();
  request.from.address = sample.from;
  request.recipients = {sample.to};
  request.to.emplace_back().address = sample.to;
  request.subject = sample.subject;
  request.plain_text = sample.text;
  return request;
}

Result<MailResults> send_mail(CheckContext& kit, Subject& subject, email::EmailSendRequest request, CallOptions options) {
  options.resource = "kit";
  return call<MailResults>(kit, "send", [&](auto done) {
    email_client(*subject.instance).start_send(std::move(request), std::move(options), std::move(done));
  });
}

void check_mail_results(const email::EmailSendRequest& request, const MailResults& results) {
  CheckContext::require(results.size() == request.recipients.size(), "found " + std::to_string(results.size()) + " results for " +
                                                                         std::to_string(request.recipients.size()) +
                                                                         " recipients, wanted one for each");
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string at = "result " + std::to_string(i) + ": ";
    CheckContext::require(results[i].recipient == request.recipients[i], at + "recipient is \"" + results[i].recipient +
                                                                             "\", wanted \"" + request.recipients[i] +
                                                                             "\": results come in the order of the request");
    CheckContext::require(results[i].state != email::EmailState::kUnknown && results[i].state != email::EmailState::kQueued,
                          at + "state is " + std::to_string(static_cast<int>(results[i].state)) +
                              ", wanted what became of it: sent, delivered, bounced, failed or another");
    CheckContext::require(!results[i].retryable || !is_taken(results[i]),
                          at + "it was taken, and is to be sent again (retryable): the recipient would get it twice");
  }
}

bool is_taken(const email::EmailSendResult& result) {
  return result.state == email::EmailState::kSent || result.state == email::EmailState::kDelivered ||
         result.state == email::EmailState::kExpanded;
}

namespace {

using MailRequest = email::EmailSendRequest;

void require_taken(CheckContext& kit, const Result<MailResults>& result, const MailRequest& request) {
  if (!result.ok()) kit.fail("send failed: " + error_name(result.error().code) + ": " + result.error().message);
  check_mail_results(request, result.value());
  for (const email::EmailSendResult& one : result.value())
    kit.require(is_taken(one), "the carrier refused " + one.recipient + " (" + one.status_code.value_or("no code") + " " +
                                   one.detail.value_or("") + "): name an address that it takes in the quirks' \"email\"");
}

void mail_answers_each_recipient(CheckContext& kit) {
  Subject subject = kit.open();
  const std::int32_t most = email_client(*subject.instance).capabilities().max_recipients;
  MailRequest request = mail_of(kit, kit.input.quirks.email);
  const std::string& to = kit.input.quirks.email.to;
  for (int i = 1; i < std::min(most, 3); ++i) {
    // Other mailboxes of the same domain: in headers they are hidden, so that only `recipients` names them.
    std::string other = to;
    other.insert(other.find('@') == std::string::npos ? other.size() : other.find('@'), "+" + std::to_string(i));
    request.recipients.push_back(std::move(other));
  }
  require_taken(kit, send_mail(kit, subject, request), request);
  kit.close(subject);
}

void mail_capabilities(CheckContext& kit) {
  Subject subject = kit.open();
  const email::EmailCapabilities first = email_client(*subject.instance).capabilities();
  kit.require(first.max_recipients > 0, "max_recipients is " + std::to_string(first.max_recipients));
  kit.require(first.max_size_bytes > 0, "max_size_bytes is " + std::to_string(first.max_size_bytes));
  send_mail(kit, subject, mail_of(kit, kit.input.quirks.email));
  kit.require(email_client(*subject.instance).capabilities() == first, "capabilities changed while the instance lived");
  kit.close(subject);
}

// What it makes of a mail with something odd in it: results for each recipient, or an error that says what is wrong.
void odd_mail(CheckContext& kit, const std::function<void(MailRequest&)>& alter) {
  Subject subject = kit.open();
  MailRequest request = mail_of(kit, kit.input.quirks.email);
  alter(request);
  const auto result = send_mail(kit, subject, request);
  if (result.ok())
    check_mail_results(request, result.value());
  else
    require_meaning(kit, result.error());
  kit.close(subject);
}

email::EmailAttachment attachment(std::string name, Bytes content) {
  email::EmailAttachment file;
  file.name = std::move(name);
  file.content_type = "application/octet-stream";
  file.content = std::move(content);
  return file;
}

struct OddMail {
  const char* name;
  void (*alter)(MailRequest& request);
};
constexpr OddMail kOddMails[] = {
    {"nul_in_text", [](MailRequest& r) { r.plain_text = std::string("a\0b", 3); }},
    {"nul_in_subject", [](MailRequest& r) { r.subject = std::string("a\0b", 3); }},
    {"nul_in_id", [](MailRequest& r) { r.message_id = std::string("kit\0id", 6); }},
    // Comes back whole, or is refused: nothing was taken for a C string.
    {"nul_in_recipient", [](MailRequest& r) { r.recipients.front().insert(r.recipients.front().find('@'), 1, '\0'); }},
    {"line_breaks_in_headers",
     [](MailRequest& r) {
       r.subject = "a\r\nBcc: other@example.com\r\n\r\nbody";
       r.from.display_name = "a\r\nX: y";
       r.headers["X-Kit"] = "a\nX: y";
       r.headers["X\r\nY"] = "z";
     }},
    {"malformed_utf8",
     [](MailRequest& r) {
       r.subject = "a\xff\xc3";
       r.plain_text = "a\xff\xc3";
       r.from.display_name = "\xc0\x80";
     }},
    {"international",
     [](MailRequest& r) {
       r.subject = "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \xe2\x82\xac";
       r.from.display_name = "J\xc3\xb6rg, \"J\" <x>";
       r.plain_text = "\xf0\x9f\x98\x80";
       r.recipients.front().insert(0, "j\xc3\xb6rg");
     }},
    {"no_body", [](MailRequest& r) { r.plain_text.reset(); }},
    {"empty_texts",
     [](MailRequest& r) {
       r.subject.clear();
       r.plain_text = "";
       r.html = "";
     }},
    {"no_address", [](MailRequest& r) { r.recipients = {"nobody"}; }},
    {"huge_text", [](MailRequest& r) { r.plain_text = std::string(1'000'000, 'x'); }},
    {"long_line_and_dots", [](MailRequest& r) { r.plain_text = "..\n.\n" + std::string(5000, '.'); }},
    {"attachments",
     [](MailRequest& r) {
       r.attachments = {attachment("a\"b\r\n\xc3\xbc.bin", {0, 255, 10, 13, 0}), attachment("", {}),
                        attachment("../x", Bytes(70'000))};
       r.attachments.back().content_type = "";
       r.attachments.front().content_id = "a>b";
     }},
    {"unknown_properties",
     [](MailRequest& r) {
       r.properties.emplace();
       (*r.properties)["kit-of-the-future"] = std::string("1\0", 2);
     }},
};

// Beyond what capabilities name: the host refuses such mail itself, and a provider must survive it.
void mail_too_large(CheckContext& kit) {
  constexpr std::int64_t kMostTested = 64 * 1024 * 1024;
  Subject subject = kit.open();
  const std::int64_t most = email_client(*subject.instance).capabilities().max_size_bytes;
  if (most > kMostTested) kit.skip("max_size_bytes is " + std::to_string(most) + ": not tested");
  MailRequest request = mail_of(kit, kit.input.quirks.email);
  request.attachments.push_back(attachment("large.bin", Bytes(static_cast<std::size_t>(most) + 1, 'x')));
  const auto result = send_mail(kit, subject, request);
  if (result.ok()) {
    check_mail_results(request, result.value());
    kit.remark("a mail above max_size_bytes (" + std::to_string(most) + ") was handed to the carrier");
  } else {
    require_meaning(kit, result.error());
  }
  kit.close(subject);
}

void mail_idempotency(CheckContext& kit) {
  Subject subject = kit.open();
  if (!email_client(*subject.instance).capabilities().idempotent) kit.skip("capabilities say that it is not idempotent");
  CallOptions options;
  options.idempotency_key = "11111111-2222-4333-8444-000000000001";
  const MailRequest request = mail_of(kit, kit.input.quirks.email);
  const auto first = send_mail(kit, subject, request, options);
  const std::uint64_t requests = kit.host.http.requests();
  const auto second = send_mail(kit, subject, request, options);
  require_taken(kit, first, request);
  require_taken(kit, second, request);
  kit.require(first.value()[0].provider_message_id == second.value()[0].provider_message_id,
              "the same mail_idempotency key gave two carrier ids: the mail was sent twice");
  if (requests > 0)
    kit.remark("the second send made " + std::to_string(kit.host.http.requests() - requests) + " requests, the first " +
               std::to_string(requests));
  kit.close(subject);
}

// ---- declared errors ----

constexpr DeclaredError kMailErrors[] = {{ErrorCode::kInvalidArgument, 0},
                                         {ErrorCode::kUnauthenticated, 401},
                                         {ErrorCode::kResourceExhausted, 429},
                                         {ErrorCode::kUnavailable, 503}};

void mail_declared_error(CheckContext& kit, const DeclaredError& wanted) {
  Subject subject = kit.open();
  MailRequest request = mail_of(kit, kit.input.quirks.email);
  std::optional<HttpRule> answer;
  const ErrorRecipe* told = provocation(
      kit, "email.send", wanted, [&] { send_mail(kit, subject, request); }, answer);
  request = mail_of(kit, told && told->email ? *told->email : kit.input.quirks.email, 1);
  if (!told && wanted.status == 0) {
    request.recipients.clear();
    request.to.clear();
  }
  kit.host.http.answer_all(answer);
  const auto result = send_mail(kit, subject, request);
  kit.host.http.answer_all({});
  if (!result.ok()) {
    require_code(result.error(), wanted.code);
  } else if (request.recipients.empty()) {
    kit.require(result.value().empty(), "a mail without recipients was given results");
  } else {
    // Refusing a recipient is right where only it is at fault.
    check_mail_results(request, result.value());
    for (const email::EmailSendResult& one : result.value())
      kit.require(!is_taken(one), "wanted " + error_name(wanted.code) + ", but the mail was taken");
    kit.remark("told as a refused recipient, not as an error");
  }
  kit.close(subject);
}

// A fault passes: nothing was sent, says so, and the same mail is taken afterwards.
void mail_failed_means_not_sent(CheckContext& kit) {
  Subject subject = kit.open();
  HttpRule down;
  down.fails = true;
  kit.host.http.answer_all(down);
  const MailRequest request = mail_of(kit, kit.input.quirks.email);
  const auto failed = send_mail(kit, subject, request);
  kit.host.http.answer_all({});
  if (kit.host.http.requests() == 0) kit.skip("it does not use the host's HTTP");
  if (failed.ok()) {
    for (const email::EmailSendResult& one : failed.value())
      kit.require(!is_taken(one), "the carrier could not be reached, but the mail was taken");
  } else {
    const ErrorCode code = failed.error().code;
    kit.require(code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded,
                "the carrier could not be reached: wanted unavailable, found " + error_name(code));
  }
  require_taken(kit, send_mail(kit, subject, request), request);
  kit.close(subject);
}

}  // namespace

std::vector<Check> email_checks(NormalCall& normal) {
  normal = [](CheckContext& kit, plugin::PluginInstance& instance, int seed, CallOptions options, Settled done) {
    email_client(instance).start_send(mail_of(kit, kit.input.quirks.email, seed), std::move(options), settle(std::move(done)));
  };
  std::vector<Check> all{{"email.capabilities", mail_capabilities},
                         {"email.send.answers_each_recipient", mail_answers_each_recipient},
                         {"email.send.idempotency", mail_idempotency},
                         {"email.send.failed_means_not_sent", mail_failed_means_not_sent},
                         {"email.send.too_large", mail_too_large}};
  for (const OddMail& odd : kOddMails)
    all.push_back({std::string("email.send.") + odd.name, [&odd](CheckContext& kit) { odd_mail(kit, odd.alter); }});
  for (const DeclaredError& error : kMailErrors)
    all.push_back(
        {"email.send.error." + error_name(error.code), [&error](CheckContext& kit) { mail_declared_error(kit, error); }});
  return all;
}

}  // namespace trunkline::conformance
