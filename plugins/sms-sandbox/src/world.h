// What the sandbox keeps for one communication resource.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "phone_book.h"
#include "rule_set.h"
#include "settings.h"
#include "trunkline/sandbox.hpp"
#include "trunkline/sms.hpp"
#include "trunkline/task.hpp"

namespace sms_sandbox {

class World;

/// What happens to one message once its latency has passed.
struct Delivery {
  std::shared_ptr<World> world;
  std::uint64_t generation = 0;  // of the world, when it was sent
  std::string provider_message_id;
  std::string from;
  std::string to;
  std::string text;
  std::int32_t segments = 1;
  bool arrives = true;  // at the phone
  bool on_net = false;  // the phone is a number of this runtime
  std::optional<std::string> reply;
  std::optional<trunkline::sms::DeliveryReport> report;
  trunkline::sandbox::PhoneMessage as_seen;
  // What has been done, so that a second attempt repeats nothing.
  bool arrived = false;
  bool looped_back = false;
  bool replied = false;
  std::string reply_id;
  int attempts = 0;
};

/// One send: what the carrier answers, and what it will do.
struct Accepted {
  std::vector<trunkline::sms::SmsSendResult> results;
  /// With their due times.
  std::vector<std::pair<trunkline::Time, Delivery>> deliveries;
};

/// Phones, rules and random numbers of one resource. Nothing is shared between two worlds. [any-thread]
class World : public std::enable_shared_from_this<World> {
 public:
  /// `settings` outlives the world. `salt` keeps message ids of two instances apart.
  World(std::string resource, const Settings& settings, std::uint64_t salt);

  const std::string& resource() const { return resource_; }

  /// Decides about every recipient. The same idempotency key gives the same results and sends nothing again.
  Accepted accept(const trunkline::sms::SmsSendRequest& request, std::string_view idempotency_key, std::int32_t segments,
                  trunkline::Time now);
  /// The message is at its phone now; false: the world was reset since it was sent.
  bool arrive(const Delivery& delivery);
  /// A phone of this world sends a text; the carrier's id of it.
  std::string send_from_phone(const std::string& from, const std::string& to, const std::string& text, trunkline::Time now);

  std::vector<trunkline::sandbox::Phone> phones() const;
  std::vector<trunkline::sandbox::PhoneMessage> messages(const std::string& number) const;
  /// Somebody who waits for the next change of a phone. Guarded by the world.
  using Done = std::function<void(trunkline::Result<std::int64_t>)>;
  struct Watch {
    std::int64_t since = 0;
    Done done;
    bool ended = false;
  };
  /// Calls `done` with the number of changes once it is above `since`, at once or where the change is made.
  void watch(std::shared_ptr<Watch> watch, std::int64_t since, Done done);
  /// Fails it if it waits; it may not have begun.
  void end(std::shared_ptr<Watch> watch, trunkline::Error error);
  void end_all(const trunkline::Error& error);
  void add_rule(trunkline::sandbox::PhoneRule rule);
  std::vector<trunkline::sandbox::PhoneRule> rules() const;
  void reset();

 private:
  static constexpr std::size_t kMaxRemembered = 10000;

  void decide(const trunkline::sms::SmsSendRequest& request, const trunkline::sms::Recipient& recipient, std::int32_t segments,
              trunkline::Time now, Accepted& accepted);
  std::string next_id();
  /// The delivery, and the reports that come apart from it.
  void schedule(Accepted& accepted, trunkline::Time due, Delivery delivery, const Whim& whim);
  void tell_watches();
  void remember(std::string_view key, const std::vector<trunkline::sms::SmsSendResult>& results);

  const std::string resource_;
  const Settings& settings_;
  const std::uint64_t key_;
  const std::string id_prefix_;

  mutable std::mutex mutex_;
  RuleSet rules_;
  RateGate gate_;
  PhoneBook book_;
  std::uint64_t sent_ = 0;  // since the last reset: the number of the message in the random stream
  std::uint64_t ids_ = 0;   // never goes back: ids stay unique across resets
  std::uint64_t generation_ = 0;
  std::int64_t changes_ = 1;  // of phones; never goes back
  std::vector<std::shared_ptr<Watch>> watches_;
  std::unordered_map<std::string, std::vector<trunkline::sms::SmsSendResult>> answered_;  // by idempotency key
  std::deque<std::string> answered_order_;                                                // oldest first
};

}  // namespace sms_sandbox
