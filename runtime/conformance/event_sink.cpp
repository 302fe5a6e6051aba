#include "runtime/conformance/event_sink.h"

#include <algorithm>

#include "runtime/plugin/resource_store.h"

namespace trunkline::conformance {

void EventSink::note() {
  if (closed_) late_.fetch_add(1);
  events_.fetch_add(1);
  pulse_.beat();
  if (refusals_.load() > 0 && refusals_.fetch_sub(1) > 0) throw Error(ErrorCode::kUnavailable, "the host cannot keep it now");
}

Task<void> EventSink::delivery_report(Call, sms::DeliveryReport report) {
  note();
  keep(reports_, std::move(report));
  co_return;
}
Task<void> EventSink::received(Call, sms::InboundSms) {
  note();
  co_return;
}
Task<void> EventSink::keys_rotated(Call, std::vector<identity::SigningKey>) {
  note();
  co_return;
}
Task<void> EventSink::changed(Call, std::string, chat::ChatChange change, std::optional<host::StoreBatch> batch) {
  note();
  auto write = [key = resource_key_, provider = provider_, batch = batch.value_or(host::StoreBatch{})](store::Session& session) {
    plugin::write_batch(session, key, provider, batch);
  };
  co_await database_.write(std::move(write));
  keep(chat_changes_, std::move(change));
}
Task<void> EventSink::report(Call, email::EmailReport report) {
  note();
  keep(email_reports_, std::move(report));
  co_return;
}
Task<void> EventSink::engagement(Call, email::EmailEngagement) {
  note();
  co_return;
}
Task<void> EventSink::received(Call, email::InboundEmail message) {
  note();
  keep(mails_, std::move(message));
  co_return;
}
Task<void> EventSink::incoming(Call, std::string, std::string, std::string, Properties) {
  note();
  co_return;
}
Task<void> EventSink::changed(Call, std::string leg_id, pstn::LegChange change) {
  note();
  LegEvent event{std::move(leg_id), std::move(change)};
  keep(leg_events_, std::move(event));
  co_return;
}
void EventSink::heard(const Call&, std::string_view leg_id, std::int64_t position, BytesView samples) {
  note();
  const std::lock_guard lock(mutex_);
  const bool after_end = std::any_of(leg_events_.begin(), leg_events_.end(), [&](const LegEvent& event) {
    return event.leg_id == leg_id && event.change.ended() != nullptr;
  });
  heard_.push_back({std::string(leg_id), position, samples.size(), after_end});
}

}  // namespace trunkline::conformance
