// One client's connection.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "codec/pdu.h"
#include "settings.h"
#include "timers.h"

namespace sms_smpp_server {

class ClientSession;
using ClientSessionPtr = std::shared_ptr<ClientSession>;

/// What a session asks of whoever owns it. [io thread]
class SessionOwner {
 public:
  /// A status: whether these credentials may bind.
  virtual std::uint32_t may_bind(const smpp::Bind& bind) = 0;
  /// `done` gets the status and, of kOk, the id.
  virtual void submit(const ClientSessionPtr& session, smpp::Message message,
                      std::function<void(std::uint32_t status, std::string id)> done) = 0;
  /// nullopt: nothing is known of it.
  virtual std::optional<smpp::QueryResponse> query(const std::string& system_id, const smpp::Query& query) = 0;
  virtual void bound(const ClientSessionPtr& session) = 0;
  virtual void closed(const ClientSessionPtr& session) = 0;

 protected:
  ~SessionOwner() = default;
};

/// [io thread]
class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  ClientSession(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls, const Settings& settings,
                sms_smpp::Timers& timers, SessionOwner& owner);

  void start();
  /// A receipt or a text; `done` gets the status of the answer, kSystemError when none comes.
  void deliver(const smpp::Message& message, std::function<void(std::uint32_t status)> done);
  void close();

  const std::string& system_id() const { return system_id_; }
  bool can_receive() const { return !closed_ && receives_; }

 private:
  struct Pending {
    std::function<void(std::uint32_t)> done;
    sms_smpp::Timers::Key timer;
  };
  boost::asio::awaitable<void> run(ClientSessionPtr self);
  boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer buffer);
  boost::asio::awaitable<void> write_all(ClientSessionPtr self);
  void handle(std::string_view pdu);
  void bind(const smpp::Header& header, std::string_view body);
  void submit(const smpp::Header& header, std::string_view body);
  void answer(const smpp::Header& header, std::uint32_t status);
  std::uint32_t next_sequence();
  void flush();
  void watch();

  boost::asio::ip::tcp::socket plain_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  const Settings& settings_;
  sms_smpp::Timers& timers_;
  SessionOwner& owner_;
  smpp::FrameReader frames_;
  std::string out_, writing_;
  bool write_scheduled_ = false, closed_ = false, closing_ = false;
  bool sends_ = false, receives_ = false;
  std::string system_id_;  // empty: not bound
  std::size_t under_way_ = 0;
  std::uint32_t sequence_ = 0;
  std::unordered_map<std::uint32_t, Pending> pending_;
  Time heard_{}, asked_{};
  sms_smpp::Timers::Key timer_{};
};

}  // namespace sms_smpp_server
