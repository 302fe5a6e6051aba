// Our codec against one that nobody here wrote: libsmpp34 reads what we write, writes the same octets again, and we read what it
// writes. In a file of its own: the library's macros are named like words.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "codec/pdu.h"

#ifdef HAVE_LIBSMPP34
extern "C" {
#include <smpp34.h>
#include <smpp34_structs.h>
// after what it needs
#include <smpp34_params.h>
}
#endif

namespace trunkline {
namespace {

#ifndef HAVE_LIBSMPP34

TEST(Libsmpp34, IsTheSecondOracle) {
  GTEST_SKIP() << "libsmpp34-dev was not there when this was built; tools/setup.sh installs it";
}

#else

std::string text(const std::uint8_t* field) { return reinterpret_cast<const char*>(field); }
std::string octets(const std::uint8_t* field, std::size_t size) { return {reinterpret_cast<const char*>(field), size}; }

template <std::size_t N>
void put(std::uint8_t (&field)[N], const std::string& value) {
  ASSERT_LT(value.size(), N);
  std::memcpy(field, value.c_str(), value.size() + 1);
}

/// A PDU as the library sees it; frees what it allocated.
template <class Struct>
class Theirs {
 public:
  explicit Theirs(std::uint32_t command) : command_(command) { std::memset(&pdu, 0, sizeof pdu); }
  ~Theirs() {
    if constexpr (requires { pdu.tlv; })
      if (pdu.tlv) destroy_tlv(pdu.tlv);
  }
  void read(const std::string& whole) {
    ASSERT_EQ(smpp34_unpack(command_, &pdu, reinterpret_cast<const std::uint8_t*>(whole.data()), static_cast<int>(whole.size())),
              0)
        << smpp34_strerror;
    if constexpr (requires { pdu.tlv; }) {  // it puts each parameter before the others
      tlv_t* in_order = nullptr;
      while (tlv_t* one = pdu.tlv) {
        pdu.tlv = one->next;
        one->next = in_order;
        in_order = one;
      }
      pdu.tlv = in_order;
    }
  }
  std::string write() {
    std::uint8_t buffer[4096];
    int size = 0;
    EXPECT_EQ(smpp34_pack(command_, buffer, sizeof buffer, &size, &pdu), 0) << smpp34_strerror;
    return octets(buffer, static_cast<std::size_t>(size));
  }
  void head(std::uint32_t status, std::uint32_t sequence) {
    pdu.command_id = command_;
    pdu.command_status = status;
    pdu.sequence_number = sequence;
  }
  Struct pdu;

 private:
  const std::uint32_t command_;
};

/// Reads ours and writes it again: the same octets.
template <class Struct>
void same_octets(Theirs<Struct>& theirs, const std::string& ours, std::uint32_t status, std::uint32_t sequence) {
  theirs.read(ours);
  EXPECT_EQ(theirs.pdu.command_length, ours.size());
  EXPECT_EQ(theirs.pdu.command_status, status);
  EXPECT_EQ(theirs.pdu.sequence_number, sequence);
  EXPECT_EQ(theirs.write(), ours);
}

std::string body_of(const std::string& pdu) { return pdu.substr(smpp::kHeaderOctets); }

smpp::Message a_message() {
  smpp::Message m;
  m.service_type = "CMT";
  m.source = {5, 0, "CONTOSO"};
  m.destination = {1, 1, "14255550123"};
  m.esm_class = smpp::kEsmUdhi;
  m.protocol_id = 3;
  m.priority = 2;
  m.registered_delivery = 1;
  m.replace_if_present = 0;
  m.data_coding = 8;
  m.default_message_id = 7;
  m.short_message = std::string("\x05\x00\x03\x2a\x02\x01\x00h\x00i", 10);
  return m;
}

template <class Struct>
void expect_message(const Struct& theirs, const smpp::Message& m) {
  EXPECT_EQ(text(theirs.service_type), m.service_type);
  EXPECT_EQ(theirs.source_addr_ton, m.source.ton);
  EXPECT_EQ(theirs.source_addr_npi, m.source.npi);
  EXPECT_EQ(text(theirs.source_addr), m.source.digits);
  EXPECT_EQ(theirs.dest_addr_ton, m.destination.ton);
  EXPECT_EQ(theirs.dest_addr_npi, m.destination.npi);
  EXPECT_EQ(text(theirs.destination_addr), m.destination.digits);
  EXPECT_EQ(theirs.esm_class, m.esm_class);
  EXPECT_EQ(theirs.registered_delivery, m.registered_delivery);
  EXPECT_EQ(theirs.data_coding, m.data_coding);
}

/// The parameters in their order.
smpp::Tlvs parameters(const tlv_t* first) {
  smpp::Tlvs all;
  for (const tlv_t* one = first; one; one = one->next) {
    std::string value;
    if (one->length == 1)
      value += static_cast<char>(one->value.val08);
    else if (one->length == 2)
      value = {static_cast<char>(one->value.val16 >> 8), static_cast<char>(one->value.val16)};
    else
      value = octets(one->value.octet, one->length);
    all.push_back({one->tag, std::move(value)});
  }
  return all;
}

TEST(Libsmpp34, SubmitSm) {
  smpp::Message m = a_message();
  m.schedule = "261127120000000+";
  m.validity = "000002000000000R";
  smpp::add_number(m.tlvs, smpp::tag::kUserMessageReference, 0x1234, 2);
  smpp::add_number(m.tlvs, smpp::tag::kSarTotalSegments, 2, 1);
  std::string ours;
  smpp::encode(ours, smpp::command::kSubmitSm, 0, 77, m);
  Theirs<submit_sm_t> theirs(SUBMIT_SM);
  same_octets(theirs, ours, 0, 77);
  expect_message(theirs.pdu, m);
  EXPECT_EQ(text(theirs.pdu.schedule_delivery_time), m.schedule);
  EXPECT_EQ(text(theirs.pdu.validity_period), m.validity);
  EXPECT_EQ(theirs.pdu.protocol_id, m.protocol_id);
  EXPECT_EQ(theirs.pdu.priority_flag, m.priority);
  EXPECT_EQ(theirs.pdu.sm_default_msg_id, m.default_message_id);
  EXPECT_EQ(octets(theirs.pdu.short_message, theirs.pdu.sm_length), m.short_message);
  EXPECT_EQ(parameters(theirs.pdu.tlv), m.tlvs);
  EXPECT_EQ(smpp::decode_message(smpp::command::kSubmitSm, body_of(theirs.write())), m);
}

TEST(Libsmpp34, SubmitSmWithPayload) {
  smpp::Message m = a_message();
  m.esm_class = 0;
  m.short_message.clear();
  smpp::add_text(m.tlvs, smpp::tag::kMessagePayload, std::string(1000, 'p'));  // it takes 1024 octets at most
  m.tlvs.back().value = std::string(1000, 'p');
  std::string ours;
  smpp::encode(ours, smpp::command::kSubmitSm, 0, 78, m);
  Theirs<submit_sm_t> theirs(SUBMIT_SM);
  same_octets(theirs, ours, 0, 78);
  EXPECT_EQ(theirs.pdu.sm_length, 0);
  EXPECT_EQ(parameters(theirs.pdu.tlv), m.tlvs);
}

TEST(Libsmpp34, DeliverSmWithAReceipt) {
  smpp::Message m = a_message();
  m.esm_class = smpp::kEsmReceipt;
  m.short_message = "id:0123 sub:001 dlvrd:001 submit date:2611271200 done date:2611271201 stat:DELIVRD err:000 text:hi";
  smpp::add_text(m.tlvs, smpp::tag::kReceiptedMessageId, "0123");
  smpp::add_number(m.tlvs, smpp::tag::kMessageState, 2, 1);
  m.tlvs.push_back({smpp::tag::kNetworkErrorCode, std::string("\x03\x00\x11", 3)});
  std::string ours;
  smpp::encode(ours, smpp::command::kDeliverSm, 0, 79, m);
  Theirs<deliver_sm_t> theirs(DELIVER_SM);
  same_octets(theirs, ours, 0, 79);
  expect_message(theirs.pdu, m);
  EXPECT_EQ(octets(theirs.pdu.short_message, theirs.pdu.sm_length), m.short_message);
  EXPECT_EQ(parameters(theirs.pdu.tlv), m.tlvs);
}

TEST(Libsmpp34, DataSm) {
  smpp::Message m;
  m.source = {1, 1, "18005550100"};
  m.destination = {1, 1, "14255550123"};
  m.registered_delivery = 1;
  m.data_coding = 3;
  m.tlvs.push_back({smpp::tag::kMessagePayload, "caf\xe9"});
  smpp::add_number(m.tlvs, smpp::tag::kUserMessageReference, 9, 2);
  std::string ours;
  smpp::encode(ours, smpp::command::kDataSm, 0, 80, m);
  Theirs<data_sm_t> theirs(DATA_SM);
  same_octets(theirs, ours, 0, 80);
  expect_message(theirs.pdu, m);
  EXPECT_EQ(parameters(theirs.pdu.tlv), m.tlvs);
}

TEST(Libsmpp34, WeReadWhatItWrites) {
  Theirs<submit_sm_t> theirs(SUBMIT_SM);
  theirs.head(0, 81);
  put(theirs.pdu.service_type, "WAP");
  theirs.pdu.source_addr_ton = 2;
  theirs.pdu.source_addr_npi = 8;
  put(theirs.pdu.source_addr, "4255550100");
  theirs.pdu.dest_addr_ton = 1;
  theirs.pdu.dest_addr_npi = 1;
  put(theirs.pdu.destination_addr, "447700900123");
  theirs.pdu.priority_flag = 1;
  put(theirs.pdu.validity_period, "000000003000000R");
  theirs.pdu.registered_delivery = 0x11;
  theirs.pdu.data_coding = 0xF1;
  theirs.pdu.sm_length = 5;
  std::memcpy(theirs.pdu.short_message, "hello", 5);
  tlv_t state{};
  state.tag = TLVID_user_message_reference;
  state.length = 2;
  state.value.val16 = 0xBEEF;
  build_tlv(&theirs.pdu.tlv, &state);
  const std::string whole = theirs.write();
  const smpp::Header header = smpp::decode_header(whole);
  EXPECT_EQ(header.length, whole.size());
  EXPECT_EQ(header.command, smpp::command::kSubmitSm);
  EXPECT_EQ(header.sequence, 81u);
  const smpp::Message m = smpp::decode_message(header.command, body_of(whole));
  expect_message(theirs.pdu, m);
  EXPECT_EQ(m.priority, 1);
  EXPECT_EQ(m.validity, "000000003000000R");
  EXPECT_EQ(m.short_message, "hello");
  EXPECT_EQ(smpp::find_number(m.tlvs, smpp::tag::kUserMessageReference), 0xBEEFu);
}

TEST(Libsmpp34, Binds) {
  smpp::Bind bind;
  bind.system_id = "trunkline";
  bind.password = "secret08";
  bind.system_type = "VMA";
  bind.addr_ton = 1;
  bind.addr_npi = 1;
  bind.address_range = "^1425.*";
  std::string ours;
  smpp::encode(ours, smpp::command::kBindTransceiver, 0, 1, bind);
  Theirs<bind_transceiver_t> transceiver(BIND_TRANSCEIVER);
  same_octets(transceiver, ours, 0, 1);
  EXPECT_EQ(text(transceiver.pdu.system_id), bind.system_id);
  EXPECT_EQ(text(transceiver.pdu.password), bind.password);
  EXPECT_EQ(text(transceiver.pdu.system_type), bind.system_type);
  EXPECT_EQ(transceiver.pdu.interface_version, 0x34);
  EXPECT_EQ(text(transceiver.pdu.address_range), bind.address_range);
  EXPECT_EQ(smpp::decode_bind(body_of(transceiver.write())), bind);
  ours.clear();
  smpp::encode(ours, smpp::command::kBindTransmitter, 0, 2, bind);
  Theirs<bind_transmitter_t> transmitter(BIND_TRANSMITTER);
  same_octets(transmitter, ours, 0, 2);
  ours.clear();
  smpp::encode(ours, smpp::command::kBindReceiver, 0, 3, bind);
  Theirs<bind_receiver_t> receiver(BIND_RECEIVER);
  same_octets(receiver, ours, 0, 3);

  smpp::BindResponse response;
  response.system_id = "SMSC";
  smpp::add_number(response.tlvs, smpp::tag::kScInterfaceVersion, 0x34, 1);
  ours.clear();
  smpp::encode(ours, smpp::command::kBindTransceiver | smpp::command::kResponse, 0, 1, response);
  Theirs<bind_transceiver_resp_t> answered(BIND_TRANSCEIVER_RESP);
  same_octets(answered, ours, 0, 1);
  EXPECT_EQ(text(answered.pdu.system_id), "SMSC");
  EXPECT_EQ(parameters(answered.pdu.tlv), response.tlvs);
}

TEST(Libsmpp34, AnswersToMessages) {
  smpp::MessageResponse response;
  response.message_id = "a1b2-0123456789";
  std::string ours;
  smpp::encode(ours, smpp::command::kSubmitSm | smpp::command::kResponse, 0, 77, response);
  Theirs<submit_sm_resp_t> submit(SUBMIT_SM_RESP);
  same_octets(submit, ours, 0, 77);
  EXPECT_EQ(text(submit.pdu.message_id), response.message_id);
  EXPECT_EQ(smpp::decode_message_response(body_of(submit.write())).message_id, response.message_id);
  ours.clear();
  smpp::encode(ours, smpp::command::kDataSm | smpp::command::kResponse, 0, 80, response);
  Theirs<data_sm_resp_t> data(DATA_SM_RESP);
  same_octets(data, ours, 0, 80);
  ours.clear();
  smpp::encode(ours, smpp::command::kDeliverSm | smpp::command::kResponse, 0x64, 79, smpp::MessageResponse{});
  Theirs<deliver_sm_resp_t> deliver(DELIVER_SM_RESP);
  same_octets(deliver, ours, 0x64, 79);
}

TEST(Libsmpp34, QueryAndCancel) {
  smpp::Query query;
  query.message_id = "a1b2";
  query.source = {1, 1, "18005550100"};
  std::string ours;
  smpp::encode(ours, smpp::command::kQuerySm, 0, 5, query);
  Theirs<query_sm_t> asked(QUERY_SM);
  same_octets(asked, ours, 0, 5);
  EXPECT_EQ(text(asked.pdu.message_id), "a1b2");
  EXPECT_EQ(text(asked.pdu.source_addr), query.source.digits);
  EXPECT_EQ(smpp::decode_query(body_of(asked.write())), query);

  smpp::QueryResponse told;
  told.message_id = "a1b2";
  told.final_date = "261127120100000+";
  told.message_state = 2;
  told.error_code = 17;
  ours.clear();
  smpp::encode(ours, smpp::command::kQuerySm | smpp::command::kResponse, 0, 5, told);
  Theirs<query_sm_resp_t> answer(QUERY_SM_RESP);
  same_octets(answer, ours, 0, 5);
  EXPECT_EQ(text(answer.pdu.final_date), told.final_date);
  EXPECT_EQ(answer.pdu.message_state, 2);
  EXPECT_EQ(answer.pdu.error_code, 17);
  EXPECT_EQ(smpp::decode_query_response(body_of(answer.write())), told);

  smpp::Cancel cancel;
  cancel.service_type = "CMT";
  cancel.message_id = "a1b2";
  cancel.source = {1, 1, "18005550100"};
  cancel.destination = {1, 1, "14255550123"};
  ours.clear();
  smpp::encode(ours, smpp::command::kCancelSm, 0, 6, cancel);
  Theirs<cancel_sm_t> taken_back(CANCEL_SM);
  same_octets(taken_back, ours, 0, 6);
  EXPECT_EQ(text(taken_back.pdu.destination_addr), cancel.destination.digits);
  EXPECT_EQ(smpp::decode_cancel(body_of(taken_back.write())), cancel);
}

TEST(Libsmpp34, PdusWithoutABody) {
  std::string ours;
  smpp::encode_empty(ours, smpp::command::kEnquireLink, 0, 9);
  Theirs<enquire_link_t> asked(ENQUIRE_LINK);
  same_octets(asked, ours, 0, 9);
  ours.clear();
  smpp::encode_empty(ours, smpp::command::kUnbind, 0, 10);
  Theirs<unbind_t> leaves(UNBIND);
  same_octets(leaves, ours, 0, 10);
  ours.clear();
  smpp::encode_empty(ours, smpp::command::kGenericNack, 3, 11);
  Theirs<generic_nack_t> refused(GENERIC_NACK);
  same_octets(refused, ours, 3, 11);
}

#endif

}  // namespace
}  // namespace trunkline
