#include "client.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <cstdio>

namespace email_azure {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::Time;

namespace {

using Digest = std::array<unsigned char, 32>;

std::string_view text(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Digest sha256(std::string_view bytes) {
  Digest digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return {};
  out.resize(static_cast<std::size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

/// `Tue, 26 Mar 2019 16:06:51 GMT`
std::string http_date(Time at) {
  using namespace std::chrono;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(floor<seconds>(at - day));
  std::array<char, 64> out{};
  const int size = std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                                 static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                                 static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                                 static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {out.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                                      static_cast<int>(bytes.size()))));
  return out;
}

std::string guid_of(std::string_view name) {
  Digest d = sha256(name);
  d[6] = static_cast<unsigned char>((d[6] & 0x0F) | 0x80);  // version 8: of our own making (RFC 9562)
  d[8] = static_cast<unsigned char>((d[8] & 0x3F) | 0x80);
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2],
                d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
  return out.data();
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Client::Client(std::string endpoint, std::string_view access_key, trunkline::Duration timeout, trunkline::host::HttpClient http,
               trunkline::host::ClockClient clock)
    : endpoint_(endpoint.ends_with('/') ? endpoint.substr(0, endpoint.size() - 1) : std::move(endpoint)),
      key_(decode_base64(access_key)),
      timeout_(timeout),
      http_(http),
      clock_(clock) {
  const auto scheme = endpoint_.find("://");
  const std::string name = endpoint_.substr(0, scheme);
  if ((name != "https" && name != "http") || endpoint_.find('/', scheme + 3) != std::string::npos)
    throw Error(ErrorCode::kInvalidArgument,
                "endpoint: found \"" + endpoint_ + "\", wanted one such as https://shop.communication.azure.com", "endpoint");
  host_ = endpoint_.substr(scheme + 3);
  const std::string machine = host_.substr(0, host_.rfind(':'));
  if (name == "http" && machine != "127.0.0.1" && machine != "localhost" && !machine.ends_with(".localhost"))
    throw Error(ErrorCode::kInvalidArgument, "endpoint: http only on this machine; wanted https", "endpoint");
  if (key_.empty()) throw Error(ErrorCode::kInvalidArgument, "secrets.access_key: wanted base64", "access_key");
}

Task<Answer> Client::request(std::string method, std::string target, std::string body, trunkline::Properties headers) {
  const std::string date = http_date(clock_.now());
  const std::string hash = base64(text(sha256(body)));
  const std::string to_sign = method + "\n" + target + "\n" + date + ";" + host_ + ";" + hash;
  Digest mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(to_sign.data()),
       to_sign.size(), mac.data(), &size);
  trunkline::host::HttpRequest request;
  request.method = std::move(method);
  request.url = endpoint_ + target;
  request.headers = std::move(headers);
  request.headers["x-ms-date"] = date;
  request.headers["x-ms-content-sha256"] = hash;
  request.headers["authorization"] =
      "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64(text(mac));
  if (!body.empty()) {
    request.headers["content-type"] = "application/json";
    request.body = trunkline::Bytes(body.begin(), body.end());
  }
  request.timeout = timeout_;
  trunkline::host::HttpResponse response = co_await http_.send(std::move(request));
  Answer answer;
  answer.status = response.status;
  answer.headers = std::move(response.headers);
  if (response.body) answer.body.assign(response.body->begin(), response.body->end());
  co_return answer;
}

}  // namespace email_azure
