// Attempts as bytes: varints, each number against the one before it. Text only where an attempt has something to say.
#include "runtime/base/unix_time.h"
#include "runtime/delivery/records.h"

namespace trunkline::delivery {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxReply = 300;

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

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(text(1)[0]);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string_view text(std::uint64_t size) {
    if (size > bytes_.size()) throw malformed();
    const std::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }
  static Error malformed() { return Error(ErrorCode::kDataLoss, "a row of delivery attempts is malformed"); }

 private:
  std::string_view bytes_;
};

}  // namespace

std::string encode_attempts(std::span<const Attempt> attempts) {
  std::string out(1, static_cast<char>(kVersion));
  std::int64_t sequence = 0, at = 0;
  for (const Attempt& attempt : attempts) {
    put_signed(out, attempt.sequence - sequence);
    put(out, static_cast<std::uint64_t>(attempt.part));
    put(out, static_cast<std::uint64_t>(attempt.number));
    put_signed(out, unix_us(attempt.at) - at);
    put(out, static_cast<std::uint64_t>(attempt.status));
    put(out, static_cast<std::uint64_t>(attempt.outcome));
    put(out, static_cast<std::uint64_t>(
                 std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(attempt.latency).count(), 0)));
    const std::string_view reply = std::string_view(attempt.reply).substr(0, kMaxReply);
    put(out, reply.size());
    out.append(reply);
    sequence = attempt.sequence;
    at = unix_us(attempt.at);
  }
  return out;
}

std::vector<Attempt> decode_attempts(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.text(1)[0] != static_cast<char>(kVersion)) throw Reader::malformed();
  std::vector<Attempt> attempts;
  std::int64_t sequence = 0, at = 0;
  while (!reader.done()) {
    Attempt attempt;
    attempt.sequence = sequence += reader.signed_number();
    attempt.part = static_cast<int>(reader.number());
    attempt.number = static_cast<int>(reader.number());
    at += reader.signed_number();
    attempt.at = from_unix_us(at);
    attempt.status = static_cast<int>(reader.number());
    attempt.outcome = static_cast<Outcome>(reader.number());
    attempt.latency = std::chrono::microseconds{reader.number()};
    attempt.reply = reader.text(reader.number());
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

}  // namespace trunkline::delivery
