// The listener, and what goes through it in both directions.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "client_session.h"
#include "codec/reassembly.h"
#include "gateway.h"
#include "settings.h"
#include "timers.h"
#include "trunkline/plugin_host.hpp"

namespace sms_smpp_server {

/// Everything but the constructor runs on the io thread.
class Server final : public SessionOwner {
 public:
  /// Listens at once. Throws kFailedPrecondition when the port cannot be had, kInvalidArgument for files of TLS.
  Server(boost::asio::io_context& io, const Settings& settings, trunkline::Host host);
  ~Server() { *alive_ = false; }

  void start();
  void stop();
  /// Events of the runtime. False: they are to come again.
  void take_events(nlohmann::json events, std::function<void(bool)> done);

 private:
  std::uint32_t may_bind(const smpp::Bind& bind) override;
  void submit(const ClientSessionPtr& session, smpp::Message message,
              std::function<void(std::uint32_t, std::string)> done) override;
  std::optional<smpp::QueryResponse> query(const std::string& system_id, const smpp::Query& query) override;
  void bound(const ClientSessionPtr& session) override;
  void closed(const ClientSessionPtr& session) override;

  using SubmitDone = std::function<void(std::uint32_t, std::string)>;
  /// A text whose parts are all here, until it was accepted.
  struct Whole {
    std::string system_id, id;
    std::vector<smpp::Fragment> parts;
    int last = 0;                     // the part that came last: its client waits
    std::vector<SubmitDone> waiting;  // that client, also where it sent the part again
    bool answered = false;            // every part was: nobody sends one again, and the text is ours to bring in
    Time until{};                     // of one that was answered
  };
  /// Texts of one client whose parts come one by one.
  struct Texts {
    Texts(std::size_t most, Duration patience) : parts(most, patience) {}
    smpp::Reassembly parts;
    std::map<std::string, std::string> ids;                 // of what is in `parts`, by its key
    std::map<std::string, std::shared_ptr<Whole>> sending;  // by the key of the parts
  };
  /// Parts that were answered and never became a text, until the client has been told.
  struct Dropped {
    std::string system_id;
    std::vector<smpp::Message> receipts;
    std::vector<std::string> keys;
    Time until{};
  };
  /// A receipt or a text that a client could not take yet.
  struct WaitingRow {
    std::string key;
    smpp::Message message;
    Time until{};
    int refusals = 0;
    Time due{};  // not told before this
  };
  struct Waiting {
    std::deque<WaitingRow> rows;  // those that were refused behind the others
    std::size_t saving = 0;       // under way to the disk
    bool telling = false;         // answers are waited for
    bool taking = true;           // so the client's last answers say
    std::size_t window = 1;
    std::optional<sms_smpp::Timers::Key> timer;  // of the next attempt
  };
  boost::asio::awaitable<void> accept();
  void submit_whole(Submission submission, SubmitDone done);
  // server_parts.cpp
  void submit_part(const std::string& system_id, smpp::Fragment part, SubmitDone done);
  void send(const std::shared_ptr<Whole>& whole);
  void sent(const std::shared_ptr<Whole>& whole, std::uint32_t verdict);
  void put_back(const Whole& whole, const std::string& key);
  void load_parts();
  void take_up(const std::vector<trunkline::host::StoreEntry>& rows);
  void take_up_text(const std::string& system_id, const std::string& id, std::vector<smpp::Fragment> parts);
  void forget(const std::string& system_id, const std::vector<smpp::Fragment>& parts, bool expired);
  void drop(const std::string& system_id, const std::string& id, const std::vector<smpp::Fragment>& parts,
            smpp::MessageState state);
  void forget_overdue();
  void watch();
  void tell_dropped(const std::shared_ptr<Dropped>& dropped);
  void remove_rows(std::vector<std::string> keys);
  smpp::Message receipt_message(const smpp::Address& sender, const smpp::Address& recipient, const smpp::Receipt& receipt) const;
  Texts& texts_of(const std::string& system_id);
  std::string new_id();
  void remember(const std::string& id, smpp::MessageState state);
  // server_waiting.cpp
  bool is_settled(const std::string& system_id, std::uint32_t verdict) const;
  void hand_out(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done);
  void keep(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done);
  void stop_keeping();
  void tell_later(const std::string& system_id);
  void tell_bound(const std::string& system_id);
  void tell_waiting(const std::string& system_id);
  void drop_overdue(Waiting& waiting);
  void watch_waiting();
  void load_waiting();
  void take_up_waiting(const trunkline::host::StoreEntry& row);
  /// Null: nobody is bound who takes anything.
  ClientSessionPtr receiver_of(const std::string& system_id) const;
  /// Messages to a client, in order; false when one was not taken.
  void deliver_all(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done);
  std::vector<smpp::Message> receipts_of(const nlohmann::json& data);
  std::vector<smpp::Message> text_of(const nlohmann::json& data, std::string& system_id);

  boost::asio::io_context& io_;
  const Settings& settings_;
  const trunkline::host::LogClient log_;
  const trunkline::host::StoreClient store_;
  const smpp::TextCoder coder_;
  const std::map<std::string, std::string> clients_;
  sms_smpp::Timers timers_;
  Gateway gateway_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::unordered_set<ClientSessionPtr> sessions_;
  std::unordered_map<std::string, std::unique_ptr<Texts>> texts_;  // by client
  std::unordered_map<std::string, smpp::MessageState> states_;     // by id, without the number of a part
  std::deque<std::string> states_order_;
  std::unordered_map<std::string, Waiting> waiting_;  // by client
  std::unordered_map<std::uint64_t, std::function<void(bool)>> saves_;
  std::uint64_t last_save_ = 0;
  /// Rows of an earlier process are being read. What comes meanwhile waits: it goes behind them, and is read by nobody twice.
  bool loading_ = true;
  std::vector<std::pair<std::shared_ptr<nlohmann::json>, std::function<void(bool)>>> before_loaded_;
  bool watching_waiting_ = false;
  bool stopping_ = false;
  const std::uint64_t salt_;
  std::uint64_t ids_ = 0;
  std::uint16_t reference_ = 0;
  bool watching_ = false;
  std::size_t telling_ = 0;  // texts that were dropped and whose clients have not been told
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sms_smpp_server
