// Fan-out of chat to many live listeners: bench_chat_fanout PORT THREAD SENDER_TOKEN TOKENS_FILE MESSAGES WINDOW
// Opens one WebSocket of the open stream for each token (one a line), sends MESSAGES through POST, keeping WINDOW of them under
// way, and prints deliveries per second and the time from a message's POST to its arrival. Then the floor: the same bytes written
// to as many plain sockets by one thread, with the same reader. run_chat_fanout.py sets the server up and runs it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;  // NOLINT(trunkline-clock): a benchmark measures real time

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "bench_chat_fanout: %s\n", why.c_str());
  std::exit(1);
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("cannot connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) die("a connection ended");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// Reads up to and including the blank line; what follows stays in the socket.
std::string read_head(int fd) {
  std::string out;
  char c;
  while (!out.ends_with("\r\n\r\n")) {
    if (::recv(fd, &c, 1, 0) != 1) die("a connection ended in its head: " + out);
    out.push_back(c);
  }
  return out;
}

/// Messages are numbered in their text, `n<number>;`. The reader notes when each arrives at each listener.
struct Board {
  explicit Board(std::size_t messages) : sent(messages), arrived(messages) {}
  std::vector<std::atomic<std::int64_t>> sent;
  std::vector<std::atomic<std::uint32_t>> arrived;
  std::vector<std::uint32_t> latencies;  // microseconds, of the reader
  std::vector<std::uint32_t> complete;   // until the last listener has it
  std::atomic<std::size_t> done{0};

  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
  }
  void arrive(std::size_t number, std::size_t listeners) {
    const auto took = static_cast<std::uint32_t>(now() - sent[number].load());
    latencies.push_back(took);
    if (arrived[number].fetch_add(1) + 1 == listeners) {
      complete.push_back(took);
      done.fetch_add(1);
    }
  }
};

class Listener {
 public:
  explicit Listener(int fd) : fd_(fd) {}
  int fd() const { return fd_; }
  void read(Board& board, std::size_t listeners) {
    char chunk[64 * 1024];
    for (;;) {
      const ssize_t n = ::recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
      if (n < 0) return;
      if (n == 0) die("a listener was cut off");
      in_.append(chunk, static_cast<std::size_t>(n));
      std::size_t at = 0;
      for (;;) {
        const std::string_view rest = std::string_view(in_).substr(at);
        if (rest.size() < 4) break;
        std::size_t head = 2;
        std::size_t size = static_cast<unsigned char>(rest[1]);
        if (size == 126) {
          size = static_cast<std::size_t>(static_cast<unsigned char>(rest[2]) << 8 | static_cast<unsigned char>(rest[3]));
          head = 4;
        }
        if (rest.size() < head + size) break;
        const std::string_view payload = rest.substr(head, size);
        if (const auto found = payload.find("\"n");
            found != std::string_view::npos && payload.find(';', found) != std::string_view::npos)
          board.arrive(std::strtoul(payload.data() + found + 2, nullptr, 10), listeners);
        at += head + size;
      }
      in_.erase(0, at);
    }
  }

 private:
  int fd_;
  std::string in_;
};

void report(const char* what, Board& board, double seconds) {
  const auto pick = [](std::vector<std::uint32_t>& values, double q) {
    if (values.empty()) return 0.0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at / 1000.0;
  };
  std::printf("%-10s %8.0f deliveries/s   arrival p50 %.2f ms  p99 %.2f ms   at all p50 %.2f ms  p99 %.2f ms\n", what,
              static_cast<double>(board.latencies.size()) / seconds, pick(board.latencies, 0.5), pick(board.latencies, 0.99),
              pick(board.complete, 0.5), pick(board.complete, 0.99));
}

/// Runs `send(number)` for all messages with `window` under way, while a thread reads.
template <class Send>
double drive(Board& board, std::vector<Listener>& listeners, std::size_t window, Send send) {
  const int poll = ::epoll_create1(0);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, listeners[i].fd(), &event);
  }
  const std::size_t messages = board.sent.size();
  const auto begin = Clock::now();
  std::thread reader([&] {
    epoll_event events[256];
    while (board.done.load() < messages) {
      const int n = ::epoll_wait(poll, events, 256, 20'000);
      if (n == 0) die("nothing arrived for 20 s");
      for (int i = 0; i < n; ++i) listeners[events[i].data.u64].read(board, listeners.size());
    }
  });
  for (std::size_t number = 0; number < messages; ++number) {
    while (number - board.done.load() >= window) std::this_thread::yield();
    board.sent[number].store(Board::now());
    send(number);
  }
  reader.join();
  ::close(poll);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string text_of(std::size_t number) { return "n" + std::to_string(number) + ";" + std::string(100, 'x'); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) die("wanted: PORT THREAD SENDER_TOKEN TOKENS_FILE MESSAGES WINDOW");
  const int port = std::atoi(argv[1]);
  const std::string thread = argv[2];
  const std::string sender = argv[3];
  const auto messages = static_cast<std::size_t>(std::atol(argv[5]));
  const auto window = static_cast<std::size_t>(std::atol(argv[6]));

  std::vector<Listener> listeners;
  std::ifstream tokens(argv[4]);
  for (std::string token; std::getline(tokens, token);) {
    const int fd = connect_to(port);
    write_all(fd, "GET /_stream/chat HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " +
                      token + "\r\n\r\n");
    if (const std::string head = read_head(fd); head.find(" 101 ") == std::string::npos) die("no WebSocket: " + head);
    listeners.emplace_back(fd);
  }
  std::printf("%zu listeners, %zu messages, window %zu\n", listeners.size(), messages, window);

  const int http = connect_to(port);
  Board board(messages);
  const double took = drive(board, listeners, window, [&](std::size_t number) {
    const std::string body = R"({"content":")" + text_of(number) + R"(","senderDisplayName":"s","type":"text"})";
    write_all(http, "POST /chat/threads/" + thread + "/messages?api-version=2024-03-07 HTTP/1.1\r\nHost: 127.0.0.1:" +
                        std::to_string(port) + "\r\nAuthorization: Bearer " + sender +
                        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                        body);
    const std::string head = read_head(http);
    if (head.find(" 201 ") == std::string::npos) die("not sent: " + head);
    const auto length = head.find("Content-Length: ");
    std::string rest(static_cast<std::size_t>(std::atol(head.c_str() + length + 16)), '\0');
    if (::recv(http, rest.data(), rest.size(), MSG_WAITALL) != static_cast<ssize_t>(rest.size())) die("an answer ended early");
  });
  report("trunkline", board, took);

  // The floor: no service, no HTTP, no log; just the bytes of such a frame, written to each of as many sockets.
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(server, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(server, 512) != 0) die("cannot listen");
  ::getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<Listener> plain;
  std::vector<int> ends;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    plain.emplace_back(connect_to(ntohs(address.sin_port)));
    ends.push_back(::accept(server, nullptr, nullptr));
  }
  Board floor(messages);
  const double floor_took = drive(floor, plain, window, [&](std::size_t number) {
    std::string payload =
        R"({"cursor":"1","data":{"messageBody":")" + text_of(number) + R"(","rest":")" + std::string(600, 'y') + R"("}})";
    std::string frame = {'\x81', '\x7E', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
    frame += payload;
    for (const int fd : ends) write_all(fd, frame);
  });
  report("floor", floor, floor_took);
  std::printf("ratio      %.2f of the floor's deliveries/s\n",
              (static_cast<double>(board.latencies.size()) / took) / (static_cast<double>(floor.latencies.size()) / floor_took));
  return 0;
}
