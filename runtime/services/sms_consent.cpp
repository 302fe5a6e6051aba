#include "runtime/services/sms_consent.h"

#include "runtime/base/strings.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/services/phone_number.h"
#include "runtime/services/sms_consent_records.h"

namespace trunkline {
namespace {

namespace records = sms_consent_records;
using service::ConsentAction;
using service::ConsentEntry;
using service::ConsentSource;
using service::OptOutOutcome;
using store::Session;

constexpr std::size_t kMostOptOuts = 100;
constexpr std::int32_t kVerifyPage = 1000;

Time whole_us(Time time) { return std::chrono::floor<std::chrono::microseconds>(time); }

void check_limit(std::int32_t limit) {
  if (limit < 1 || limit > 1000)
    throw Error(ErrorCode::kInvalidArgument, "limit must be 1 to 1000, not " + std::to_string(limit), "limit");
}

}  // namespace

std::vector<OptOutOutcome> SmsConsent::begin(const Resource& resource, const std::string& sender,
                                             const std::vector<std::string>& recipients) const {
  senders_.check_owned(resource, sender);
  if (recipients.empty()) throw Error(ErrorCode::kInvalidArgument, "recipients needs at least one recipient", "recipients");
  if (recipients.size() > kMostOptOuts)
    throw Error(ErrorCode::kInvalidArgument,
                "recipients holds " + std::to_string(recipients.size()) + " recipients; at most 100 are allowed", "recipients");
  std::vector<OptOutOutcome> outcomes(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    outcomes[i].to = recipients[i];
    outcomes[i].http_status = 200;
    if (const auto fault = e164_fault(recipients[i]); !fault.empty()) {
      outcomes[i].http_status = 400;
      outcomes[i].error_message = "'" + recipients[i].substr(0, 40) + "' is no E.164 number: " + std::string(fault);
    }
  }
  return outcomes;
}

Task<std::vector<OptOutOutcome>> SmsConsent::change(ResourcePtr resource, std::string sender, std::vector<std::string> recipients,
                                                    bool opt_out) {
  auto outcomes = std::make_shared<std::vector<OptOutOutcome>>(begin(*resource, sender, recipients));
  const Time at = whole_us(context_.clock.now());
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [this, resource, sender, outcomes, opt_out, at](Session& session) {
    for (OptOutOutcome& outcome : *outcomes) {
      if (outcome.http_status != 200) continue;
      const bool changed =
          opt_out ? records::set_opted_out(session, resource->key, sender, outcome.to, ConsentSource::kApi, unix_us(at))
                  : records::clear_opted_out(session, resource->key, sender, outcome.to);
      outcome.opted_out = opt_out;
      if (!changed) continue;
      ConsentEntry entry;
      entry.sender = sender;
      entry.recipient = outcome.to;
      entry.action = opt_out ? ConsentAction::kOptOut : ConsentAction::kOptIn;
      entry.source = ConsentSource::kApi;
      entry.at = at;
      records::append(session, resource->key, std::move(entry));
    }
    if (opt_out) note_recall();
  };
  co_await resource->database->write(std::move(work));
  co_return std::move(*outcomes);
}

Task<std::vector<OptOutOutcome>> SmsConsent::add(ResourcePtr resource, std::string sender, std::vector<std::string> recipients) {
  return change(std::move(resource), std::move(sender), std::move(recipients), true);
}

Task<std::vector<OptOutOutcome>> SmsConsent::remove(ResourcePtr resource, std::string sender,
                                                    std::vector<std::string> recipients) {
  return change(std::move(resource), std::move(sender), std::move(recipients), false);
}

std::vector<OptOutOutcome> SmsConsent::check(const Resource& resource, const std::string& sender,
                                             const std::vector<std::string>& recipients) {
  std::vector<OptOutOutcome> outcomes = begin(resource, sender, recipients);
  resource.database->read([&](Session& session) {
    for (OptOutOutcome& outcome : outcomes)
      if (outcome.http_status == 200) outcome.opted_out = is_opted_out(session, resource, sender, outcome.to);
  });
  return outcomes;
}

bool SmsConsent::is_opted_out(Session& session, const Resource& resource, std::string_view sender, std::string_view recipient) {
  return records::is_opted_out(session, resource.key, sender, recipient);
}

service::OptOutPage SmsConsent::list(const Resource& resource, const std::optional<std::string>& sender, std::int32_t limit,
                                     const std::optional<std::string>& continuation) {
  check_limit(limit);
  std::string_view after_sender, after_recipient;
  if (continuation) {
    const auto space = continuation->rfind(' ');
    if (space == std::string::npos)
      throw Error(ErrorCode::kInvalidArgument, "the continuation is not one of ours", "continuation");
    after_sender = std::string_view(*continuation).substr(0, space);
    after_recipient = std::string_view(*continuation).substr(space + 1);
  }
  service::OptOutPage page;
  resource.database->read(
      [&](Session& session) { page.items = records::list(session, resource.key, sender, after_sender, after_recipient, limit); });
  if (page.items.size() == static_cast<std::size_t>(limit))
    page.continuation = page.items.back().sender + " " + page.items.back().recipient;
  return page;
}

service::ConsentPage SmsConsent::history(const Resource& resource, const std::optional<std::string>& recipient,
                                         std::int32_t limit, const std::optional<std::string>& continuation) {
  check_limit(limit);
  std::int64_t after = 0;
  if (continuation) {
    const auto number = parse_number<std::int64_t>(*continuation);
    if (!number) throw Error(ErrorCode::kInvalidArgument, "the continuation is not one of ours", "continuation");
    after = *number;
  }
  service::ConsentPage page;
  resource.database->read(
      [&](Session& session) { page.items = records::history(session, resource.key, recipient, after, limit); });
  if (page.items.size() == static_cast<std::size_t>(limit)) page.continuation = std::to_string(page.items.back().sequence);
  return page;
}

service::ConsentProof SmsConsent::verify(const Resource& resource) {
  service::ConsentProof proof;
  proof.intact = true;
  for (;;) {
    std::vector<ConsentEntry> page;
    const std::int64_t after = proof.entries;
    resource.database->read(
        [&](Session& session) { page = records::history(session, resource.key, std::nullopt, after, kVerifyPage); });
    for (const ConsentEntry& entry : page) {
      ++proof.entries;
      const bool good = entry.sequence == proof.entries && entry.digest == records::digest_of(proof.digest, entry);
      if (!good && proof.intact) {
        proof.intact = false;
        proof.first_broken = proof.entries;
      }
      // Lines go by their sequence: a missing one is the first that is broken, and those behind it still count.
      proof.entries = entry.sequence;
      proof.digest = entry.digest;
    }
    if (page.size() < static_cast<std::size_t>(kVerifyPage)) return proof;
  }
}

bool SmsConsent::note_keyword(Session& session, const Resource& resource, const ConsentKeyword& keyword, std::string_view sender,
                              std::string_view recipient, std::string_view message_id, std::optional<std::string> confirmation_id,
                              Time at) {
  bool answer = true;
  switch (keyword.action) {
    case ConsentAction::kOptOut:
      answer = records::set_opted_out(session, resource.key, sender, recipient, ConsentSource::kKeyword, unix_us(at));
      note_recall();
      break;
    case ConsentAction::kOptIn:
      answer = records::clear_opted_out(session, resource.key, sender, recipient);
      break;
    default:
      break;
  }
  ConsentEntry entry;
  entry.sender = sender;
  entry.recipient = recipient;
  entry.action = keyword.action;
  entry.source = ConsentSource::kKeyword;
  entry.keyword = keyword.keyword;
  entry.language = keyword.language;
  entry.message_id = std::string(message_id);
  if (answer) entry.confirmation_id = std::move(confirmation_id);
  entry.at = whole_us(at);
  records::append(session, resource.key, std::move(entry));
  return answer;
}

void SmsConsent::copy_rows(Session& session, const Resource& from, const Resource& to) {
  records::copy_rows(session, from.key, to.key);
}
void SmsConsent::drop_rows(Session& session, const Resource& resource) { records::drop_rows(session, resource.key); }

}  // namespace trunkline
