#include "runtime/expression/form_data.h"

#include "runtime/base/utf8.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/uri_text.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {
namespace {

std::string_view media_type(std::string_view content_type) { return trimmed(content_type.substr(0, content_type.find(';'))); }

bool is_type(std::string_view content_type, std::string_view wanted) { return equal_folded(media_type(content_type), wanted); }

/// A parameter of a header value such as `form-data; name="a"`.
std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    ++at;
    while (at < header.size() && (header[at] == ' ' || header[at] == '\t' || header[at] == ';')) ++at;
    const std::size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view found = trimmed(header.substr(at, equals - at));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      at = header.find(';', at);
    } else {
      const std::size_t end = header.find(';', at);
      value = std::string(trimmed(header.substr(at, end == std::string_view::npos ? end : end - at)));
      at = end;
    }
    if (equal_folded(found, name)) return value;
  }
  return std::nullopt;
}

std::string_view text_member(const Value& object, std::string_view name) {
  const Value* value = find_member(object, name);
  return value && value->is_string() ? std::string_view(value->get_ref<const std::string&>()) : std::string_view();
}

/// The body as it came, and what it is.
struct Raw {
  std::string content_type;
  std::string bytes;
};

std::optional<Raw> raw_body(const Value& outputs, const Value& body) {
  Raw out;
  if (const Value* headers = find_member(outputs, "headers")) out.content_type = text_member(*headers, "Content-Type");
  if (body.is_string()) {
    out.bytes = body.get<std::string>();
    return out;
  }
  if (!is_content(body)) return std::nullopt;
  if (out.content_type.empty()) out.content_type = text_member(body, "$content-type");
  auto bytes = content_bytes(body);
  if (!bytes) return std::nullopt;
  out.bytes = *std::move(bytes);
  return out;
}

}  // namespace

std::optional<std::vector<std::string>> form_values(const Value& outputs, std::string_view key) {
  const Value* body = find_member(outputs, "body");
  if (!body) return std::nullopt;
  std::vector<std::string> out;
  const auto collect = [&](const Value& headers, const Value& part) {
    const auto name = header_parameter(text_member(headers, "Content-Disposition"), "name");
    if (name && *name == key) out.push_back(to_text(part));
  };
  const Value* fields = find_member(*body, "$formdata");
  const Value* parts = find_member(*body, "$multipart");
  if (fields && fields->is_array()) {
    for (const Value& field : *fields) {
      const Value* value = find_member(field, "value");
      if (text_member(field, "key") == key && value) out.push_back(to_text(*value));
    }
    return out;
  }
  if (parts && parts->is_array()) {
    for (const Value& part : *parts) {
      const Value* headers = find_member(part, "headers");
      const Value* content = find_member(part, "body");
      if (headers && content) collect(*headers, *content);
    }
    return out;
  }
  const auto raw = raw_body(outputs, *body);
  if (!raw) return std::nullopt;
  if (is_type(raw->content_type, "application/x-www-form-urlencoded")) {
    for (auto& [name, value] : parse_form(raw->bytes))
      if (name == key) out.push_back(std::move(value));
    return out;
  }
  const auto found = parse_multipart(raw->content_type, raw->bytes);
  if (!found) return std::nullopt;
  for (const Part& part : *found) collect(part.headers, part_body(part));
  return out;
}

std::optional<std::vector<Value>> multipart_bodies(const Value& outputs) {
  const Value* body = find_member(outputs, "body");
  if (!body) return std::nullopt;
  std::vector<Value> out;
  if (const Value* parts = find_member(*body, "$multipart"); parts && parts->is_array()) {
    for (const Value& part : *parts) {
      const Value* content = find_member(part, "body");
      out.push_back(content ? *content : Value(nullptr));
    }
    return out;
  }
  const auto raw = raw_body(outputs, *body);
  if (!raw) return std::nullopt;
  const auto parts = parse_multipart(raw->content_type, raw->bytes);
  if (!parts) return std::nullopt;
  for (const Part& part : *parts) out.push_back(part_body(part));
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto decoded = [](std::string_view piece) {
    std::string spaced(piece);
    for (char& c : spaced)
      if (c == '+') c = ' ';
    return utf8_sanitized(percent_decoded(spaced));
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    out.emplace_back(decoded(field.substr(0, equals)), decoded(field.substr(std::min(equals + 1, field.size()))));
  }
  return out;
}

std::optional<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body) {
  if (!equal_folded(content_type.substr(0, std::min<std::size_t>(10, content_type.size())), "multipart/")) return std::nullopt;
  const auto boundary = header_parameter(content_type, "boundary");
  if (!boundary || boundary->empty()) return std::nullopt;
  const std::string delimiter = "--" + *boundary;
  std::size_t at = body.starts_with(delimiter) ? 0 : body.find("\n" + delimiter);
  if (at == std::string_view::npos) return std::nullopt;
  if (at > 0) ++at;
  std::vector<Part> out;
  for (;;) {
    at += delimiter.size();
    if (body.substr(at, 2) == "--") return out;
    const std::size_t line = body.find('\n', at);
    if (line == std::string_view::npos) return out;
    const std::size_t next = body.find("\n" + delimiter, line);
    std::string_view piece = body.substr(line + 1, next == std::string_view::npos ? next : (next > line ? next - line - 1 : 0));
    if (next != std::string_view::npos && piece.ends_with('\r')) piece.remove_suffix(1);
    Part part;
    // Header lines up to an empty one.
    while (!piece.empty()) {
      const std::size_t end = std::min(piece.find('\n'), piece.size());
      std::string_view header = piece.substr(0, end);
      piece.remove_prefix(std::min(end + 1, piece.size()));
      if (header.ends_with('\r')) header.remove_suffix(1);
      if (header.empty()) break;
      const std::size_t colon = header.find(':');
      if (colon != std::string_view::npos)
        part.headers[std::string(trimmed(header.substr(0, colon)))] = utf8_sanitized(trimmed(header.substr(colon + 1)));
    }
    part.body = std::string(piece);
    out.push_back(std::move(part));
    if (next == std::string_view::npos) return out;
    at = next + 1;
  }
}

Value part_body(const Part& part) {
  const std::string_view type = text_member(part.headers, "Content-Type");
  const std::string name = to_lower(media_type(type));
  if (name == "application/json" || name.ends_with("+json")) {
    try {
      return parse_value(part.body);
    } catch (const Error&) {
      return make_content(type, part.body);
    }
  }
  if ((name.empty() || name.starts_with("text/")) && utf8_valid(part.body)) return part.body;
  return make_content(type.empty() ? std::string_view("application/octet-stream") : type, part.body);
}

}  // namespace trunkline::expression
