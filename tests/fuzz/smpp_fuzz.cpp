// What an SMPP peer sends: reading it never fails but by Malformed, what was read can be written and reads the same, and how the
// stream is cut changes nothing. The first byte says where it is cut.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "codec/reassembly.h"
#include "codec/receipt.h"
#include "codec/smpp_time.h"

using namespace smpp;

namespace {

constexpr std::size_t kLimit = 4096;
constexpr trunkline::Time kNow{std::chrono::seconds{1'790'000'000}};

void check(bool good) {
  if (!good) std::abort();
}

std::vector<std::string> frames(std::initializer_list<std::string_view> parts) {
  FrameReader reader(kLimit);
  std::vector<std::string> out;
  try {
    for (const std::string_view part : parts) {
      std::memcpy(reader.prepare(part.size() + 1), part.data(), part.size());
      reader.received(part.size());
      while (const auto pdu = reader.next()) {
        check(pdu->size() <= kLimit && pdu->size() >= kHeaderOctets);
        out.emplace_back(*pdu);
      }
    }
  } catch (const Malformed&) {
    out.push_back("malformed");
  }
  return out;
}

template <class Body>
Body again(std::uint32_t command, const Body& body, Body (*decode)(std::string_view)) {
  std::string pdu;
  encode(pdu, command, 0, 1, body);
  return decode(std::string_view(pdu).substr(kHeaderOctets));
}

template <class Body>
void round_trip(std::uint32_t command, std::string_view octets, Body (*decode)(std::string_view)) {
  try {
    const Body body = decode(octets);
    check(again(command, body, decode) == body);
  } catch (const Malformed&) {
  }
}

void message(std::uint32_t command, std::string_view octets, const TextCoder& coder, Reassembly& texts) {
  try {
    const Message read = decode_message(command, octets);
    std::string pdu;
    encode(pdu, command, 0, 1, read);
    check(decode_message(command, std::string_view(pdu).substr(kHeaderOctets)) == read);
    if (const auto receipt = read_receipt(read)) {
      (void)format_receipt_text(*receipt, kNow, kNow);
      return;
    }
    (void)parse_time(read.validity, kNow);
    Fragment part = read_fragment(read);
    const auto whole = texts.add(std::move(part), kNow);
    if (!whole) return;
    // Whatever it was, what is told is UTF-8.
    const std::string text = join(coder, *whole);
    for (std::string_view rest = text; !rest.empty();) check(trunkline::gsm::take_utf8(rest).has_value());
  } catch (const Malformed&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] % bytes.size();
  const auto whole = frames({bytes});
  check(whole == frames({bytes.substr(0, cut), bytes.substr(cut)}));

  CodingRules rules;
  rules.default_alphabet = static_cast<DefaultAlphabet>(data[0] % 3);
  const TextCoder coder(rules);
  Reassembly texts(8, std::chrono::hours(1));
  for (const std::string& pdu : whole) {
    if (pdu == "malformed") break;
    const std::string_view body = std::string_view(pdu).substr(kHeaderOctets);
    message(command::kSubmitSm, body, coder, texts);
    message(command::kDataSm, body, coder, texts);
    round_trip<Bind>(command::kBindTransceiver, body, decode_bind);
    round_trip<BindResponse>(command::kBindTransceiver, body, decode_bind_response);
    round_trip<MessageResponse>(command::kSubmitSm, body, decode_message_response);
    round_trip<Query>(command::kQuerySm, body, decode_query);
    round_trip<QueryResponse>(command::kQuerySm, body, decode_query_response);
    round_trip<Cancel>(command::kCancelSm, body, decode_cancel);
  }
  (void)parse_receipt_text(bytes);
  return 0;
}
