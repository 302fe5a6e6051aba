#include "tests/plugins/email-smtp/fake_smtp_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace trunkline::testing {

FakeSmtpServer::FakeSmtpServer(std::map<std::string, std::string> script) : script_(std::move(script)) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(socket, 16);
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  listener_ = socket;
  thread_ = std::thread([this] { run(); });
}

FakeSmtpServer::~FakeSmtpServer() {
  ::shutdown(listener_, SHUT_RDWR);
  if (const int client = client_; client >= 0) ::shutdown(client, SHUT_RDWR);
  ::close(listener_.exchange(-1));
  thread_.join();
}

void FakeSmtpServer::set(const std::string& command, const std::string& reply) {
  const std::lock_guard lock(mutex_);
  script_[command] = reply;
}

std::vector<std::string> FakeSmtpServer::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::vector<std::string> FakeSmtpServer::mails() const {
  const std::lock_guard lock(mutex_);
  return mails_;
}

std::string FakeSmtpServer::reply_to(const std::string& command) const {
  static const std::map<std::string, std::string> kFriendly = {
      {"GREETING", "220 fake.test ESMTP"},
      {"EHLO", "250-fake.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 1000000"},
      {"DATA", "354 go"},
      {"END", "250 2.0.0 ok: queued as Q1"},
      {"QUIT", "221 bye"},
      {"AUTH", "235 2.7.0 ok"}};
  const std::lock_guard lock(mutex_);
  const std::string* best = nullptr;
  std::size_t longest = 0;
  for (const auto* table : {&kFriendly, &script_})
    for (const auto& [beginning, reply] : *table)
      if (command.starts_with(beginning) && beginning.size() >= longest) {
        best = &reply;
        longest = beginning.size();
      }
  return best ? *best : "250 2.1.0 ok";
}

void FakeSmtpServer::run() {
  while (listener_ >= 0) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    ++connections_;
    client_ = client;
    serve(client);
    client_ = -1;
    ::close(client);
  }
}

void FakeSmtpServer::serve(int socket) {
  std::string in;
  bool data = false;
  // False: hung up.
  const auto answer = [&](const std::string& command) {
    const std::string reply = reply_to(command);
    if (reply == "*close*") return false;
    if (reply != "*hang*") {
      const std::string line = reply + "\r\n";
      ::send(socket, line.data(), line.size(), MSG_NOSIGNAL);
    }
    return true;
  };
  if (!answer("GREETING")) return;
  for (;;) {
    const std::string end = data ? "\r\n.\r\n" : "\r\n";
    auto at = in.find(end);
    if (data && in.starts_with(".\r\n")) at = 0;
    if (at == std::string::npos) {
      char chunk[65536];
      const ssize_t size = ::recv(socket, chunk, sizeof chunk, 0);
      if (size <= 0) return;
      in.append(chunk, static_cast<std::size_t>(size));
      continue;
    }
    if (data) {
      data = false;
      {
        const std::lock_guard lock(mutex_);
        mails_.push_back(in.substr(0, at == 0 ? 0 : at + 2));
      }
      in.erase(0, at == 0 ? 3 : at + 5);
      if (!answer("END")) return;
      continue;
    }
    const std::string command = in.substr(0, at);
    in.erase(0, at + 2);
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(command);
    }
    if (!answer(command)) return;
    data = command == "DATA" && reply_to("DATA").starts_with("354");
    if (command == "QUIT") return;
  }
}

}  // namespace trunkline::testing
