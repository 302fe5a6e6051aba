#include "runtime/net/http.h"

#include "runtime/base/json.h"
#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

constexpr char kHex[] = "0123456789ABCDEF";

}  // namespace

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : *this)
    if (key.size() == name.size() && iequals(key, name)) return value;
  return {};
}

bool Headers::has(std::string_view name) const { return count(name) != 0; }

std::size_t Headers::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& field : *this) n += field.first.size() == name.size() && iequals(field.first, name);
  return n;
}

void Headers::add(std::string_view name, std::string_view value) {
  if (size_ == fields_.size()) {
    fields_.emplace_back(name, value);
  } else {
    fields_[size_].first.assign(name);
    fields_[size_].second.assign(value);
  }
  ++size_;
}

void Headers::set(std::string_view name, std::string value) {
  for (std::size_t i = 0; i < size_; ++i) {
    if (!iequals(fields_[i].first, name)) continue;
    fields_[i].second = std::move(value);
    for (std::size_t k = size_; k-- > i + 1;) {
      if (!iequals(fields_[k].first, name)) continue;
      fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(k));
      --size_;
    }
    return;
  }
  add(name, {});
  fields_[size_ - 1].second = std::move(value);
}

void Headers::remove(std::string_view name) {
  for (std::size_t i = size_; i-- > 0;) {
    if (!iequals(fields_[i].first, name)) continue;
    fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(i));
    --size_;
  }
}

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(form && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  for (const char c : text) {
    if (unreserved(c)) {
      out.push_back(c);
    } else {
      const auto u = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    }
  }
  return out;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
    const auto equals = pair.find('=');
    const std::string_view raw_key = pair.substr(0, equals);
    const std::string_view raw_value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    bool match = iequals(raw_key, name);
    if (!match && raw_key.find('%') != std::string_view::npos) {
      const auto key = percent_decode(raw_key, true);
      match = key && iequals(*key, name);
    }
    if (match) return percent_decode(raw_value, true).value_or(std::string(raw_value));
  }
  return std::nullopt;
}

std::vector<std::string> query_parameters(std::string_view query, std::string_view name) {
  std::vector<std::string> out;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size() == query.size() ? pair.size() : pair.size() + 1);
    if (auto value = query_parameter(pair, name); value && !value->empty()) out.push_back(*std::move(value));
  }
  return out;
}

std::string error_envelope(std::string_view code, std::string_view message) {
  std::string out = R"({"error":{"code":)";
  append_json_string(out, code);
  out += R"(,"message":)";
  append_json_string(out, message);
  out += "}}";
  return out;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 426:
      return "Upgrade Required";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

}  // namespace trunkline::net
