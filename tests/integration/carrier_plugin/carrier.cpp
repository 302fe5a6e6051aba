// A carrier for tests. `script` says what becomes of each call:
//   ok               it takes the message
//   lost             it takes the message, and its answer is lost
//   lost-untaken     the request is lost
//   silent           it takes the message and never answers
//   slow             it takes the message and answers a second later
//   unavailable, internal, unauthenticated, invalid     the call fails
//   temporary, over_quota, opted_out, bad_destination, bad_sender, blocked     the message is refused
// What goes on the air is written to the journal before the answer, so that a test can count it after a crash. A carrier with a
// journal remembers its idempotency keys across one. It is built twice: the second build says `second-` in its ids.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "trunkline/host_provider.hpp"
#include "trunkline/plugin.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

#ifndef CARRIER_PREFIX
#define CARRIER_PREFIX "carrier-"
#endif

namespace {

using namespace trunkline;
using sms::FailureReason;

class Carrier final : public sms::SmsProvider, public sms::SmsQueryProvider {
 public:
  Carrier(Host host, std::string_view config_json) : clock_(host.clock()), events_(host.sms_events()) {
    const auto config = nlohmann::json::parse(config_json.empty() ? "{}" : config_json);
    idempotent_ = config.value("idempotent", false);
    price_micros_ = config.value("price_micros", std::int64_t{0});
    script_ = config.value("script", std::vector<std::string>{});
    report_after_ = std::chrono::milliseconds(config.value("report_after_ms", -1));
    journal_path_ = config.value("journal", "");
    if (journal_path_.empty()) return;
    read_journal();
    journal_ = ::open(journal_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (journal_ < 0) throw Error(ErrorCode::kInvalidArgument, "cannot write " + journal_path_, "journal");
  }
  ~Carrier() {
    if (journal_ >= 0) ::close(journal_);
  }

  Task<void> stop() {
    std::vector<Completion<std::vector<sms::SmsSendResult>>> silent;
    const std::lock_guard lock(mutex_);
    silent.swap(silent_);  // dropping them fails what nobody waits for any more
    co_return;
  }

  void start_send(const Call& call, sms::SmsSendRequestView request, Completion<std::vector<sms::SmsSendResult>> done) override {
    std::vector<sms::SmsSendResult> results;
    std::optional<Error> error;
    bool silent = false, slow = false;
    {
      const std::lock_guard lock(mutex_);
      const std::string word = next_ < script_.size() ? script_[next_] : "ok";
      ++next_;
      const std::string key(call.idempotency_key());
      const bool repeated = idempotent_ && keys_.contains(key);
      silent = word == "silent";
      slow = word == "slow";
      const FailureReason reason = reason_of(word);
      if (word == "unavailable") error = Error(ErrorCode::kUnavailable, "the carrier is away");
      if (word == "internal") error = Error(ErrorCode::kInternal, "the carrier is broken");
      if (word == "unauthenticated") error = Error(ErrorCode::kUnauthenticated, "the carrier does not know us");
      if (word == "invalid") error = Error(ErrorCode::kInvalidArgument, "the carrier does not take this");
      if (word == "lost" || word == "lost-untaken") error = Error(ErrorCode::kDeadlineExceeded, "no answer came");
      const bool takes = (!error || word == "lost") && reason == FailureReason::kNone;
      std::string lines;
      for (const auto recipient : request.recipients()) {
        sms::SmsSendResult& result = results.emplace_back();
        result.message_id = std::string(recipient.message_id());
        result.accepted = takes;
        result.reason = reason;
        result.retryable = reason == FailureReason::kTemporary || reason == FailureReason::kOverQuota;
        if (!takes && reason != FailureReason::kNone) result.provider_code = "c-" + word;
        if (takes) result.provider_message_id = CARRIER_PREFIX + result.message_id;
        if (takes && price_micros_ > 0) result.price_micros = price_micros_;
        if (takes && !repeated) {
          taken_.insert(result.message_id);
          lines += key + " " + result.message_id + " " + std::string(recipient.to()) + "\n";
        }
      }
      if (takes) keys_.insert(key);
      write(lines);
      if (silent) silent_.push_back(std::move(done));  // the host's deadline ends it
    }
    if (report_after_ >= Duration{0})
      for (const sms::SmsSendResult& result : results)
        if (result.accepted) spawn(report(result.message_id), [](const Result<void>&) {});
    if (silent) return;
    if (slow) {
      clock_.start_sleep(std::chrono::seconds(1), {},
                         [results = std::move(results), done = std::move(done)](Result<void>) mutable { done.resolve(results); });
      return;
    }
    if (error)
      done.reject(*error);
    else
      done.resolve(results);
  }

  sms::SmsCapabilities capabilities(const Call&) override {
    sms::SmsCapabilities capabilities;
    capabilities.delivery_reports = true;
    capabilities.alphanumeric_sender = true;
    capabilities.idempotent = idempotent_;
    return capabilities;
  }

  Task<sms::SmsQueryResult> query(Call, sms::SmsQuery query) override {
    sms::SmsQueryResult result;
    {
      const std::lock_guard lock(mutex_);
      read_journal();  // another instance may have had it
      result.custody = taken_.contains(query.message_id) ? sms::SmsCustody::kTaken : sms::SmsCustody::kNotTaken;
    }
    co_return result;
  }

 private:
  static FailureReason reason_of(const std::string& word) {
    static const std::map<std::string, FailureReason> kReasons = {
        {"temporary", FailureReason::kTemporary},  {"over_quota", FailureReason::kOverQuota},
        {"opted_out", FailureReason::kOptedOut},   {"bad_destination", FailureReason::kBadDestination},
        {"bad_sender", FailureReason::kBadSender}, {"blocked", FailureReason::kBlocked}};
    const auto found = kReasons.find(word);
    return found == kReasons.end() ? FailureReason::kNone : found->second;
  }
  void read_journal() {
    std::ifstream past(journal_path_);
    for (std::string line; std::getline(past, line);) {
      std::istringstream words(line);
      std::string key, id, to;
      words >> key >> id >> to;
      keys_.insert(key);
      taken_.insert(id);
    }
  }
  /// One write for a call, so that a crash leaves all of it or nothing.
  void write(const std::string& line) {
    if (journal_ >= 0 && !line.empty() && ::write(journal_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw Error(ErrorCode::kDataLoss, "cannot write " + journal_path_);
  }

  Task<void> report(std::string message_id) {
    co_await clock_.sleep(report_after_);
    sms::DeliveryReport report{.message_id = message_id, .state = sms::MessageState::kDelivered, .at = clock_.now()};
    report.provider_message_id = CARRIER_PREFIX + message_id;
    co_await events_.delivery_report(std::move(report));
  }

  const host::ClockClient clock_;
  const sms::SmsEventsClient events_;
  Duration report_after_{};
  bool idempotent_ = false;
  std::int64_t price_micros_ = 0;
  std::string journal_path_;
  int journal_ = -1;
  std::mutex mutex_;  // guards what follows
  std::vector<std::string> script_;
  std::size_t next_ = 0;
  std::set<std::string> keys_, taken_;
  std::vector<Completion<std::vector<sms::SmsSendResult>>> silent_;
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Carrier)
