#include "runtime/expression/value_reader.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "runtime/base/strings.h"
#include "runtime/base/utf8.h"

namespace trunkline::expression {
namespace {

/// It calls itself for what is nested; what is deeper is left to the way that does not.
constexpr std::size_t kMaxDepth = 256;
/// Members are looked for one after the other up to here, and with an index beyond.
constexpr std::size_t kComparedMembers = 16;
constexpr std::size_t kGathered = 16;

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

bool ValueReader::read(Value& out) {
  members_.reserve(kGathered);
  items_.reserve(kGathered);
  skip_blanks();
  if (!value(out, 0)) return false;
  skip_blanks();
  return at_ == end_;
}

void ValueReader::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool ValueReader::take(char wanted) {
  skip_blanks();
  if (at_ == end_ || *at_ != wanted) return false;
  ++at_;
  return true;
}

bool ValueReader::word(std::string_view text) {
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(text)) return false;
  at_ += text.size();
  return true;
}

bool ValueReader::value(Value& out, std::size_t depth) {
  if (at_ == end_ || ++values_ > limits_.max_values) return false;
  switch (*at_) {
    case '{':
      return object(out, depth + 1);
    case '[':
      return array(out, depth + 1);
    case '"':
      out = std::string();
      return string(out.get_ref<std::string&>());
    case 't':
      out = true;
      return word("true");
    case 'f':
      out = false;
      return word("false");
    case 'n':
      out = nullptr;
      return word("null");
    default:
      return number(out);
  }
}

bool ValueReader::object(Value& out, std::size_t depth) {
  if (depth > std::min(limits_.max_depth, kMaxDepth)) return false;
  ++at_;
  const std::size_t first = members_.size();
  skip_blanks();
  if (at_ != end_ && *at_ == '}') {
    ++at_;
    out = Value::object();
    return true;
  }
  do {
    skip_blanks();
    if (at_ == end_ || *at_ != '"') return false;
    Member member;
    if (!string(member.first) || !take(':')) return false;
    skip_blanks();
    if (!value(member.second, depth)) return false;
    members_.push_back(std::move(member));
  } while (take(','));
  if (!take('}')) return false;
  close_object(out, first);
  return true;
}

/// Of equal names the last one wins, at the place of the first.
void ValueReader::close_object(Value& out, std::size_t first) {
  out = Value::object();
  auto& members = out.get_ref<Value::object_t&>();
  const std::size_t count = members_.size() - first;
  members.reserve(count);
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = first; i < members_.size(); ++i) {
    Member& member = members_[i];
    std::size_t place = members.size();
    if (count > kComparedMembers) {
      place = index.try_emplace(member.first, place).first->second;
    } else {
      for (std::size_t known = 0; known < members.size() && place == members.size(); ++known)
        if (members.begin()[static_cast<std::ptrdiff_t>(known)].first == member.first) place = known;
    }
    if (place == members.size())
      members.Value::object_t::Container::emplace_back(std::move(member.first), std::move(member.second));
    else
      members.begin()[static_cast<std::ptrdiff_t>(place)].second = std::move(member.second);
  }
  members_.resize(first);
}

bool ValueReader::array(Value& out, std::size_t depth) {
  if (depth > std::min(limits_.max_depth, kMaxDepth)) return false;
  ++at_;
  const std::size_t first = items_.size();
  skip_blanks();
  if (at_ != end_ && *at_ == ']') {
    ++at_;
    out = Value::array();
    return true;
  }
  do {
    skip_blanks();
    Value item;
    if (!value(item, depth)) return false;
    items_.push_back(std::move(item));
  } while (take(','));
  if (!take(']')) return false;
  out = Value::array();
  auto& items = out.get_ref<Value::array_t&>();
  const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(first);
  items.reserve(items_.size() - first);
  items.insert(items.end(), std::make_move_iterator(begin), std::make_move_iterator(items_.end()));
  items_.resize(first);
  return true;
}

bool ValueReader::number(Value& out) {
  const char* const begin = at_;
  const char* at = at_;
  const auto digits = [&] {
    const char* const first = at;
    while (at != end_ && is_digit(*at)) ++at;
    return at != first;
  };
  const bool negative = *at == '-';
  if (negative) ++at;
  if (at == end_) return false;
  if (*at == '0')
    ++at;
  else if (!digits())
    return false;
  bool whole = true;
  if (at != end_ && *at == '.') {
    whole = false;
    ++at;
    if (!digits()) return false;
  }
  if (at != end_ && (*at == 'e' || *at == 'E')) {
    whole = false;
    ++at;
    if (at != end_ && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  at_ = at;
  if (whole) {
    std::int64_t integer = 0;
    if (std::from_chars(begin, at, integer).ec == std::errc()) {
      out = integer;
      return true;
    }
    std::uint64_t larger = 0;
    if (!negative && std::from_chars(begin, at, larger).ec == std::errc()) {
      out = larger;
      return true;
    }
  }
  double number = 0;
  if (std::from_chars(begin, at, number).ec != std::errc()) return false;
  out = number;
  return true;
}

bool ValueReader::string(std::string& out) {
  ++at_;
  bool ascii = true;
  for (;;) {
    const char* const begin = at_;
    while (at_ != end_ && is_plain(*at_)) ++at_;
    out.append(begin, at_);
    if (at_ == end_) return false;
    if (*at_ == '"') {
      ++at_;
      return ascii || utf8_valid(out);
    }
    if (*at_ == '\\') {
      if (!escape(out)) return false;
      continue;
    }
    if (static_cast<unsigned char>(*at_) < 0x20) return false;
    // Checked as a whole at the end; an escape never makes one half of a code point.
    ascii = false;
    out += *at_++;
  }
}

bool ValueReader::unit(unsigned& out) {
  constexpr int kDigits = 4;
  if (end_ - at_ < kDigits) return false;
  const auto [stopped, error] = std::from_chars(at_, at_ + kDigits, out, 16);
  if (error != std::errc() || stopped != at_ + kDigits) return false;
  at_ += kDigits;
  return true;
}

bool ValueReader::escape(std::string& out) {
  if (++at_ == end_) return false;
  switch (*at_++) {
    case '"':
      out += '"';
      return true;
    case '\\':
      out += '\\';
      return true;
    case '/':
      out += '/';
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      break;
    default:
      return false;
  }
  unsigned first = 0, second = 0;
  if (!unit(first) || (first >= 0xDC00 && first <= 0xDFFF)) return false;
  if (first < 0xD800 || first > 0xDBFF) {
    append_utf8(out, static_cast<char32_t>(first));
    return true;
  }
  if (!word("\\u") || !unit(second) || second < 0xDC00 || second > 0xDFFF) return false;
  append_utf8(out, static_cast<char32_t>(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
  return true;
}

}  // namespace trunkline::expression
