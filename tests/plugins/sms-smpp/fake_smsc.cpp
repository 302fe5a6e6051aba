#include "tests/plugins/sms-smpp/fake_smsc.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace trunkline::testing {

namespace command = smpp::command;

FakeSmsc::FakeSmsc() {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the fake carrier cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept(); });
}

FakeSmsc::~FakeSmsc() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& connection : connections_) ::shutdown(connection->socket, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const auto& connection : connections_) {
    connection->thread.join();
    ::close(connection->socket);
  }
  ::close(listener_);
}

void FakeSmsc::accept() {
  for (;;) {
    const int socket = ::accept(listener_, nullptr, nullptr);
    const std::lock_guard lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    Connection& connection = *connections_.emplace_back(std::make_unique<Connection>());
    connection.socket = socket;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void FakeSmsc::serve(Connection& connection) {
  smpp::FrameReader frames;
  for (;;) {
    char* room = frames.prepare(4096);
    const ssize_t octets = ::recv(connection.socket, room, 4096, 0);
    if (octets <= 0) return;
    frames.received(static_cast<std::size_t>(octets));
    try {
      while (const auto pdu = frames.next()) handle(connection, *pdu);
    } catch (const smpp::Malformed&) {  // TLS, for one
      ::shutdown(connection.socket, SHUT_RDWR);
      return;
    }
  }
}

void FakeSmsc::write(Connection& connection, const std::string& octets) {
  [[maybe_unused]] const ssize_t written = ::send(connection.socket, octets.data(), octets.size(), MSG_NOSIGNAL);
}

void FakeSmsc::handle(Connection& connection, std::string_view pdu) {
  const smpp::Header header = smpp::decode_header(pdu);
  const std::string_view body = pdu.substr(smpp::kHeaderOctets);
  std::string answer;
  bool hang_up = false;
  std::size_t number = 0;
  switch (header.command) {
    case command::kBindReceiver:
    case command::kBindTransmitter:
    case command::kBindTransceiver: {
      const smpp::Bind bind = smpp::decode_bind(body);
      smpp::encode(answer, header.command | command::kResponse, on_bind(bind), header.sequence, smpp::BindResponse{"fake", {}});
      const std::lock_guard lock(mutex_);
      binds_.push_back(bind);
      break;
    }
    case command::kSubmitSm: {
      const smpp::Message message = smpp::decode_message(header.command, body);
      std::function<Reaction(const smpp::Message&, std::size_t)> react;
      {
        const std::lock_guard lock(mutex_);
        number = submits_.size();
        react = on_submit;
      }
      const Reaction reaction = react(message, number);
      const std::lock_guard lock(mutex_);
      submits_.push_back(message);
      hang_up = reaction.kind == Reaction::kHangUp;
      if (reaction.kind != Reaction::kAnswer) break;
      if (reaction.status == 0) {
        const std::string id = reaction.message_id.empty() ? "id" + std::to_string(++ids_) : reaction.message_id;
        smpp::encode(answer, header.command | command::kResponse, 0, header.sequence, smpp::MessageResponse{id, {}});
      } else {
        smpp::encode_empty(answer, header.command | command::kResponse, reaction.status, header.sequence);
      }
      break;
    }
    case command::kQuerySm: {
      const smpp::Query query = smpp::decode_query(body);
      if (on_query)
        smpp::encode(answer, header.command | command::kResponse, 0, header.sequence, on_query(query));
      else
        smpp::encode_empty(answer, header.command | command::kResponse, smpp::status::kQueryFailed, header.sequence);
      break;
    }
    case command::kCancelSm:
    case command::kEnquireLink:
    case command::kUnbind:
      smpp::encode_empty(answer, header.command | command::kResponse, 0, header.sequence);
      break;
    default:
      if (header.command & command::kResponse) {
        const std::lock_guard lock(mutex_);
        answers_[header.sequence] = header.status;
      }
  }
  if (!answer.empty()) write(connection, answer);
  {
    const std::lock_guard lock(mutex_);
    ++counts_[header.command];
    if (hang_up) ::shutdown(connection.socket, SHUT_RDWR);
  }
  changed_.notify_all();
}

std::uint32_t FakeSmsc::deliver(const smpp::Message& message) {
  std::uint32_t sequence = 0;
  {
    const std::lock_guard lock(mutex_);
    Connection& connection = *connections_.back();
    sequence = ++connection.sequence + static_cast<std::uint32_t>(connections_.size()) * 10'000;
    std::string pdu;
    smpp::encode(pdu, command::kDeliverSm, 0, sequence, message);
    write(connection, pdu);
  }
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, kPatience, [&] { return answers_.contains(sequence); });
  return came ? answers_[sequence] : 0xFFFFFFFF;
}

void FakeSmsc::send_raw(const std::string& octets) {
  const std::lock_guard lock(mutex_);
  write(*connections_.back(), octets);
}

void FakeSmsc::hang_up() {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) ::shutdown(connection->socket, SHUT_RDWR);
}

bool FakeSmsc::wait_for(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, condition);
}
bool FakeSmsc::wait_for_submits(std::size_t count) {
  return wait_for([&] { return submits_.size() >= count; });
}
bool FakeSmsc::wait_for_binds(std::size_t count) {
  return wait_for([&] { return binds_.size() >= count; });
}

std::vector<smpp::Message> FakeSmsc::submits() {
  const std::lock_guard lock(mutex_);
  return submits_;
}
std::vector<smpp::Bind> FakeSmsc::binds() {
  const std::lock_guard lock(mutex_);
  return binds_;
}
std::size_t FakeSmsc::count(std::uint32_t command) {
  const std::lock_guard lock(mutex_);
  return counts_[command];
}

}  // namespace trunkline::testing
