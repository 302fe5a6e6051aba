#include "gateway.h"

#include <boost/asio/post.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "codec/status.h"
#include "engine/signature.h"

namespace sms_smpp_server {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::Result;
using trunkline::Task;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;

namespace {

constexpr int kAttempts = 3;
constexpr char kField = '|';
constexpr std::string_view kTagName = "smpp";

/// Most clients want the same of every part.
std::string short_receipts(const Submission& s) {
  const bool same = s.receipts.find_first_not_of(s.receipts.front()) == std::string::npos;
  return same ? s.receipts.substr(0, 1) : s.receipts;
}

std::string guid_of(const std::string& text) {
  std::string d = http_carrier::hex(http_carrier::sha256(text)).substr(0, 32);
  d[12] = '8';  // RFC 9562: made by a rule of one's own
  d[16] = 'a';
  return d.substr(0, 8) + "-" + d.substr(8, 4) + "-" + d.substr(12, 4) + "-" + d.substr(16, 4) + "-" + d.substr(20);
}

std::string packed(const smpp::Address& address) {
  return std::to_string(address.ton) + "." + std::to_string(address.npi) + "." + address.digits;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

smpp::Address unpacked(std::string_view text) {
  smpp::Address address;
  const std::size_t first = text.find('.'), second = text.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return address;
  address.ton = static_cast<std::uint8_t>(number(text.substr(0, first)));
  address.npi = static_cast<std::uint8_t>(number(text.substr(first + 1, second - first - 1)));
  address.digits = text.substr(second + 1);
  return address;
}

/// What the answer of the operation means to a client; nullopt: nobody knows whether it was taken.
std::optional<std::uint32_t> status_of(const HttpResponse& response) {
  using namespace smpp::status;
  const json answer = response.body ? json::parse(response.body->begin(), response.body->end(), nullptr, false) : json();
  if (response.status == 202 && answer.is_object() && answer.contains("value") && !answer["value"].empty()) {
    const json& one = answer["value"][0];
    if (one.value("successful", false)) return kOk;
    const int status = one.value("httpStatusCode", 0);
    return status == 429 ? kThrottled : status >= 500 ? kSystemError : kInvalidDestination;
  }
  switch (response.status) {
    case 400:
      return kSubmitFailed;
    case 401:
    case 403:
      return kInvalidSource;
    case 429:
      return kThrottled;
    case 502:
    case 504:
      return std::nullopt;
    default:
      return kSystemError;
  }
}

}  // namespace

char receipt_letter(std::uint8_t registered_delivery) {
  const int wanted = registered_delivery & 3;
  return wanted == 0 ? kNoReceipt : wanted == 2 ? kOnFailure : kReceipt;
}

bool Tag::wants(int part, bool failed) const {
  const char letter = receipts[receipts.size() == 1 ? 0 : static_cast<std::size_t>(part - 1)];
  return letter == kReceipt || (letter == kOnFailure && failed);
}

std::string tag_of(const Submission& s) {
  std::string tag(kTagName);
  for (const std::string& field :
       {s.system_id, s.id, std::to_string(s.parts), short_receipts(s), packed(s.source), packed(s.destination)})
    (tag += kField) += field;
  return tag;
}

std::optional<Tag> parse_tag(std::string_view text) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = text.find(kField);
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (fields.size() != 7 || fields[0] != kTagName) return std::nullopt;
  Tag tag;
  tag.system_id = fields[1];
  tag.id = fields[2];
  tag.parts = number(fields[3]);
  tag.receipts = fields[4];
  tag.source = unpacked(fields[5]);
  tag.destination = unpacked(fields[6]);
  if (tag.parts < 1 || tag.parts > 255) return std::nullopt;
  if (tag.receipts.size() != 1 && tag.receipts.size() != static_cast<std::size_t>(tag.parts)) return std::nullopt;
  return tag;
}

Gateway::Gateway(boost::asio::io_context& io, const Settings& settings, const trunkline::host::HttpClient& http,
                 const trunkline::host::ClockClient& clock, http_carrier::AzureConnection connection)
    : io_(io), settings_(settings), http_(http), clock_(clock), connection_(std::move(connection)) {}

HttpRequest Gateway::request_for(const Submission& s) const {
  const json recipient = {{"to", host_address(s.destination)},
                          {"repeatabilityRequestId", guid_of(s.system_id + "/" + s.id)},
                          {"repeatabilityFirstSent", http_carrier::http_date(clock_.now())}};
  // A report in any case: query_sm tells what became of a message also where the client wants no receipt.
  json body = {{"from", host_address(s.source)},
               {"message", s.text},
               {"smsRecipients", json::array({recipient})},
               {"smsSendOptions", {{"enableDeliveryReport", true}, {"tag", tag_of(s)}}}};
  const std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace);
  HttpRequest request;
  request.method = "POST";
  request.url = connection_.endpoint + "/sms?api-version=" + settings_.api_version;
  request.headers = {{"content-type", "application/json"}};
  request.body = Bytes(text.begin(), text.end());
  http_carrier::sign_azure(connection_.key, clock_.now(), request);
  return request;
}

Task<std::uint32_t> Gateway::attempt(Submission submission) {
  for (int i = 0; i < kAttempts; ++i) {
    HttpRequest request = request_for(submission);
    std::optional<std::uint32_t> status;
    try {
      const HttpResponse response = co_await http_.send(std::move(request));
      status = status_of(response);
    } catch (const Error& error) {
      if (error.code == trunkline::ErrorCode::kInvalidArgument || error.code == trunkline::ErrorCode::kCancelled)
        status = smpp::status::kSystemError;
    }
    if (status) co_return *status;
  }
  co_return smpp::status::kSystemError;
}

void Gateway::send(Submission submission, std::function<void(std::uint32_t)> done) {
  trunkline::spawn(attempt(std::move(submission)),
                   [&io = io_, alive = alive_, done = std::move(done)](Result<std::uint32_t> result) {
                     const std::uint32_t status = result.ok() ? result.value() : smpp::status::kSystemError;
                     boost::asio::post(io, [alive, done, status] {
                       if (*alive) done(status);
                     });
                   });
}

}  // namespace sms_smpp_server
