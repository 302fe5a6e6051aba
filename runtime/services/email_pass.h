// Internal to the dispatcher of mail: one delivery of an operation.
#pragma once
#include <string>
#include <vector>

#include "runtime/services/email_dispatcher.h"

namespace trunkline {

/// What a delivery needs, and what it found out.
struct EmailDispatcher::Pass {
  MailPtr mail;
  email::EmailSendRequest request;  // without recipients and, where mail is personal, without its links
  std::vector<OutgoingEmail::Recipient> left;
  std::vector<email_records::Change> changes;
  DecisionLines decision;
  bool tracked = false;
  bool unsubscribe = false;
  /// A server said something about a recipient.
  bool answered = false;
  std::string last_problem;

  Pass(MailPtr m, Time now) : mail(std::move(m)), decision(now) {}
};

/// It gets no mail, and no provider has it.
inline bool is_dropped(email::EmailState state) {
  return state == email::EmailState::kFailed || state == email::EmailState::kSuppressed;
}

}  // namespace trunkline
