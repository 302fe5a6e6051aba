#include "wire/codec.h"

#include <algorithm>

namespace trunkline::wire {
namespace {

constexpr std::uint32_t kAbsent = 0xffffffffu;
constexpr std::size_t kMaxStructSize = std::size_t{1} << 16;
constexpr std::size_t kMaxListCount = std::size_t{1} << 24;

bool has(const Type& type, std::uint8_t flag) { return (type.flags & flag) != 0; }

[[noreturn]] void malformed(const char* what, const std::string& found) {
  throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": " + found, what);
}

/// Size and place of the value of a scalar; `has` of an optional one is its first byte.
struct ScalarLayout {
  std::size_t size, optional_offset;
};
ScalarLayout layout(Kind kind) {
  if (kind == Kind::kBool) return {1, 1};
  if (kind == Kind::kWord32) return {4, 4};
  return {8, 8};
}
bool is_scalar(Kind kind) { return kind == Kind::kBool || kind == Kind::kWord32 || kind == Kind::kWord64; }

template <class T>
const T& as(const void* at) {
  return *static_cast<const T*>(at);
}
const void* at_offset(const void* at, std::size_t offset) { return static_cast<const char*>(at) + offset; }

/// What the elements of a map are.
constexpr Field kPair[] = {{"key", offsetof(tl_kv, key), {Kind::kText, 0, nullptr, nullptr}},
                           {"value", offsetof(tl_kv, value), {Kind::kText, 0, nullptr, nullptr}}};
constexpr Aggregate kPairTable = {"tl_kv", Shape::kFrozen, sizeof(tl_kv), sizeof(tl_kv), kPair};
constexpr Type kPairType = {Kind::kAggregate, 0, nullptr, &kPairTable};

const Type& element_of(const Type& type) { return type.kind == Kind::kMap ? kPairType : *type.of; }
std::size_t alignment_of(const Type& type) {
  const std::size_t size = size_of(type);
  return type.kind == Kind::kAggregate && type.aggregate->shape == Shape::kFrozen ? (size % 8 ? 4 : 8)
                                                                                  : std::min<std::size_t>(size, 8);
}
/// Of the first version of it, which an older peer gives.
std::size_t least_size_of(const Type& type) {
  return type.kind == Kind::kAggregate && !has(type, kPointer) ? type.aggregate->min_size : size_of(type);
}

}  // namespace

std::size_t size_of(const Type& type) {
  switch (type.kind) {
    case Kind::kVoid:
      return 0;
    case Kind::kBool:
    case Kind::kWord32:
    case Kind::kWord64:
      return has(type, kOptional) ? 2 * layout(type.kind).size : layout(type.kind).size;
    case Kind::kText:
      return sizeof(tl_str);
    case Kind::kBytes:
      return sizeof(tl_bytes);
    case Kind::kList:
    case Kind::kMap:
      return sizeof(tl_list);
    case Kind::kAggregate:
      return has(type, kPointer) ? sizeof(void*) : type.aggregate->size;
    case Kind::kStream:
      return sizeof(tl_stream);
  }
  return 0;
}

// ---- writing ----

void Writer::check_room(std::size_t more) const {
  if (more > kMaxBytes || out_.size() > kMaxBytes - more)
    throw Error(ErrorCode::kResourceExhausted,
                "a call of more than " + std::to_string(kMaxBytes >> 20) + " MiB cannot cross to another process");
}

void Writer::text(std::string_view value) {
  check_room(value.size());
  number(static_cast<std::uint32_t>(value.size()));
  out_.append(value);
}

void Writer::blob(const void* data, std::size_t size, const char* what) {
  if (!data) {
    if (size) malformed(what, "data without an address but with a size");
    return number(kAbsent);
  }
  check_room(size);
  number(static_cast<std::uint32_t>(size));
  out_.append(static_cast<const char*>(data), size);
}

void Writer::value(const Type& type, const void* at, const char* what, int depth) {
  if (depth > kMaxDepth) malformed(what, "structs within structs too deep");
  if (is_scalar(type.kind)) {
    const ScalarLayout scalar = layout(type.kind);
    if (has(type, kOptional)) {
      const auto present = as<std::uint8_t>(at) != 0;
      number(static_cast<std::uint8_t>(present));
      if (!present) return;
      at = at_offset(at, scalar.optional_offset);
    }
    out_.append(static_cast<const char*>(at), scalar.size);
    return;
  }
  switch (type.kind) {
    case Kind::kText:
      return blob(as<tl_str>(at).data, as<tl_str>(at).size, what);
    case Kind::kBytes:
      return blob(as<tl_bytes>(at).data, as<tl_bytes>(at).size, what);
    case Kind::kList:
    case Kind::kMap: {
      const tl_list& list = as<tl_list>(at);
      if (!list.data) {
        if (list.count) malformed(what, "a list without data but with a count");
        return number(kAbsent);
      }
      const Type& element = element_of(type);
      if (list.count) {
        if (list.count > kMaxListCount) malformed(what, "a list of " + std::to_string(list.count) + " elements");
        if (list.stride < least_size_of(element) || list.stride > kMaxStructSize)
          malformed(what, "a list with a stride of " + std::to_string(list.stride) + ", wanted at least " +
                              std::to_string(least_size_of(element)));
        const std::size_t alignment = alignment_of(element);
        if (list.stride % alignment || reinterpret_cast<std::uintptr_t>(list.data) % alignment)
          malformed(what, "a list that is not aligned");
      }
      number(static_cast<std::uint32_t>(list.count));
      for (std::size_t i = 0; i < list.count; ++i) {
        check_room(1);
        value(element, at_offset(list.data, i * list.stride), what, depth + 1);
      }
      return;
    }
    case Kind::kAggregate: {
      if (!has(type, kPointer)) return aggregate(*type.aggregate, at, what, depth);
      const void* const behind = as<const void*>(at);
      if (!behind && !has(type, kOptional)) malformed(what, "missing");
      number(static_cast<std::uint8_t>(behind != nullptr));
      if (behind) aggregate(*type.aggregate, behind, what, depth);
      return;
    }
    default:
      malformed(what, "a value that cannot cross to another process");
  }
}

void Writer::aggregate(const Aggregate& aggregate, const void* at, const char* what, int depth) {
  std::size_t size = aggregate.size;
  if (aggregate.shape == Shape::kUnion) {
    const auto kind = as<std::int32_t>(at);
    number(kind);
    if (kind < 1 || static_cast<std::size_t>(kind) > aggregate.fields.size()) return;  // of a newer peer: nothing is known of it
    const Field& variant = aggregate.fields[static_cast<std::size_t>(kind) - 1];
    return value(variant.type, at_offset(at, variant.offset), variant.name, depth + 1);
  }
  if (aggregate.shape == Shape::kStruct) {
    if (reinterpret_cast<std::uintptr_t>(at) % 8) malformed(what, "a struct that is not aligned");
    const auto said = as<std::uint32_t>(at);
    if (said < aggregate.min_size || said > kMaxStructSize)
      malformed(what, "a struct_size of " + std::to_string(said) + ", wanted at least " + std::to_string(aggregate.min_size));
    size = std::min<std::size_t>(said, size);
    number(static_cast<std::uint32_t>(size));
  }
  const bool whole = size == aggregate.size;  // else of another version
  for (const Field& field : aggregate.fields)
    if (whole || field.offset + size_of(field.type) <= size)
      value(field.type, at_offset(at, field.offset), field.name, depth + 1);
}

void Writer::arguments(const Operation& operation, const void* const* arguments) {
  for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
    const Field& parameter = operation.parameters[i];
    value(parameter.type, arguments[i], parameter.name);
  }
}

void Writer::call(const tl_call* call) {
  const auto optional_text = [&](const tl_str& text) { blob(text.data, text.size, "call"); };
  const bool timed = call && TL_HAS(call, deadline) && call->deadline.has;
  const bool cancellable = call && TL_HAS(call, cancel) && call->cancel;
  number(static_cast<std::uint8_t>((call ? kCallPresent : 0) | (timed ? kCallTimed : 0) | (cancellable ? kCallCancellable : 0)));
  if (!call) return;
  if (timed) number(call->deadline.value);
  optional_text(TL_HAS(call, idempotency_key) ? call->idempotency_key : tl_str{});
  optional_text(TL_HAS(call, traceparent) ? call->traceparent : tl_str{});
  optional_text(TL_HAS(call, resource) ? call->resource : tl_str{});
}

void Writer::error(const Error& error) {
  number(static_cast<std::int32_t>(error.code));
  text(error.message);
  text(error.target);
  text(error.provider_code);
  text(error.service_code);
  number(error.http_status);
  number(static_cast<std::uint8_t>((error.retryable ? 1 : 0) | (error.retry_after ? 2 : 0)));
  if (error.retry_after) number(static_cast<std::int64_t>(error.retry_after->count()));
  number(static_cast<std::uint32_t>(error.details.size()));
  for (const auto& [key, detail] : error.details) {
    text(key);
    text(detail);
  }
}

// ---- reading ----

void Reader::bad(const std::string& what) { throw Error(ErrorCode::kDataLoss, what); }

const char* Reader::take(std::size_t size) {
  if (size > in_.size()) bad("the bytes end within a value");
  const char* const at = in_.data();
  in_.remove_prefix(size);
  return at;
}

void* Reader::room(std::size_t bytes) {
  if (bytes > kMaxDecodedBytes - taken_) bad("a value that takes more than " + std::to_string(kMaxDecodedBytes >> 20) + " MiB");
  taken_ += bytes;
  // Eight bytes are not enough for an address that must not be null.
  auto* const at = arena_.array<std::uint64_t>(std::max<std::size_t>((bytes + 7) / 8, 1));
  std::memset(at, 0, bytes);
  return at;
}

void Reader::end() const {
  if (!in_.empty()) bad(std::to_string(in_.size()) + " bytes too many");
}

std::string_view Reader::text() {
  const auto size = number<std::uint32_t>();
  return {take(size), size};
}

void Reader::value(const Type& type, void* at, int depth) {
  if (depth > kMaxDepth) bad("structs within structs too deep");
  if (is_scalar(type.kind)) {
    const ScalarLayout scalar = layout(type.kind);
    if (has(type, kOptional)) {
      const auto present = number<std::uint8_t>();
      if (present > 1) bad("an optional value that is neither there nor absent");
      *static_cast<std::uint8_t*>(at) = present;
      if (!present) return;
      at = static_cast<char*>(at) + scalar.optional_offset;
    }
    std::memcpy(at, take(scalar.size), scalar.size);
    return;
  }
  switch (type.kind) {
    case Kind::kText:
    case Kind::kBytes: {
      static_assert(sizeof(tl_str) == sizeof(tl_bytes) && offsetof(tl_str, size) == offsetof(tl_bytes, size));
      const auto size = number<std::uint32_t>();
      tl_str& text = *static_cast<tl_str*>(at);
      text = {nullptr, 0};
      if (size != kAbsent) text = {take(size), size};
      return;
    }
    case Kind::kList:
    case Kind::kMap: {
      tl_list& list = *static_cast<tl_list*>(at);
      const Type& element = element_of(type);
      const std::size_t stride = size_of(element);
      list = {nullptr, 0, stride};
      const auto count = number<std::uint32_t>();
      if (count == kAbsent) return;
      if (count > in_.size()) bad("a list of " + std::to_string(count) + " elements in " + std::to_string(in_.size()) + " bytes");
      auto* const data = static_cast<char*>(room(count * stride));
      for (std::size_t i = 0; i < count; ++i) value(element, data + i * stride, depth + 1);
      list = {data, count, stride};
      return;
    }
    case Kind::kAggregate: {
      if (!has(type, kPointer)) return aggregate(*type.aggregate, at, depth);
      const auto present = number<std::uint8_t>();
      if (present > 1 || (present == 0 && !has(type, kOptional))) bad("a struct that is missing");
      const void*& behind = *static_cast<const void**>(at);
      behind = nullptr;
      if (!present) return;
      void* const place = room(type.aggregate->size);
      aggregate(*type.aggregate, place, depth);
      behind = place;
      return;
    }
    default:
      bad("a value of a kind that does not cross");
  }
}

void Reader::aggregate(const Aggregate& aggregate, void* at, int depth) {
  std::size_t size = aggregate.size;
  if (aggregate.shape == Shape::kUnion) {
    const auto kind = number<std::int32_t>();
    std::memcpy(at, &kind, sizeof kind);
    if (kind < 1 || static_cast<std::size_t>(kind) > aggregate.fields.size()) return;
    const Field& variant = aggregate.fields[static_cast<std::size_t>(kind) - 1];
    return value(variant.type, static_cast<char*>(at) + variant.offset, depth + 1);
  }
  if (aggregate.shape == Shape::kStruct) {
    const auto said = number<std::uint32_t>();
    if (said < aggregate.min_size || said > aggregate.size) bad("a struct_size of " + std::to_string(said));
    std::memcpy(at, &said, sizeof said);
    size = said;
  }
  const bool whole = size == aggregate.size;
  for (const Field& field : aggregate.fields)
    if (whole || field.offset + size_of(field.type) <= size) value(field.type, static_cast<char*>(at) + field.offset, depth + 1);
}

const void* Reader::result(const Type& type) {
  void* const at = room(size_of(type));
  value(type, at);
  return at;
}

const void* const* Reader::arguments(const Operation& operation) {
  auto* const all = static_cast<const void**>(room(operation.parameters.size() * sizeof(void*)));
  for (std::size_t i = 0; i < operation.parameters.size(); ++i) all[i] = result(operation.parameters[i].type);
  return all;
}

std::uint8_t Reader::call(tl_call& call) {
  constexpr Type kText = {Kind::kText, kOptional, nullptr, nullptr};
  call = {};
  call.struct_size = sizeof call;
  const auto flags = number<std::uint8_t>();
  if (flags == 0) return flags;
  if (flags > 7 || (flags & kCallPresent) == 0) bad("a call of an unknown form");
  if (flags & kCallTimed) call.deadline = {1, {}, number<std::int64_t>()};
  value(kText, &call.idempotency_key);
  value(kText, &call.traceparent);
  value(kText, &call.resource);
  return flags;
}

Error Reader::error() {
  Error error;
  const auto code = number<std::int32_t>();
  const bool known =
      code >= static_cast<std::int32_t>(ErrorCode::kCancelled) && code <= static_cast<std::int32_t>(ErrorCode::kUnauthenticated);
  error.code = known ? static_cast<ErrorCode>(code) : ErrorCode::kUnknown;
  error.message = text();
  error.target = text();
  error.provider_code = text();
  error.service_code = text();
  error.http_status = number<std::int32_t>();
  const auto flags = number<std::uint8_t>();
  if (flags > 3) bad("an error of an unknown form");
  error.retryable = (flags & 1) != 0;
  if (flags & 2) error.retry_after = Duration{number<std::int64_t>()};
  const auto details = number<std::uint32_t>();
  if (details > in_.size()) bad("an error with " + std::to_string(details) + " details");
  for (std::uint32_t i = 0; i < details; ++i) {
    const std::string_view key = text();
    error.details[std::string(key)] = text();
  }
  return error;
}

}  // namespace trunkline::wire
