// Tells senders by mail what became of theirs, as they asked for it (RFC 3461).
#pragma once
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "email-smtp/src/client/pool.h"
#include "submission.h"
#include "trunkline/host_client.hpp"
#include "trunkline/plugin_host.hpp"

namespace email_smtp_server {

/// What a report needs is on disk before its mail goes on. What became of the mail comes as events of the resource; a report goes
/// to the mail server of the settings, and an event whose report could not be handed over comes again. [any-thread]
class Reports {
 public:
  /// `settings` has `reports`, and outlives this.
  Reports(trunkline::Host host, const Settings& settings);

  /// Throws when it cannot be kept.
  trunkline::Task<void> note(std::string operation_id, Envelope envelope, std::string raw);
  /// False: the event is to come again.
  trunkline::Task<bool> take(nlohmann::json event);
  /// What is being sent ends first. [lifecycle]
  trunkline::Task<void> stop();

 private:
  /// False: nobody took it; it is tried again.
  trunkline::Task<bool> send(std::string to, std::string report);
  trunkline::Task<void> forget_overdue();

  const email_smtp::Settings settings_;
  const trunkline::host::StoreClient store_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  const trunkline::host::ExecutorClient executor_;
  std::unique_ptr<email_smtp::Pool> pool_;
  std::mutex mutex_;  // guards what follows
  trunkline::Time look_again_{};
};

}  // namespace email_smtp_server
