#include "engine.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "azure_key.h"
#include "signature.h"
#include "trunkline/sms_text.hpp"

namespace http_carrier {

namespace gsm = trunkline::gsm;
using trunkline::Bytes;
using trunkline::Call;
using trunkline::CallOptions;
using trunkline::Custody;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
using trunkline::sms::FailureReason;
using trunkline::sms::Recipient;
using trunkline::sms::SmsCapabilities;
using trunkline::sms::SmsSendRequest;
using trunkline::sms::SmsSendResult;

namespace {

constexpr std::size_t kMaxRecipients = 100;
/// A carrier that takes the same key once is asked so often before its answer counts as lost.
constexpr int kAttempts = 3;

struct Measure {
  std::int32_t segments = 1;
  bool unicode = false;
};

Measure measure(std::string_view text, trunkline::sms::Encoding encoding) {
  std::string octets;
  Measure m;
  m.unicode = encoding == trunkline::sms::Encoding::kUcs2;
  if (encoding == trunkline::sms::Encoding::kGsm7)
    gsm::encode_gsm7_lossy(text, gsm::Alphabet::standard(), octets);
  else if (m.unicode || !gsm::encode_gsm7(text, gsm::Alphabet::standard(), octets)) {
    m.unicode = true;
    gsm::encode_ucs2(text, octets);
  }
  m.segments = static_cast<std::int32_t>(gsm::count_parts(octets, m.unicode ? gsm::Charset::kUcs2 : gsm::Charset::kGsm7));
  return m;
}

std::string digits_of(std::string_view number) { return std::string(number.starts_with('+') ? number.substr(1) : number); }

std::string rfc3339(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return text;
}

/// The GUID within the host's id; where there is none, one that is made of the id, so that it is the same each time.
std::string guid_of(std::string_view message_id) {
  const auto is_guid = [](std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if ((i == 8 || i == 13 || i == 18 || i == 23) ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i])))
        return false;
    return true;
  };
  for (std::size_t at = 0; at + 36 <= message_id.size(); ++at)
    if (is_guid(message_id.substr(at, 36))) return std::string(message_id.substr(at, 36));
  std::string digits = hex(sha256(message_id)).substr(0, 32);
  digits[12] = '8';  // RFC 9562: made by a rule of one's own
  digits[16] = 'a';
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" + digits.substr(16, 4) + "-" +
         digits.substr(20);
}

/// No connection was made: the carrier has seen nothing. A request that was cancelled may have been under way.
bool was_unsent(const Error& error) {
  return error.provider_code == "connection" || error.provider_code == "resolution" || error.code == ErrorCode::kInvalidArgument;
}

}  // namespace

/// One call of the host. Its workers take recipients one by one.
struct Engine::Batch {
  SmsSendRequest request;
  CallOptions options;
  Measure text;
  std::vector<SmsSendResult> results;
  std::vector<Fate> fates;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> running{0};
  std::mutex mutex;
  std::optional<Error> trouble;
};

Engine::Engine(trunkline::Host host, Description description, std::string callback_url, trunkline::Duration keep, Hooks hooks)
    : description_(std::move(description)),
      callback_url_(std::move(callback_url)),
      hooks_(std::move(hooks)),
      clock_(host.clock()),
      log_(host.log()),
      http_(host.http()),
      secrets_(host.secrets()),
      events_(host.sms_events()),
      secret_of_([this](const std::string& name) { return secrets_.get(name); }),
      custody_(host.store(), host.clock(), keep) {}

SmsCapabilities Engine::capabilities(const Call&) {
  SmsCapabilities capabilities;
  capabilities.delivery_reports = !description_.receipts.empty();
  capabilities.inbound = !description_.inbound.empty();
  capabilities.alphanumeric_sender = description_.alphanumeric_sender;
  capabilities.idempotent = description_.idempotent;
  capabilities.max_recipients = kMaxRecipients;
  capabilities.max_segments = description_.max_segments;
  capabilities.countries = description_.countries;
  return capabilities;
}

Task<std::vector<SmsSendResult>> Engine::send(Call call, SmsSendRequest request) {
  if (request.from.empty()) throw Error(ErrorCode::kInvalidArgument, "from: found nothing, wanted a sender", "from");
  if (request.recipients.empty() || request.recipients.size() > kMaxRecipients)
    throw Error(
        ErrorCode::kInvalidArgument,
        "recipients: found " + std::to_string(request.recipients.size()) + ", wanted 1 to " + std::to_string(kMaxRecipients),
        "recipients");
  Batch batch;
  batch.text = measure(request.text, request.encoding);
  if (batch.text.segments > description_.max_segments)
    throw Error(ErrorCode::kInvalidArgument,
                "text: found " + std::to_string(batch.text.segments) + " segments, wanted at most " +
                    std::to_string(description_.max_segments),
                "text");
  batch.options = call.forward();
  batch.results.resize(request.recipients.size());
  batch.fates.resize(request.recipients.size(), Fate::kUnsent);
  batch.request = std::move(request);
  const std::size_t workers = std::min<std::size_t>(batch.results.size(), static_cast<std::size_t>(description_.connections));
  batch.running = workers;
  co_await custody_.ready();
  co_await trunkline::from_callback<void>([this, &batch, workers](auto done) {
    for (std::size_t i = 0; i < workers; ++i)
      trunkline::spawn(work(&batch), [&batch, done](Result<void>) mutable {
        if (batch.running.fetch_sub(1) == 1) done(Result<void>{});
      });
  });
  co_await custody_.flush();
  const auto count = [&](Fate fate) {
    return static_cast<std::size_t>(std::count(batch.fates.begin(), batch.fates.end(), fate));
  };
  if (count(Fate::kLost) > 0) {
    // The host asks what became of each (trunkline.sms.query/1), and sends none of them elsewhere before it knows.
    throw Error(ErrorCode::kDeadlineExceeded, "the carrier's answer was lost: " + (batch.trouble ? batch.trouble->message : ""));
  }
  if (batch.trouble && count(Fate::kUnsent) == batch.fates.size()) throw *batch.trouble;
  co_return std::move(batch.results);
}

Task<void> Engine::work(Batch* batch) {
  for (std::size_t i; (i = batch->next.fetch_add(1)) < batch->results.size();) {
    SmsSendResult& result = batch->results[i];
    const Recipient& recipient = batch->request.recipients[i];
    result.message_id = recipient.message_id;
    result.segments = batch->text.segments;
    std::optional<Error> failure;
    Fate fate = Fate::kLost;
    // The host has given up: the others are not begun with.
    {
      const std::lock_guard lock(batch->mutex);
      if (batch->trouble && batch->trouble->code == ErrorCode::kCancelled) failure = batch->trouble;
    }
    // A carrier that takes a message once may get it again in any case.
    if (!failure && !description_.idempotent) {
      std::vector<std::string> ids;
      ids.push_back(recipient.message_id);
      try {
        co_await custody_.hand_over(std::move(ids));
      } catch (...) {
        failure = trunkline::current_error();
      }
    }
    const bool noted = !failure;
    for (int attempt = 1; noted; ++attempt) {
      failure.reset();
      try {
        fate = co_await send_one(*batch, i, result);
      } catch (...) {
        failure = trunkline::current_error();
      }
      if (!failure) break;
      fate = was_unsent(*failure) ? Fate::kUnsent : Fate::kLost;
      const bool again = fate == Fate::kLost && description_.idempotent && failure->code == ErrorCode::kUnavailable;
      if (!again || attempt == kAttempts) break;
    }
    if (!noted) fate = Fate::kUnsent;
    if (failure) {
      result.accepted = false;
      result.reason = FailureReason::kTemporary;
      result.provider_code = failure->message.substr(0, kMaxCode);
      result.retryable = fate == Fate::kUnsent && failure->code != ErrorCode::kInvalidArgument;
      const std::lock_guard lock(batch->mutex);
      batch->trouble = std::move(failure);
    }
    batch->fates[i] = fate;
    if (noted && fate != Fate::kLost)
      custody_.answered(recipient.message_id, fate == Fate::kTaken ? Custody::kTaken : Custody::kRefused,
                        result.provider_message_id.value_or(""));
  }
}

Variables Engine::variables_of(const SmsSendRequest& request, const Recipient& recipient) const {
  Variables v;
  v["to"] = recipient.to;
  v["to_digits"] = digits_of(recipient.to);
  v["from"] = request.from;
  v["from_digits"] = digits_of(request.from);
  v["text"] = request.text;
  v["message_id"] = recipient.message_id;
  v["message_guid"] = guid_of(recipient.message_id);
  v["now"] = rfc3339(clock_.now());
  v["now_http"] = http_date(clock_.now());
  if (!callback_url_.empty() && request.delivery_report) v["callback"] = callback_url_;
  if (request.valid_until) {
    v["valid_until"] = rfc3339(*request.valid_until);
    const auto left = std::chrono::ceil<std::chrono::seconds>(*request.valid_until - clock_.now()).count();
    v["validity_seconds"] = std::max<std::int64_t>(left, 1);
  }
  if (request.properties)
    for (const auto& [name, value] : *request.properties) v["property." + name] = value;
  return v;
}

HttpRequest Engine::fill(const Request& request, const Variables& variables) const {
  HttpRequest http;
  http.method = request.method;
  http.url = request.url.fill(variables, secret_of_, percent_encoded);
  http.timeout = request.timeout;
  http.headers["accept"] = "application/json";
  for (const auto& [name, value] : request.headers) http.headers[name] = value.fill(variables, secret_of_);
  if (!request.basic_user.empty())
    http.headers["authorization"] = "Basic " + base64(request.basic_user.fill(variables, secret_of_) + ":" +
                                                      request.basic_password.fill(variables, secret_of_));
  std::string body;
  if (!request.body.empty()) {
    body = request.body.fill(variables, secret_of_).dump(-1, ' ', false, json::error_handler_t::replace);
    http.headers.emplace("content-type", "application/json");
  } else if (!request.form.empty()) {
    for (const auto& [name, value] : request.form) {
      const auto filled = value.value(variables, secret_of_);
      if (!filled) continue;  // a name that stands for nothing here
      if (!body.empty()) body += '&';
      body += percent_encoded(name) + "=" + percent_encoded(filled->is_string() ? filled->get<std::string>() : filled->dump());
    }
    http.headers.emplace("content-type", "application/x-www-form-urlencoded");
  }
  if (!body.empty()) http.body = Bytes(body.begin(), body.end());
  if (hooks_.sign) hooks_.sign(http);
  return http;
}

Task<Engine::Fate> Engine::send_one(const Batch& batch, std::size_t index, SmsSendResult& result) {
  Variables variables = variables_of(batch.request, batch.request.recipients[index]);
  variables["segments"] = batch.text.segments;
  variables["unicode"] = batch.text.unicode;
  if (hooks_.prepare) hooks_.prepare(variables);
  HttpRequest request = fill(description_.send, variables);
  CallOptions options = batch.options;
  const HttpResponse response = co_await http_.send(std::move(request), std::move(options));
  co_return read_result(response, result);
}

}  // namespace http_carrier
