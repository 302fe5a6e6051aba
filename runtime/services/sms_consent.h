// Who does not want to be written to, by sender.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource_service.h"
#include "runtime/services/sms_senders.h"
#include "runtime/sms/keywords.h"
#include "trunkline/service.hpp"

namespace trunkline {

/// [any-thread] An opt-out holds for one sender and one recipient. It is checked in the transaction that accepts a message and
/// once more in the one that hands it over, so that nothing that was queued or scheduled goes to somebody who said STOP since.
class SmsConsent final : public ResourceParticipant {
 public:
  SmsConsent(ServiceContext& context, const SmsSenderBook& senders) : context_(context), senders_(senders) {}

  /// One outcome for each recipient, in order. Errors: kInvalidArgument (sender; 1 to 100 recipients), kUnauthenticated (the
  /// sender is not the resource's).
  Task<std::vector<service::OptOutOutcome>> add(ResourcePtr resource, std::string sender, std::vector<std::string> recipients);
  Task<std::vector<service::OptOutOutcome>> remove(ResourcePtr resource, std::string sender, std::vector<std::string> recipients);
  std::vector<service::OptOutOutcome> check(const Resource& resource, const std::string& sender,
                                            const std::vector<std::string>& recipients);
  /// Errors: kInvalidArgument (limit, continuation).
  service::OptOutPage list(const Resource& resource, const std::optional<std::string>& sender, std::int32_t limit,
                           const std::optional<std::string>& continuation);
  service::ConsentPage history(const Resource& resource, const std::optional<std::string>& recipient, std::int32_t limit,
                               const std::optional<std::string>& continuation);
  service::ConsentProof verify(const Resource& resource);

  /// What an inbound keyword asked for; notes it and tells whether it is to be answered: a STOP after a STOP is not, so that two
  /// machines cannot talk to each other for ever. `confirmation_id` is the id that the answer will have. [writer thread,
  /// re-runnable]
  bool note_keyword(store::Session& session, const Resource& resource, const ConsentKeyword& keyword, std::string_view sender,
                    std::string_view recipient, std::string_view message_id, std::optional<std::string> confirmation_id, Time at);
  /// [writer thread or a reader]
  static bool is_opted_out(store::Session& session, const Resource& resource, std::string_view sender,
                           std::string_view recipient);

  /// Counts changes that recall messages: when it has not moved since a message was accepted, the message need not be checked
  /// again. Moves inside the transactions.
  std::uint64_t recalls() const { return recalls_.load(std::memory_order_acquire); }
  void note_recall() { recalls_.fetch_add(1, std::memory_order_acq_rel); }

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;

 private:
  Task<std::vector<service::OptOutOutcome>> change(ResourcePtr resource, std::string sender, std::vector<std::string> recipients,
                                                   bool opt_out);
  std::vector<service::OptOutOutcome> begin(const Resource& resource, const std::string& sender,
                                            const std::vector<std::string>& recipients) const;

  ServiceContext& context_;
  const SmsSenderBook& senders_;
  std::atomic<std::uint64_t> recalls_{1};
};

}  // namespace trunkline
