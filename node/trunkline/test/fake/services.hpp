// What an application sees, simplified.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "event_log.hpp"
#include "tools.hpp"
#include "trunkline/service_provider.hpp"

namespace trunkline::fake {

class FakeSms final : public service::SmsService {
 public:
  FakeSms(Worker& worker, std::shared_ptr<EventLog> log) : worker_(worker), log_(std::move(log)) {}
  void start_send(const Call& call, service::SmsMessageView message,
                  Completion<std::vector<service::SmsSendOutcome>> done) override {
    const service::SmsMessage owned = message.copy();
    if (owned.message == "hang") {
      hung_.park(std::move(done));
      return;
    }
    if (owned.message == "until cancelled") {
      auto waiting = shared(std::move(done));
      subscription_ = call.on_cancel([this, waiting] {
        log_->publish("cancelled", "", "{}");
        worker_.post([waiting] { waiting->reject(Error(ErrorCode::kCancelled, "the caller cancelled the operation")); });
      });
      return;
    }
    if (owned.message == "deadline") {
      const auto deadline = call.deadline();
      return done.reject(
          Error(ErrorCode::kDeadlineExceeded, deadline ? std::to_string(deadline->time_since_epoch().count()) : "none"));
    }
    auto answer = [log = log_, owned,
                   key = std::string(call.idempotency_key())](Completion<std::vector<service::SmsSendOutcome>> to) {
      if (owned.message.starts_with("error ")) return to.reject(asked_error(owned.message));
      std::vector<service::SmsSendOutcome> outcomes;
      for (std::size_t i = 0; i < owned.to.size(); ++i) {
        service::SmsSendOutcome outcome;
        outcome.to = owned.to[i];
        outcome.message_id = owned.message + "-" + std::to_string(i) + (key.empty() ? "" : "-" + key);
        outcome.successful = true;
        outcome.http_status = 202;
        outcomes.push_back(std::move(outcome));
        if (owned.delivery_report)
          log->publish("Report", owned.to[i],
                       "{\"messageId\":\"" + *outcomes.back().message_id + "\",\"tag\":\"" + owned.tag.value_or("") + "\"}");
      }
      to.resolve(outcomes);
    };
    if (owned.message == "inline") return answer(std::move(done));
    worker_.post([answer, waiting = shared(std::move(done))] { answer(std::move(*waiting)); });
  }
  Task<service::SmsRecord> get(Call, std::string message_id) override {
    service::SmsRecord record;
    record.message_id = std::move(message_id);
    record.from = "+1";
    record.to = "+2";
    record.message = "grüße 😀 \xff!";  // the last byte but one is no UTF-8
    record.state = static_cast<sms::MessageState>(99);
    record.reason = sms::FailureReason::kBlocked;
    record.provider_code = "30007";
    record.segments = 2;
    record.created_at = Time(std::chrono::milliseconds(1767225600123));
    record.updated_at = Time(std::chrono::milliseconds(-1));
    co_return record;
  }
  Task<service::SmsPage> list(Call, std::int32_t limit, std::optional<std::string> continuation) override {
    service::SmsPage page;
    for (std::int32_t i = 0; i < limit; ++i) {
      service::SmsRecord record;
      record.message_id = "m" + std::to_string(i);
      record.message = std::string(100, 'x');
      page.items.push_back(std::move(record));
    }
    page.continuation = std::move(continuation);
    co_return page;
  }
  void close() { hung_.fail_all(Error(ErrorCode::kCancelled, "the runtime closes")); }

 private:
  Worker& worker_;
  std::shared_ptr<EventLog> log_;
  Parked<std::vector<service::SmsSendOutcome>> hung_;
  CancelSubscription subscription_;
};

class FakeEvents final : public service::EventsService {
 public:
  explicit FakeEvents(std::shared_ptr<EventLog> log) : log_(std::move(log)) {}
  Task<std::unique_ptr<StreamSource<service::Event>>> subscribe(Call, service::EventFilter filter) override {
    if (filter.subject_begins_with == "refuse")
      throw Error(ErrorCode::kInvalidArgument, "no such subject", "filter.subjectBeginsWith");
    const std::int64_t after = filter.after.value_or(log_->last());
    co_return std::make_unique<EventLog::Source>(log_, std::move(filter), after);
  }

 private:
  std::shared_ptr<EventLog> log_;
};

class FakeIdentity final : public service::IdentityService {
 public:
  Task<service::UserWithToken> create_user(Call, std::vector<identity::TokenScope> scopes, std::optional<std::string> custom_id,
                                           Duration lifetime) override {
    service::UserWithToken made;
    made.user = {"8:acs:r_u", std::move(custom_id), Time{}};
    if (!scopes.empty()) {
      identity::AccessToken token;
      token.token = "ey.secret.token";
      token.expires_at = Time(lifetime);
      made.token = token;
    }
    co_return made;
  }
  Task<identity::TokenClaims> verify_token(Call, std::string token) override {
    identity::TokenClaims claims;
    claims.user_id = std::move(token);
    claims.scopes = {identity::TokenScope::kChat, static_cast<identity::TokenScope>(77)};
    claims.claims = R"({"skypeid":"u","nested":[1,{"é":null}]})";
    co_return claims;
  }
};

class FakeNumbers final : public service::NumbersService {
 public:
  Task<service::NumberSearch> search(Call, service::NumberQuery query) override {
    service::NumberSearch found;
    found.search_id = query.country_code + std::to_string(static_cast<int>(query.type)) + std::to_string(query.quantity);
    found.cost_micros = 9007199254740993;
    co_return found;
  }
};

class FakeRuntime final : public service::RuntimeService {
 public:
  explicit FakeRuntime(std::shared_ptr<EventLog> log) : log_(std::move(log)) {}
  std::string version(const Call&) override { return "0.0-fake"; }
  Time now(const Call&) override { return Time(Duration(now_.load())); }
  Task<Time> advance(Call, Duration by) override {
    if (by < Duration{0}) throw Error(ErrorCode::kInvalidArgument, "the clock does not go back", "by");
    log_->publish("advanced", "", std::to_string(by.count()));
    co_return Time(Duration(now_ += by.count()));
  }
  Task<void> settle(Call) override { co_return; }
  Task<std::string> metrics(Call) override { co_return std::string("# HELP\n"); }
  Task<std::vector<service::PluginInfo>> list_plugins(Call) override { co_return std::vector<service::PluginInfo>(3); }

 private:
  std::shared_ptr<EventLog> log_;
  std::atomic<std::int64_t> now_{1'000'000'000};
};

class FakeResources final : public service::ResourcesService {
 public:
  Task<service::ResourceInfo> get(Call, std::string name) override {
    service::ResourceInfo info;
    info.name = std::move(name);
    info.primary_key = "a2V5";
    info.secondary_key = "a2V5";
    co_return info;
  }
};

}  // namespace trunkline::fake
