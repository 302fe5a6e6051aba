// What a client could not take yet: on disk until it can, so that it does not hold back what is for others.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

#include "listing.h"
#include "server.h"

namespace sms_smpp_server {

namespace asio = boost::asio;
namespace status = smpp::status;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;

namespace {

constexpr const char* kWaitingPrefix = "waiting/";
constexpr std::size_t kMaxWaiting = 10'000;  // of one client; further ones come again by the subscription's schedule
constexpr std::size_t kToldTogether = 50;
constexpr Duration kWaitingPatience = std::chrono::hours(24);
constexpr Duration kAskAgain = std::chrono::seconds(1);

/// What a client refuses for good is not told again.
bool is_settled(std::uint32_t verdict) {
  return verdict == status::kOk || verdict == status::kPermanentAppError || verdict == status::kRejectedByApp;
}

/// `system_id \n` seconds until which it is told `\n` and the PDU.
Bytes pack(const std::string& system_id, Time until, const smpp::Message& message) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
  std::string row = system_id + "\n" + std::to_string(seconds) + "\n";
  smpp::encode(row, smpp::command::kDeliverSm, 0, 0, message);
  return Bytes(row.begin(), row.end());
}

trunkline::Task<void> put_all(trunkline::host::StoreClient store, std::vector<StoreEntry> rows) {
  for (StoreEntry& row : rows) co_await store.put(std::move(row.key), std::move(row.value));
}

}  // namespace

/// `done(false)`: they are to come again.
void Server::hand_out(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done) {
  if (!clients_.contains(system_id)) {
    log_.write(LogLevel::kWarning, "a receipt or text is for a client that there is no more",
               Properties{{"system_id", system_id}});
    return done(true);
  }
  const ClientSessionPtr session = receiver_of(system_id);
  if (!session || !waiting_[system_id].rows.empty()) return keep(system_id, std::move(messages), std::move(done));
  struct Tour {
    std::size_t left;
    std::vector<smpp::Message> refused;
    std::function<void(bool)> done;
  };
  auto tour = std::make_shared<Tour>(Tour{messages.size(), {}, std::move(done)});
  for (const smpp::Message& message : messages)
    session->deliver(message, [this, alive = alive_, tour, system_id, message](std::uint32_t verdict) {
      if (!is_settled(verdict)) tour->refused.push_back(message);
      if (--tour->left > 0 || !*alive) return;
      if (tour->refused.empty()) return tour->done(true);
      keep(system_id, std::move(tour->refused), std::move(tour->done));
    });
}

void Server::keep(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done) {
  Waiting& waiting = waiting_[system_id];
  drop_overdue(waiting);
  if (stopping_ || waiting.rows.size() + waiting.saving + messages.size() > kMaxWaiting) return done(false);
  const Time until = timers_.now() + kWaitingPatience;
  auto kept = std::make_shared<std::vector<WaitingRow>>();
  std::vector<StoreEntry> rows;
  for (smpp::Message& message : messages) {
    StoreEntry& row = rows.emplace_back();
    row.key = kWaitingPrefix + new_id();
    try {
      row.value = pack(system_id, until, message);
    } catch (const smpp::Malformed&) {  // no client could be told
      rows.pop_back();
      continue;
    }
    kept->push_back({row.key, std::move(message), until});
  }
  waiting.saving += kept->size();
  const std::uint64_t number = ++last_save_;
  saves_.emplace(number, std::move(done));
  trunkline::spawn(put_all(store_, std::move(rows)),
                   [this, &io = io_, alive = alive_, system_id, kept, number](Result<void> result) {
                     asio::post(io, [this, alive, system_id, kept, number, ok = result.ok()] {
                       if (!*alive) return;
                       const auto save = saves_.extract(number);
                       if (save.empty()) return;  // stopped
                       Waiting& queue = waiting_[system_id];
                       queue.saving -= kept->size();
                       if (ok)
                         for (WaitingRow& row : *kept) queue.rows.push_back(std::move(row));
                       save.mapped()(ok);
                       // Not at once: the client has just refused it, or is not there.
                       if (ok) tell_later(system_id);
                     });
                   });
}

/// Whoever waits for the disk hears that it comes again; what is on disk by then is told twice.
void Server::stop_keeping() {
  stopping_ = true;
  for (auto& [number, done] : std::exchange(saves_, {})) done(false);
}

void Server::tell_later(const std::string& system_id) {
  Waiting& waiting = waiting_[system_id];
  if (waiting.telling || !receiver_of(system_id)) return;  // whoever binds is told
  waiting.telling = true;
  timers_.after(kAskAgain, [this, system_id] {
    waiting_[system_id].telling = false;
    tell_waiting(system_id);
  });
}

void Server::tell_waiting(const std::string& system_id) {
  Waiting& waiting = waiting_[system_id];
  const ClientSessionPtr session = receiver_of(system_id);
  if (waiting.telling || !session) return;
  drop_overdue(waiting);
  if (waiting.rows.empty()) return;
  waiting.telling = true;
  const std::size_t count = std::min(waiting.rows.size(), waiting.window);
  auto left = std::make_shared<std::size_t>(count);
  auto taken = std::make_shared<std::vector<std::string>>();
  std::vector<WaitingRow> some(waiting.rows.begin(), waiting.rows.begin() + static_cast<std::ptrdiff_t>(count));
  for (const WaitingRow& row : some)
    session->deliver(row.message, [this, alive = alive_, system_id, left, taken, count, key = row.key](std::uint32_t verdict) {
      if (!*alive) return;
      if (is_settled(verdict)) taken->push_back(key);
      if (--*left > 0) return;
      Waiting& queue = waiting_[system_id];
      queue.telling = false;
      const bool all = taken->size() == count;
      // One that refuses is tried with one after the other, until it takes them again.
      queue.window = all ? std::min(queue.window * 2, kToldTogether) : 1;
      const std::unordered_set<std::string> gone(taken->begin(), taken->end());
      std::erase_if(queue.rows, [&](const WaitingRow& one) { return gone.contains(one.key); });
      remove_rows(std::move(*taken));
      if (all)
        asio::post(io_, [this, alive, system_id] {
          if (*alive) tell_waiting(system_id);
        });
      else
        tell_later(system_id);
    });
}

void Server::drop_overdue(Waiting& waiting) {
  std::vector<std::string> keys;
  // Not those that are being told: their answers name them.
  while (!waiting.telling && !waiting.rows.empty() && waiting.rows.front().until <= timers_.now()) {
    keys.push_back(waiting.rows.front().key);
    waiting.rows.pop_front();
  }
  if (keys.empty()) return;
  log_.write(LogLevel::kWarning, "a client did not come for its receipts and texts in time",
             Properties{{"count", std::to_string(keys.size())}});
  remove_rows(std::move(keys));
}

void Server::load_waiting() {
  trunkline::spawn(
      sms_smpp::read_all(store_, kWaitingPrefix), [this, &io = io_, alive = alive_](Result<std::vector<StoreEntry>> rows) {
        asio::post(io, [this, alive, rows = std::move(rows)] {
          if (!*alive) return;
          if (!rows.ok())
            return log_.write(LogLevel::kError, "waiting receipts cannot be read", Properties{{"reason", rows.error().message}});
          for (const StoreEntry& row : rows.value()) take_up_waiting(row);
          for (const auto& [system_id, waiting] : waiting_) tell_waiting(system_id);
        });
      });
}

void Server::take_up_waiting(const StoreEntry& row) {
  const std::string_view value(reinterpret_cast<const char*>(row.value.data()), row.value.size());
  const std::size_t name = value.find('\n'), time = value.find('\n', std::min(name, value.size() - 1) + 1);
  try {
    std::int64_t seconds = 0;
    if (time == std::string_view::npos) throw smpp::Malformed(status::kSystemError, "row", "has no time");
    std::from_chars(value.data() + name + 1, value.data() + time, seconds);
    const std::string_view pdu = value.substr(time + 1);
    const auto header = smpp::decode_header(pdu);
    waiting_[std::string(value.substr(0, name))].rows.push_back(
        {row.key, smpp::decode_message(header.command, pdu.substr(smpp::kHeaderOctets)), Time(std::chrono::seconds(seconds))});
  } catch (const Error& error) {
    log_.write(LogLevel::kWarning, "a waiting receipt cannot be read", Properties{{"reason", error.message}});
  }
}

}  // namespace sms_smpp_server
