// What was handed to the carrier, on disk: after a crash nothing is sent a second time.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ledger.h"
#include "timers.h"
#include "trunkline/host_client.hpp"

namespace sms_smpp {

/// Rows of the provider's storage, each with everything that was to be noted while the row before it was written. [io thread]
class Journal {
 public:
  Journal(boost::asio::io_context& io, const trunkline::host::StoreClient& store, const trunkline::host::LogClient& log,
          Timers& timers, Duration keep);
  ~Journal() { *alive_ = false; }

  /// Reads what an earlier process left; `done` gets its messages, those without an answer as lost. Before anything else.
  void load(std::function<void(std::vector<RecordPtr>)> done);
  /// `done` runs once it is durable that these may be with the carrier; with an error nothing is.
  void note(std::vector<RecordPtr> records, std::function<void(trunkline::Result<void>)> done);
  /// The message as somebody noted it, perhaps another instance since load(): the one that this takes over from may still have
  /// had calls. Null: nobody has; an error: it is not known. Reads everything.
  void find_noted(const std::string& message_id, std::function<void(trunkline::Result<RecordPtr>)> done);
  /// The carrier's answer; nobody waits for it.
  void note_answer(const Record& record);

  bool enabled() const { return keep_ > Duration{0}; }
  /// From this moment on a message that is not here was never handed to the carrier.
  Time complete_since() const { return complete_since_; }

 private:
  struct Waiting {
    std::string lines;
    std::function<void(trunkline::Result<void>)> done;
  };
  void write();
  void expire();
  trunkline::Task<void> remove(std::vector<std::string> keys);

  boost::asio::io_context& io_;
  const trunkline::host::StoreClient store_;
  const trunkline::host::LogClient log_;
  Timers& timers_;
  const Duration keep_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Time complete_since_{};
  std::uint64_t last_row_ = 0;
  const std::string writer_;  // ends our keys: two instances never write the same row
  std::vector<Waiting> waiting_;
  bool writing_ = false;
  std::deque<std::pair<Time, std::string>> rows_;  // oldest first
};

}  // namespace sms_smpp
