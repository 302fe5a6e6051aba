#include "runtime/diagnostics/trace.h"

#include <algorithm>

#include "runtime/base/encoding.h"

namespace trunkline {
namespace {

template <std::size_t N>
bool is_zero(const std::array<std::uint8_t, N>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

// Exactly 2 N lower-case digits.
template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  if (text.size() != 2 * N || std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; })) return false;
  const auto bytes = hex_decode(text);
  if (!bytes) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

template <std::size_t N>
char* write_hex(char* to, const std::array<std::uint8_t, N>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  return to;
}

template <std::size_t N>
void fill_non_zero(IdSource& ids, std::array<std::uint8_t, N>& bytes) {
  do ids.fill(bytes);
  while (is_zero(bytes));
}

}  // namespace

TraceContext TraceContext::generate(IdSource& ids, bool sampled) {
  TraceContext context;
  do {
    std::array<std::uint8_t, sizeof(context.trace_id) + sizeof(context.span_id)> both;
    ids.fill(both);
    std::copy_n(both.begin(), context.trace_id.size(), context.trace_id.begin());
    std::copy_n(both.begin() + sizeof(context.trace_id), context.span_id.size(), context.span_id.begin());
  } while (is_zero(context.trace_id) || is_zero(context.span_id));
  context.sampled = sampled;
  return context;
}

std::optional<TraceContext> TraceContext::parse(std::string_view text) {
  // version 2, dash, trace id 32, dash, span id 16, dash, flags 2; later versions may append "-more".
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version, flags;
  TraceContext context;
  if (!read_hex(text.substr(0, 2), version) || version[0] == 0xff || !read_hex(text.substr(3, 32), context.trace_id) ||
      !read_hex(text.substr(36, 16), context.span_id) || !read_hex(text.substr(53, 2), flags))
    return std::nullopt;
  if (text.size() > 55 && (version[0] == 0 || text[55] != '-')) return std::nullopt;
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  context.sampled = (flags[0] & 1) != 0;
  return context;
}

TraceContext TraceContext::child(IdSource& ids) const {
  if (!*this) return generate(ids);
  TraceContext context = *this;
  fill_non_zero(ids, context.span_id);
  return context;
}

std::string TraceContext::traceparent() const {
  if (!*this) return {};
  std::array<char, 55> text{'0', '0', '-'};
  char* to = write_hex(text.data() + 3, trace_id);
  *to++ = '-';
  to = write_hex(to, span_id);
  *to++ = '-';
  *to++ = '0';
  *to = sampled ? '1' : '0';
  return {text.data(), text.size()};
}

std::string TraceContext::trace_id_hex() const { return hex_encode(trace_id); }

}  // namespace trunkline
