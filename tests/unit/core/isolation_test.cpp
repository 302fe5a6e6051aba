// Routes with a carrier in a process of its own, which is killed while texts are on their way.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "runtime/providers/provider_registry.h"
#include "tests/unit/core/sms_routing_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

/// Processes of plugins that this one has started and that have not ended.
std::vector<int> plugin_processes() {
  std::vector<int> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos || text.find("(trunkline-plug") == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    if (std::sscanf(text.c_str() + end + 1, " %c %d", &state, &parent) != 2 || parent != ::getpid() || state == 'Z') continue;
    out.push_back(std::stoi(name));
  }
  return out;
}

class IsolatedCarrier : public SmsRouting {
 protected:
  IsolatedCarrier() : journal_(std::filesystem::temp_directory_path() / ("trunkline_isolated_" + std::to_string(::getpid()))) {
    std::filesystem::remove(journal_);
  }
  ~IsolatedCarrier() override { std::filesystem::remove(journal_); }

  /// `a` in a process of its own, then `b`.
  void open_two(const std::string& script, const std::string& beside = "") {
    const std::string more = "journal: '" + journal_.string() + "'";
    open(test_config("[" + carrier("a", script, more, "isolation: process" + (beside.empty() ? "" : ", " + beside)) + ", " +
                     carrier("b", "") + "]"));
    const auto processes = plugin_processes();
    ASSERT_EQ(processes.size(), 1u);
    process_ = processes[0];
  }
  bool await_state(const std::string& id, sms::MessageState state) {
    return eventually([&] { return record(id).state == state; });
  }
  std::string journal() const {
    std::ifstream file(journal_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// The ids of the texts that went on the air.
  std::vector<std::string> ids_on_air() const {
    std::vector<std::string> out;
    std::istringstream lines(journal());
    for (std::string key, id, to; lines >> key >> id >> to;) out.push_back(id);
    return out;
  }

  const std::filesystem::path journal_;
  int process_ = 0;
};

TEST_F(IsolatedCarrier, SendsLikeAnyOther) {
  open_two("ok");
  const std::string id = one();
  settle();
  expect_taken_by(id, "a");
  runtime_->close();
  EXPECT_TRUE(plugin_processes().empty());
}

TEST_F(IsolatedCarrier, KilledMidFlightItIsAskedBeforeAnybodyElseSends) {
  open_two("silent");
  const std::string id = one();
  settle();
  ASSERT_THAT(journal(), HasSubstr(id)) << "it is on the air";
  ::kill(process_, SIGKILL);
  ASSERT_TRUE(await_state(id, sms::MessageState::kUncertain));
  EXPECT_THAT(
      steps(id),
      Contains(HasSubstr("provider.send fail a: provider a (plugin test-carrier): its process ended by signal 9 (SIGKILL)")));
  EXPECT_THAT(steps(id), Contains(HasSubstr("whether send took effect is not known")));
  EXPECT_THAT(steps(id), Contains("outcome unknown a: it may have been sent: nobody else may send it until that is known"));

  // Others do not wait for it.
  const std::string other = one();
  settle();
  expect_taken_by(other, "b");
  EXPECT_THAT(steps(other),
              Contains(HasSubstr("provider.send fail a: provider a (plugin test-carrier): waits to be started again in")));

  advance(1min);  // it runs again, and says what became of the first
  expect_taken_by(id, "a");
  EXPECT_EQ(plugin_processes().size(), 1u);
  EXPECT_NE(plugin_processes()[0], process_);
  EXPECT_THAT(ids_on_air(), testing::ElementsAre(id)) << "once";
}

TEST_F(IsolatedCarrier, KilledBeforeItHasBegunTheNextOneSends) {
  open_two("ok");
  ::kill(process_, SIGSTOP);
  siginfo_t stopped{};  // the signal alone does not mean that it stands still already
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(process_), &stopped, WSTOPPED | WNOWAIT), 0);
  const std::string id = one();
  ::kill(process_, SIGKILL);
  ASSERT_TRUE(await_state(id, sms::MessageState::kSent));
  expect_taken_by(id, "b");
  EXPECT_THAT(steps(id), Contains(HasSubstr("send had not begun")));
  EXPECT_THAT(rules(id), Contains("outcome:next"));
  EXPECT_EQ(journal(), "");
}

TEST_F(IsolatedCarrier, InQuarantineTheOtherOneSends) {
  open_two("ok", "isolation_limits: {quarantine_after: 1}");
  ::kill(process_, SIGKILL);
  ASSERT_TRUE(eventually([] { return plugin_processes().empty(); }));
  const std::string id = one();
  ASSERT_TRUE(await_state(id, sms::MessageState::kSent));
  expect_taken_by(id, "b");
  advance(1h);
  EXPECT_TRUE(plugin_processes().empty());
  const std::string later = one();
  settle();
  EXPECT_THAT(steps(later), Contains(HasSubstr("is in quarantine since it was lost 1 times within 10m")));
  const service::ProviderInfo info = runtime_->providers().describe("a");
  EXPECT_EQ(info.state, "failed");
  EXPECT_EQ(info.process, "quarantined");
  EXPECT_THAT(info.failure.value_or(""), HasSubstr("is in quarantine since it was lost 1 times within 10m"));
  EXPECT_EQ(runtime_->providers().describe("b").failure, std::nullopt);
}

TEST_F(IsolatedCarrier, NoProcessOutlivesTheRuntime) {
  open_two("silent");
  one();
  settle();
  runtime_->close();
  EXPECT_TRUE(plugin_processes().empty());
}

TEST(IsolationConfigured, WhatThePluginRefusesIsSaid) {
  const Error error =
      error_of([] { Runtime::open(parse_config(test_config("[{name: a, plugin: bad-create-fails, isolation: process}]"))); });
  EXPECT_THAT(error.message, HasSubstr("create failed: the carrier refused the account"));
}

}  // namespace
}  // namespace trunkline
