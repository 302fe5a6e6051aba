// How a webhook proves that it wants our events.
#pragma once
#include <string>

#include "runtime/base/ids.h"
#include "runtime/clock/clock.h"
#include "runtime/delivery/subscription_spec.h"
#include "runtime/net/http_client.h"
#include "trunkline/task.hpp"

namespace trunkline::eventgrid {

/// [any-thread] Source: Event Grid's webhook validation; CloudEvents HTTP web hooks 1.0, section 4 (abuse protection).
class Handshake {
 public:
  enum class Outcome { kValidated, kManual };
  /// After it the validation URL is of no use any more.
  static constexpr Duration kManualWindow = std::chrono::minutes{5};

  Handshake(net::HttpClient& http, Clock& clock, IdSource& ids, Duration timeout, std::string origin)
      : http_(http), clock_(clock), ids_(ids), timeout_(timeout), origin_(std::move(origin)) {}

  /// Asks the endpoint of `spec` in the form that its schema has. `url`: what it may fetch instead of answering with the code;
  /// empty: it must answer. kManual: it said 200 and nothing else. Errors: kInvalidArgument with service code
  /// `Url validation` and what the endpoint did.
  Task<Outcome> run(delivery::SpecPtr spec, std::string topic, std::string code, std::string url);

 private:
  Task<Outcome> ask_event_grid(delivery::SpecPtr spec, std::string topic, std::string code, std::string url);
  Task<Outcome> ask_cloud_events(delivery::SpecPtr spec);

  net::HttpClient& http_;
  Clock& clock_;
  IdSource& ids_;
  const Duration timeout_;
  const std::string origin_;
};

}  // namespace trunkline::eventgrid
