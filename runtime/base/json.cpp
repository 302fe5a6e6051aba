#include "runtime/base/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/json_reader.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

Error json_error(ErrorCode code, std::string_view problem, std::size_t offset) {
  Error error(code, "JSON: " + std::string(problem) + " at byte " + std::to_string(offset));
  error.details["offset"] = std::to_string(offset);
  return error;
}

// The parser itself does not recurse, but whoever walks or prints its result does.
void check_depth(std::string_view text, std::size_t max_depth) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth)
        throw json_error(ErrorCode::kResourceExhausted, "nested deeper than " + std::to_string(max_depth) + " levels", i);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ..." without its first two parts.
std::string_view plain_message(std::string_view what) {
  for (const std::string_view lead : {std::string_view("] "), std::string_view(": ")})
    if (const auto at = what.find(lead); at != std::string_view::npos) what.remove_prefix(at + 2);
  return what;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes)
    throw json_error(ErrorCode::kResourceExhausted, "longer than " + std::to_string(limits.max_bytes) + " bytes",
                     limits.max_bytes);
  if (nlohmann::json value; read_json(text, limits.max_depth, value)) return value;
  check_depth(text, limits.max_depth);
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& e) {
    // nlohmann counts from 1, and quotes the last read token, which may hold malformed UTF-8.
    throw json_error(ErrorCode::kInvalidArgument, utf8_sanitized(plain_message(e.what())), e.byte > 0 ? e.byte - 1 : 0);
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kInvalidArgument, "JSON: " + utf8_sanitized(plain_message(e.what())));
  }
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::size_t plain = plain_json_prefix(text);
  // Most text is short, needs nothing and goes in one piece.
  if (std::array<char, 64> quoted; plain == text.size() && plain + 2 <= quoted.size()) {
    quoted[0] = quoted[plain + 1] = '"';
    std::copy(text.begin(), text.end(), quoted.begin() + 1);
    out.append(quoted.data(), plain + 2);
    return;
  }
  out.push_back('"');
  for (; !text.empty(); plain = plain_json_prefix(text)) {
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text.front());
    if (c >= 0x80) {
      const std::string_view rest = text;
      if (take_code_point(text)) {
        out.append(rest.substr(0, rest.size() - text.size()));
      } else {
        append_utf8(out, 0xfffd);
        text.remove_prefix(1);
      }
      continue;
    }
    text.remove_prefix(1);
    if (c == '"' || c == '\\') {
      out.push_back('\\'), out.push_back(static_cast<char>(c));
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00", out.push_back(kHex[c >> 4]), out.push_back(kHex[c & 15]);
    }
  }
  out.push_back('"');
}

std::string JsonRef::path() const {
  std::string out;
  for (std::size_t i = 0; i < std::min(depth_, kMaxSteps); ++i) {
    const Step& step = steps_[i];
    if (step.key.data() == nullptr) {
      out += '[' + std::to_string(step.index) + ']';
    } else {
      if (!out.empty()) out += '.';
      out += step.key;
    }
  }
  if (depth_ > kMaxSteps) out += "…";
  return out;
}

bool JsonRef::is_null() const noexcept { return value_->is_null(); }

JsonRef JsonRef::step(const nlohmann::json& value, Step step) const {
  JsonRef next = *this;
  next.value_ = &value;
  if (depth_ < kMaxSteps) next.steps_[depth_] = step;
  ++next.depth_;
  return next;
}

void JsonRef::wrong_type(std::string_view wanted) const {
  if (value_->is_null()) throw error("is null, wanted " + std::string(wanted));
  throw error("must be " + std::string(wanted) + ", found " + value_->type_name());
}

Error JsonRef::error(std::string_view problem) const {
  std::string target = path();
  std::string message = (target.empty() ? std::string("the document") : target) + ' ' + std::string(problem);
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(target)};
}

const JsonRef& JsonRef::object() const {
  if (!value_->is_object()) wrong_type("an object");
  return *this;
}

std::optional<JsonRef> JsonRef::find(std::string_view key) const {
  object();
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return step(*found, {key, 0});
}

JsonRef JsonRef::at(std::string_view key) const {
  if (auto found = find(key)) return *found;
  throw step(*value_, {key, 0}).error("is missing");
}

std::size_t JsonRef::array_size() const {
  if (!value_->is_array()) wrong_type("an array");
  return value_->size();
}

JsonRef JsonRef::operator[](std::size_t index) const {
  if (index >= array_size()) throw step(*value_, {{}, index}).error("is missing");
  return step((*value_)[index], {{}, index});
}

std::string_view JsonRef::text() const {
  if (!value_->is_string()) wrong_type("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonRef::boolean() const {
  if (!value_->is_boolean()) wrong_type("true or false");
  return value_->get<bool>();
}

double JsonRef::number() const {
  if (!value_->is_number()) wrong_type("a number");
  return value_->get<double>();
}

std::int64_t JsonRef::integer(std::int64_t min, std::int64_t max) const {
  if (!value_->is_number()) wrong_type("a whole number");
  const auto out_of_range = [&] {
    return error("must be between " + std::to_string(min) + " and " + std::to_string(max) + ", found " + value_->dump());
  };
  std::int64_t number = 0;
  if (value_->is_number_unsigned()) {
    const auto raw = value_->get<std::uint64_t>();
    if (raw > static_cast<std::uint64_t>(INT64_MAX)) throw out_of_range();
    number = static_cast<std::int64_t>(raw);
  } else if (value_->is_number_integer()) {
    number = value_->get<std::int64_t>();
  } else {
    const double raw = value_->get<double>();
    if (raw != std::trunc(raw)) throw error("must be a whole number, found " + value_->dump());
    if (!(raw >= -0x1p63 && raw < 0x1p63)) throw out_of_range();
    number = static_cast<std::int64_t>(raw);
  }
  if (number < min || number > max) throw out_of_range();
  return number;
}

std::string_view JsonRef::text_or(std::string_view key, std::string_view fallback) const {
  const auto member = find(key);
  return member ? member->text() : fallback;
}

bool JsonRef::boolean_or(std::string_view key, bool fallback) const {
  const auto member = find(key);
  return member ? member->boolean() : fallback;
}

std::int64_t JsonRef::integer_or(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) const {
  const auto member = find(key);
  return member ? member->integer(min, max) : fallback;
}

}  // namespace trunkline
