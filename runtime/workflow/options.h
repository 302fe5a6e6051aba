// Numbers of the documentation (multi-tenant service), each of which an owner of a runtime may set.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/expression/limits.h"
#include "trunkline/error.hpp"

namespace trunkline::workflow {

struct Options {
  std::size_t max_actions = 500;
  int max_depth = 8;
  std::size_t max_triggers = 10;
  std::size_t max_cases = 25;
  std::size_t max_variables = 250;
  std::size_t max_parameters = 50;
  std::size_t max_outputs = 10;
  std::size_t max_name_length = 80;
  std::size_t max_description_length = 256;
  std::size_t max_tracked_length = 16'000;
  std::size_t max_definition_bytes = 4u << 20;
  std::size_t max_code_length = 100'000;

  std::size_t max_foreach_items = 100'000;
  int default_foreach_concurrency = 20;
  int max_foreach_concurrency = 50;
  int default_until_count = 60;
  int max_until_count = 5'000;
  Duration default_until_timeout = std::chrono::hours{1};
  std::size_t max_split_items = 100'000;
  std::size_t max_split_items_limited = 100;

  int default_concurrent_runs = 25;
  int max_concurrent_runs = 50;
  int max_waiting_runs = 100;

  int max_retries = 90;
  Duration min_retry_interval = std::chrono::seconds{5};
  Duration max_retry_interval = std::chrono::hours{24};

  /// What one message has at most: the body of a call, of a request and of an answer; in chunks, together.
  std::size_t max_message_bytes = 100u << 20;
  std::size_t max_chunked_bytes = 1u << 30;
  std::size_t max_uri_bytes = 2'048;

  std::int64_t max_batch_messages = 5'000;
  std::int64_t max_batch_bytes = 80 << 20;

  expression::CompileLimits compile;
  expression::Limits evaluate;
};

}  // namespace trunkline::workflow
