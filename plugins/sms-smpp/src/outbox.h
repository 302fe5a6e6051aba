// Messages that wait for the carrier, and what it answers.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal.h"
#include "ledger.h"
#include "session.h"
#include "timers.h"

namespace sms_smpp {

/// One call of the host: complete when every recipient is settled.
struct SendCall {
  std::vector<trunkline::sms::SmsSendResult> results;
  std::size_t open = 0;    // recipients that are not settled
  std::size_t unsent = 0;  // recipients that were never handed over
  bool lost = false;       // of at least one nobody knows
  std::string unsent_because;
  std::function<void(trunkline::Result<std::vector<trunkline::sms::SmsSendResult>>)> done;

  /// One recipient less is open; the last one ends the call.
  void settle_one();
};

/// One recipient of a call.
struct Consignment {
  std::shared_ptr<SendCall> call;
  std::size_t index = 0;  // of its result
  RecordPtr record;
  std::vector<std::string> pdus;  // one for each part
  std::size_t unanswered = 0;
  bool settled = false;
  Time give_up{};  // not handed over later than this: the host would not wait for the answer
};
using ConsignmentPtr = std::shared_ptr<Consignment>;

/// Queue, journal, window, rate and throttling. [io thread]
class Outbox {
 public:
  struct Hooks {
    /// A session with room; null: none.
    std::function<Session*()> pick;
    /// Why there will be no session soon; empty: there is one, or may be.
    std::function<std::string()> trouble;
    /// How many parts may be noted ahead of being written.
    std::function<std::size_t()> ahead;
    /// The carrier took the whole message.
    std::function<void(const RecordPtr&)> taken;
    /// Some parts were taken and another was refused.
    std::function<void(const RecordPtr&)> take_back;
  };
  Outbox(const Settings& settings, Timers& timers, Journal& journal, Ledger& ledger, Hooks hooks);

  /// Parts that wait.
  std::size_t size() const { return waiting_parts_ + ready_.size(); }
  void add(ConsignmentPtr consignment);
  /// Hands over what can be.
  void pump();
  /// Settles everything that was not handed over. The carrier cannot be reached, or we stop.
  void give_back(const std::string& why);

 private:
  struct Piece {
    ConsignmentPtr consignment;
    std::size_t part = 0;
  };
  void note();
  void make_ready(const ConsignmentPtr& consignment);
  bool may_send_now();
  void send(Session& session, Piece piece);
  void answered(const Piece& piece, const Answer& answer);
  void throttled(Piece piece, std::uint32_t status);
  void refuse(Consignment& consignment, std::uint32_t status);
  void unsent(Consignment& consignment, const std::string& why);
  void settle(Consignment& consignment);
  void watch();

  const Settings& settings_;
  Timers& timers_;
  Journal& journal_;
  Ledger& ledger_;
  const Hooks hooks_;
  std::deque<ConsignmentPtr> waiting_;  // to be noted
  std::size_t waiting_parts_ = 0;
  bool noting_ = false;
  std::deque<Piece> ready_;
  Time paused_until_{};
  int throttles_ = 0;
  double tokens_ = 0;
  Time tokens_at_{};
  Timers::Key pause_timer_{}, watch_timer_{};
};

}  // namespace sms_smpp
