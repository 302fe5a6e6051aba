// Event subscriptions as options of commands.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/app/commands.h"

namespace trunkline::app {

/// What was not given stays empty, and out of the request.
struct SubscriptionOptions {
  std::string name;
  std::string topic;
  std::string endpoint;
  bool handler = false;
  std::string workflow;

  std::vector<std::string> types;
  std::string subject_begins, subject_ends;
  bool case_sensitive = false;
  std::vector<std::string> filters;  // `data.messageBody StringContains urgent,now`

  std::string schema;
  std::vector<std::string> headers, secret_headers, field_headers;  // name=value
  std::string batch, batch_kb, max_attempts, ttl_minutes, concurrency, per_minute;
  std::string s3_region, s3_key_id, s3_secret, s3_token;  // make of dead_letter a bucket
  std::string dead_letter, expires_at, ordering_key, bearer, hmac_secret;
  std::vector<std::string> labels;
  std::string properties_file;  // ARM's, instead of all that; `-`: standard input

  /// Options of what is sent and how: everything but where to.
  void add_shape(CLI::App* command);
  /// The short form that the control API takes. Throws kInvalidArgument naming the option.
  nlohmann::json body() const;
};

/// `data.count NumberGreaterThan 3` as an advanced filter: a key, an operator, and values separated by commas (ranges as
/// `1..5`). Throws kInvalidArgument.
nlohmann::json parse_filter_text(const std::string& text);

}  // namespace trunkline::app
