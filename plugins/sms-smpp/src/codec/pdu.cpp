#include "pdu.h"

#include <algorithm>
#include <cstring>

namespace smpp {
namespace {

// Longest texts, without their zero octet (SMPP 3.4, chapter 5).
constexpr std::size_t kSystemId = 15, kPassword = 8, kSystemType = 12, kAddressRange = 40, kServiceType = 5, kAddress = 20,
                      kMessageId = 64, kTime = 16, kDataAddress = 64;
/// Optional parameters of one PDU that are kept; a peer that sends more is not one that we know.
constexpr std::size_t kMaxTlvs = 64;

void put8(std::string& out, unsigned value) { out += static_cast<char>(value); }
void put16(std::string& out, unsigned value) {
  put8(out, value >> 8);
  put8(out, value & 0xFF);
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xFFFF);
}

class Writer {
 public:
  Writer(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence) : out_(out), begin_(out.size()) {
    put32(out_, 0);
    put32(out_, command);
    put32(out_, status);
    put32(out_, sequence);
  }
  void number(unsigned value) { put8(out_, value); }
  void text(std::string_view value, std::size_t limit, std::uint32_t status, const char* field) {
    if (value.size() > limit)
      fail(status, field, "found " + std::to_string(value.size()) + " characters, wanted at most " + std::to_string(limit));
    if (value.find('\0') != std::string_view::npos) fail(status, field, "found a zero octet");
    out_.append(value);
    out_ += '\0';
  }
  void address(const Address& address, std::size_t limit, bool source) {
    number(address.ton);
    number(address.npi);
    text(address.digits, limit, source ? status::kInvalidSource : status::kInvalidDestination,
         source ? "source_addr" : "destination_addr");
  }
  void octets(std::string_view value) { out_.append(value); }
  void tlvs(const Tlvs& tlvs) {
    for (const Tlv& tlv : tlvs) {
      if (tlv.value.size() > 0xFFFF)
        fail(status::kInvalidParameterLength, "tlv",
             "found " + std::to_string(tlv.value.size()) + " octets, wanted at most 65535");
      put16(out_, tlv.tag);
      put16(out_, static_cast<unsigned>(tlv.value.size()));
      out_.append(tlv.value);
    }
  }
  [[noreturn]] void fail(std::uint32_t status, const char* field, const std::string& what) {
    out_.resize(begin_);
    throw Malformed(status, field, what);
  }
  void finish() {
    const auto length = static_cast<std::uint32_t>(out_.size() - begin_);
    for (std::size_t i = 0; i < 4; ++i) out_[begin_ + i] = static_cast<char>(length >> (24 - 8 * i) & 0xFF);
  }

 private:
  std::string& out_;
  const std::size_t begin_;
};

class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}
  bool at_end() const { return rest_.empty(); }
  std::uint8_t number(const char* field) {
    need(1, field);
    const auto value = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  /// At most `limit` octets and a zero octet.
  std::string text(std::size_t limit, std::uint32_t status, const char* field) {
    const std::size_t end = rest_.substr(0, limit + 1).find('\0');
    if (end == std::string_view::npos) {
      if (rest_.size() <= limit) throw Malformed(status::kInvalidLength, field, "the PDU ends within it");
      throw Malformed(status, field, "found more than " + std::to_string(limit) + " characters");
    }
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }
  Address address(std::size_t limit, bool source) {
    const char* field = source ? "source_addr" : "destination_addr";
    Address address;
    address.ton = number(field);
    address.npi = number(field);
    address.digits = text(limit, source ? status::kInvalidSource : status::kInvalidDestination, field);
    return address;
  }
  std::string octets(std::size_t count, const char* field) {
    need(count, field);
    std::string value(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return value;
  }
  Tlvs tlvs() {
    Tlvs tlvs;
    while (!rest_.empty()) {
      need(4, "tlv");
      const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(rest_[i])); };
      Tlv tlv;
      tlv.tag = static_cast<std::uint16_t>(at(0) << 8 | at(1));
      const std::size_t length = at(2) << 8 | at(3);
      rest_.remove_prefix(4);
      if (rest_.size() < length) throw Malformed(status::kInvalidParameterLength, "tlv", "its length is beyond the PDU");
      if (tlvs.size() == kMaxTlvs) throw Malformed(status::kInvalidOptional, "tlv", "found more than 64 of them");
      tlv.value = rest_.substr(0, length);
      rest_.remove_prefix(length);
      tlvs.push_back(std::move(tlv));
    }
    return tlvs;
  }

 private:
  void need(std::size_t count, const char* field) const {
    if (rest_.size() < count) throw Malformed(status::kInvalidLength, field, "the PDU ends within it");
  }
  std::string_view rest_;
};

std::uint32_t base(std::uint32_t command) { return command & ~command::kResponse; }

}  // namespace

const std::string* find(const Tlvs& tlvs, std::uint16_t tag) {
  const auto found = std::find_if(tlvs.begin(), tlvs.end(), [&](const Tlv& tlv) { return tlv.tag == tag; });
  return found == tlvs.end() ? nullptr : &found->value;
}

std::optional<std::uint32_t> find_number(const Tlvs& tlvs, std::uint16_t tag) {
  const std::string* value = find(tlvs, tag);
  if (!value || value->empty() || value->size() > 4) return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : *value) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::optional<std::string> find_text(const Tlvs& tlvs, std::uint16_t tag) {
  const std::string* value = find(tlvs, tag);
  if (!value) return std::nullopt;
  return value->substr(0, value->find('\0'));
}

void add_number(Tlvs& tlvs, std::uint16_t tag, std::uint32_t value, int octets) {
  Tlv& tlv = tlvs.emplace_back();
  tlv.tag = tag;
  for (int i = octets - 1; i >= 0; --i) tlv.value += static_cast<char>(value >> (8 * i) & 0xFF);
}

void add_text(Tlvs& tlvs, std::uint16_t tag, std::string_view text) {
  Tlv& tlv = tlvs.emplace_back();
  tlv.tag = tag;
  tlv.value = text;
  tlv.value += '\0';
}

std::string_view Message::content() const {
  if (short_message.empty())
    if (const std::string* payload = find(tlvs, tag::kMessagePayload)) return *payload;
  return short_message;
}

void encode_empty(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence) {
  Writer(out, command, status, sequence).finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Bind& body) {
  Writer w(out, command, status, sequence);
  w.text(body.system_id, kSystemId, status::kInvalidSystemId, "system_id");
  w.text(body.password, kPassword, status::kInvalidPassword, "password");
  w.text(body.system_type, kSystemType, status::kInvalidSystemType, "system_type");
  w.number(body.interface_version);
  w.number(body.addr_ton);
  w.number(body.addr_npi);
  w.text(body.address_range, kAddressRange, status::kBindFailed, "address_range");
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const BindResponse& body) {
  Writer w(out, command, status, sequence);
  w.text(body.system_id, kSystemId, status::kInvalidSystemId, "system_id");
  w.tlvs(body.tlvs);
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Message& body) {
  Writer w(out, command, status, sequence);
  const bool data = base(command) == command::kDataSm;
  const std::size_t address = data ? kDataAddress : kAddress;
  w.text(body.service_type, kServiceType, status::kInvalidServiceType, "service_type");
  w.address(body.source, address, true);
  w.address(body.destination, address, false);
  w.number(body.esm_class);
  if (!data) {
    w.number(body.protocol_id);
    w.number(body.priority);
    w.text(body.schedule, kTime, status::kInvalidSchedule, "schedule_delivery_time");
    w.text(body.validity, kTime, status::kInvalidExpiry, "validity_period");
  }
  w.number(body.registered_delivery);
  if (!data) w.number(body.replace_if_present);
  w.number(body.data_coding);
  if (!data) {
    if (body.short_message.size() > kMaxShortMessage)
      w.fail(status::kInvalidMessageLength, "short_message",
             "found " + std::to_string(body.short_message.size()) + " octets, wanted at most 254");
    w.number(body.default_message_id);
    w.number(static_cast<unsigned>(body.short_message.size()));
    w.octets(body.short_message);
  }
  w.tlvs(body.tlvs);
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const MessageResponse& body) {
  Writer w(out, command, status, sequence);
  w.text(body.message_id, kMessageId, status::kInvalidMessageId, "message_id");
  w.tlvs(body.tlvs);
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Query& body) {
  Writer w(out, command, status, sequence);
  w.text(body.message_id, kMessageId, status::kInvalidMessageId, "message_id");
  w.address(body.source, kAddress, true);
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const QueryResponse& body) {
  Writer w(out, command, status, sequence);
  w.text(body.message_id, kMessageId, status::kInvalidMessageId, "message_id");
  w.text(body.final_date, kTime, status::kInvalidParameterValue, "final_date");
  w.number(body.message_state);
  w.number(body.error_code);
  w.finish();
}

void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Cancel& body) {
  Writer w(out, command, status, sequence);
  w.text(body.service_type, kServiceType, status::kInvalidServiceType, "service_type");
  w.text(body.message_id, kMessageId, status::kInvalidMessageId, "message_id");
  w.address(body.source, kAddress, true);
  w.address(body.destination, kAddress, false);
  w.finish();
}

void set_sequence(std::string& pdu, std::uint32_t sequence) {
  for (std::size_t i = 0; i < 4; ++i) pdu[12 + i] = static_cast<char>(sequence >> (24 - 8 * i) & 0xFF);
}

Header decode_header(std::string_view octets) {
  if (octets.size() < kHeaderOctets) throw Malformed(status::kInvalidLength, "header", "the PDU ends within it");
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(octets[at + i]);
    return value;
  };
  return {number(0), number(4), number(8), number(12)};
}

Bind decode_bind(std::string_view body) {
  Reader r(body);
  Bind bind;
  bind.system_id = r.text(kSystemId, status::kInvalidSystemId, "system_id");
  bind.password = r.text(kPassword, status::kInvalidPassword, "password");
  bind.system_type = r.text(kSystemType, status::kInvalidSystemType, "system_type");
  bind.interface_version = r.number("interface_version");
  bind.addr_ton = r.number("addr_ton");
  bind.addr_npi = r.number("addr_npi");
  bind.address_range = r.text(kAddressRange, status::kBindFailed, "address_range");
  return bind;
}

BindResponse decode_bind_response(std::string_view body) {
  Reader r(body);
  BindResponse response;
  if (r.at_end()) return response;
  response.system_id = r.text(kSystemId, status::kInvalidSystemId, "system_id");
  response.tlvs = r.tlvs();
  return response;
}

Message decode_message(std::uint32_t command, std::string_view body) {
  Reader r(body);
  const bool data = base(command) == command::kDataSm;
  const std::size_t address = data ? kDataAddress : kAddress;
  Message message;
  message.service_type = r.text(kServiceType, status::kInvalidServiceType, "service_type");
  message.source = r.address(address, true);
  message.destination = r.address(address, false);
  message.esm_class = r.number("esm_class");
  if (!data) {
    message.protocol_id = r.number("protocol_id");
    message.priority = r.number("priority_flag");
    message.schedule = r.text(kTime, status::kInvalidSchedule, "schedule_delivery_time");
    message.validity = r.text(kTime, status::kInvalidExpiry, "validity_period");
  }
  message.registered_delivery = r.number("registered_delivery");
  if (!data) message.replace_if_present = r.number("replace_if_present_flag");
  message.data_coding = r.number("data_coding");
  if (!data) {
    message.default_message_id = r.number("sm_default_msg_id");
    const std::uint8_t length = r.number("sm_length");
    if (length > kMaxShortMessage) throw Malformed(status::kInvalidMessageLength, "sm_length", "found 255, wanted at most 254");
    message.short_message = r.octets(length, "short_message");
  }
  message.tlvs = r.tlvs();
  return message;
}

MessageResponse decode_message_response(std::string_view body) {
  Reader r(body);
  MessageResponse response;
  if (r.at_end()) return response;
  response.message_id = r.text(kMessageId, status::kInvalidMessageId, "message_id");
  response.tlvs = r.tlvs();
  return response;
}

Query decode_query(std::string_view body) {
  Reader r(body);
  Query query;
  query.message_id = r.text(kMessageId, status::kInvalidMessageId, "message_id");
  query.source = r.address(kAddress, true);
  return query;
}

QueryResponse decode_query_response(std::string_view body) {
  Reader r(body);
  QueryResponse response;
  if (r.at_end()) return response;
  response.message_id = r.text(kMessageId, status::kInvalidMessageId, "message_id");
  response.final_date = r.text(kTime, status::kInvalidParameterValue, "final_date");
  response.message_state = r.number("message_state");
  response.error_code = r.number("error_code");
  return response;
}

Cancel decode_cancel(std::string_view body) {
  Reader r(body);
  Cancel cancel;
  cancel.service_type = r.text(kServiceType, status::kInvalidServiceType, "service_type");
  cancel.message_id = r.text(kMessageId, status::kInvalidMessageId, "message_id");
  cancel.source = r.address(kAddress, true);
  cancel.destination = r.address(kAddress, false);
  return cancel;
}

char* FrameReader::prepare(std::size_t room) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + room) buffer_.resize(end_ + room);
  return buffer_.data() + end_;
}

std::optional<std::string_view> FrameReader::next() {
  const std::string_view waiting(buffer_.data() + begin_, end_ - begin_);
  if (waiting.size() < 4) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(waiting[i]);
  if (length < kHeaderOctets || length > max_octets_)
    throw Malformed(status::kInvalidCommandLength, "command_length",
                    "found " + std::to_string(length) + ", wanted 16 to " + std::to_string(max_octets_));
  if (waiting.size() < length) return std::nullopt;
  begin_ += length;
  return waiting.substr(0, length);
}

}  // namespace smpp
