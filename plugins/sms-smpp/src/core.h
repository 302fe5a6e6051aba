// Everything that happens on the plugin's own thread.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inbox.h"
#include "journal.h"
#include "ledger.h"
#include "link.h"
#include "outbox.h"
#include "settings.h"
#include "timers.h"
#include "trunkline/plugin_host.hpp"
#include "trunkline/sms_client.hpp"

namespace sms_smpp {

/// Owner of the connections and of what goes over them. Every member function runs on the io thread.
class Core final : private SessionOwner {
 public:
  Core(boost::asio::io_context& io, const Settings& settings, trunkline::Host host);

  void start();
  /// Gives back what waits, waits for the answers that are due, says goodbye; then `done`.
  void stop(std::function<void()> done);

  /// `deadline`: when the host stops waiting.
  void send(trunkline::sms::SmsSendRequest request, std::string resource, std::optional<Time> deadline,
            std::function<void(trunkline::Result<std::vector<trunkline::sms::SmsSendResult>>)> done);
  void query(trunkline::sms::SmsQuery query, std::function<void(trunkline::Result<trunkline::sms::SmsQueryResult>)> done);

 private:
  void on_bound(Session& session) override;
  void on_room(Session& session) override;
  void on_message(Session& session, std::uint32_t command, std::uint32_t sequence, smpp::Message message) override;
  void on_closed(Session& session, const trunkline::Error& why) override;

  void load_journal();
  Link* link_of(const Session& session);
  Session* pick();
  std::size_t window() const;
  bool may_come_up() const;
  std::string trouble() const;
  void add_recipient(const trunkline::sms::SmsSendRequest& request, const smpp::CodedText& text, std::size_t index,
                     const std::string& resource, std::optional<Time> deadline, const std::shared_ptr<SendCall>& call);
  smpp::Message message_for(const trunkline::sms::SmsSendRequest& request, const std::string& to) const;
  /// How long the carrier may try; nullopt: as long as it likes.
  std::optional<Duration> valid_for(const trunkline::sms::SmsSendRequest& request) const;

  using Reply = std::function<void(std::uint32_t status)>;
  struct Parked {
    smpp::Message message;
    smpp::Receipt receipt;
    Reply reply;
    Time until{};
  };
  /// `may_wait`: an answer that is under way may tell whose it is.
  void take_receipt(const smpp::Message& message, const smpp::Receipt& receipt, Reply reply, bool may_wait);
  void look_at_parked(bool all);
  void report(trunkline::sms::DeliveryReport report, const std::string& resource, Reply reply);
  void ask_later(const RecordPtr& record);
  void ask(const RecordPtr& record, std::function<void(std::optional<trunkline::sms::DeliveryReport>)> done);
  void take_back(const RecordPtr& record);
  void tell_custody(const RecordPtr& record, const std::function<void(trunkline::Result<trunkline::sms::SmsQueryResult>)>& done);
  void finish_stop();

  boost::asio::io_context& io_;
  const Settings& settings_;
  const trunkline::host::LogClient log_;
  const trunkline::host::MetricsClient metrics_;
  const trunkline::host::SecretsClient secrets_;
  const trunkline::sms::SmsEventsClient events_;
  const smpp::TextCoder coder_;
  Timers timers_;
  Ledger ledger_;
  Journal journal_;
  Outbox outbox_;
  Inbox inbox_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::function<void()>> before_loaded_;  // calls that came before the journal was read
  bool loaded_ = false;
  /// A connection was lost and nobody has tried yet whether another can be had: what waits may go on waiting.
  bool holding_ = false;
  std::deque<Parked> parked_;
  std::uint16_t reference_;
  std::function<void()> stopped_;
  bool stopping_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sms_smpp
