#include "world.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "random.h"
#include "trunkline/mail.hpp"

namespace email_sandbox {

using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Time;
using trunkline::email::EmailSendResult;
using trunkline::email::EmailState;
using trunkline::sandbox::CapturedFile;
using trunkline::sandbox::CapturedMail;
using trunkline::sandbox::CapturedMailbox;
using trunkline::sandbox::MailRule;

namespace {

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

/// Status and words of an outcome whose rule names none.
std::pair<std::string, std::string> usual(const MailRule& rule) {
  if (rule.refuse && rule.temporary) return {"4.2.0", "try again later"};
  switch (rule.outcome) {
    case EmailState::kBounced:
      return {"5.1.1", "no such mailbox"};
    case EmailState::kFilteredSpam:
      return {"2.0.0", "looks like spam"};
    case EmailState::kQuarantined:
      return {"2.0.0", "held for review"};
    case EmailState::kFailed:
      return {"5.0.0", "the mail cannot be delivered"};
    case EmailState::kComplained:
      return {"2.0.0", "abuse"};
    default:
      return rule.refuse ? std::pair<std::string, std::string>{"5.7.1", "refused"}
                         : std::pair<std::string, std::string>{"2.0.0", "delivered"};
  }
}

}  // namespace

std::string outcome_word(EmailState state) {
  constexpr std::array<const char*, 11> kWords = {"unknown",  "queued",     "sent",          "delivered",
                                                  "bounced",  "suppressed", "filtered_spam", "quarantined",
                                                  "expanded", "failed",     "complained"};
  const auto i = static_cast<std::size_t>(state);
  return i < kWords.size() ? kWords[i] : kWords[0];
}

World::World(std::string resource, const Settings& settings, std::uint64_t salt)
    : resource_(std::move(resource)),
      settings_(settings),
      key_(Random::hash(resource_)),
      id_prefix_("mail-" + hex(Random::mix(key_ ^ Random::mix(settings.seed ^ Random::mix(salt)))) + "-"),
      base_(settings.rules) {}

MailRule World::use_rule(std::string_view recipient) {
  const auto use = [&](std::vector<MailRule>& rules, std::size_t i) {
    MailRule rule = rules[i];
    if (rule.times > 0 && --rules[i].times == 0) rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(i));
    return rule;
  };
  for (std::size_t i = added_.size(); i-- > 0;)
    if (matches(added_[i].match, recipient)) return use(added_, i);
  for (std::size_t i = 0; i < base_.size(); ++i)
    if (matches(base_[i].match, recipient)) return use(base_, i);
  return {};
}

Fate World::decide(const std::string& recipient, Time now) {
  const std::lock_guard lock(mutex_);
  Random random(settings_.seed, key_, drawn_++);
  Fate fate;
  fate.recipient = recipient;
  fate.rule = use_rule(recipient);
  // Drawn in any case, so that a change of one rate leaves the draws after it as they are.
  const double draw = random.uniform();
  if (fate.rule.rate && draw >= *fate.rule.rate) {
    fate.rule.outcome = EmailState::kDelivered;
    fate.rule.refuse = fate.rule.temporary = false;
    fate.rule.status_code.reset();
    fate.rule.detail.reset();
  }
  fate.outcome = fate.rule.outcome;
  const auto [code, words] = usual(fate.rule);
  fate.status_code = fate.rule.status_code.value_or(code);
  fate.detail = fate.rule.detail.value_or(words);
  fate.due = now + fate.rule.latency + random.up_to(fate.rule.jitter);
  return fate;
}

std::string World::keep(Arrival arrival) {
  Kept kept;
  const trunkline::mail::Parsed parsed = trunkline::mail::parse(arrival.raw);
  CapturedMail& summary = kept.summary;
  summary.message_id = std::move(arrival.message_id);
  summary.from = std::move(arrival.from);
  summary.to = std::move(arrival.to);
  summary.subject = parsed.subject;
  summary.at = arrival.at;
  summary.via = std::move(arrival.via);
  summary.size_bytes = static_cast<std::int64_t>(arrival.raw.size());
  for (const std::string& recipient : summary.to)
    summary.outcomes[recipient] = outcome_word(summary.via == "api" ? EmailState::kSent : EmailState::kDelivered);
  kept.raw = std::move(arrival.raw);
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    summary.mail_id = id = id_prefix_ + hex(++ids_);
    bytes_ += kept.raw.size();
    mails_.push_back(std::move(kept));
    while (mails_.size() > settings_.mails_per_resource || (bytes_ > settings_.bytes_per_resource && mails_.size() > 1)) {
      bytes_ -= mails_.front().raw.size();
      mails_.pop_front();
    }
    ++changes_;
  }
  tell_watches();
  return id;
}

void World::set_outcome(const std::string& mail_id, const std::string& recipient, EmailState outcome) {
  {
    const std::lock_guard lock(mutex_);
    for (auto it = mails_.rbegin(); it != mails_.rend(); ++it)
      if (it->summary.mail_id == mail_id) {
        it->summary.outcomes[recipient] = outcome_word(outcome);
        break;
      }
    ++changes_;
  }
  tell_watches();
}

std::optional<std::vector<EmailSendResult>> World::answered(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = answered_.find(std::string(key));
  return found == answered_.end() ? std::nullopt : std::optional(found->second);
}

void World::remember(std::string_view key, const std::vector<EmailSendResult>& results) {
  const std::lock_guard lock(mutex_);
  if (!answered_.emplace(key, results).second) return;
  answered_order_.emplace_back(key);
  if (answered_order_.size() > kMaxRemembered) {
    answered_.erase(answered_order_.front());
    answered_order_.pop_front();
  }
}

std::vector<CapturedMailbox> World::mailboxes() const {
  std::map<std::string, std::int32_t> counts;
  {
    const std::lock_guard lock(mutex_);
    for (const Kept& kept : mails_)
      for (const std::string& recipient : kept.summary.to) ++counts[lower(recipient)];
  }
  std::vector<CapturedMailbox> boxes;
  for (const auto& [address, count] : counts) {
    CapturedMailbox& box = boxes.emplace_back();
    box.address = address;
    box.mail_count = count;
  }
  return boxes;
}

std::vector<CapturedMail> World::mails(std::string_view address) const {
  const std::string wanted = lower(std::string(address));
  std::vector<CapturedMail> found;
  const std::lock_guard lock(mutex_);
  for (const Kept& kept : mails_)
    if (wanted.empty() || std::any_of(kept.summary.to.begin(), kept.summary.to.end(),
                                      [&](const std::string& recipient) { return lower(recipient) == wanted; }))
      found.push_back(kept.summary);
  return found;
}

const World::Kept& World::find(const std::string& mail_id) const {
  const auto found =
      std::find_if(mails_.begin(), mails_.end(), [&](const Kept& kept) { return kept.summary.mail_id == mail_id; });
  if (found == mails_.end())
    throw Error(ErrorCode::kNotFound, "the sandbox has no mail '" + mail_id.substr(0, 80) + "', or no more", "mailId");
  return *found;
}

CapturedMail World::mail(const std::string& mail_id) const {
  Kept kept;
  {
    const std::lock_guard lock(mutex_);
    kept = find(mail_id);
  }
  trunkline::mail::Parsed parsed = trunkline::mail::parse(kept.raw);
  CapturedMail& mail = kept.summary;
  mail.plain_text = std::move(parsed.plain_text);
  mail.html = std::move(parsed.html);
  mail.headers = std::move(parsed.headers);
  for (trunkline::mail::File& file : parsed.files) {
    CapturedFile& one = mail.files.emplace_back();
    one.name = std::move(file.name);
    one.content_type = std::move(file.content_type);
    if (!file.content_id.empty()) one.content_id = std::move(file.content_id);
    one.size_bytes = static_cast<std::int64_t>(file.content.size());
  }
  return mail;
}

std::string World::raw(const std::string& mail_id) const {
  const std::lock_guard lock(mutex_);
  return find(mail_id).raw;
}

void World::add_rule(MailRule rule) {
  const std::lock_guard lock(mutex_);
  if (added_.size() >= kMaxAddedRules)
    throw Error(ErrorCode::kResourceExhausted, "a resource has at most " + std::to_string(kMaxAddedRules) + " added rules");
  added_.push_back(std::move(rule));
}

std::vector<MailRule> World::rules() const {
  const std::lock_guard lock(mutex_);
  std::vector<MailRule> all(added_.rbegin(), added_.rend());
  all.insert(all.end(), base_.begin(), base_.end());
  return all;
}

void World::reset() {
  {
    const std::lock_guard lock(mutex_);
    added_.clear();
    base_ = settings_.rules;
    mails_.clear();
    bytes_ = 0;
    answered_.clear();
    answered_order_.clear();
    drawn_ = 0;
    ++changes_;
  }
  tell_watches();
}

void World::watch(std::shared_ptr<Watch> watch, std::int64_t since, Done done) {
  Result<std::int64_t> now = Error(ErrorCode::kCancelled, "the caller cancelled the operation");
  {
    const std::lock_guard lock(mutex_);
    if (!watch->ended && changes_ <= since) {
      watch->since = since;
      watch->done = std::move(done);
      watches_.push_back(std::move(watch));
      return;
    }
    if (!watch->ended) now = changes_;
  }
  done(std::move(now));
}

void World::tell_watches() {
  std::vector<Done> told;
  std::int64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    changes = changes_;
    std::erase_if(watches_, [&](const std::shared_ptr<Watch>& watch) {
      if (changes <= watch->since) return false;
      told.push_back(std::exchange(watch->done, nullptr));
      return true;
    });
  }
  for (const Done& done : told) done(changes);
}

void World::end(const std::shared_ptr<Watch>& watch, Error error) {
  Done done;
  {
    const std::lock_guard lock(mutex_);
    watch->ended = true;
    done = std::exchange(watch->done, nullptr);
    std::erase(watches_, watch);
  }
  if (done) done(std::move(error));
}

void World::end_all(const Error& error) {
  std::vector<std::shared_ptr<Watch>> watches;
  {
    const std::lock_guard lock(mutex_);
    watches = watches_;
  }
  for (const std::shared_ptr<Watch>& watch : watches) end(watch, error);
}

}  // namespace email_sandbox
