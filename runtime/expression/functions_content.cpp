// Binary content: base64, data URIs, content objects.
#include <algorithm>
#include <optional>

#include "runtime/base/encoding.h"
#include "runtime/base/utf8.h"
#include "runtime/expression/function.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/uri_text.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

const std::string& content_text(const Value& content) { return content["$content"].get_ref<const std::string&>(); }
const std::string& content_type(const Value& content) { return content["$content-type"].get_ref<const std::string&>(); }

std::string as_text(std::string bytes) { return utf8_valid(bytes) ? std::move(bytes) : utf8_sanitized(bytes); }

/// As .NET reads it: blanks inside do not matter, padding does.
std::optional<std::string> decode_base64(std::string_view text) {
  if (auto out = base64_decode(text)) return out;
  std::string tight;
  std::copy_if(text.begin(), text.end(), std::back_inserter(tight),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  return base64_decode(tight);
}

std::string decoded_argument(const Call& call) {
  call.charge(call.text(0).size());
  auto out = decode_base64(call.text(0));
  if (!out) call.fail("expects its parameter to be a valid base64 string.", 0);
  return *std::move(out);
}

Operand base64(Call& call) {
  if (is_content(call[0])) return Operand::text(content_text(call[0]));
  const std::string& text = call.text(0);
  call.check_text_length(text.size() / 3 * 4 + 4);
  return Operand::text(base64_encode(text));
}

Operand base64_to_binary(Call& call) { return make_content(kBytes, decoded_argument(call)); }

Operand base64_to_string(Call& call) { return Operand::text(as_text(decoded_argument(call))); }

Operand binary(Call& call) {
  if (call[0].is_null()) call.wrong_type(0, "a value other than null");
  if (is_content(call[0])) return call.take(0);
  const std::string text = to_text(call[0]);
  call.check_text_length(text.size() * 2);
  return make_content(kBytes, text);
}

Operand data_uri(Call& call) {
  const Value& value = call[0];
  if (value.is_null()) call.wrong_type(0, "a value other than null");
  std::string out;
  if (value.is_string())
    out = "data:text/plain;charset=utf-8;base64," + base64_encode(value.get_ref<const std::string&>());
  else if (is_content(value))
    out = "data:" + content_type(value) + ";base64," + content_text(value);
  else
    out = "data:application/json;base64," + base64_encode(to_json_text(value));
  call.check_text_length(out.size());
  return Operand::text(std::move(out));
}

struct DataUri {
  std::string media_type;
  std::string bytes;
};

DataUri data_uri_argument(const Call& call) {
  const std::string& text = call.text(0);
  call.charge(text.size());
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos || !equal_folded(std::string_view(text).substr(0, 5), "data:"))
    call.fail("expects its parameter to be a data URI. The provided value does not begin with 'data:' and a media type.", 0);
  std::string_view head = std::string_view(text).substr(5, comma - 5);
  const std::string_view body = std::string_view(text).substr(comma + 1);
  constexpr std::string_view kMark = ";base64";
  const bool encoded = head.size() >= kMark.size() && equal_folded(head.substr(head.size() - kMark.size()), kMark);
  if (encoded) head.remove_suffix(kMark.size());
  const std::string_view type = head.substr(0, head.find(';'));
  if (!type.empty() && (type.find('/') == std::string_view::npos || type.front() == '/' || type.back() == '/' ||
                        type.find_first_of(" ,\"") != std::string_view::npos))
    call.fail("expects its parameter to be a data URI. The media type '" + std::string(type) + "' is not valid.", 0);
  DataUri out;
  out.media_type = head.empty()   ? "text/plain;charset=US-ASCII"
                   : type.empty() ? "text/plain" + std::string(head)
                                  : std::string(head);
  if (encoded) {
    auto bytes = decode_base64(percent_decoded(body));
    if (!bytes) call.fail("expects its parameter to be a data URI. Its data is not valid base64.", 0);
    out.bytes = *std::move(bytes);
  } else {
    out.bytes = percent_decoded(body);
  }
  return out;
}

Operand data_uri_to_binary(Call& call) {
  const DataUri uri = data_uri_argument(call);
  return make_content(uri.media_type, uri.bytes);
}

Operand data_uri_to_string(Call& call) { return Operand::text(as_text(data_uri_argument(call).bytes)); }

Operand decode_data_uri(Call& call) {
  DataUri uri = data_uri_argument(call);
  if (utf8_valid(uri.bytes)) return Operand::text(std::move(uri.bytes));
  return make_content(uri.media_type, uri.bytes);
}

Operand uri_component_to_binary(Call& call) {
  call.charge(call.text(0).size());
  return make_content(kBytes, percent_decoded(call.text(0)));
}

Operand trim_byte_order_mark(Call& call) {
  if (is_content(call[0])) {
    const auto bytes = decode_base64(content_text(call[0]));
    if (!bytes || !bytes->starts_with(kByteOrderMark)) return call.take(0);
    call.charge(bytes->size());
    return make_content(content_type(call[0]), std::string_view(*bytes).substr(kByteOrderMark.size()));
  }
  const std::string& text = call.text(0);
  if (!text.starts_with(kByteOrderMark)) return call.take(0);
  return Operand::text(text.substr(kByteOrderMark.size()));
}

constexpr FunctionInfo kContentFunctions[] = {
    {"base64", 1, 1, base64},
    {"base64ToBinary", 1, 1, base64_to_binary},
    {"base64ToString", 1, 1, base64_to_string},
    {"decodeBase64", 1, 1, base64_to_string},
    {"binary", 1, 1, binary},
    {"dataUri", 1, 1, data_uri},
    {"encodeDataUri", 1, 1, data_uri},
    {"dataUriToBinary", 1, 1, data_uri_to_binary},
    {"dataUriToString", 1, 1, data_uri_to_string},
    {"decodeDataUri", 1, 1, decode_data_uri},
    {"uriComponentToBinary", 1, 1, uri_component_to_binary},
    {"trimByteOrderMark", 1, 1, trim_byte_order_mark},
};

}  // namespace

std::span<const FunctionInfo> content_functions() { return kContentFunctions; }

}  // namespace trunkline::expression
