// How a webhook proves that it wants our events.
#pragma once
#include <string>
#include <string_view>

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
  struct Answer {
    Outcome outcome = Outcome::kValidated;
    int allowed_per_minute = 0;  // requests; 0: it did not say
  };
  /// After it the validation URL is of no use any more.
  static constexpr Duration kManualWindow = std::chrono::minutes{5};
  /// An endpoint that does not answer, or with an error of its own (5xx), is asked so often: it may just be starting.
  static constexpr int kAttempts = 2;
  /// Between them, while the clock runs; one that stands still is not waited for.
  static constexpr Duration kPause = std::chrono::seconds{1};

  Handshake(net::HttpClient& http, Clock& clock, IdSource& ids, Duration timeout, std::string origin)
      : http_(http), clock_(clock), ids_(ids), timeout_(timeout), origin_(std::move(origin)) {}

  /// Asks the endpoint of `spec` in the form that its schema has. `url`: what it, or somebody, may fetch instead of the answer
  /// that says yes; empty: it must answer. kManual: it said 200 (to OPTIONS: 2xx) and neither yes nor no. Errors:
  /// kInvalidArgument with service code `Url validation` and what the endpoint did.
  Task<Answer> run(delivery::SpecPtr spec, std::string topic, std::string code, std::string url);

  /// Requests a minute, of `WebHook-Allowed-Rate`; 0: empty, or `*`. Throws kInvalidArgument.
  static int allowed_rate(std::string_view header);

 private:
  Task<Answer> ask_event_grid(delivery::SpecPtr spec, std::string topic, std::string code, std::string url);
  Task<Answer> ask_cloud_events(delivery::SpecPtr spec, std::string url);
  Task<net::ClientResponse> send(delivery::SpecPtr spec, net::ClientRequest request);

  net::HttpClient& http_;
  Clock& clock_;
  IdSource& ids_;
  const Duration timeout_;
  const std::string origin_;
};

}  // namespace trunkline::eventgrid
