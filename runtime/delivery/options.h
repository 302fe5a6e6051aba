// What a runtime's configuration says about deliveries.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::delivery {

struct DeliveryOptions {
  /// Waits between attempts; the last one repeats. Empty: the documented schedule with its least waits for certain answers.
  std::vector<Duration> retry_schedule;
  /// Share of a wait by which it may be longer.
  double jitter = 0.1;
  Duration response_timeout = std::chrono::seconds{30};
  /// Plain http also to other machines.
  bool allow_http = false;
  /// No requests to loopback, private and link-local addresses, however they are named.
  bool forbid_private = false;
  /// Where dead letters may be written; empty: subscriptions may not name a directory.
  std::string dead_letter_path;
  std::size_t connections_per_endpoint = 32;
  /// Failures in a row after which an endpoint is left alone, and for how long.
  int breaker_failures = 5;
  Duration breaker_open = std::chrono::seconds{10};
};

}  // namespace trunkline::delivery
