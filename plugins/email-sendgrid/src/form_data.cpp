#include "form_data.h"

#include <algorithm>

#include "trunkline/error.hpp"

namespace email_sendgrid {
namespace {

constexpr std::size_t kMaxParts = 1000;
constexpr std::size_t kMaxPartHeaders = 16 * 1024;
constexpr std::size_t kMaxBoundary = 70;

[[noreturn]] void malformed(const std::string& what) {
  throw trunkline::Error(trunkline::ErrorCode::kInvalidArgument, "body: " + what, "body");
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// `name` of `form-data; name="a"; filename="b \"c\".txt"`.
std::string parameter_of(std::string_view value, std::string_view name) {
  for (std::size_t at = value.find(';'); at != std::string_view::npos && at < value.size();) {
    const std::size_t equals = value.find('=', at);
    if (equals == std::string_view::npos) return {};
    const std::string_view found = trimmed(value.substr(at + 1, equals - at - 1));
    std::string text;
    std::size_t i = equals + 1;
    while (i < value.size() && (value[i] == ' ' || value[i] == '\t')) ++i;
    if (i < value.size() && value[i] == '"') {
      for (++i; i < value.size() && value[i] != '"'; ++i) {
        // Only before a quote or itself: old browsers send Windows paths as they are.
        if (value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == '"' || value[i + 1] == '\\')) ++i;
        text += value[i];
      }
    } else {
      for (; i < value.size() && value[i] != ';'; ++i) text += value[i];
      text = std::string(trimmed(text));
    }
    if (same_word(found, name)) return text;
    at = value.find(';', i);
  }
  return {};
}

/// The value of a header of a part.
std::string_view part_header(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find("\r\n"), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_word(trimmed(line.substr(0, colon)), name))
      return trimmed(line.substr(colon + 1));
  }
  return {};
}

}  // namespace

std::string boundary_of(std::string_view content_type) {
  if (!same_word(trimmed(content_type.substr(0, content_type.find(';'))), "multipart/form-data")) return {};
  std::string boundary = parameter_of(content_type, "boundary");
  return boundary.size() > kMaxBoundary ? std::string() : boundary;
}

FormData read_form_data(std::string_view body, std::string_view boundary) {
  if (boundary.empty()) malformed("the form has no boundary");
  const std::string delimiter = "\r\n--" + std::string(boundary);
  const std::string_view first = std::string_view(delimiter).substr(2);
  std::size_t at = 0;
  if (!body.starts_with(first)) {  // a preamble may stand before it
    at = body.find(delimiter);
    if (at == std::string_view::npos) malformed("the form has no parts");
    at += 2;
  }
  at += first.size();
  FormData form;
  for (std::size_t parts = 0;; ++parts) {
    if (body.substr(at).starts_with("--")) return form;
    while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
    if (!body.substr(at).starts_with("\r\n")) malformed("a part does not begin with a line");
    if (parts >= kMaxParts) malformed("found more than 1000 parts");
    at += 2;
    std::string_view headers;
    if (body.substr(at).starts_with("\r\n")) {
      at += 2;
    } else {
      const std::size_t end = body.find("\r\n\r\n", at);
      if (end == std::string_view::npos || end - at > kMaxPartHeaders) malformed("the headers of a part do not end");
      headers = body.substr(at, end - at);
      at = end + 4;
    }
    // An empty part has its delimiter's line end as that of its headers.
    const std::size_t end = body.substr(at - 2).starts_with(delimiter) ? at - 2 : body.find(delimiter, at);
    if (end == std::string_view::npos) malformed("a part does not end");
    const std::string_view content = end < at ? std::string_view() : body.substr(at, end - at);
    at = end + delimiter.size();
    const std::string_view disposition = part_header(headers, "content-disposition");
    std::string field = parameter_of(disposition, "name");
    if (field.empty()) continue;
    if (disposition.find("filename") == std::string_view::npos) {
      form.fields[std::move(field)] = content;
      continue;
    }
    FormFile& file = form.files.emplace_back();
    file.field = std::move(field);
    file.name = parameter_of(disposition, "filename");
    file.content_type = part_header(headers, "content-type");
    file.content = content;
  }
}

}  // namespace email_sendgrid
