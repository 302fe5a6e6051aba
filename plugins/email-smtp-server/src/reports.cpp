#include "reports.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace email_smtp_server {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Task;
using trunkline::Time;
using trunkline::email::EmailState;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;

namespace {

constexpr const char* kMailPrefix = "mail/";       // + operation id: who asked for what, a line end, and what is returned
constexpr const char* kTimePrefix = "until/";      // + time in hex + / + operation id
constexpr const char* kToldPrefix = "told/";       // + operation id + / + number of the recipient + / + s or f
constexpr std::size_t kMostReturned = 256u << 10;  // a larger mail comes back as its headers, whatever RET says
/// A mail that counts as delivered may come back days later. Longer than servers try.
constexpr std::chrono::hours kKeptFor{24 * 6};
constexpr std::chrono::hours kLookForOverdueAfter{1};
constexpr std::int32_t kRowsAtOnce = 1000;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string returned_headers(std::string_view raw) {
  const std::size_t end = std::min({raw.find("\n\r\n"), raw.find("\n\n"), raw.size()});
  return std::string(raw.substr(0, std::min(end, kMostReturned))) + "\n";
}

std::string dots_doubled(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && c == '.') out += '.';
    out += c;
    line_start = c == '\n';
  }
  return out;
}

bool is_seven_bit(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool are_alike(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return low(x) == low(y);
  });
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t seconds_of(Time at) { return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count(); }

/// `5.1.1 no such user` in two; without a code the one of its class.
void split_words(const std::string& words, bool failure, std::string& code, std::string& detail) {
  const std::size_t end = std::min(words.find(' '), words.size());
  const std::string_view first = std::string_view(words).substr(0, end);
  const bool is_code = first.size() >= 5 && (first[0] == '2' || first[0] == '4' || first[0] == '5') && first[1] == '.' &&
                       first.find_first_not_of("0123456789.") == std::string_view::npos;
  code = is_code ? std::string(first) : failure ? "5.0.0" : "2.0.0";
  detail = is_code ? words.substr(std::min(end + 1, words.size())) : words;
  std::replace_if(
      detail.begin(), detail.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
}

/// What a status of the event means to who asked; nullopt: nothing that is the end of it.
std::optional<EmailState> end_of(std::string_view status) {
  if (status == "Delivered") return EmailState::kDelivered;
  if (status == "Expanded") return EmailState::kExpanded;
  if (status == "Bounced") return EmailState::kBounced;
  // Nothing of these is where its recipient reads it.
  for (const char* failed : {"Failed", "Suppressed", "FilteredSpam", "Quarantined"})
    if (status == failed) return EmailState::kFailed;
  return std::nullopt;
}

/// The value; nullopt: there is none.
Task<std::optional<std::string>> find(trunkline::host::StoreClient store, std::string key) {
  std::optional<std::string> value;
  try {
    const Bytes bytes = co_await store.get(std::move(key));
    value.emplace(bytes.begin(), bytes.end());
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  co_return value;
}

email_smtp::Settings settings_with_password(const Settings& settings, const trunkline::Host& host) {
  const auto secret = [&](const char* name) {
    try {
      return host.secrets().get(name);
    } catch (const Error& error) {
      if (error.code != ErrorCode::kNotFound) throw;
      return std::string();
    }
  };
  if (secret("callback_code").empty())
    throw Error(ErrorCode::kInvalidArgument, "secrets.callback_code: missing, wanted because of reports", "callback_code");
  email_smtp::Settings of_reports = *settings.reports;
  of_reports.password = secret("report_password");
  return of_reports;
}

}  // namespace

Reports::Reports(trunkline::Host host, const Settings& settings)
    : settings_(settings_with_password(settings, host)),
      store_(host.store()),
      clock_(host.clock()),
      log_(host.log()),
      executor_(host.executor()),
      pool_(std::make_unique<email_smtp::Pool>(settings_)) {}

Task<void> Reports::stop() {
  auto start = [this](auto done) { pool_->stop([done]() mutable { done(trunkline::Result<void>{}); }); };
  co_await trunkline::from_callback<void>(std::move(start));
  // The pool's thread has called us and is joined from another one.
  while (pool_->is_own_thread()) co_await executor_.yield();
  pool_.reset();
}

Task<void> Reports::note(std::string operation_id, Envelope envelope, std::string raw) {
  co_await forget_overdue();
  json kept;
  bool anybody = false;
  for (std::size_t i = 0; i < envelope.to.size(); ++i) {
    const mail_reports::RecipientDsn& asked = envelope.asked.at(i);
    anybody |= asked.success || asked.failure;
    json one;
    one["address"] = envelope.to[i];
    one["original"] = asked.original;
    one["success"] = asked.success;
    one["failure"] = asked.failure;
    kept["recipients"].push_back(std::move(one));
  }
  if (!anybody) co_return;
  const bool full = envelope.dsn.full && raw.size() <= kMostReturned;
  kept["from"] = envelope.from;
  kept["envelope_id"] = envelope.dsn.envelope_id;
  kept["full"] = full;
  const std::string row = kept.dump(-1, ' ', false, json::error_handler_t::replace) + "\n" + (full ? raw : returned_headers(raw));
  char time[17];
  std::snprintf(time, sizeof time, "%016" PRIx64, static_cast<std::uint64_t>(seconds_of(clock_.now() + kKeptFor)));
  co_await store_.put(std::string(kTimePrefix) + time + "/" + operation_id, bytes_of("1"));
  co_await store_.put(kMailPrefix + operation_id, bytes_of(row));
}

Task<bool> Reports::take(json event) {
  const std::string type = text_of(event, "eventType") + text_of(event, "type");
  if (type != "Microsoft.Communication.EmailDeliveryReportReceived" || !event.contains("data")) co_return true;
  const json& data = event["data"];
  const std::string operation_id = text_of(data, "messageId"), recipient = text_of(data, "recipient");
  const auto end = end_of(text_of(data, "status"));
  if (operation_id.empty() || operation_id.find('/') != std::string::npos || !end) co_return true;
  const std::optional<std::string> row = co_await find(store_, kMailPrefix + operation_id);
  if (!row) co_return true;  // nobody asked, or not of ours
  const std::size_t line = std::min(row->find('\n'), row->size());
  const json kept = json::parse(row->begin(), row->begin() + static_cast<std::ptrdiff_t>(line), nullptr, false);
  if (!kept.is_object()) co_return true;
  const bool failure = mail_reports::is_failure(*end);
  const json& recipients = kept.at("recipients");
  std::size_t number = 0;
  while (number < recipients.size() && !are_alike(text_of(recipients[number], "address"), recipient)) ++number;
  if (number == recipients.size() || !recipients[number].value(failure ? "failure" : "success", false)) co_return true;
  const std::string told = kToldPrefix + operation_id + "/" + std::to_string(number) + (failure ? "/f" : "/s");
  const std::optional<std::string> before = co_await find(store_, told);
  if (before) co_return true;
  mail_reports::StatusMail status;
  status.reporter = settings_.client_name;
  status.mail_id = operation_id;
  status.sender = text_of(kept, "from");
  status.recipient = text_of(recipients[number], "address");
  status.original = text_of(recipients[number], "original");
  status.outcome = *end;
  status.envelope_id = text_of(kept, "envelope_id");
  const json details = data.value("deliveryStatusDetails", json::object());
  split_words(text_of(details, "statusMessage"), failure, status.status_code, status.detail);
  const std::string returned = row->substr(std::min(line + 1, row->size()));
  status.full = failure && kept.value("full", false);
  status.returned = status.full ? returned : returned_headers(returned);
  const bool sent = co_await send(status.sender, write_status_mail(status));
  if (sent) co_await store_.put(told, bytes_of("1"));
  co_return sent;
}

Task<bool> Reports::send(std::string to, std::string report) {
  auto job = std::make_shared<email_smtp::Job>();
  job->utf8 = !is_seven_bit(to);
  job->recipients.push_back(std::move(to));  // from nobody: no report is made of a report
  job->data = dots_doubled(report);
  job->eight_bit = !is_seven_bit(report);
  job->seven_bit = [data = job->data] {
    std::string out = data;
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return out;
  };
  auto start = [this, job](auto done) {
    job->done = [done](trunkline::Result<email_smtp::Results> result) mutable { done(std::move(result)); };
    pool_->submit(job);
  };
  std::string problem;
  bool again = false;
  try {
    const email_smtp::Results results = co_await trunkline::from_callback<email_smtp::Results>(std::move(start));
    again = results.at(0).retryable;
    if (results[0].state != EmailState::kDelivered && results[0].state != EmailState::kSent)
      problem = results[0].detail.value_or("refused");
  } catch (const Error& error) {
    again = true;
    problem = error.message;
  }
  // What follows belongs to the host, and so does the thread for it.
  try {
    co_await executor_.yield();
  } catch (const Error&) {
  }
  if (!problem.empty())
    log_.write(LogLevel::kWarning, again ? "a report was not taken; it is tried again" : "a report was refused",
               Properties{{"to", job->recipients[0]}, {"reason", problem}});
  co_return !again;
}

/// Now and then, of those whose time is over.
Task<void> Reports::forget_overdue() {
  const Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    if (look_again_ > now) co_return;
    look_again_ = now + kLookForOverdueAfter;
  }
  const std::size_t prefix = std::string_view(kTimePrefix).size();
  const std::vector<StoreEntry> rows = co_await store_.list(kTimePrefix, kRowsAtOnce);
  for (const StoreEntry& row : rows) {
    std::uint64_t until = 0;
    const std::size_t slash = std::min(row.key.find('/', prefix), row.key.size());
    std::from_chars(row.key.data() + prefix, row.key.data() + slash, until, 16);
    if (until > static_cast<std::uint64_t>(seconds_of(now))) co_return;  // in the order of their times
    const std::string operation_id = row.key.substr(std::min(slash + 1, row.key.size()));
    const std::vector<StoreEntry> told = co_await store_.list(kToldPrefix + operation_id + "/", kRowsAtOnce);
    for (const StoreEntry& one : told) co_await store_.remove(one.key);
    co_await store_.remove(kMailPrefix + operation_id);
    co_await store_.remove(row.key);
  }
  const std::lock_guard lock(mutex_);
  if (rows.size() == static_cast<std::size_t>(kRowsAtOnce)) look_again_ = now;
}

}  // namespace email_smtp_server
