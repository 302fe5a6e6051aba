// A carrier in the test's own process: does as it is told, and remembers what it got.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "codec/pdu.h"

namespace trunkline::testing {

/// [any-thread] Every wait ends after kPatience in any case, so that a test that hangs fails.
class FakeSmsc {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// What it does with a submit_sm.
  struct Reaction {
    enum Kind { kAnswer, kSilence, kHangUp } kind = kAnswer;
    std::uint32_t status = 0;
    std::string message_id;  // empty: its own numbering
  };

  FakeSmsc();
  ~FakeSmsc();
  std::uint16_t port() const { return port_; }

  /// Set them before somebody connects. They run on the threads of the connections.
  std::function<std::uint32_t(const smpp::Bind&)> on_bind = [](const smpp::Bind&) { return 0u; };
  std::function<Reaction(const smpp::Message&, std::size_t number)> on_submit = [](const smpp::Message&, std::size_t) {
    return Reaction{};
  };
  std::function<smpp::QueryResponse(const smpp::Query&)> on_query;

  /// Sets on_submit while somebody is connected.
  void react(std::function<Reaction(const smpp::Message&, std::size_t)> reaction) {
    const std::lock_guard lock(mutex_);
    on_submit = std::move(reaction);
  }

  /// Sends a deliver_sm over the newest connection; the status of the answer, 0xFFFFFFFF for none.
  std::uint32_t deliver(const smpp::Message& message);
  /// Octets as they are.
  void send_raw(const std::string& octets);
  /// Ends every connection without a word.
  void hang_up();

  bool wait_for_submits(std::size_t count);
  bool wait_for_binds(std::size_t count);
  /// `condition` is called under the lock: it must call nothing of this class.
  bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);
  std::size_t submit_count_unlocked() const { return submits_.size(); }
  std::size_t bind_count_unlocked() const { return binds_.size(); }
  std::size_t count_unlocked(std::uint32_t command) const {
    const auto found = counts_.find(command);
    return found == counts_.end() ? 0 : found->second;
  }
  std::vector<smpp::Message> submits();
  std::vector<smpp::Bind> binds();
  /// How often a command came.
  std::size_t count(std::uint32_t command);

 private:
  struct Connection {
    int socket = -1;
    std::thread thread;
    std::uint32_t sequence = 0;
  };
  void accept();
  void serve(Connection& connection);
  void handle(Connection& connection, std::string_view pdu);
  void write(Connection& connection, const std::string& octets);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<smpp::Message> submits_;
  std::vector<smpp::Bind> binds_;
  std::map<std::uint32_t, std::size_t> counts_;
  std::map<std::uint32_t, std::uint32_t> answers_;  // by our sequence number
  std::size_t ids_ = 0;
  bool stopping_ = false;
};

}  // namespace trunkline::testing
