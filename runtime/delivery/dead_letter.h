// Where events go that could not be delivered.
#pragma once
#include <string>

#include "runtime/base/function.h"
#include "runtime/delivery/records.h"
#include "runtime/delivery/subscription_spec.h"
#include "runtime/net/http_client.h"

namespace trunkline::delivery {

/// Writes documents in the published format: a JSON array of the event in the subscription's schema and why it was given up.
/// [any-thread]
class DeadLetterWriter {
 public:
  DeadLetterWriter(net::HttpClient& http, Duration timeout) : http_(http), timeout_(timeout) {}
  /// `done` is told why it is not there to stay; nothing: it is. Once, on any thread.
  void write(const SubscriptionSpec& spec, const Event& event, const RetryRow& row, UniqueFunction<void(std::string)> done);

 private:
  net::HttpClient& http_;
  const Duration timeout_;
};

std::string render_dead_letter(const SubscriptionSpec& spec, const Event& event, const RetryRow& row);
/// The same for every try of one event, and no other's: publishers may use an id twice.
std::string dead_letter_guid(std::string_view event_id, const RetryRow& row);
/// `{topic}/{SUBSCRIPTION}/{yyyy}/{M}/{d}/{H}/{guid}.json`
std::string dead_letter_name(const SubscriptionSpec& spec, const Event& event, Time now, const std::string& guid);

}  // namespace trunkline::delivery
