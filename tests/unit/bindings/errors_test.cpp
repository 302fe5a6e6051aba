// The one error model crosses the ABI whole, in both directions.
#include "trunkline/errors.hpp"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

tl_str c(std::string_view s) { return {s.data(), s.size()}; }
std::string_view cpp(tl_str s) { return s.data ? std::string_view(s.data, s.size) : "<absent>"; }

/// A host whose functions are not recognised as ours, as for code in another module.
tl_host foreign_host() {
  tl_host host{};
  ErrorHost::install(host);
  host.error_new = [](void* ctx, std::int32_t code, tl_str message) { return ErrorHost::error_new(ctx, code, message); };
  return host;
}

TEST(Errors, CrossThroughTheFunctionsOfAHost) {
  const tl_host host = foreign_host();
  const abi::Errors errors(&host);
  Error error(ErrorCode::kResourceExhausted, "slow down", "from");
  error.retryable = true;
  error.retry_after = std::chrono::microseconds{1500};
  error.http_status = 429;
  error.provider_code = "E7";
  error.service_code = "TooManyRequests";
  error.details["carrier"] = "sandbox";
  tl_error* made = errors.make(error);
  EXPECT_EQ(ErrorHost::peek(made).details.at("carrier"), "sandbox");
  EXPECT_EQ(cpp(host.error_get(nullptr, made, c("code"))), "8");
  EXPECT_EQ(cpp(host.error_get(nullptr, made, c("retry_after_ms"))), "2");  // never earlier than asked
  EXPECT_EQ(cpp(host.error_get(nullptr, made, c("carrier"))), "sandbox");
  EXPECT_EQ(cpp(host.error_get(nullptr, made, c("nothing"))), "<absent>");
  const Error back = errors.take(made);
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.message, error.message);
  EXPECT_EQ(back.target, error.target);
  EXPECT_TRUE(back.retryable);
  EXPECT_EQ(back.retry_after, std::chrono::milliseconds{2});
  EXPECT_EQ(back.http_status, 429);
  EXPECT_EQ(back.provider_code, "E7");
  EXPECT_EQ(back.service_code, "TooManyRequests");
}

TEST(Errors, NothingIsLostWithinOneModule) {
  Error error(ErrorCode::kAborted, "again");
  error.retry_after = Duration{7};
  error.details["a"] = "b";
  const abi::Errors errors;
  const Error back = errors.take(errors.make(error));
  EXPECT_EQ(back.retry_after, Duration{7});
  EXPECT_EQ(back.details.at("a"), "b");
}

TEST(Errors, OddInputIsHarmless) {
  tl_error* made = ErrorHost::error_new(nullptr, 12345, tl_str{});
  EXPECT_EQ(ErrorHost::peek(made).code, ErrorCode::kUnknown);
  ErrorHost::error_set(nullptr, made, c("http_status"), c("not a number"));
  ErrorHost::error_set(nullptr, made, c("retry_after_ms"), c("99999999999999999999"));
  ErrorHost::error_set(nullptr, made, c("retry_after_ms"), c("-5"));
  EXPECT_EQ(ErrorHost::peek(made).retry_after, Duration{0});
  ErrorHost::error_free(nullptr, made);
  ErrorHost::error_free(nullptr, nullptr);
  ErrorHost::error_set(nullptr, nullptr, c("target"), c("x"));
  EXPECT_EQ(ErrorHost::error_get(nullptr, nullptr, c("code")).data, nullptr);
}

}  // namespace
}  // namespace trunkline
