#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/base/json.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/diagnostics/redact.h"
#include "runtime/diagnostics/trace.h"
#include "trunkline/error.hpp"

namespace trunkline {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string redacted(std::string_view text) {
  std::string out;
  append_redacted(out, text);
  return out;
}

TEST(Redact, KnowsKeysOfSecrets) {
  for (const char* key :
       {"accesskey", "access_key", "Authorization", "refresh-token", "Password", "clientSecret", "connection_string", "api.key"})
    EXPECT_TRUE(names_secret(key)) << key;
  for (const char* key : {"to", "message_id", "key", "access", ""}) EXPECT_FALSE(names_secret(key)) << key;
}

TEST(Redact, CutsSecretsOutOfText) {
  EXPECT_EQ(redacted("endpoint=https://x/;accesskey=AbC=="), "endpoint=https://x/;accesskey=[redacted]");
  EXPECT_EQ(redacted("AccessKey=abc;x=1"), "AccessKey=[redacted];x=1");
  EXPECT_EQ(redacted("authorization: Bearer eyJ.abc.def, next"), "authorization: Bearer [redacted], next");
  EXPECT_EQ(redacted("HMAC-SHA256 SignedHeaders=a;b&Signature=abc/+=="), "HMAC-SHA256 SignedHeaders=a;b&Signature=[redacted]");
  EXPECT_EQ(redacted("/x?sig=abc&y=2"), "/x?sig=[redacted]&y=2");
  EXPECT_EQ(redacted("password=a password=b"), "password=[redacted] password=[redacted]");
  EXPECT_EQ(redacted("design=blue to=+1"), "design=blue to=+1");
  EXPECT_EQ(redacted(""), "");
}

class LogTest : public testing::Test {
 protected:
  LogTest()
      : path_(std::filesystem::path(testing::TempDir()) /
              (testing::UnitTest::GetInstance()->current_test_info()->name() + std::string(".log"))) {
    std::filesystem::remove(path_);
  }
  std::string text() const {
    std::stringstream out;
    out << std::ifstream(path_).rdbuf();
    return out.str();
  }

  const std::filesystem::path path_;
};

TEST_F(LogTest, WritesTextLines) {
  {
    Log log({.path = path_});
    log.info("sms", "accepted", {{"to", "+14255550100"}, {"segments", 2}, {"ok", true}, {"text", "a b"}, {"ratio", 0.5}});
    log.debug("sms", "not shown");
  }
  const std::string line = text();
  EXPECT_THAT(line,
              testing::MatchesRegex(
                  R"(....-..-..T..:..:......Z info    sms: accepted to=.14255550100 segments=2 ok=true text="a b" ratio=0.5.)"));
}

TEST_F(LogTest, WritesJsonLines) {
  {
    Log log({.level = LogLevel::kDebug, .json = true, .path = path_});
    log.debug("net", "say \"hi\"", {{"n", std::uint64_t{7}}, {"bad", "\xff"}, {"nan", 0.0 / 0.0}});
  }
  const auto line = parse_json(text());
  EXPECT_EQ(line["level"], "debug");
  EXPECT_EQ(line["component"], "net");
  EXPECT_EQ(line["message"], "say \"hi\"");
  EXPECT_EQ(line["n"], 7);
  EXPECT_EQ(line["bad"], "\uFFFD");
  EXPECT_TRUE(line["nan"].is_null());
}

TEST_F(LogTest, NeverShowsSecrets) {
  {
    Log log({.path = path_});
    log.error("api", "refused Bearer s3cret",
              {{"who", Secret("s3cret")}, {"access_key", "s3cret"}, {"url", "https://x/?sig=s3cret"}});
  }
  EXPECT_THAT(text(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(text(), HasSubstr("who=[redacted] access_key=[redacted]"));
}

TEST_F(LogTest, CannotBeForgedByNewlines) {
  {
    Log log({.path = path_});
    log.info("a", "one\ntwo", {{"k", "x\ny"}});
  }
  const std::string all = text();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1);
}

TEST_F(LogTest, LosesNothingUnderLoad) {
  {
    Log log({.path = path_});
    for (int i = 0; i < 5000; ++i) log.info("a", "line");
  }
  const std::string all = text();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 5000);
}

TEST(Log, SaysWhenItsFileCannotBeOpened) {
  try {
    Log log({.path = "/proc/no/such/file"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(e.target, "log.file");
  }
}

TEST(Log, OffMeansOff) {
  Log log({.level = LogLevel::kOff});
  log.error("a", "nothing");
}

TEST(Metrics, ExposesPrometheusText) {
  Metrics metrics;
  const Counter sent = metrics.counter("trunkline_sms_sent_total", "Messages sent.", {{"provider", "sim-a"}});
  sent.add();
  sent.add(2);
  metrics.counter("trunkline_sms_sent_total", "Messages sent.", {{"provider", "sim-a"}}).add();  // the same series
  metrics.gauge("trunkline_open", "Open.").set(5);
  metrics.gauge("trunkline_open", "Open.").add(-1);
  metrics.histogram("trunkline_seconds", "Time.", {}, {0.1, 1}).observe(0.5);
  const std::string text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("trunkline_sms_sent_total{provider=\"sim-a\"} 4"));
  EXPECT_THAT(text, HasSubstr("trunkline_open 4"));
  EXPECT_THAT(text, HasSubstr("trunkline_seconds_bucket{le=\"0.1\"} 0"));
  EXPECT_THAT(text, HasSubstr("trunkline_seconds_bucket{le=\"1\"} 1"));
}

TEST(Metrics, RefusesOneNameForTwoKinds) {
  Metrics metrics;
  metrics.counter("trunkline_x", "X.");
  EXPECT_THROW(metrics.gauge("trunkline_x", "X."), Error);
  EXPECT_THROW(metrics.counter("no good", "X."), Error);
}

TEST(Metrics, EmptyHandlesDoNothing) {
  Counter().add();
  Gauge().set(1);
  Histogram().observe(1);
}

TEST(Trace, ParsesTraceparent) {
  const auto context = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_TRUE(TraceContext::parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more"));
}

TEST(Trace, RefusesWhatTheStandardRefuses) {
  for (const char* text :
       {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    EXPECT_FALSE(TraceContext::parse(text)) << text;
}

TEST(Trace, MakesChildren) {
  IdSource ids(7);
  const TraceContext none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.traceparent(), "");
  const TraceContext root = none.child(ids);
  EXPECT_TRUE(root);
  const TraceContext child = root.child(ids);
  EXPECT_EQ(child.trace_id, root.trace_id);
  EXPECT_NE(child.span_id, root.span_id);
  EXPECT_EQ(TraceContext::parse(child.traceparent()), child);
}

}  // namespace
}  // namespace trunkline
