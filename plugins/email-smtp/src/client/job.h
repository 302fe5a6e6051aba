// One mail on its way through a connection.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "trunkline/email.hpp"
#include "trunkline/task.hpp"

namespace email_smtp {

using Results = std::vector<trunkline::email::EmailSendResult>;

struct Job {
  std::string sender;
  std::vector<std::string> recipients;
  /// As it goes over the wire, dots doubled, without the dot that ends it.
  std::string data;
  bool eight_bit = false;
  bool utf8 = false;
  /// Makes `data` anew without 8-bit text.
  std::function<std::string()> seven_bit;
  /// Comes back in delivery status notifications.
  std::string envelope_id;
  /// The caller has given up: not to be begun any more.
  std::atomic<bool> cancelled{false};
  /// Called once, on the thread of the pool.
  std::function<void(trunkline::Result<Results>)> done;
};
using JobPtr = std::shared_ptr<Job>;

}  // namespace email_smtp
