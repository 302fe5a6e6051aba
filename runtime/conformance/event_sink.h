// What plugins under test tell their host: kept, counted, and refused on demand.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/store/database.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/email_provider.hpp"
#include "trunkline/identity_provider.hpp"
#include "trunkline/pstn_provider.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::conformance {

/// Woken by whatever happens, so that waits need not poll long. [any-thread]
class Pulse {
 public:
  void beat() {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  void wait_briefly() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(1));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Something that happened to a leg.
struct LegEvent {
  std::string leg_id;
  pstn::LegChange change;
};
/// A frame of a leg that the host listens to.
struct HeardFrame {
  std::string leg_id;
  std::int64_t position = 0;
  std::size_t bytes = 0;
  bool after_end = false;  // the end of the leg had been told
};

/// The typed events of one instance. Outlives it. [any-thread]
class EventSink final : public sms::SmsEvents,
                        public identity::IdentityEvents,
                        public chat::ChatEvents,
                        public email::EmailEvents,
                        public pstn::PstnEvents,
                        public pstn::PstnAudioEvents {
 public:
  EventSink(Pulse& pulse, store::Database& database, std::int64_t resource_key, std::string provider)
      : pulse_(pulse), database_(database), resource_key_(resource_key), provider_(std::move(provider)) {}
  Task<void> delivery_report(Call call, sms::DeliveryReport report) override;
  Task<void> received(Call call, sms::InboundSms message) override;
  Task<void> keys_rotated(Call call, std::vector<identity::SigningKey> keys) override;
  Task<void> changed(Call call, std::string resource, chat::ChatChange change, std::optional<host::StoreBatch> batch) override;
  Task<void> report(Call call, email::EmailReport report) override;
  Task<void> engagement(Call call, email::EmailEngagement engagement) override;
  Task<void> received(Call call, email::InboundEmail message) override;
  Task<void> incoming(Call call, std::string leg_id, std::string from, std::string to, Properties headers) override;
  Task<void> changed(Call call, std::string leg_id, pstn::LegChange change) override;
  void heard(const Call& call, std::string_view leg_id, std::int64_t position, BytesView samples) override;

  std::vector<sms::DeliveryReport> reports() const { return copy_of(reports_); }
  std::vector<email::EmailReport> email_reports() const { return copy_of(email_reports_); }
  std::vector<email::InboundEmail> mails() const { return copy_of(mails_); }
  std::vector<chat::ChatChange> chat_changes() const { return copy_of(chat_changes_); }
  std::vector<LegEvent> leg_events() const { return copy_of(leg_events_); }
  std::vector<HeardFrame> heard_frames() const { return copy_of(heard_); }
  std::size_t events() const { return events_.load(); }
  /// The next this many events are refused with kUnavailable.
  void refuse(int count) { refusals_ = count; }
  /// From now on every event is one too many.
  void close() { closed_ = true; }
  std::size_t events_after_close() const { return late_.load(); }

 private:
  /// Counts an event. Throws when it is to be refused.
  void note();
  template <class T>
  void keep(std::vector<T>& where, T what) {
    const std::lock_guard lock(mutex_);
    where.push_back(std::move(what));
  }
  template <class T>
  std::vector<T> copy_of(const std::vector<T>& what) const {
    const std::lock_guard lock(mutex_);
    return what;
  }

  Pulse& pulse_;
  store::Database& database_;
  const std::int64_t resource_key_;
  const std::string provider_;
  std::atomic<std::size_t> events_{0}, late_{0};
  std::atomic<int> refusals_{0};
  std::atomic<bool> closed_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::vector<sms::DeliveryReport> reports_;
  std::vector<email::EmailReport> email_reports_;
  std::vector<email::InboundEmail> mails_;
  std::vector<chat::ChatChange> chat_changes_;
  std::vector<LegEvent> leg_events_;
  std::vector<HeardFrame> heard_;
};

}  // namespace trunkline::conformance
