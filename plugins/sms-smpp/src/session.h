// One bound connection to the carrier.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "codec/pdu.h"
#include "settings.h"
#include "timers.h"
#include "wire.h"

namespace sms_smpp {

class Session;

enum class Role { kTransceiver, kTransmitter, kReceiver };

/// What a session tells whoever owns it. [io thread]
class SessionOwner {
 public:
  virtual void on_bound(Session& session) = 0;
  /// An answer made room in the window.
  virtual void on_room(Session& session) = 0;
  /// A deliver_sm or data_sm; answer it with Session::answer.
  virtual void on_message(Session& session, std::uint32_t command, std::uint32_t sequence, smpp::Message message) = 0;
  /// It has ended; every request was told so before.
  virtual void on_closed(Session& session, const trunkline::Error& why) = 0;

 protected:
  ~SessionOwner() = default;
};

/// What became of a request. Lost: the connection ended first, and the carrier may have taken it.
struct Answer {
  bool lost = false;
  std::uint32_t status = 0;
  std::string_view body;  // while the callback runs
};
using OnAnswer = std::function<void(const Answer&)>;

/// Connects, binds, keeps alive, matches answers to requests. Used on the io thread alone; held by its coroutines until they end.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> tls, const Settings& settings, Timers& timers,
          SessionOwner& owner, Role role);

  void open(smpp::Bind bind);
  /// The PDU gets its sequence number here. Only while bound().
  void request(std::string pdu, OnAnswer on_answer);
  void answer(std::uint32_t command, std::uint32_t status, std::uint32_t sequence);
  /// Says goodbye once every request has its answer, and closes.
  void finish();
  /// At once; `linger`: once what is written has gone out.
  void close(const trunkline::Error& why, bool linger = false);

  bool bound() const { return bound_ && !closed_; }
  bool was_bound() const { return bound_; }
  Role role() const { return role_; }
  bool can_send() const { return bound() && role_ != Role::kReceiver && !finishing_; }
  std::size_t outstanding() const { return pending_.size(); }

 private:
  struct Pending {
    OnAnswer on_answer;
    bool counts = true;  // it is a message, not one of our own questions
  };
  boost::asio::awaitable<void> run(std::shared_ptr<Session> self, smpp::Bind bind);
  boost::asio::awaitable<void> write_all(std::shared_ptr<Session> self);
  void handle(std::string_view pdu);
  void handle_request(const smpp::Header& header, std::string_view body);
  void bind_answered(const Answer& answer);
  void flush();
  void watch_answers();
  void watch_silence();
  std::uint32_t next_sequence();

  boost::asio::io_context& io_;
  const Settings& settings_;
  Timers& timers_;
  SessionOwner& owner_;
  const Role role_;
  Wire wire_;
  smpp::FrameReader frames_;
  std::string out_;
  std::string writing_;
  bool write_scheduled_ = false;
  bool bound_ = false, closed_ = false, finishing_ = false;
  std::uint32_t sequence_ = 0;
  std::unordered_map<std::uint32_t, Pending> pending_;
  std::deque<std::pair<trunkline::Time, std::uint32_t>> due_;  // of pending_, oldest first; answered ones are dropped lazily
  trunkline::Time heard_{};
  Timers::Key answer_timer_{}, silence_timer_{};
};

}  // namespace sms_smpp
