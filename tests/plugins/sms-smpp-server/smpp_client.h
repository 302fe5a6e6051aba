// A client of the SMSC under test, that says exactly what it is told to say.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "codec/pdu.h"

namespace trunkline::testing {

/// Whatever it waits for ends after a while, so that a test that hangs fails.
class SmppClient {
 public:
  struct Pdu {
    smpp::Header header;
    std::string body;
  };

  explicit SmppClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  SmppClient(const SmppClient&) = delete;
  ~SmppClient() { ::close(socket_); }

  void write(const std::string& octets) {
    EXPECT_EQ(::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  /// nullopt: the connection has ended, or nothing came.
  std::optional<Pdu> read() {
    for (;;) {
      if (const auto pdu = frames_.next()) return Pdu{smpp::decode_header(*pdu), std::string(pdu->substr(smpp::kHeaderOctets))};
      char* room = frames_.prepare(4096);
      const ssize_t octets = ::recv(socket_, room, 4096, 0);
      if (octets <= 0) return std::nullopt;
      frames_.received(static_cast<std::size_t>(octets));
    }
  }
  /// The command and the status of the answer; a PDU with the body as it is.
  std::pair<std::uint32_t, std::uint32_t> ask(std::uint32_t command, const std::string& body) {
    std::string pdu;
    smpp::encode_empty(pdu, command, 0, ++sequence_);
    pdu += body;
    const auto size = static_cast<std::uint32_t>(pdu.size());
    for (int i = 0; i < 4; ++i) pdu[static_cast<std::size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
    write(pdu);
    const auto answer = read();
    if (!answer) return {0, 0xFFFFFFFF};
    EXPECT_EQ(answer->header.sequence, sequence_);
    return {answer->header.command, answer->header.status};
  }
  template <class Body>
  static std::string body_of(std::uint32_t command, const Body& body) {
    std::string pdu;
    smpp::encode(pdu, command, 0, 0, body);
    return pdu.substr(smpp::kHeaderOctets);
  }
  std::uint32_t bind(std::uint32_t command, const std::string& system_id, const std::string& password) {
    smpp::Bind bind;
    bind.system_id = system_id;
    bind.password = password;
    return ask(command, body_of(command, bind)).second;
  }
  /// The text of the next deliver_sm, which is taken.
  std::string take() {
    const auto pdu = read();
    if (!pdu || pdu->header.command != smpp::command::kDeliverSm) return "nothing came";
    std::string answer;
    smpp::encode(answer, smpp::command::kDeliverSm | smpp::command::kResponse, 0, pdu->header.sequence, smpp::MessageResponse{});
    write(answer);
    return smpp::decode_message(smpp::command::kDeliverSm, pdu->body).short_message;
  }

 private:
  const int socket_;
  smpp::FrameReader frames_;
  std::uint32_t sequence_ = 0;
};

}  // namespace trunkline::testing
