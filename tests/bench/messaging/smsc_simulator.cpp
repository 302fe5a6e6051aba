// A carrier that is never the bottleneck: takes every bind and message, and reports each as delivered at once. One thread, epoll.
//   bench_smsc_simulator PORT    0: picks one. Prints the port; on SIGUSR1 "submits receipts answered last_answer_ms".
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>

#include "codec/pdu.h"
#include "codec/receipt.h"

namespace {

namespace command = smpp::command;

struct Connection {
  smpp::FrameReader frames;
  std::string out;
};

volatile sig_atomic_t tell = 0;
long submits = 0, receipts = 0, answered = 0, last_answer_ms = 0;

long now_ms() {
  return static_cast<long>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

void handle(Connection& connection, std::string_view pdu) {
  static std::uint32_t sequence = 0;
  const smpp::Header header = smpp::decode_header(pdu);
  switch (header.command) {
    case command::kBindReceiver:
    case command::kBindTransmitter:
    case command::kBindTransceiver:
      smpp::encode(connection.out, header.command | command::kResponse, 0, header.sequence, smpp::BindResponse{"sim", {}});
      break;
    case command::kEnquireLink:
    case command::kUnbind:
      smpp::encode_empty(connection.out, header.command | command::kResponse, 0, header.sequence);
      break;
    case command::kSubmitSm: {
      const smpp::Message message = smpp::decode_message(header.command, pdu.substr(smpp::kHeaderOctets));
      char id[24];
      std::snprintf(id, sizeof id, "%lx", ++submits);
      smpp::encode(connection.out, header.command | command::kResponse, 0, header.sequence, smpp::MessageResponse{id, {}});
      if (!(message.registered_delivery & 1)) break;
      ++receipts;
      smpp::Message receipt;
      receipt.source = message.destination;
      receipt.destination = message.source;
      receipt.esm_class = smpp::kEsmReceipt;
      receipt.short_message =
          std::string("id:") + id + " sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:";
      smpp::encode(connection.out, command::kDeliverSm, 0, sequence = (sequence + 1) & 0x7FFFFFFF, receipt);
      break;
    }
    case command::kDeliverSm | command::kResponse:
      ++answered;
      last_answer_ms = now_ms();
      break;
    default:
      break;
  }
}

/// False: it has ended.
bool serve(int socket, Connection& connection) {
  for (;;) {
    char* room = connection.frames.prepare(65536);
    const ssize_t octets = ::read(socket, room, 65536);
    if (octets == 0 || (octets < 0 && errno != EAGAIN)) return false;
    if (octets < 0) break;
    connection.frames.received(static_cast<std::size_t>(octets));
    while (const auto pdu = connection.frames.next()) handle(connection, *pdu);
  }
  while (!connection.out.empty()) {
    const ssize_t octets = ::write(socket, connection.out.data(), connection.out.size());
    if (octets <= 0) return errno == EAGAIN;
    connection.out.erase(0, static_cast<std::size_t>(octets));
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  struct sigaction action {};
  action.sa_handler = [](int) { tell = 1; };
  ::sigaction(SIGUSR1, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 64) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int poll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, std::unique_ptr<Connection>> connections;
  for (;;) {
    epoll_event events[64];
    const int count = ::epoll_wait(poll, events, 64, -1);
    if (std::exchange(tell, 0)) {
      std::printf("%ld %ld %ld %ld\n", submits, receipts, answered, last_answer_ms);
      std::fflush(stdout);
    }
    for (int i = 0; i < count; ++i) {
      const int socket = events[i].data.fd;
      if (socket == listener) {
        const int fresh = ::accept(listener, nullptr, nullptr);
        ::setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        ::fcntl(fresh, F_SETFL, O_NONBLOCK);
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.fd = fresh;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, fresh, &event);
        connections[fresh] = std::make_unique<Connection>();
      } else if (!serve(socket, *connections[socket])) {
        connections.erase(socket);
        ::close(socket);
      }
    }
  }
}
