// JSON text to a value, in linear time.
#include <unordered_map>
#include <vector>

#include "runtime/expression/value.h"
#include "runtime/expression/value_object.h"
#include "runtime/expression/value_reader.h"
#include "trunkline/error.hpp"

namespace trunkline::expression {
namespace {

/// ordered_json looks a new member up by walking over all earlier ones; objects with more members than this get an index.
constexpr std::size_t kIndexedMembers = 16;

class Builder final : public nlohmann::json_sax<Value> {
 public:
  Builder(Value& root, const ParseLimits& limits) : root_(root), limits_(limits) {}

  bool null() override { return add(Value(nullptr)) != nullptr; }
  bool boolean(bool value) override { return add(Value(value)) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(Value(value)) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override {
    return add(value <= INT64_MAX ? Value(static_cast<std::int64_t>(value)) : Value(value)) != nullptr;
  }
  bool number_float(number_float_t value, const string_t&) override { return add(Value(value)) != nullptr; }
  bool string(string_t& value) override { return add(Value(std::move(value))) != nullptr; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value::object()); }
  bool start_array(std::size_t) override { return open(Value::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Frame& frame = frames_.back();
    auto& members = frame.container->get_ref<Value::object_t&>();
    if (members.size() == kIndexedMembers && frame.index.empty())
      for (std::size_t i = 0; i < members.size(); ++i)
        frame.index.emplace(members.begin()[static_cast<std::ptrdiff_t>(i)].first, i);
    std::size_t place = members.size();
    if (members.size() < kIndexedMembers) {
      for (std::size_t i = 0; i < members.size(); ++i)
        if (members.begin()[static_cast<std::ptrdiff_t>(i)].first == name) place = i;
    } else if (const auto [found, added] = frame.index.try_emplace(name, members.size()); !added) {
      place = found->second;
    }
    if (place == members.size()) add_member(*frame.container, std::move(name), Value());
    frame.member = place;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    offset_ = position > 0 ? position - 1 : 0;
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …": only what comes after the place.
    const std::string_view text = error.what();
    const std::size_t colon = text.find(": ");
    problem_ = colon == std::string_view::npos ? std::string("not JSON") : std::string(text.substr(colon + 2));
    return false;
  }

  [[noreturn]] void fail() const {
    Error error(limit_ ? ErrorCode::kResourceExhausted : ErrorCode::kInvalidArgument,
                limit_ ? "The JSON " + problem_ : "Not valid JSON at byte " + std::to_string(offset_) + ": " + problem_);
    error.details["offset"] = std::to_string(offset_);
    throw error;
  }

 private:
  struct Frame {
    Value* container;
    std::size_t member = 0;
    std::unordered_map<std::string, std::size_t> index;
  };

  Value* add(Value value) {
    if (++values_ > limits_.max_values) return exceeded("holds more than " + std::to_string(limits_.max_values) + " values");
    if (frames_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Frame& frame = frames_.back();
    if (frame.container->is_array()) {
      auto& items = frame.container->get_ref<Value::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    Value& member = frame.container->get_ref<Value::object_t&>().begin()[static_cast<std::ptrdiff_t>(frame.member)].second;
    member = std::move(value);
    return &member;
  }
  // A container's address stays while it is open: nothing is added to its parent meanwhile.
  bool open(Value container) {
    if (frames_.size() >= limits_.max_depth)
      return exceeded("is nested deeper than " + std::to_string(limits_.max_depth)) != nullptr;
    Value* place = add(std::move(container));
    if (!place) return false;
    frames_.push_back({place, 0, {}});
    return true;
  }
  bool close() {
    frames_.pop_back();
    return true;
  }
  Value* exceeded(std::string problem) {
    limit_ = true;
    problem_ = std::move(problem);
    return nullptr;
  }

  Value& root_;
  const ParseLimits& limits_;
  std::vector<Frame> frames_;
  std::size_t values_ = 0;
  bool limit_ = false;
  std::string problem_ = "not JSON";
  std::size_t offset_ = 0;
};

}  // namespace

Value parse_value(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.max_bytes)
    throw Error(ErrorCode::kResourceExhausted, "The JSON is longer than " + std::to_string(limits.max_bytes) + " bytes");
  Value root;
  if (ValueReader(text, limits).read(root)) return root;
  // It is wrong, or unusual: the slow way knows what to say of it.
  root = Value();
  Builder builder(root, limits);
  if (!Value::sax_parse(text, &builder)) builder.fail();
  return root;
}

}  // namespace trunkline::expression
