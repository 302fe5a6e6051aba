// SMPP 3.4 on the wire: headers, bodies, optional parameters. Pure functions; nothing here knows of sockets or time.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "status.h"
#include "trunkline/error.hpp"

namespace smpp {

namespace command {
inline constexpr std::uint32_t kResponse = 0x80000000;
inline constexpr std::uint32_t kGenericNack = 0x80000000;
inline constexpr std::uint32_t kBindReceiver = 0x01;
inline constexpr std::uint32_t kBindTransmitter = 0x02;
inline constexpr std::uint32_t kQuerySm = 0x03;
inline constexpr std::uint32_t kSubmitSm = 0x04;
inline constexpr std::uint32_t kDeliverSm = 0x05;
inline constexpr std::uint32_t kUnbind = 0x06;
inline constexpr std::uint32_t kReplaceSm = 0x07;
inline constexpr std::uint32_t kCancelSm = 0x08;
inline constexpr std::uint32_t kBindTransceiver = 0x09;
inline constexpr std::uint32_t kOutbind = 0x0B;
inline constexpr std::uint32_t kEnquireLink = 0x15;
inline constexpr std::uint32_t kSubmitMulti = 0x21;
inline constexpr std::uint32_t kAlertNotification = 0x102;
inline constexpr std::uint32_t kDataSm = 0x103;
}  // namespace command

namespace tag {
inline constexpr std::uint16_t kReceiptedMessageId = 0x001E;
inline constexpr std::uint16_t kQosTimeToLive = 0x0017;
inline constexpr std::uint16_t kUserMessageReference = 0x0204;
inline constexpr std::uint16_t kSarMsgRefNum = 0x020C;
inline constexpr std::uint16_t kSarTotalSegments = 0x020E;
inline constexpr std::uint16_t kSarSegmentSeqnum = 0x020F;
inline constexpr std::uint16_t kScInterfaceVersion = 0x0210;
inline constexpr std::uint16_t kNetworkErrorCode = 0x0423;
inline constexpr std::uint16_t kMessagePayload = 0x0424;
inline constexpr std::uint16_t kMessageState = 0x0427;
}  // namespace tag

inline constexpr std::uint8_t kVersion34 = 0x34;
inline constexpr std::size_t kHeaderOctets = 16;
inline constexpr std::size_t kMaxShortMessage = 254;
/// Longest PDU that makes sense: a message_payload of 65,535 octets and everything else.
inline constexpr std::size_t kMaxPduOctets = 70'000;

/// esm_class.
inline constexpr std::uint8_t kEsmTypeMask = 0x3C;
inline constexpr std::uint8_t kEsmReceipt = 0x04;
inline constexpr std::uint8_t kEsmIntermediate = 0x20;
inline constexpr std::uint8_t kEsmUdhi = 0x40;

/// A body that is not what the specification says. `status` is what its sender is to be told.
class Malformed : public trunkline::Error {
 public:
  Malformed(std::uint32_t status, const std::string& field, const std::string& what)
      : Error(trunkline::ErrorCode::kInvalidArgument, field + ": " + what, field), status(status) {
    provider_code = status_code(status);
  }
  std::uint32_t status;
};

struct Header {
  std::uint32_t length = 0;
  std::uint32_t command = 0;
  std::uint32_t status = 0;
  std::uint32_t sequence = 0;
};

struct Address {
  std::uint8_t ton = 0;
  std::uint8_t npi = 0;
  std::string digits;
  friend bool operator==(const Address&, const Address&) = default;
};

struct Tlv {
  std::uint16_t tag = 0;
  std::string value;
  friend bool operator==(const Tlv&, const Tlv&) = default;
};
using Tlvs = std::vector<Tlv>;
const std::string* find(const Tlvs& tlvs, std::uint16_t tag);
/// The unsigned number in a parameter of 1, 2 or 4 octets.
std::optional<std::uint32_t> find_number(const Tlvs& tlvs, std::uint16_t tag);
/// Text up to its end or the first zero octet.
std::optional<std::string> find_text(const Tlvs& tlvs, std::uint16_t tag);
void add_number(Tlvs& tlvs, std::uint16_t tag, std::uint32_t value, int octets);
void add_text(Tlvs& tlvs, std::uint16_t tag, std::string_view text);

struct Bind {
  std::string system_id;
  std::string password;
  std::string system_type;
  std::uint8_t interface_version = kVersion34;
  std::uint8_t addr_ton = 0;
  std::uint8_t addr_npi = 0;
  std::string address_range;
  friend bool operator==(const Bind&, const Bind&) = default;
};

struct BindResponse {
  std::string system_id;
  Tlvs tlvs;
  friend bool operator==(const BindResponse&, const BindResponse&) = default;
};

/// submit_sm, deliver_sm and, without what it does not have, data_sm.
struct Message {
  std::string service_type;
  Address source;
  Address destination;
  std::uint8_t esm_class = 0;
  std::uint8_t protocol_id = 0;
  std::uint8_t priority = 0;
  std::string schedule;
  std::string validity;
  std::uint8_t registered_delivery = 0;
  std::uint8_t replace_if_present = 0;
  std::uint8_t data_coding = 0;
  std::uint8_t default_message_id = 0;
  std::string short_message;  // at most kMaxShortMessage octets
  Tlvs tlvs;
  friend bool operator==(const Message&, const Message&) = default;

  /// short_message, or message_payload where that is empty.
  std::string_view content() const;
};

/// The body of submit_sm_resp, deliver_sm_resp and data_sm_resp.
struct MessageResponse {
  std::string message_id;
  Tlvs tlvs;
  friend bool operator==(const MessageResponse&, const MessageResponse&) = default;
};

struct Query {
  std::string message_id;
  Address source;
  friend bool operator==(const Query&, const Query&) = default;
};

struct QueryResponse {
  std::string message_id;
  std::string final_date;
  std::uint8_t message_state = 0;
  std::uint8_t error_code = 0;
  friend bool operator==(const QueryResponse&, const QueryResponse&) = default;
};

struct Cancel {
  std::string service_type;
  std::string message_id;
  Address source;
  Address destination;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};

/// Each appends one whole PDU. Text longer than its field throws Malformed: nothing is cut off silently.
void encode_empty(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Bind& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const BindResponse& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Message& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const MessageResponse& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Query& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const QueryResponse& body);
void encode(std::string& out, std::uint32_t command, std::uint32_t status, std::uint32_t sequence, const Cancel& body);
/// Changes the sequence number of the PDU at the beginning.
void set_sequence(std::string& pdu, std::uint32_t sequence);

/// The first kHeaderOctets of a PDU.
Header decode_header(std::string_view octets);
/// Bodies, without the header. Throw Malformed. An absent body of a response with an error status is an empty one.
Bind decode_bind(std::string_view body);
BindResponse decode_bind_response(std::string_view body);
Message decode_message(std::uint32_t command, std::string_view body);
MessageResponse decode_message_response(std::string_view body);
Query decode_query(std::string_view body);
QueryResponse decode_query_response(std::string_view body);
Cancel decode_cancel(std::string_view body);

/// Cuts a stream of octets into PDUs. One for each direction of a connection.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_octets = kMaxPduOctets) : max_octets_(max_octets) {}
  /// Where the next octets of the stream go; then call received().
  char* prepare(std::size_t room);
  void received(std::size_t octets) { end_ += octets; }
  /// The next whole PDU, valid until prepare(); nullopt: more is needed. Throws Malformed (command length) for one that is
  /// shorter than a header or longer than the limit: the stream cannot be read on.
  std::optional<std::string_view> next();

 private:
  const std::size_t max_octets_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace smpp
