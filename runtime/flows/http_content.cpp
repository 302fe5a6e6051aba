#include "runtime/flows/http_content.h"

#include <vector>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"
#include "runtime/expression/value_object.h"
#include "trunkline/error.hpp"

namespace trunkline::flows {
namespace {

std::string_view media_type_of(std::string_view content_type) { return trim(content_type.substr(0, content_type.find(';'))); }

bool is_json(std::string_view media) {
  return iequals(media, "application/json") || iequals(media, "text/json") ||
         (media.size() > 5 && iequals(media.substr(media.size() - 5), "+json"));
}

std::string parameter_of(std::string_view content_type, std::string_view name) {
  for (const std::string_view part : split(content_type, ';')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || !iequals(trim(part.substr(0, equals)), name)) continue;
    std::string_view value = trim(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

Value form_value(std::string_view content_type, std::string_view bytes) {
  Value out = expression::make_content(content_type, bytes);
  Value fields = Value::array();
  for (const std::string_view pair : split(bytes, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    fields.push_back({{"key", net::percent_decode(name, true).value_or(std::string(name))},
                      {"value", net::percent_decode(value, true).value_or(std::string(value))}});
  }
  out["$formdata"] = std::move(fields);
  return out;
}

Value multipart_value(std::string_view content_type, std::string_view bytes) {
  Value out = expression::make_content(content_type, bytes);
  Value parts = Value::array();
  const std::string delimiter = "--" + parameter_of(content_type, "boundary");
  std::size_t at = bytes.find(delimiter);
  while (at != std::string_view::npos && delimiter.size() > 2) {
    at += delimiter.size();
    if (bytes.substr(at, 2) == "--") break;
    const std::size_t begin = bytes.find('\n', at);
    const std::size_t next = bytes.find("\n" + delimiter, at);
    if (begin == std::string_view::npos || next == std::string_view::npos) break;
    // The line break before a delimiter belongs to it.
    std::string_view part = begin < next ? bytes.substr(begin + 1, next - begin - 1) : std::string_view{};
    if (part.ends_with('\r')) part.remove_suffix(1);
    Value headers = Value::object();
    std::string type = "text/plain";
    while (!part.empty()) {
      const std::size_t end = part.find('\n');
      std::string_view line = part.substr(0, end);
      part.remove_prefix(end == std::string_view::npos ? part.size() : end + 1);
      line = trim(line);
      if (line.empty()) break;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string name(trim(line.substr(0, colon)));
      headers[name] = std::string(trim(line.substr(colon + 1)));
      if (iequals(name, "Content-Type")) type = headers[name].get<std::string>();
    }
    parts.push_back({{"headers", std::move(headers)}, {"body", body_value(type, part)}});
    at = next + 1;
  }
  out["$multipart"] = std::move(parts);
  return out;
}

EncodedBody encode_multipart(const Value& body, const Value& parts, std::string_view given, std::string_view seed) {
  EncodedBody out;
  std::string boundary = parameter_of(given, "boundary");
  if (boundary.empty()) boundary = "trunkline-" + std::string(seed);
  const auto type = body.find("$content-type");
  const std::string media = type != body.end() && type->is_string()
                                ? std::string(media_type_of(type->get_ref<const std::string&>()))
                                : "multipart/form-data";
  out.content_type = media + "; boundary=" + boundary;
  for (const Value& part : parts) {
    out.bytes += "--" + boundary + "\r\n";
    const Value empty = Value::object();
    const auto headers = part.find("headers");
    std::string part_type;
    for (const auto& header : (headers != part.end() && headers->is_object() ? *headers : empty).items()) {
      if (iequals(header.key(), "Content-Type")) part_type = expression::to_text(header.value());
      out.bytes += header.key() + ": " + expression::to_text(header.value()) + "\r\n";
    }
    const auto content = part.find("body");
    const EncodedBody encoded = content == part.end() ? EncodedBody{} : encode_body(*content, part_type, seed);
    if (part_type.empty() && !encoded.content_type.empty()) out.bytes += "Content-Type: " + encoded.content_type + "\r\n";
    out.bytes += "\r\n" + encoded.bytes + "\r\n";
  }
  out.bytes += "--" + boundary + "--\r\n";
  return out;
}

}  // namespace

Value body_value(std::string_view content_type, std::string_view bytes, bool strict) {
  const std::string_view media = media_type_of(content_type);
  if (is_json(media)) {
    try {
      return expression::parse_value(bytes);
    } catch (const Error& error) {
      if (strict)
        throw Error(ErrorCode::kInvalidArgument,
                    "The request content is not valid and could not be deserialized: '" + error.message + "'.", "body")
            .with_http_status(400)
            .with_service_code("InvalidRequestContent");
      return std::string(bytes);
    }
  }
  if (iequals(media, "text/plain") && utf8_valid(bytes)) return std::string(bytes);
  if (iequals(media, "application/x-www-form-urlencoded")) return form_value(content_type, bytes);
  if (istarts_with(media, "multipart/")) return multipart_value(content_type, bytes);
  return expression::make_content(content_type.empty() ? "application/octet-stream" : content_type, bytes);
}

EncodedBody encode_body(const Value& body, std::string_view given, std::string_view boundary_seed) {
  EncodedBody out;
  if (body.is_string()) {
    out.bytes = body.get<std::string>();
    if (given.empty()) out.content_type = "text/plain; charset=utf-8";
    return out;
  }
  if (body.is_object()) {
    if (const auto parts = body.find("$multipart"); parts != body.end() && parts->is_array())
      return encode_multipart(body, *parts, given, boundary_seed);
    if (expression::is_content(body)) {
      out.bytes = expression::content_bytes(body).value_or("");
      if (given.empty()) out.content_type = body["$content-type"].get<std::string>();
      return out;
    }
  }
  constexpr std::size_t kUsual = 512;
  out.bytes.reserve(kUsual);
  expression::append_json_text(out.bytes, body);
  if (given.empty()) out.content_type = "application/json";
  return out;
}

Value headers_value(const net::Headers& headers) {
  Value out = expression::make_object(static_cast<std::size_t>(std::distance(headers.begin(), headers.end())));
  for (const auto& [name, value] : headers) {
    const auto found = out.find(name);
    if (found == out.end() || iequals(name, "Set-Cookie"))
      out[name] = value;
    else
      *found = found->get<std::string>() + "," + value;
  }
  return out;
}

std::string status_name(int status) {
  // As the .NET of the service's time names them, without those it had no name for.
  switch (status) {
    case 200:
      return "OK";
    case 203:
      return "NonAuthoritativeInformation";
    case 300:
      return "MultipleChoices";
    case 302:
      return "Redirect";
    case 303:
      return "SeeOther";
    case 307:
      return "TemporaryRedirect";
    case 413:
      return "RequestEntityTooLarge";
    case 414:
      return "RequestUriTooLong";
    case 416:
      return "RequestedRangeNotSatisfiable";
    case 505:
      return "HttpVersionNotSupported";
    case 422:
    case 423:
    case 428:
    case 429:
    case 431:
    case 207:
    case 208:
    case 308:
      return std::to_string(status);
    default:
      break;
  }
  std::string out;
  for (const char c : net::reason_phrase(status))
    if (c != ' ' && c != '-') out += c;
  return out == "Unknown" || out.empty() ? std::to_string(status) : out;
}

}  // namespace trunkline::flows
