// What a client could not take yet: on disk until it can, so that it does not hold back what is for others.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

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
constexpr Duration kLookForOverdue = std::chrono::minutes(1);
constexpr Duration kAskAgain = std::chrono::seconds(1);
/// One that was refused is told again after `kAskAgain`, twice that, and so on up to this: what a client never takes must not
/// keep it from the rest.
constexpr Duration kAskAtMost = std::chrono::minutes(5);

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

/// What a client refuses for good is not told again: it says so, or finds fault with the message itself, which stays as it is.
bool Server::is_settled(const std::string& system_id, std::uint32_t verdict) const {
  switch (verdict) {
    case status::kOk:
    case status::kPermanentAppError:
    case status::kRejectedByApp:
      return true;
    case status::kInvalidMessageLength:
    case status::kInvalidCommandLength:
    case status::kInvalidCommand:
    case status::kInvalidSource:
    case status::kInvalidDestination:
    case status::kInvalidServiceType:
    case status::kInvalidEsmClass:
    case status::kInvalidSourceTon:
    case status::kInvalidSourceNpi:
    case status::kInvalidDestinationTon:
    case status::kInvalidDestinationNpi:
    case status::kInvalidOptional:
    case status::kOptionalNotAllowed:
    case status::kInvalidParameterLength:
    case status::kMissingParameter:
    case status::kInvalidParameterValue:
      log_.write(LogLevel::kWarning, "a client finds fault with a receipt or text; it is not told again",
                 Properties{{"system_id", system_id}, {"status", smpp::status_code(verdict)}});
      return true;
    default:
      return false;
  }
}

/// `done(false)`: they are to come again.
void Server::hand_out(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done) {
  if (!clients_.contains(system_id)) {
    log_.write(LogLevel::kWarning, "a receipt or text is for a client that there is no more",
               Properties{{"system_id", system_id}});
    return done(true);
  }
  const ClientSessionPtr session = receiver_of(system_id);
  // Behind those that were never refused; those that were do not hold back others, as long as the client takes anything.
  const Waiting& waiting = waiting_[system_id];
  const bool first =
      std::all_of(waiting.rows.begin(), waiting.rows.end(), [](const WaitingRow& row) { return row.refusals > 0; });
  if (!session || !first || !waiting.taking) return keep(system_id, std::move(messages), std::move(done));
  struct Tour {
    std::size_t left;
    std::vector<smpp::Message> refused;
    std::function<void(bool)> done;
  };
  auto tour = std::make_shared<Tour>(Tour{messages.size(), {}, std::move(done)});
  for (const smpp::Message& message : messages)
    session->deliver(message, [this, alive = alive_, tour, system_id, message](std::uint32_t verdict) {
      if (!*alive) return;
      if (!is_settled(system_id, verdict)) tour->refused.push_back(message);
      if (--tour->left > 0) return;
      waiting_[system_id].taking = tour->refused.empty();
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
                       if (!ok) {  // all come again: what is on disk already would be told twice after a restart
                         std::vector<std::string> keys;
                         for (WaitingRow& row : *kept) keys.push_back(std::move(row.key));
                         remove_rows(std::move(keys));
                         return save.mapped()(false);
                       }
                       for (WaitingRow& row : *kept) queue.rows.push_back(std::move(row));
                       save.mapped()(true);
                       // Not at once: the client has just refused it, or is not there.
                       tell_later(system_id);
                       watch_waiting();
                     });
                   });
}

/// Whoever waits for the disk hears that it comes again; what is on disk by then is told twice.
void Server::stop_keeping() {
  stopping_ = true;
  for (auto& [events, done] : std::exchange(before_loaded_, {})) done(false);
  for (auto& [number, done] : std::exchange(saves_, {})) done(false);
}

void Server::tell_later(const std::string& system_id) {
  Waiting& waiting = waiting_[system_id];
  if (waiting.telling || waiting.rows.empty() || !receiver_of(system_id)) return;  // whoever binds is told
  Time due = Time::max();
  for (const WaitingRow& row : waiting.rows) due = std::min(due, row.due);
  due = std::max(due, timers_.now() + kAskAgain);
  if (waiting.timer && waiting.timer->first <= due) return;
  if (waiting.timer) timers_.cancel(*waiting.timer);
  waiting.timer = timers_.at(due, [this, system_id] {
    waiting_[system_id].timer.reset();
    tell_waiting(system_id);
  });
}

/// Who binds may have been mended: what it refused is told without a wait.
void Server::tell_bound(const std::string& system_id) {
  for (WaitingRow& row : waiting_[system_id].rows) row.due = Time{};
  tell_waiting(system_id);
}

void Server::tell_waiting(const std::string& system_id) {
  Waiting& waiting = waiting_[system_id];
  drop_overdue(waiting);
  const ClientSessionPtr session = receiver_of(system_id);
  if (waiting.telling || !session) return;
  struct Round {
    std::size_t left = 0;
    std::unordered_set<std::string> taken, refused;
  };
  auto round = std::make_shared<Round>();
  std::vector<WaitingRow> some;
  const Time now = timers_.now();
  for (const bool fresh : {true, false})
    for (const WaitingRow& row : waiting.rows)
      if (some.size() < waiting.window && (row.refusals == 0) == fresh && row.due <= now) some.push_back(row);
  if (some.empty()) return tell_later(system_id);
  waiting.telling = true;
  round->left = some.size();
  for (const WaitingRow& row : some)
    session->deliver(row.message, [this, alive = alive_, system_id, round, key = row.key](std::uint32_t verdict) {
      if (!*alive) return;
      (is_settled(system_id, verdict) ? round->taken : round->refused).insert(key);
      if (--round->left > 0) return;
      Waiting& queue = waiting_[system_id];
      queue.telling = false;
      const bool all = queue.taking = round->refused.empty();
      // One that refuses is tried with one after the other, until it takes them again.
      queue.window = all ? std::min(queue.window * 2, kToldTogether) : 1;
      std::erase_if(queue.rows, [&](const WaitingRow& one) { return round->taken.contains(one.key); });
      remove_rows({round->taken.begin(), round->taken.end()});
      if (all) {
        asio::post(io_, [this, alive, system_id] {
          if (*alive) tell_waiting(system_id);
        });
        return;
      }
      const auto behind = std::stable_partition(queue.rows.begin(), queue.rows.end(),
                                                [&](const WaitingRow& one) { return !round->refused.contains(one.key); });
      for (auto one = behind; one != queue.rows.end(); ++one)
        one->due = timers_.now() + std::min<Duration>(kAskAgain * (1 << std::min(one->refusals++, 10)), kAskAtMost);
      tell_later(system_id);
    });
}

void Server::drop_overdue(Waiting& waiting) {
  if (waiting.telling) return;  // the answers name them
  std::vector<std::string> keys;
  const Time now = timers_.now();
  std::erase_if(waiting.rows, [&](const WaitingRow& row) {
    if (row.until > now) return false;
    keys.push_back(row.key);
    return true;
  });
  if (keys.empty()) return;
  log_.write(LogLevel::kWarning, "a client did not come for its receipts and texts in time",
             Properties{{"count", std::to_string(keys.size())}});
  remove_rows(std::move(keys));
}

/// Also of clients that do not come, or that there are no more.
void Server::watch_waiting() {
  if (watching_waiting_ || loading_) return;
  std::optional<Time> first;
  for (const auto& [system_id, waiting] : waiting_)
    for (const WaitingRow& row : waiting.rows) first = std::min(first.value_or(row.until), row.until);
  if (!first) return;
  watching_waiting_ = true;
  timers_.at(std::max(*first, timers_.now() + kLookForOverdue), [this] {
    watching_waiting_ = false;
    for (auto& [system_id, waiting] : waiting_) drop_overdue(waiting);
    watch_waiting();
  });
}

void Server::load_waiting() {
  trunkline::spawn(
      sms_smpp::read_all(store_, kWaitingPrefix), [this, &io = io_, alive = alive_](Result<std::vector<StoreEntry>> rows) {
        asio::post(io, [this, alive, rows = std::move(rows)] {
          if (!*alive) return;
          loading_ = false;
          if (rows.ok())
            for (const StoreEntry& row : rows.value()) take_up_waiting(row);
          else
            log_.write(LogLevel::kError, "waiting receipts cannot be read", Properties{{"reason", rows.error().message}});
          for (const auto& [system_id, waiting] : waiting_) tell_waiting(system_id);
          watch_waiting();
          for (auto& [events, done] : std::exchange(before_loaded_, {})) take_events(std::move(*events), std::move(done));
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
