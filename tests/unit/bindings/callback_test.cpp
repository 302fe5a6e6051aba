// One `done` type for all calls with the same result: exactly one completion, and coroutines that wait for it.
#include "trunkline/callback.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

struct Taker final : abi::Receiver<std::string> {
  void complete(Result<std::string> result) noexcept override { results.push_back(std::move(result)); }
  std::vector<Result<std::string>> results;
};

TEST(Callback, CompletesItsReceiverOnce) {
  Taker taker;
  {
    abi::Callback<std::string> done(taker);
    abi::Callback<std::string> moved(std::move(done));
    moved(std::string("yes"));
  }
  ASSERT_EQ(taker.results.size(), 1u);
  EXPECT_EQ(taker.results[0].value(), "yes");
}

TEST(Callback, DroppedIsAnError) {
  Taker taker;
  { const abi::Callback<std::string> done(taker); }
  ASSERT_EQ(taker.results.size(), 1u);
  ASSERT_FALSE(taker.results[0].ok());
  EXPECT_EQ(taker.results[0].error().code, ErrorCode::kInternal);
}

/// Waits for what `begin` starts, as the generated clients do.
Task<std::string> wait_for(std::optional<abi::Callback<std::string>>* later, std::optional<Result<std::string>> at_once) {
  abi::Awaited<std::string> answer;
  abi::Callback<std::string> done(answer);
  if (at_once)
    done(std::move(*at_once));
  else
    later->emplace(std::move(done));
  co_return co_await answer;
}

TEST(Awaited, GoesOnWithWhatHasCompletedAlready) {
  EXPECT_EQ(sync_wait(wait_for(nullptr, Result<std::string>(std::string("now")))), "now");
}

TEST(Awaited, IsResumedByTheCompletion) {
  std::optional<abi::Callback<std::string>> later;
  std::string found;
  spawn(wait_for(&later, std::nullopt), [&](Result<std::string> result) { found = std::move(result).value(); });
  EXPECT_EQ(found, "");
  (*later)(std::string("later"));
  EXPECT_EQ(found, "later");
}

TEST(Awaited, ThrowsTheError) {
  std::optional<abi::Callback<std::string>> later;
  std::optional<ErrorCode> code;
  spawn(wait_for(&later, std::nullopt), [&](Result<std::string> result) { code = result.error().code; });
  later.reset();
  EXPECT_EQ(code, ErrorCode::kInternal);
}

using Results = std::vector<sms::SmsSendResult>;

struct SmsTaker final : abi::Receiver<Results> {
  void complete(Result<Results> result) noexcept override { found.emplace(std::move(result)); }
  std::optional<Result<Results>> found;
};

TEST(Callback, IsWhatAClientCanBeGiven) {
  struct Plugin {
    static void send(void*, const tl_call*, const tl_sms_send_request* request, tl_sms_provider_send_done done, void* user) {
      tl_sms_send_result result{};
      result.struct_size = sizeof result;
      result.provider_message_id = request->from;
      const tl_list list{&result, 1, sizeof result};
      done(user, &list, nullptr);
    }
  };
  static constexpr tl_sms_provider kVtbl{sizeof(tl_sms_provider), 0, &Plugin::send, nullptr};
  CallTable calls("test");
  const sms::SmsProviderClient client({nullptr, &kVtbl}, calls);
  sms::SmsSendRequest request;
  request.from = "+4512345678";
  SmsTaker taker;
  client.start_send(request, {}, abi::Callback<Results>(taker));
  ASSERT_TRUE(taker.found && taker.found->ok());
  EXPECT_EQ(taker.found->value().at(0).provider_message_id, "+4512345678");
  EXPECT_EQ(calls.pending(), 0u);

  // What the other side does not have fails through the same callback.
  const sms::SmsProviderClient nothing({}, calls);
  SmsTaker refused;
  nothing.start_send(request, {}, abi::Callback<Results>(refused));
  ASSERT_TRUE(refused.found && !refused.found->ok());
  EXPECT_EQ(refused.found->error().code, ErrorCode::kUnimplemented);
}

}  // namespace
}  // namespace trunkline
