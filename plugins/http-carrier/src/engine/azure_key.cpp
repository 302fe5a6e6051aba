#include "azure_key.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "signature.h"

namespace http_carrier {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::HttpRequest;

AzureConnection parse_azure_connection(std::string_view text) {
  AzureConnection connection;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    std::string name(part.substr(0, equals));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (name == "endpoint") connection.endpoint = part.substr(equals + 1);
    if (name == "accesskey") connection.key = from_base64(part.substr(equals + 1));
  }
  while (connection.endpoint.ends_with('/')) connection.endpoint.pop_back();
  if (!connection.endpoint.starts_with("https://") && !connection.endpoint.starts_with("http://"))
    throw Error(ErrorCode::kInvalidArgument, "connection_string: has no endpoint", "connection_string");
  if (connection.key.empty())
    throw Error(ErrorCode::kInvalidArgument, "connection_string: has no accesskey", "connection_string");
  return connection;
}

std::string http_date(trunkline::Time time) {
  using namespace std::chrono;
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  char text[48];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

void sign_azure(const std::string& key, trunkline::Time now, HttpRequest& request) {
  const std::string target(target_of(request.url));
  const std::size_t begin = request.url.find("://") + 3;
  const std::string host = request.url.substr(begin, request.url.find('/', begin) - begin);
  const std::string date = http_date(now);
  const std::string digest = base64(sha256(body_of(request)));
  const std::string text = request.method + "\n" + target + "\n" + date + ";" + host + ";" + digest;
  request.headers["x-ms-date"] = date;
  request.headers["x-ms-content-sha256"] = digest;
  request.headers["authorization"] =
      "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64(hmac(key, text));
}

}  // namespace http_carrier
