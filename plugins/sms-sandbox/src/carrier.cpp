#include "carrier.h"

#include <algorithm>
#include <chrono>

#include "segments.h"

namespace sms_sandbox {

using trunkline::CallOptions;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Time;
using trunkline::host::LogLevel;
using trunkline::sandbox::Phone;
using trunkline::sandbox::PhoneMessage;
using trunkline::sandbox::PhoneRule;
using trunkline::sms::InboundSms;
using trunkline::sms::SmsCapabilities;
using trunkline::sms::SmsSendRequest;
using trunkline::sms::SmsSendResult;

namespace {

constexpr std::size_t kMaxRecipients = 100;
constexpr int kMaxAttempts = 8;
constexpr Duration kFirstRetry = std::chrono::seconds(1);

/// Calls made on nobody's behalf: deliveries outlive the call that sent them.
CallOptions on_behalf_of(const World& world) {
  CallOptions options;
  options.resource = world.resource();
  return options;
}

}  // namespace

Carrier::Carrier(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)),
      clock_(host.clock()),
      log_(host.log()),
      executor_(host.executor()),
      events_(host.sms_events()),
      // Message ids must differ from those of an earlier process whose messages the host still knows; with a virtual clock,
      // they are still the same in every run.
      salt_(static_cast<std::uint64_t>(clock_.now().time_since_epoch().count())),
      queue_(clock_, [this](std::unique_ptr<Delivery> delivery) { return deliver(std::move(delivery)); }) {}

trunkline::Task<void> Carrier::stop() {
  std::map<std::string, std::shared_ptr<World>, std::less<>> worlds;
  {
    const std::lock_guard lock(mutex_);
    worlds = worlds_;
  }
  for (const auto& [resource, world] : worlds) world->end_all(Error(ErrorCode::kUnavailable, "the carrier stops"));
  return queue_.stop();
}

trunkline::Task<std::vector<SmsSendResult>> Carrier::send(Call call, SmsSendRequest request) {
  if (request.from.empty()) throw Error(ErrorCode::kInvalidArgument, "from: found nothing, wanted a sender", "from");
  if (request.recipients.empty() || request.recipients.size() > kMaxRecipients)
    throw Error(
        ErrorCode::kInvalidArgument,
        "recipients: found " + std::to_string(request.recipients.size()) + ", wanted 1 to " + std::to_string(kMaxRecipients),
        "recipients");
  const std::int32_t segments = count_segments(request.text, request.encoding);
  if (segments > settings_.max_segments)
    throw Error(ErrorCode::kInvalidArgument,
                "text: found " + std::to_string(segments) + " segments, wanted at most " + std::to_string(settings_.max_segments),
                "text");
  Accepted accepted = world(call.resource())->accept(request, call.idempotency_key(), segments, clock_.now());
  queue_.add(std::move(accepted.deliveries));
  co_return std::move(accepted.results);
}

SmsCapabilities Carrier::capabilities(const Call&) {
  SmsCapabilities capabilities;
  capabilities.delivery_reports = true;
  capabilities.inbound = true;
  capabilities.alphanumeric_sender = true;
  capabilities.idempotent = true;
  capabilities.max_recipients = kMaxRecipients;
  capabilities.max_segments = settings_.max_segments;
  return capabilities;
}

/// Each step is done once, whatever the number of attempts: the phone first, then the host hears of it.
trunkline::Task<void> Carrier::deliver(std::unique_ptr<Delivery> held) {
  Delivery& delivery = *held;
  std::optional<Error> trouble;
  try {
    if (delivery.arrives && !delivery.arrived) {
      // After a reset the phones are new people; the host still gets its report.
      if (!delivery.world->arrive(delivery)) delivery.reply.reset();
      delivery.arrived = true;
    }
    if (delivery.arrives && delivery.on_net && !delivery.looped_back) {
      co_await loop_back(delivery);
      delivery.looped_back = true;
    }
    if (delivery.report) {
      trunkline::sms::DeliveryReport report = *delivery.report;
      CallOptions options = on_behalf_of(*delivery.world);
      co_await events_.delivery_report(std::move(report), std::move(options));
      delivery.report.reset();
    }
    if (delivery.reply && !delivery.replied) {
      co_await reply(delivery);
      delivery.replied = true;
    }
  } catch (...) {
    trouble = trunkline::current_error();
  }
  if (trouble) retry(std::move(held), *trouble);
}

/// The recipient is a number of this runtime: what was sent comes back in as a message to it.
trunkline::Task<void> Carrier::loop_back(const Delivery& delivery) {
  InboundSms inbound;
  inbound.provider_message_id = delivery.provider_message_id;
  inbound.from = delivery.from;
  inbound.to = delivery.to;
  inbound.text = delivery.text;
  inbound.segments = delivery.segments;
  inbound.received_at = delivery.as_seen.at;
  CallOptions options = on_behalf_of(*delivery.world);
  co_await events_.received(std::move(inbound), std::move(options));
}

trunkline::Task<void> Carrier::reply(Delivery& delivery) {
  const Time now = clock_.now();
  if (delivery.reply_id.empty())
    delivery.reply_id = delivery.world->send_from_phone(delivery.to, delivery.from, *delivery.reply, now);
  InboundSms inbound;
  inbound.provider_message_id = delivery.reply_id;
  inbound.from = delivery.to;
  inbound.to = delivery.from;
  inbound.text = *delivery.reply;
  inbound.segments = count_segments(inbound.text, trunkline::sms::Encoding::kAuto);
  inbound.received_at = now;
  if (!delivery.world->resource().empty()) inbound.resource = delivery.world->resource();
  CallOptions options = on_behalf_of(*delivery.world);
  co_await events_.received(std::move(inbound), std::move(options));
}

/// A carrier repeats a report until it is taken, in growing intervals, and gives up after some time.
void Carrier::retry(std::unique_ptr<Delivery> delivery, const Error& error) {
  const int attempt = ++delivery->attempts;
  const bool again = attempt < kMaxAttempts;
  log_.write(again ? LogLevel::kWarning : LogLevel::kError,
             again ? "the host did not take a report; trying again" : "the host did not take a report; giving up",
             trunkline::Properties{
                 {"message_id", delivery->as_seen.message_id}, {"error", error.message}, {"attempt", std::to_string(attempt)}});
  if (again) queue_.add(clock_.now() + kFirstRetry * (1 << (attempt - 1)), std::move(delivery));
}

trunkline::Task<std::vector<Phone>> Carrier::phones(Call call) { co_return world(call.resource())->phones(); }

trunkline::Task<std::vector<PhoneMessage>> Carrier::messages(Call call, std::string number) {
  co_return world(call.resource())->messages(number);
}

trunkline::Task<std::string> Carrier::send_from_phone(Call call, std::string from, std::string to, std::string text) {
  if (!is_e164(from)) throw Error(ErrorCode::kInvalidArgument, "from: found \"" + from + "\", wanted a number in E.164", "from");
  if (to.empty()) throw Error(ErrorCode::kInvalidArgument, "to: found nothing, wanted a number of a resource", "to");
  InboundSms inbound;
  inbound.segments = count_segments(text, trunkline::sms::Encoding::kAuto);
  inbound.received_at = clock_.now();
  const std::shared_ptr<World> sender = world(call.resource());
  inbound.provider_message_id = sender->send_from_phone(from, to, text, inbound.received_at);
  inbound.from = std::move(from);
  inbound.to = std::move(to);
  inbound.text = std::move(text);
  if (!sender->resource().empty()) inbound.resource = sender->resource();
  std::string id = inbound.provider_message_id;
  CallOptions options = call.forward();
  co_await events_.received(std::move(inbound), std::move(options));
  co_return id;
}

trunkline::Task<void> Carrier::add_rule(Call call, PhoneRule rule) {
  check_rule(rule, "rule.");
  world(call.resource())->add_rule(std::move(rule));
  co_return;
}

trunkline::Task<std::vector<PhoneRule>> Carrier::rules(Call call) { co_return world(call.resource())->rules(); }

trunkline::Task<void> Carrier::reset(Call call) {
  world(call.resource())->reset();
  co_return;
}

trunkline::Task<std::int64_t> Carrier::changes(Call call, std::int64_t since) {
  const std::shared_ptr<World> phones = world(call.resource());
  const auto watch = std::make_shared<World::Watch>();
  // Over the executor: a subscription cannot end from inside its own function.
  const trunkline::CancelSubscription subscription = call.on_cancel([this, phones, watch] {
    executor_.start_yield({}, [phones, watch](trunkline::Result<void>) {
      phones->end(watch, Error(ErrorCode::kCancelled, "the caller cancelled the operation"));
    });
  });
  auto start = [&](auto done) { phones->watch(watch, since, std::move(done)); };
  co_return co_await trunkline::from_callback<std::int64_t>(std::move(start));
}

std::shared_ptr<World> Carrier::world(std::string_view resource) {
  const std::lock_guard lock(mutex_);
  auto found = worlds_.find(resource);
  if (found == worlds_.end())
    found = worlds_.emplace(std::string(resource), std::make_shared<World>(std::string(resource), settings_, salt_)).first;
  return found->second;
}

}  // namespace sms_sandbox
