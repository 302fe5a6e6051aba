#include "submission.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/signature.h"
#include "trunkline/mail.hpp"
#include "trunkline/plugin_host.hpp"

namespace email_smtp_server {

using nlohmann::json;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;
using trunkline::host::HttpResponse;
namespace mail = trunkline::mail;

namespace {

constexpr int kAttempts = 3;
constexpr std::size_t kMaxWords = 300;  // of an answer
constexpr std::size_t kMaxHeaders = 50;

bool same_address(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return low(x) == low(y);
  });
}

json addresses(const std::vector<std::string>& some) {
  json out = json::array();
  for (const std::string& one : some) out.push_back({{"address", one}});
  return out;
}

/// Those of `headers` that the envelope has; they are taken out of `left`.
json chosen(const std::vector<std::string>& headers, std::vector<std::string>& left) {
  std::vector<std::string> some;
  for (const std::string& one : headers)
    if (std::erase_if(left, [&](const std::string& other) { return same_address(one, other); }) > 0) some.push_back(one);
  return addresses(some);
}

/// The address of `Ann <ann@example.com>`.
std::string bare(std::string_view text) {
  const std::size_t open = text.rfind('<'), close = text.rfind('>');
  if (open != std::string_view::npos && close != std::string_view::npos && close > open)
    text = text.substr(open + 1, close - open - 1);
  return mail::is_address(text) ? std::string(text) : std::string();
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text.substr(0, kMaxWords);
}

std::string guid_of(std::string_view text) {
  std::string d = http_carrier::hex(http_carrier::sha256(text)).substr(0, 32);
  d[12] = '8';  // RFC 9562: made by a rule of one's own
  d[16] = 'a';
  return d.substr(0, 8) + "-" + d.substr(8, 4) + "-" + d.substr(12, 4) + "-" + d.substr(16, 4) + "-" + d.substr(20);
}

/// nullopt: nobody knows; ask again.
std::optional<std::string> reply_for(const HttpResponse& response, const std::string& operation_id) {
  const json answer = response.body ? json::parse(response.body->begin(), response.body->end(), nullptr, false) : json();
  std::string words;
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object())
    words = one_line(answer["error"].value("code", "") + ": " + answer["error"].value("message", ""));
  switch (response.status) {
    case 202:
      return "250 2.0.0 accepted as " + operation_id;
    case 409:  // this very mail was accepted before
      return "250 2.0.0 accepted before as " + operation_id;
    case 400:
      return "554 5.6.0 " + words;
    case 404:
      return "550 5.7.1 " + words;
    case 401:
    case 403:
      return "451 4.7.0 the relay may not send: " + words;
    case 413:
      return "552 5.3.4 too large: " + words;
    case 429:
      return "451 4.7.1 too much at a time: " + words;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string send_body(const Envelope& envelope, std::string_view raw) {
  const mail::Parsed parsed = mail::parse(raw);
  if (envelope.from.empty()) throw Error(ErrorCode::kInvalidArgument, "the envelope has no sender", "from");
  if (!parsed.from.empty() && !same_address(parsed.from, envelope.from))
    throw Error(ErrorCode::kInvalidArgument, "From is " + parsed.from + " and the envelope's sender " + envelope.from, "from");
  if (!parsed.plain_text && !parsed.html && parsed.files.empty())
    throw Error(ErrorCode::kInvalidArgument, "the mail has no content", "content");
  json body;
  body["senderAddress"] = envelope.from;
  body["content"]["subject"] = parsed.subject;
  if (parsed.plain_text) body["content"]["plainText"] = *parsed.plain_text;
  if (parsed.html) body["content"]["html"] = *parsed.html;
  if (!parsed.plain_text && !parsed.html) body["content"]["plainText"] = "";
  std::vector<std::string> left = envelope.to;
  body["recipients"]["to"] = chosen(parsed.to, left);
  body["recipients"]["cc"] = chosen(parsed.cc, left);
  body["recipients"]["bcc"] = addresses(left);
  if (const std::string reply_to = bare(parsed.header("Reply-To")); !reply_to.empty()) body["replyTo"] = addresses({reply_to});
  std::size_t kept = 0;
  for (const std::string& line : parsed.headers) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos || !same_address(line.substr(0, 2), "X-") || ++kept > kMaxHeaders) continue;
    body["headers"][line.substr(0, colon)] = line.substr(colon + 2);
  }
  for (const mail::File& file : parsed.files) {
    json one;
    one["name"] = file.name.empty() ? "attachment" : file.name;
    one["contentType"] = file.content_type;
    one["contentInBase64"] = http_carrier::base64(file.content);
    if (!file.content_id.empty()) one["contentId"] = file.content_id;
    body["attachments"].push_back(std::move(one));
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Submissions::Submissions(trunkline::Host host, const Settings& settings, Note note)
    : settings_(settings),
      note_(std::move(note)),
      http_(host.http()),
      clock_(host.clock()),
      connection_(http_carrier::parse_azure_connection(host.secrets().get("connection_string"))) {}

trunkline::Task<std::string> Submissions::send(Envelope envelope, std::string raw) {
  std::string body, refused;
  try {
    body = send_body(envelope, raw);
  } catch (const Error& error) {
    refused = one_line(error.message);
  }
  if (!refused.empty()) co_return "550 5.6.0 " + refused;
  std::string same = envelope.from;
  for (const std::string& one : envelope.to) same += "\n" + one;
  const std::string operation_id = guid_of(same + "\n\n" + raw);
  if (note_) {  // before the mail goes on: an event may be faster than its answer
    bool noted = true;
    try {
      co_await note_(operation_id, envelope, raw);
    } catch (const Error&) {
      noted = false;
    }
    if (!noted) co_return std::string("451 4.3.0 who is to be told of it cannot be kept, try again later");
  }
  for (int i = 0; i < kAttempts && !stopped_; ++i) {
    HttpRequest request;
    request.method = "POST";
    request.url = connection_.endpoint + "/emails:send?api-version=" + settings_.api_version;
    request.headers["content-type"] = "application/json";
    request.headers["operation-id"] = operation_id;
    request.body = Bytes(body.begin(), body.end());
    http_carrier::sign_azure(connection_.key, clock_.now(), request);
    std::optional<std::string> reply;
    try {
      const HttpResponse response = co_await http_.send(std::move(request));
      reply = reply_for(response, operation_id);
    } catch (const Error&) {
      // Asked again under the same id: nothing is sent twice.
    }
    if (reply) co_return std::move(*reply);
  }
  co_return std::string("451 4.4.1 the resource cannot be reached, try again later");
}

}  // namespace email_smtp_server
