#include "runtime/workflow/history.h"

#include <bit>
#include <cstring>

#include "runtime/base/unix_time.h"
#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr int kMaxPathDepth = 512;

enum Tag : std::uint8_t {
  kTagNull,
  kTagFalse,
  kTagTrue,
  kTagInteger,
  kTagUnsigned,
  kTagDouble,
  kTagText,
  kTagArray,
  kTagObject,
  kTagShortText = 0x80
};

enum Flag : std::uint32_t {
  kHasAction = 1u << 0,
  kHasStatus = 1u << 1,
  kHasNumber = 1u << 2,
  kHasFrame = 1u << 3,
  kHasNewFrame = 1u << 4,
  kHasChange = 1u << 5,
  kHasDue = 1u << 6,
  kHasCode = 1u << 7,
  kHasText = 1u << 8,
  kHasInputs = 1u << 9,
  kHasOutputs = 1u << 10,
  kSameOutputs = 1u << 11,
  kHasError = 1u << 12,
  kHasExtra = 1u << 13,
};

Error malformed() { return Error(ErrorCode::kDataLoss, "a segment of a run's history is malformed"); }

void put(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}
void put_signed(std::string& out, std::int64_t value) {
  put(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}
void put_text(std::string& out, std::string_view text) {
  put(out, text.size());
  out.append(text);
}

std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty()) throw malformed();
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}
std::uint64_t take_number(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = take_byte(bytes);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  throw malformed();
}
std::int64_t take_signed(std::string_view& bytes) {
  const std::uint64_t value = take_number(bytes);
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
std::string_view take_bytes(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) throw malformed();
  const std::string_view out = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return out;
}
std::string_view take_text(std::string_view& bytes) { return take_bytes(bytes, take_number(bytes)); }

Value decode(std::string_view& bytes, int depth) {
  if (depth > kMaxPathDepth) throw malformed();
  const std::uint8_t tag = take_byte(bytes);
  if ((tag & kTagShortText) != 0) return Value(std::string(take_bytes(bytes, tag & 0x7f)));
  switch (tag) {
    case kTagNull:
      return nullptr;
    case kTagFalse:
      return false;
    case kTagTrue:
      return true;
    case kTagInteger:
      return take_signed(bytes);
    case kTagUnsigned:
      return take_number(bytes);
    case kTagDouble: {
      std::uint64_t bits = 0;
      const std::string_view raw = take_bytes(bytes, sizeof(bits));
      std::memcpy(&bits, raw.data(), sizeof(bits));
      return std::bit_cast<double>(bits);
    }
    case kTagText:
      return Value(std::string(take_text(bytes)));
    case kTagArray: {
      const std::uint64_t count = take_number(bytes);
      if (count > bytes.size()) throw malformed();
      Value out = Value::array();
      auto& items = out.get_ref<Value::array_t&>();
      items.reserve(count);
      for (std::uint64_t i = 0; i < count; ++i) items.push_back(decode(bytes, depth + 1));
      return out;
    }
    case kTagObject: {
      const std::uint64_t count = take_number(bytes);
      if (count > bytes.size()) throw malformed();
      Value out = Value::object();
      auto& members = out.get_ref<Value::object_t&>();
      members.reserve(count);
      for (std::uint64_t i = 0; i < count; ++i) {
        std::string name(take_text(bytes));
        members.Container::emplace_back(std::move(name), decode(bytes, depth + 1));
      }
      return out;
    }
    default:
      throw malformed();
  }
}

}  // namespace

void encode_value(std::string& out, const Value& value) {
  switch (value.type()) {
    case Value::value_t::null:
    case Value::value_t::discarded:
    case Value::value_t::binary:
      out.push_back(kTagNull);
      return;
    case Value::value_t::boolean:
      out.push_back(value.get<bool>() ? kTagTrue : kTagFalse);
      return;
    case Value::value_t::number_integer:
      out.push_back(kTagInteger);
      put_signed(out, value.get<std::int64_t>());
      return;
    case Value::value_t::number_unsigned: {
      const auto number = value.get<std::uint64_t>();
      const bool fits = number <= static_cast<std::uint64_t>(INT64_MAX);
      out.push_back(fits ? kTagInteger : kTagUnsigned);
      if (fits)
        put_signed(out, static_cast<std::int64_t>(number));
      else
        put(out, number);
      return;
    }
    case Value::value_t::number_float: {
      out.push_back(kTagDouble);
      const auto bits = std::bit_cast<std::uint64_t>(value.get<double>());
      out.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
      return;
    }
    case Value::value_t::string: {
      const std::string& text = value.get_ref<const std::string&>();
      if (text.size() < 0x80) {
        out.push_back(static_cast<char>(kTagShortText | text.size()));
        out.append(text);
      } else {
        out.push_back(kTagText);
        put_text(out, text);
      }
      return;
    }
    case Value::value_t::array:
      out.push_back(kTagArray);
      put(out, value.size());
      for (const Value& item : value.get_ref<const Value::array_t&>()) encode_value(out, item);
      return;
    case Value::value_t::object:
      out.push_back(kTagObject);
      put(out, value.size());
      for (const auto& [name, item] : value.get_ref<const Value::object_t&>()) {
        put_text(out, name);
        encode_value(out, item);
      }
      return;
  }
}

Value decode_value(std::string_view& bytes) { return decode(bytes, 0); }

void HistoryWriter::add(const Event& e) {
  if (bytes_.empty()) {
    bytes_.push_back(static_cast<char>(kVersion));
    last_us_ = 0;
  }
  const bool same = e.outputs && e.outputs == e.inputs;
  std::uint32_t flags = 0;
  const auto flag = [&](bool set, Flag bit) {
    if (set) flags |= bit;
  };
  flag(e.action != kNone, kHasAction);
  flag(e.status != Status::kNotStarted, kHasStatus);
  flag(e.number != 0, kHasNumber);
  flag(e.frame != 0, kHasFrame);
  flag(e.new_frame != 0, kHasNewFrame);
  flag(e.change != VariableChange::kSet, kHasChange);
  flag(e.due.has_value(), kHasDue);
  flag(!e.code.empty(), kHasCode);
  flag(!e.text.empty(), kHasText);
  flag(e.inputs != nullptr, kHasInputs);
  flag(e.outputs != nullptr && !same, kHasOutputs);
  flag(same, kSameOutputs);
  flag(e.error != nullptr, kHasError);
  flag(e.extra != nullptr, kHasExtra);
  bytes_.push_back(static_cast<char>(e.kind));
  put(bytes_, flags);
  const std::int64_t at = unix_us(e.at);
  put_signed(bytes_, at - last_us_);
  last_us_ = at;
  if (flags & kHasFrame) put(bytes_, e.frame);
  if (flags & kHasAction) put(bytes_, e.action);
  if (flags & kHasStatus) bytes_.push_back(static_cast<char>(e.status));
  if (flags & kHasNumber) put(bytes_, e.number);
  if (flags & kHasNewFrame) put(bytes_, e.new_frame);
  if (flags & kHasChange) bytes_.push_back(static_cast<char>(e.change));
  if (flags & kHasDue) put_signed(bytes_, unix_us(*e.due) - at);
  if (flags & kHasCode) put_text(bytes_, e.code);
  if (flags & kHasText) put_text(bytes_, e.text);
  if (flags & kHasInputs) encode_value(bytes_, *e.inputs);
  if (flags & kHasOutputs) encode_value(bytes_, *e.outputs);
  if (flags & kHasError) encode_value(bytes_, *e.error);
  if (flags & kHasExtra) encode_value(bytes_, *e.extra);
}

std::string HistoryWriter::take() {
  last_us_ = 0;
  return std::exchange(bytes_, {});
}

HistoryReader::HistoryReader(std::string_view segment) : bytes_(segment) {
  if (bytes_.empty()) return;
  const std::uint8_t version = take_byte(bytes_);
  if (version > kVersion)
    throw Error(ErrorCode::kFailedPrecondition,
                "the history of a run was written by a newer program (format " + std::to_string(version) + ")");
  if (version == 0) throw malformed();
}

std::optional<Event> HistoryReader::next() {
  if (bytes_.empty()) return std::nullopt;
  Event e;
  const std::uint8_t kind = take_byte(bytes_);
  if (kind == 0 || kind > static_cast<std::uint8_t>(EventKind::kCancelled)) throw malformed();
  e.kind = static_cast<EventKind>(kind);
  const std::uint64_t flags = take_number(bytes_);
  last_us_ += take_signed(bytes_);
  e.at = from_unix_us(last_us_);
  const auto small = [&] {
    const std::uint64_t number = take_number(bytes_);
    if (number >= kNone) throw malformed();
    return static_cast<std::uint32_t>(number);
  };
  if (flags & kHasFrame) e.frame = small();
  if (flags & kHasAction) e.action = small();
  if (flags & kHasStatus) {
    const std::uint8_t status = take_byte(bytes_);
    if (status > static_cast<std::uint8_t>(Status::kCancelled)) throw malformed();
    e.status = static_cast<Status>(status);
  }
  if (flags & kHasNumber) e.number = take_number(bytes_);
  if (flags & kHasNewFrame) e.new_frame = small();
  if (flags & kHasChange) e.change = static_cast<VariableChange>(take_byte(bytes_));
  if (flags & kHasDue) e.due = from_unix_us(last_us_ + take_signed(bytes_));
  if (flags & kHasCode) e.code = take_text(bytes_);
  if (flags & kHasText) e.text = take_text(bytes_);
  const auto value = [&] { return share(decode_value(bytes_)); };
  if (flags & kHasInputs) e.inputs = value();
  if (flags & kHasOutputs) e.outputs = value();
  if (flags & kSameOutputs) e.outputs = e.inputs;
  if (flags & kHasError) e.error = value();
  if (flags & kHasExtra) e.extra = value();
  return e;
}

}  // namespace trunkline::workflow
