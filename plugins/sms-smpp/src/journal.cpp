#include "journal.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <random>
#include <unordered_map>

#include "listing.h"

namespace sms_smpp {

using trunkline::Bytes;
using trunkline::Error;
using trunkline::Result;
using trunkline::Task;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;

namespace {

constexpr const char* kJournalPrefix = "journal/";
constexpr std::size_t kRowBytes = 256 * 1024;  // a row may be 1 MiB, and one note adds at most half of that
constexpr Duration kExpiry = std::chrono::seconds(30);
constexpr std::size_t kLineBytes = 256;  // usually enough for one
constexpr char kField = '\x1f', kLine = '\n';
constexpr const char* kHex = "0123456789abcdef";

void append_hex(std::string& text, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += kHex[value >> shift & 0xF];
}

std::string make_writer() {
  std::string text = "-";
  append_hex(text, std::random_device()(), 8);
  return text;
}

std::string row_key(std::uint64_t row, const std::string& writer) {
  std::string key = kJournalPrefix;
  append_hex(key, row, 16);
  return key + writer;
}

/// Fields must not look like the end of one.
void append(std::string& line, std::string_view field) {
  const std::size_t begin = line.size();
  line += field;
  std::replace_if(
      line.begin() + static_cast<std::ptrdiff_t>(begin), line.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  line += kField;
}

std::string sent_line(const Record& record) {
  std::string line = "S";
  line.reserve(kLineBytes);
  line += kField;
  append(line, record.message_id);
  append(line, record.resource);
  append(line, record.from);
  append(line, record.to);
  append(line, record.source.digits);
  append(line, record.destination.digits);
  append(line, std::to_string(record.reference));
  append(line, std::to_string(record.parts.size()));
  append(line, std::to_string(record.at.time_since_epoch().count()));
  append(line, record.text_start);
  line += kLine;
  return line;
}

std::vector<std::string_view> split(std::string_view line, char by) {
  std::vector<std::string_view> fields;
  for (std::size_t end; (end = line.find(by)) != std::string_view::npos; line.remove_prefix(end + 1))
    fields.push_back(line.substr(0, end));
  return fields;
}

template <class T>
T number(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What a row says, added to what earlier rows said.
void read_row(std::string_view text, std::unordered_map<std::string, RecordPtr>& records, std::vector<RecordPtr>& order) {
  for (const std::string_view line : split(text, kLine)) {
    const auto fields = split(line, kField);
    if (fields.size() >= 11 && fields[0] == "S") {
      auto record = std::make_shared<Record>();
      record->message_id = fields[1];
      record->resource = fields[2];
      record->from = fields[3];
      record->to = fields[4];
      record->source.digits = fields[5];
      record->destination.digits = fields[6];
      record->reference = number<std::uint16_t>(fields[7]);
      record->parts.resize(std::clamp<std::size_t>(number<std::size_t>(fields[8]), 1, 255));
      record->at = Time(Duration(number<std::int64_t>(fields[9])));
      record->text_start = fields[10];
      record->custody = Custody::kLost;
      records[record->message_id] = record;
      order.push_back(std::move(record));
    } else if (fields.size() >= 3 && (fields[0] == "A" || fields[0] == "R")) {
      const auto found = records.find(std::string(fields[1]));
      if (found == records.end()) continue;
      found->second->custody = fields[0] == "A" ? Custody::kTaken : Custody::kRefused;
      for (std::size_t i = 0; i + 2 < fields.size() && i < found->second->parts.size(); ++i)
        found->second->parts[i].carrier_id = fields[i + 2];
    }
  }
}

}  // namespace

Journal::Journal(boost::asio::io_context& io, const trunkline::host::StoreClient& store, const trunkline::host::LogClient& log,
                 Timers& timers, Duration keep)
    : io_(io), store_(store), log_(log), timers_(timers), keep_(keep), writer_(make_writer()) {}

Task<void> Journal::remove(std::vector<std::string> keys) {
  for (std::string& key : keys) co_await store_.remove(std::move(key));
}

void Journal::load(std::function<void(std::vector<RecordPtr>)> done) {
  complete_since_ = timers_.now() - keep_;
  trunkline::spawn(
      read_all(store_, kJournalPrefix), [this, alive = alive_, &io = io_, done](Result<std::vector<StoreEntry>> rows) {
        boost::asio::post(io, [this, alive, done, rows = std::move(rows)]() mutable {
          if (!*alive) return;
          std::vector<RecordPtr> order;
          if (!rows.ok()) {
            log_.write(LogLevel::kError, "what was handed to the carrier before cannot be read",
                       trunkline::Properties{{"reason", rows.error().message}});
            complete_since_ = timers_.now();
            return done(std::move(order));
          }
          std::unordered_map<std::string, RecordPtr> records;
          for (const StoreEntry& row : rows.value()) {
            const std::string_view digits = std::string_view(row.key).substr(std::string_view(kJournalPrefix).size());
            std::uint64_t found = 0;
            std::from_chars(digits.data(), digits.data() + digits.size(), found, 16);
            last_row_ = std::max(last_row_, found);
            rows_.emplace_back(timers_.now(), row.key);
            read_row({reinterpret_cast<const char*>(row.value.data()), row.value.size()}, records, order);
          }
          if (enabled() || !rows_.empty()) timers_.after(kExpiry, [this] { expire(); });
          done(std::move(order));
        });
      });
}

void Journal::find_noted(const std::string& message_id, std::function<void(Result<RecordPtr>)> done) {
  trunkline::spawn(read_all(store_, kJournalPrefix),
                   [alive = alive_, &io = io_, message_id, done](Result<std::vector<StoreEntry>> rows) {
                     boost::asio::post(io, [alive, message_id, done, rows = std::move(rows)]() mutable {
                       if (!*alive) return;
                       if (!rows.ok()) return done(rows.error());
                       std::unordered_map<std::string, RecordPtr> records;
                       std::vector<RecordPtr> order;
                       for (const StoreEntry& row : rows.value())
                         read_row({reinterpret_cast<const char*>(row.value.data()), row.value.size()}, records, order);
                       const auto found = records.find(message_id);
                       done(found == records.end() ? nullptr : found->second);
                     });
                   });
}

void Journal::note(std::vector<RecordPtr> records, std::function<void(Result<void>)> done) {
  Waiting waiting;
  for (const RecordPtr& record : records) waiting.lines += sent_line(*record);
  waiting.done = std::move(done);
  waiting_.push_back(std::move(waiting));
  write();
}

void Journal::note_answer(const Record& record) {
  if (!enabled()) return;
  Waiting waiting;
  waiting.lines = record.custody == Custody::kTaken ? "A" : "R";
  waiting.lines += kField;
  append(waiting.lines, record.message_id);
  for (const PartState& part : record.parts) append(waiting.lines, part.carrier_id);
  waiting.lines += kLine;
  waiting_.push_back(std::move(waiting));
  write();
}

void Journal::write() {
  if (writing_ || waiting_.empty()) return;
  writing_ = true;
  auto now_waiting = std::make_shared<std::vector<Waiting>>();
  Bytes value;
  std::size_t taken = 0;
  for (; taken < waiting_.size() && value.size() < kRowBytes; ++taken) {
    value.insert(value.end(), waiting_[taken].lines.begin(), waiting_[taken].lines.end());
    now_waiting->push_back(std::move(waiting_[taken]));
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  std::string key = row_key(++last_row_, writer_);
  rows_.emplace_back(timers_.now(), key);
  trunkline::spawn(store_.put(std::move(key), std::move(value)),
                   [this, alive = alive_, &io = io_, now_waiting](Result<void> result) {
                     boost::asio::post(io, [this, alive, now_waiting, result = std::move(result)] {
                       if (!*alive) return;
                       writing_ = false;
                       if (!result.ok())
                         log_.write(LogLevel::kError, "what is handed to the carrier cannot be noted",
                                    trunkline::Properties{{"reason", result.error().message}});
                       for (Waiting& one : *now_waiting)
                         if (one.done) one.done(result);
                       write();
                     });
                   });
}

void Journal::expire() {
  std::vector<std::string> keys;
  const Time before = timers_.now() - keep_;
  while (!rows_.empty() && rows_.front().first < before) {
    keys.push_back(std::move(rows_.front().second));
    rows_.pop_front();
  }
  if (!keys.empty())
    trunkline::spawn(remove(std::move(keys)), [log = log_](Result<void> result) {
      if (!result.ok())
        log.write(LogLevel::kWarning, "old notes cannot be removed", trunkline::Properties{{"reason", result.error().message}});
    });
  timers_.after(kExpiry, [this] { expire(); });
}

}  // namespace sms_smpp
