// What the sandbox keeps for one communication resource.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "settings.h"
#include "trunkline/email.hpp"
#include "trunkline/sandbox.hpp"
#include "trunkline/task.hpp"

namespace email_sandbox {

/// What the sandbox has decided about one recipient, and when it becomes known.
struct Fate {
  std::string recipient;
  trunkline::sandbox::MailRule rule;
  trunkline::email::EmailState outcome = trunkline::email::EmailState::kDelivered;
  std::string status_code;
  std::string detail;
  trunkline::Time due;
};

/// A mail to be kept.
struct Arrival {
  std::optional<std::string> message_id;
  std::string from;
  std::vector<std::string> to;
  std::string raw;
  std::string via;  // api, smtp, inbound
  trunkline::Time at;
};

/// Mails, rules and random numbers of one resource. Nothing is shared between two worlds. [any-thread]
class World {
 public:
  /// `settings` outlives the world. `salt` keeps ids of two instances apart.
  World(std::string resource, const Settings& settings, std::uint64_t salt);

  const std::string& resource() const { return resource_; }

  /// Draws the fate of a mail to this recipient; counts as a use of its rule.
  Fate decide(const std::string& recipient, trunkline::Time now);
  /// Keeps it, and returns its id.
  std::string keep(Arrival arrival);
  void set_outcome(const std::string& mail_id, const std::string& recipient, trunkline::email::EmailState outcome);

  /// What was answered to this key; nullopt: nothing yet.
  std::optional<std::vector<trunkline::email::EmailSendResult>> answered(std::string_view key) const;
  void remember(std::string_view key, const std::vector<trunkline::email::EmailSendResult>& results);

  std::vector<trunkline::sandbox::CapturedMailbox> mailboxes() const;
  std::vector<trunkline::sandbox::CapturedMail> mails(std::string_view address) const;
  /// With its parts. Throws kNotFound.
  trunkline::sandbox::CapturedMail mail(const std::string& mail_id) const;
  std::string raw(const std::string& mail_id) const;

  void add_rule(trunkline::sandbox::MailRule rule);
  std::vector<trunkline::sandbox::MailRule> rules() const;
  void reset();

  /// Somebody who waits for the next mail. Guarded by the world.
  using Done = std::function<void(trunkline::Result<std::int64_t>)>;
  struct Watch {
    std::int64_t since = 0;
    Done done;
    bool ended = false;
  };
  /// Calls `done` with the number of changes once it is above `since`, at once or where the change is made.
  void watch(std::shared_ptr<Watch> watch, std::int64_t since, Done done);
  /// Fails it if it waits; it may not have begun.
  void end(const std::shared_ptr<Watch>& watch, trunkline::Error error);
  void end_all(const trunkline::Error& error);

 private:
  static constexpr std::size_t kMaxRemembered = 10000;
  static constexpr std::size_t kMaxAddedRules = 1000;

  struct Kept {
    trunkline::sandbox::CapturedMail summary;
    std::string raw;
  };
  trunkline::sandbox::MailRule use_rule(std::string_view recipient);
  const Kept& find(const std::string& mail_id) const;
  void tell_watches();

  const std::string resource_;
  const Settings& settings_;
  const std::uint64_t key_;
  const std::string id_prefix_;

  mutable std::mutex mutex_;
  std::vector<trunkline::sandbox::MailRule> added_;  // tried from the back
  std::vector<trunkline::sandbox::MailRule> base_;
  std::deque<Kept> mails_;  // oldest first
  std::size_t bytes_ = 0;
  std::uint64_t drawn_ = 0;  // since the last reset: the number of the mail in the random stream
  std::uint64_t ids_ = 0;    // never goes back
  std::int64_t changes_ = 1;
  std::vector<std::shared_ptr<Watch>> watches_;
  std::unordered_map<std::string, std::vector<trunkline::email::EmailSendResult>> answered_;
  std::deque<std::string> answered_order_;
};

/// The word of a state in `outcomes`: `delivered`, `filtered_spam`.
std::string outcome_word(trunkline::email::EmailState state);

}  // namespace email_sandbox
