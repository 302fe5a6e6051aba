// Classes that implement interfaces, called through the C ABI.
#include "trunkline/sms_provider.hpp"

#include <gtest/gtest.h>

#include "trunkline/identity_client.hpp"
#include "trunkline/identity_provider.hpp"
#include "trunkline/interfaces.hpp"
#include "trunkline/media_client.hpp"
#include "trunkline/media_provider.hpp"
#include "trunkline/plugin.hpp"

namespace trunkline {
namespace {

using sms::SmsSendRequest;
using Results = std::vector<sms::SmsSendResult>;

class CoroutineSms : public sms::SmsProvider {
 public:
  Task<Results> send(Call call, SmsSendRequest request) override {
    if (request.text == "throw") throw Error(ErrorCode::kNotFound, "no route", "to");
    call.check_cancelled();
    Results results;
    for (const sms::Recipient& recipient : request.recipients)
      results.push_back({.message_id = recipient.message_id, .accepted = true});
    co_return results;
  }
  sms::SmsCapabilities capabilities(const Call&) override { return {.max_recipients = 7, .countries = {"US"}}; }
};

class CallbackSms : public sms::SmsProvider {
 public:
  void start_send(const Call&, sms::SmsSendRequestView request, Completion<Results> done) override {
    if (request.text() == "drop") return;
    if (request.text() == "throw") throw Error(ErrorCode::kNotFound, "no route", "to");
    if (request.text() == "keep") {
      kept = std::move(done);
      return;
    }
    if (request.text() == "keep and throw") {
      kept = std::move(done);
      throw Error(ErrorCode::kInternal, "nobody hears this");
    }
    done.resolve({});
  }
  sms::SmsCapabilities capabilities(const Call&) override { throw std::runtime_error("broken"); }
  Completion<Results> kept;
};

template <class F>
Error error_of(F fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

struct SmsFixture : ::testing::Test {
  CallTable table{"carrier"};
  CoroutineSms coroutine;
  CallbackSms callback;
  sms::SmsProviderClient coroutines{iface_of(&coroutine), table};
  sms::SmsProviderClient callbacks{iface_of(&callback), table};
};
using ProviderTest = SmsFixture;

TEST_F(ProviderTest, CoroutineForm) {
  const Results results = coroutines.send_sync({.recipients = {{"+1", "a"}, {"+2", "b"}}});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].message_id, "b");
  EXPECT_EQ(sync_wait(coroutines.send({.recipients = {{"+1", "a"}}})).size(), 1u);
  EXPECT_EQ(coroutines.capabilities().countries, std::vector<std::string>{"US"});
}

TEST_F(ProviderTest, ExceptionsBecomeErrors) {
  for (auto* client : {&coroutines, &callbacks}) {
    const Error error = error_of([&] { client->send_sync({.text = "throw"}); });
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_EQ(error.message, "no route");
    EXPECT_EQ(error.target, "to");
  }
  EXPECT_EQ(error_of([&] { callbacks.capabilities(); }).message, "broken");
}

TEST_F(ProviderTest, DroppedCompletionFailsTheCall) {
  EXPECT_EQ(error_of([&] { callbacks.send_sync({.text = "drop"}); }).message, "the operation was dropped");
}

TEST_F(ProviderTest, CompletionMayBeKept) {
  int done = 0;
  callbacks.start_send({.text = "keep"}, {}, [&](Result<Results> result) { done += result.ok() ? 1 : 100; });
  EXPECT_EQ(done, 0);
  callback.kept.resolve({});
  EXPECT_FALSE(callback.kept);
  EXPECT_EQ(done, 1);
  callbacks.start_send({.text = "keep and throw"}, {}, [&](Result<Results> result) { done += result.ok() ? 1 : 100; });
  EXPECT_EQ(done, 1);  // whoever holds the completion completes
  callback.kept.resolve({});
  EXPECT_EQ(done, 2);
}

TEST_F(ProviderTest, CancelledBeforeItStarts) {
  std::stop_source stop;
  stop.request_stop();
  CallOptions options;
  options.stop = stop.get_token();
  EXPECT_EQ(error_of([&] { coroutines.send_sync({}, options); }).code, ErrorCode::kCancelled);
}

TEST_F(ProviderTest, BrokenArgumentsAreRefused) {
  tl_sms_send_request request{};
  const Error* seen = nullptr;
  Error error;
  coroutines.start_send_raw(request, {}, [&](ListView<sms::SmsSendResult>, const Error* e) {
    seen = e;
    if (e) error = *e;
  });
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.target, "request");

  const auto* vtbl = static_cast<const tl_sms_provider*>(coroutines.raw().vtbl);
  tl_error* missing = nullptr;
  vtbl->send(
      coroutines.raw().self, nullptr, nullptr,
      [](void* user, const tl_list*, tl_error* e) { *static_cast<tl_error**>(user) = e; }, &missing);
  ASSERT_NE(missing, nullptr);
  EXPECT_EQ(ErrorHost::take(missing).message, "request: missing");
}

TEST_F(ProviderTest, DrainWaitsForWhatIsInFlight) {
  callbacks.start_send({.text = "keep"}, {}, [](Result<Results>) {});
  bool drained = false;
  callback.drain([](void* user) { *static_cast<bool*>(user) = true; }, &drained);
  EXPECT_FALSE(drained);
  EXPECT_EQ(error_of([&] { callbacks.send_sync({}); }).code, ErrorCode::kUnavailable);
  EXPECT_FALSE(drained);
  callback.kept.resolve({});
  EXPECT_TRUE(drained);
}

class LocalIdentity : public identity::IdentityProvider {
 public:
  Task<identity::AccessToken> exchange(Call, identity::ExchangeRequest request) override {
    const identity::Credential& credential = request.credential;
    identity::AccessToken token;
    if (credential.refresh_token())
      token.token = *credential.refresh_token();
    else if (credential.teams())
      token.token = credential.teams()->app_id;
    else
      throw Error(ErrorCode::kUnimplemented, "an unknown kind");
    co_return token;
  }
  identity::IdentityCapabilities capabilities(const Call&) override { return {.revocation = true}; }
};

TEST(Provider, UnionsAsArguments) {
  CallTable table("local");
  LocalIdentity object;
  identity::IdentityProviderClient client(iface_of(&object), table);
  EXPECT_EQ(client.exchange_sync({.credential = identity::Credential::of_refresh_token("r1")}).token, "r1");
  EXPECT_EQ(client.exchange_sync({.credential = identity::Credential::of_teams({"t", "app", "u"})}).token, "app");
  EXPECT_EQ(error_of([&] { client.exchange_sync({}); }).code, ErrorCode::kUnimplemented);
  EXPECT_EQ(error_of([&] { client.delete_user_sync("r", "u"); }).message, "delete_user is not implemented");
}

/// Counts down; the last frames, then the end.
class Frames : public StreamSource<media::AudioFrame> {
 public:
  Frames(int count, int* closed) : count_(count), closed_(closed) {}
  Task<std::vector<media::AudioFrame>> next(std::uint32_t max) override {
    if (count_ == 13) throw Error(ErrorCode::kDataLoss, "unlucky");
    std::vector<media::AudioFrame> frames;
    for (; count_ > 0 && frames.size() < max; --count_) frames.push_back({.position = count_, .samples = {1, 2}});
    co_return frames;
  }
  void close() override { ++*closed_; }

 private:
  int count_;
  int* closed_;
};
class Renderer : public media::MediaProvider {
 public:
  Task<std::unique_ptr<StreamSource<media::AudioFrame>>> render(Call, media::PlaySource source,
                                                                media::AudioFormat format) override {
    if (source.text() && source.text()->empty()) throw Error(ErrorCode::kInvalidArgument, "nothing to say");
    co_return std::make_unique<Frames>(format.frame_ms, &closed);
  }
  media::MediaCapabilities capabilities(const Call&) override { return {}; }
  int closed = 0;
};

struct StreamFixture : ::testing::Test {
  CallTable table{"media"};
  Renderer renderer;
  media::MediaProviderClient client{iface_of(&renderer), table};
  auto open(int frames) { return client.render_sync(media::PlaySource::of_text("hello"), {.frame_ms = frames}); }
};
using StreamTest = StreamFixture;

TEST_F(StreamTest, PullsToTheEndAndClosesOnce) {
  {
    StreamClient<media::AudioFrame> stream = open(5);
    EXPECT_EQ(sync_wait(stream.next(2)).size(), 2u);
    EXPECT_EQ(sync_wait(stream.next(100)).size(), 3u);
    EXPECT_TRUE(sync_wait(stream.next(100)).empty());
    EXPECT_EQ(renderer.closed, 0);
    stream.close();
    stream.close();
    EXPECT_EQ(error_of([&] { sync_wait(stream.next()); }).code, ErrorCode::kFailedPrecondition);
  }
  EXPECT_EQ(renderer.closed, 1);
}

TEST_F(StreamTest, DroppingClosesAndErrorsPass) {
  { auto stream = open(5); }
  EXPECT_EQ(renderer.closed, 1);
  auto stream = open(13);
  EXPECT_EQ(error_of([&] { sync_wait(stream.next()); }).code, ErrorCode::kDataLoss);
  EXPECT_EQ(error_of([&] { client.render_sync(media::PlaySource::of_text(""), {}); }).code, ErrorCode::kInvalidArgument);
}

/// The host side of a plugin under test.
struct FakeHost {
  class Events : public sms::SmsEvents {
   public:
    Task<void> delivery_report(Call, sms::DeliveryReport report) override {
      reports.push_back(report.message_id);
      co_return;
    }
    std::vector<std::string> reports;
  };
  Events events;
  tl_host host{};
  FakeHost() {
    host.struct_size = sizeof host;
    host.abi = TL_ABI_CURRENT;
    host.ctx = this;
    ErrorHost::install(host);
    host.get_interface = [](void* ctx, tl_str id) { return static_cast<FakeHost*>(ctx)->events.find(abi::text(id)); };
  }
};

/// Two interfaces with an operation of the same name, and events to the host.
class Combined : public CoroutineSms {
 public:
  Combined(Host host, std::string_view config) : host_(host) {
    if (config == "bad") throw Error(ErrorCode::kInvalidArgument, "bad config", "config");
    include(identity_);
  }
  Task<Results> send(Call call, SmsSendRequest request) override {
    sms::DeliveryReport report{.message_id = request.recipients.at(0).message_id, .state = sms::MessageState::kDelivered};
    co_await host_.sms_events().delivery_report(std::move(report), call.forward());
    co_return Results{};
  }
  Task<void> stop() {
    stopped = true;
    co_return;
  }
  static inline bool stopped = false;

 private:
  Host host_;
  LocalIdentity identity_;
};

TEST(Plugin, LifeOfAnInstance) {
  constexpr tl_plugin_entry entry = abi::plugin_entry<Combined>();
  EXPECT_EQ(entry.abi_built, TL_ABI_CURRENT);
  FakeHost host;
  tl_plugin* plugin = nullptr;
  tl_error* error = nullptr;
  EXPECT_NE(entry.create(&host.host, abi::text("bad"), &plugin, &error), 0);
  EXPECT_EQ(plugin, nullptr);
  EXPECT_EQ(ErrorHost::take(error).target, "config");

  ASSERT_EQ(entry.create(&host.host, abi::text("{}"), &plugin, &error), 0);
  CallTable table("combined");
  EXPECT_EQ(entry.get_interface(plugin, abi::text("trunkline.email/9")).vtbl, nullptr);
  sms::SmsProviderClient sms(entry.get_interface(plugin, abi::text(sms::SmsProvider::kInterfaceId)), table);
  identity::IdentityProviderClient identity(entry.get_interface(plugin, abi::text(identity::IdentityProvider::kInterfaceId)),
                                            table);
  EXPECT_TRUE(identity.capabilities().revocation);
  sms.send_sync({.recipients = {{"+1", "m7"}}});
  EXPECT_EQ(host.events.reports, std::vector<std::string>{"m7"});
  EXPECT_EQ(error_of([&] { sms.send_sync({}); }).code, ErrorCode::kInternal);  // vector::at threw

  bool stopped = false;
  entry.stop(
      plugin, [](void* user) { *static_cast<bool*>(user) = true; }, &stopped);
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(Combined::stopped);
  EXPECT_EQ(error_of([&] { identity.delete_user_sync("r", "u"); }).code, ErrorCode::kUnavailable);
  entry.destroy(plugin);
}

TEST(Interfaces, MissingSlotsHaveNames) {
  const abi::InterfaceInfo* info = abi::find_interface("trunkline.sms/1");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->kind, abi::InterfaceKind::kProvider);
  EXPECT_EQ(abi::find_interface("trunkline.sms/2"), nullptr);
  CoroutineSms object;
  tl_sms_provider vtbl = *static_cast<const tl_sms_provider*>(iface_of(&object).vtbl);
  EXPECT_EQ(abi::missing_slot(*info, &vtbl), "");
  vtbl.capabilities = nullptr;
  EXPECT_EQ(abi::missing_slot(*info, &vtbl), "capabilities");
  vtbl.struct_size = 8;
  EXPECT_EQ(abi::missing_slot(*info, &vtbl), "send");
}

}  // namespace
}  // namespace trunkline
