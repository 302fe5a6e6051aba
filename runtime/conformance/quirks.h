// quirks.json: what an author tells the kit about a carrier, so that it can be driven without its network.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::conformance {

/// One answer of the carrier's simulated HTTP API.
struct HttpRule {
  std::string method;  // empty: any
  std::string url;     // a pattern with `*`; empty: any
  std::int32_t status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  std::int64_t delay_ms = 0;  // on the kit's clock
  bool fails = false;         // no answer: the connection is refused
};

/// A text that the carrier takes.
struct SmsSample {
  std::string from = "+14255550100";
  std::string to = "+14255550123";
  std::string text = "hello";
};

/// A mail that the carrier takes.
struct EmailSample {
  std::string from = "sender@example.com";
  std::string to = "recipient@example.org";
  std::string subject = "hello";
  std::string text = "hello";
};

/// A call that the carrier sets up.
struct PstnSample {
  std::string from = "+14255550100";
  std::string to = "+14255550123";
  bool answers = true;  // somebody picks up within the clock's limit
};

/// Something that the provider can say.
struct MediaSample {
  std::string text = "hello";
};

/// How one declared error is provoked.
struct ErrorRecipe {
  std::string skip;  // why it cannot be; else empty
  std::optional<HttpRule> http;
  std::optional<SmsSample> sms;
  std::optional<EmailSample> email;
  std::optional<PstnSample> pstn;
};

/// One receipt as the carrier calls back. `{provider_message_id}`, `{message_id}` and `{recipient}` in url, headers and body are
/// replaced.
struct ReceiptSample {
  HttpRule request;   // method, url and headers and body of the callback
  std::string state;  // `delivered` or `failed`, for mail `bounced` and others: what the provider is to report
};

struct Quirks {
  /// Wall time after which something that was to happen has not.
  std::chrono::milliseconds patience{5000};
  /// How far the clock is moved for something to happen.
  std::chrono::seconds clock_limit{3600};
  std::vector<HttpRule> http;
  SmsSample sms;
  EmailSample email;
  PstnSample pstn;
  MediaSample media;
  std::map<std::string, ErrorRecipe, std::less<>> errors;  // by `sms.send.unauthenticated`
  std::vector<ReceiptSample> receipts;                     // of texts
  std::vector<ReceiptSample> email_receipts;               // of mail
  std::vector<HttpRule> email_inbound;                     // callbacks that bring one mail
  std::map<std::string, std::string, std::less<>> skip;    // check, with `*`, to why
  std::int32_t load_calls = 1000;
  std::int32_t load_in_flight = 64;
  std::optional<double> load_p99_ms;  // more fails

  /// Why a check is not to be run; null: it is.
  const std::string* skipped(std::string_view check) const;
};

/// Throws kInvalidArgument naming the member.
Quirks parse_quirks(std::string_view text);
/// Throws kNotFound, too.
Quirks read_quirks(const std::filesystem::path& file);

/// `*` stands for any number of characters.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace trunkline::conformance
