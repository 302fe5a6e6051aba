// A mail server that says what a test wants it to say, over sockets of its own.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace trunkline::testing {

/// One connection after the other. `script` maps the beginning of a command (in capitals), `GREETING`, `END` (the dot) or `EHLO`
/// to the reply; what is not there gets a friendly one. `*hang*` says nothing, `*close*` hangs up.
class FakeSmtpServer {
 public:
  explicit FakeSmtpServer(std::map<std::string, std::string> script = {});
  ~FakeSmtpServer();

  int port() const { return port_; }
  void set(const std::string& command, const std::string& reply);
  std::vector<std::string> commands() const;
  /// Bodies that came, dots doubled as on the wire.
  std::vector<std::string> mails() const;
  int connections() const { return connections_; }

 private:
  void run();
  void serve(int socket);
  std::string reply_to(const std::string& command) const;

  std::atomic<int> listener_{-1};
  std::atomic<int> client_{-1};
  int port_ = 0;
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::map<std::string, std::string> script_;
  std::vector<std::string> commands_;
  std::vector<std::string> mails_;
  std::thread thread_;
};

}  // namespace trunkline::testing
