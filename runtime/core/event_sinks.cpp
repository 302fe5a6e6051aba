#include "runtime/core/event_sinks.h"

#include "runtime/calls/call_service.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/chat_service.h"
#include "runtime/services/email_service.h"
#include "runtime/services/sms_service.h"
#include "trunkline/chat_provider.hpp"
#include "trunkline/email_provider.hpp"
#include "trunkline/identity_provider.hpp"
#include "trunkline/pstn_provider.hpp"
#include "trunkline/pstnsandbox_provider.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline {

class EventSinks::SmsSink final : public sms::SmsEvents {
 public:
  SmsSink(SmsService& service, std::string provider) : service_(service), provider_(std::move(provider)) {}
  Task<void> delivery_report(Call, sms::DeliveryReport report) override {
    co_await service_.on_delivery_report(provider_, std::move(report));
  }
  Task<void> received(Call, sms::InboundSms message) override { co_await service_.on_received(provider_, std::move(message)); }

 private:
  SmsService& service_;
  const std::string provider_;
};

class EventSinks::IdentitySink final : public identity::IdentityEvents {
 public:
  IdentitySink(Log& log, std::string provider) : log_(log), provider_(std::move(provider)) {}
  Task<void> keys_rotated(Call, std::vector<identity::SigningKey> keys) override {
    log_.info("identity", "signing keys were rotated", {{"provider", provider_}, {"keys", keys.size()}});
    co_return;
  }

 private:
  Log& log_;
  const std::string provider_;
};

class EventSinks::ChatSink final : public chat::ChatEvents {
 public:
  ChatSink(ChatService& service, std::string provider) : service_(service), provider_(std::move(provider)) {}
  Task<void> changed(Call call, std::string resource_id, chat::ChatChange change,
                     std::optional<host::StoreBatch> batch) override {
    co_await service_.on_changed(provider_, std::move(resource_id), std::move(change), std::move(batch),
                                 std::string(call.traceparent()));
  }

 private:
  ChatService& service_;
  const std::string provider_;
};

class EventSinks::EmailSink final : public email::EmailEvents {
 public:
  EmailSink(EmailService& service, std::string provider) : service_(service), provider_(std::move(provider)) {}
  Task<void> report(Call, email::EmailReport report) override { co_await service_.on_report(provider_, std::move(report)); }
  Task<void> engagement(Call, email::EmailEngagement engagement) override {
    co_await service_.on_engagement(provider_, std::move(engagement));
  }
  Task<void> received(Call, email::InboundEmail message) override {
    co_await service_.on_received(provider_, std::move(message));
  }

 private:
  EmailService& service_;
  const std::string provider_;
};

class EventSinks::PstnSink final : public pstn::PstnEvents {
 public:
  PstnSink(calls::CallService& service, std::string provider) : service_(service), provider_(std::move(provider)) {}
  Task<void> incoming(Call call, std::string leg_id, std::string from, std::string to, Properties headers) override {
    if (from.starts_with("8:"))
      service_.on_user_incoming(provider_, std::string(call.resource()), std::move(leg_id), std::move(from), std::move(to),
                                headers);
    else
      service_.on_incoming(provider_, std::move(leg_id), std::move(from), std::move(to), headers);
    co_return;
  }
  Task<void> changed(Call, std::string leg_id, pstn::LegChange change) override {
    service_.on_leg_changed(leg_id, change);
    co_return;
  }
  Task<void> transfer_asked(Call, std::string leg_id, std::string to) override {
    service_.on_transfer_asked(leg_id, to);
    co_return;
  }
  Task<void> transferred(Call, std::string leg_id, pstn::TransferOutcome outcome) override {
    service_.on_transferred(leg_id, outcome);
    co_return;
  }

 private:
  calls::CallService& service_;
  const std::string provider_;
};

class EventSinks::PstnAudioSink final : public pstn::PstnAudioEvents {
 public:
  explicit PstnAudioSink(calls::CallService& service) : service_(service) {}
  void heard(const Call&, std::string_view leg_id, std::int64_t position, BytesView samples) override {
    service_.on_heard(leg_id, position, samples);
  }

 private:
  calls::CallService& service_;
};

class EventSinks::PstnSandboxSink final : public pstnsandbox::PstnSandboxEvents {
 public:
  explicit PstnSandboxSink(calls::CallService& service) : service_(service) {}
  Task<void> spoke(Call, std::string leg_id, std::string text, Duration lasts) override {
    service_.on_spoke(leg_id, text, lasts);
    co_return;
  }

 private:
  calls::CallService& service_;
};

EventSinks::EventSinks(SmsService& sms, ChatService& chat, EmailService& email, calls::CallService& calls, Log& log)
    : sms_(sms), chat_(chat), email_(email), calls_(calls), log_(log) {}
EventSinks::~EventSinks() = default;

tl_iface EventSinks::sms(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<SmsSink>& sink = sms_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<SmsSink>(sms_, std::string(provider));
  return iface_of(static_cast<sms::SmsEvents*>(sink.get()));
}

tl_iface EventSinks::identity(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<IdentitySink>& sink = identity_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<IdentitySink>(log_, std::string(provider));
  return iface_of(static_cast<identity::IdentityEvents*>(sink.get()));
}

tl_iface EventSinks::chat(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<ChatSink>& sink = chat_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<ChatSink>(chat_, std::string(provider));
  return iface_of(static_cast<chat::ChatEvents*>(sink.get()));
}

tl_iface EventSinks::email(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<EmailSink>& sink = email_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<EmailSink>(email_, std::string(provider));
  return iface_of(static_cast<email::EmailEvents*>(sink.get()));
}

tl_iface EventSinks::pstn(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<PstnSink>& sink = pstn_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<PstnSink>(calls_, std::string(provider));
  return iface_of(static_cast<pstn::PstnEvents*>(sink.get()));
}

tl_iface EventSinks::pstn_audio(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<PstnAudioSink>& sink = pstn_audio_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<PstnAudioSink>(calls_);
  return iface_of(static_cast<pstn::PstnAudioEvents*>(sink.get()));
}

tl_iface EventSinks::pstn_sandbox(std::string_view provider) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<PstnSandboxSink>& sink = pstn_sandbox_sinks_[std::string(provider)];
  if (!sink) sink = std::make_unique<PstnSandboxSink>(calls_);
  return iface_of(static_cast<pstnsandbox::PstnSandboxEvents*>(sink.get()));
}

}  // namespace trunkline
