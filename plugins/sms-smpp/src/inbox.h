// Texts from phones: parts are kept on disk until the whole is told.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codec/reassembly.h"
#include "settings.h"
#include "timers.h"
#include "trunkline/host_client.hpp"
#include "trunkline/sms_client.hpp"

namespace sms_smpp {

/// [io thread]
class Inbox {
 public:
  /// The status that the carrier is answered.
  using Done = std::function<void(std::uint32_t status)>;

  Inbox(boost::asio::io_context& io, const Settings& settings, const smpp::TextCoder& coder, Timers& timers,
        const trunkline::host::StoreClient& store, const trunkline::host::LogClient& log,
        const trunkline::sms::SmsEventsClient& events);
  ~Inbox() { *alive_ = false; }

  /// Takes up the parts that an earlier process kept; then calls `then`, also when they cannot be read.
  void load(std::function<void()> then = {});
  /// `done` once it is durable: with the host when the text is whole, else with us.
  void take(const smpp::Message& message, Done done);

 private:
  void take_up(const std::vector<trunkline::host::StoreEntry>& rows);
  void told(std::vector<smpp::Fragment> parts, std::function<void(const trunkline::Error*)> done);
  void drop(const std::vector<smpp::Fragment>& parts);
  void tell_overdue();
  void watch();

  boost::asio::io_context& io_;
  const Settings& settings_;
  const smpp::TextCoder& coder_;
  Timers& timers_;
  const trunkline::host::StoreClient store_;
  const trunkline::host::LogClient log_;
  const trunkline::sms::SmsEventsClient events_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  smpp::Reassembly texts_;
  const std::uint64_t salt_;
  std::uint64_t ids_ = 0;
  bool watching_ = false;
};

}  // namespace sms_smpp
