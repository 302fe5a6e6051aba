// What becomes known of a recipient: its state, its event, and whether it gets mail again.
#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/events/event_log.h"
#include "runtime/services/context.h"
#include "runtime/services/email_dispatcher.h"
#include "runtime/services/email_event_data.h"

namespace trunkline {
namespace {

using email::EmailState;
using email_records::StoredSuppression;

constexpr Duration kFirstLease = std::chrono::hours{24};
constexpr Duration kLongestLease = std::chrono::hours{14 * 24};
constexpr std::int32_t kMaxHits = 8;

/// The mailbox or its domain does not exist. What a server has against the mail itself says nothing about the mailbox.
bool is_about_mailbox(const std::optional<std::string>& status_code) {
  if (!status_code || status_code->empty()) return true;
  return status_code->starts_with("5.1.") || *status_code == "5.2.1" || *status_code == "5.4.4" || *status_code == "5.0.0";
}

/// After a hard bounce an address gets no mail for a day, and longer each time.
void suppress_bounced(store::Session& session, const Resource& resource, const std::string& address,
                      const std::optional<std::string>& detail, Time at) {
  StoredSuppression one;
  for (StoredSuppression& held : email_records::find_suppressions(session, resource.key, address, "")) {
    if (!held.record.sender_address.empty()) continue;
    if (held.record.reason != service::SuppressionReason::kHardBounce) return;  // somebody's wish stands
    one = std::move(held);
  }
  one.record.address = address;
  one.record.reason = service::SuppressionReason::kHardBounce;
  one.record.detail = detail.value_or("");
  one.record.created_at = at;
  one.record.expires_at = at + std::min(kLongestLease, kFirstLease * (1 << one.hits));
  one.hits = std::min(one.hits + 1, kMaxHits);
  email_records::put_suppression(session, resource.key, one);
}

void suppress_complaining(store::Session& session, const Resource& resource, const std::string& address,
                          const std::optional<std::string>& detail, Time at) {
  StoredSuppression one;
  one.record.address = address;
  one.record.reason = service::SuppressionReason::kComplaint;
  one.record.detail = detail.value_or("");
  one.record.created_at = at;
  email_records::put_suppression(session, resource.key, one);
}

}  // namespace

bool apply_email_change(ServiceContext& context, store::Session& session, const Resource& resource,
                        const service::EmailOperation& operation, const std::string& traceparent,
                        const email_records::Change& change, Time at, const std::string& event_id) {
  if (!email_records::apply(session, resource.key, operation.operation_id, change)) return false;
  const std::string address = operation.recipients.front().address;
  const Time now = context.clock.now();  // reports may be told of long after
  if (change.state == EmailState::kBounced && is_about_mailbox(change.status_code))
    suppress_bounced(session, resource, to_lower(address), change.detail, now);
  if (change.state == EmailState::kComplained) suppress_complaining(session, resource, to_lower(address), change.detail, now);
  if (delivery_status_word(change.state).empty()) return true;
  NewEvent event;
  event.id = event_id;
  event.type = kEmailDeliveryReportType;
  event.subject = email_subject(operation.sender_address, operation.operation_id);
  event.topic = resource.arm_id;
  event.time = at;
  event.data_version = "1.0";
  event.traceparent = traceparent;
  event.data = email_report_data(operation, address, change.state, change.status_code, change.detail, at);
  context.events.append(session, resource.key, event);
  return true;
}

}  // namespace trunkline
