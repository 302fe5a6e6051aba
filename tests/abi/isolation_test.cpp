// Plugins in processes of their own: the same results, and what becomes of those that crash, hang, exit, eat memory or lie.
#include "runtime/isolation/isolated_plugin.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <system_error>
#include <thread>

#include "runtime/isolation/child_process.h"
#include "runtime/isolation/isolated_instance.h"
#include "tests/abi/test_host.h"
#include "trunkline/media_client.hpp"

namespace trunkline::isolation {
namespace {

using plugin::InstanceSettings;
using plugin::PluginInstance;
using plugin::sms_of;
using plugin::sms_to;
using plugin::TestHost;
using testing::AllOf;
using testing::HasSubstr;

/// What happens in another process happens in wall time.
bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

bool is_running(int process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text{std::istreambuf_iterator<char>(stat), {}};
  const std::size_t end = text.rfind(')');
  return end != std::string::npos && text.size() > end + 2 && text[end + 2] != 'Z' && text[end + 2] != 'X';
}

class Isolation : public testing::Test {
 protected:
  Isolation() {
    options.program = TRUNKLINE_PLUGIN_HOST;
    options.hang_after = std::chrono::seconds(20);
  }

  PluginInstance& open(const std::string& id, InstanceSettings settings = {}) {
    isolated = std::make_unique<IsolatedPlugin>(host.loader->manifest_for_process(id), "carrier", options, *host.context);
    settings.provider = "carrier";
    instance = PluginInstance::create(isolated->loaded(), std::move(settings), *host.context);
    return *instance;
  }
  bool close() {
    instance->begin_stop();
    const bool stopped = instance->finish_stop(std::chrono::seconds(10));
    instance.reset();
    return stopped;
  }
  using Sent = Result<std::vector<sms::SmsSendResult>>;
  std::future<Sent> send(CallOptions call = {}, const std::string& text = "hello") {
    auto promise = std::make_shared<std::promise<Sent>>();
    auto future = promise->get_future();
    sms_of(*instance).start_send(sms_to({"+14255550101"}, text), std::move(call),
                                 [promise](Sent sent) { promise->set_value(std::move(sent)); });
    return future;
  }
  /// The error of a send, which must end in one.
  Error send_error(const std::string& text = "hello") {
    auto future = send({}, text);
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
      return Error(ErrorCode::kUnknown, "it never ended");
    const Sent sent = future.get();
    return sent.ok() ? Error(ErrorCode::kUnknown, "it was sent") : sent.error();
  }
  bool await_state(const std::string& state) {
    return eventually([&] { return isolated->state() == state; });
  }
  double metric(const std::string& line) const {
    const std::string text = host.metrics.expose();
    const std::size_t at = text.find(line);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + line.size() + 1));
  }

  TestHost host;
  Options options;
  std::unique_ptr<IsolatedPlugin> isolated;
  std::unique_ptr<PluginInstance> instance;
};

// More than the socket takes at once: the rest goes when there is room, and the connection goes on as before.
TEST_F(Isolation, OutlivesAFlood) {
  open("test-noop");
  const int process = isolated->process_id();
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<Sent>> flood;
    for (int i = 0; i < 100; ++i) flood.push_back(send({}, std::string(60'000, 'x')));
    for (std::future<Sent>& one : flood) {
      ASSERT_EQ(one.wait_for(std::chrono::seconds(20)), std::future_status::ready);
      const Sent sent = one.get();
      ASSERT_TRUE(sent.ok()) << sent.error().message;
    }
    // Nothing is under way now, so that the connection is silent for a moment.
    ASSERT_TRUE(send().get().ok());
  }
  EXPECT_EQ(isolated->process_id(), process);
  EXPECT_TRUE(close());
}

TEST_F(Isolation, GivesTheResultsOfTheVerySamePlugin) {
  const auto settings = [] {
    InstanceSettings out;
    out.config_json = R"({"name":"echo"})";
    out.secrets.emplace("token", Secret("open sesame"));
    return out;
  };
  open("test-echo", settings());
  EXPECT_EQ(isolated->state(), "running");
  EXPECT_GT(isolated->process_id(), 0);
  EXPECT_NE(isolated->process_id(), ::getpid());
  auto future = send();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const Sent sent = future.get();
  ASSERT_TRUE(sent.ok()) << sent.error().message;
  ASSERT_EQ(sent.value().size(), 1u);
  EXPECT_EQ(sent.value()[0].message_id, "id-of-+14255550101");
  EXPECT_TRUE(sent.value()[0].accepted);

  EXPECT_EQ(sent.value()[0].provider_message_id, "echo:hello");

  const auto direct = host.create("test-echo", settings());
  EXPECT_EQ(sms_of(*instance).capabilities(), sms_of(*direct).capabilities());
}

TEST_F(Isolation, ThreadsOfThePluginAreToldFromOurs) {
  open("test-noop");
  EXPECT_TRUE(eventually([&] { return isolated->plugin_threads() == 0; })) << isolated->plugin_threads();
  EXPECT_TRUE(close());
  InstanceSettings settings;
  settings.config_json = R"({"sin":"owns_a_thread"})";
  open("test-awkward", std::move(settings));
  EXPECT_TRUE(eventually([&] { return isolated->plugin_threads() == 1; })) << isolated->plugin_threads();
}

TEST_F(Isolation, StreamsCross) {
  plugin::LoaderOptions accept;
  accept.paths = {plugin::test_plugins_folder()};
  accept.allow_drafts = true;
  host.loader = std::make_unique<plugin::PluginLoader>(accept);
  open("test-tones");
  const media::MediaProviderClient media(instance->interface(media::MediaProviderClient::kInterfaceId), instance->calls());
  EXPECT_TRUE(media.capabilities().synthesis);
  StreamClient<media::AudioFrame> frames = media.render_sync(media::PlaySource::of_text("hello"), {});
  std::vector<std::int64_t> positions;
  for (;;) {
    const auto some = sync_wait(frames.next(2));
    if (some.empty()) break;
    for (const auto& frame : some) positions.push_back(frame.position);
  }
  EXPECT_THAT(positions, testing::ElementsAre(0, 1, 2, 3, 4));
  frames.close();
  try {
    media.render_sync(media::PlaySource::of_ssml({"<speak/>"}), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.target, "source");
  }

  // A stream that is open when its process goes ends in an error.
  StreamClient<media::AudioFrame> cut = media.render_sync(media::PlaySource::of_text("hello"), {});
  ::kill(isolated->process_id(), SIGKILL);
  ASSERT_TRUE(await_state("waiting"));
  try {
    sync_wait(cut.next(2));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_THAT(error.message, HasSubstr("SIGKILL"));
  }
}

TEST_F(Isolation, CallsOfManyThreadsAllEnd) {
  open("test-noop");
  constexpr int kThreads = 4, kCalls = 500;
  std::atomic<int> sent{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int call = 0; call < kCalls; ++call)
        if (send().get().ok()) ++sent;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent, kThreads * kCalls);
  EXPECT_TRUE(eventually([&] { return host.executor.work().count() == 0; }));
  EXPECT_TRUE(close());
}

TEST_F(Isolation, LeavesNoProcessBehindWhenItIsStopped) {
  open("test-noop");
  const int process = isolated->process_id();
  EXPECT_TRUE(close());
  EXPECT_FALSE(is_running(process));
}

TEST_F(Isolation, LeavesNoProcessBehindWhenItDoesNotStop) {
  open("bad-stop-never");
  const int process = isolated->process_id();
  instance->begin_stop();
  EXPECT_FALSE(instance->finish_stop(std::chrono::milliseconds(50)));
  EXPECT_FALSE(is_running(process));
}

TEST_F(Isolation, ACrashIsAttributedAndItsOutcomeIsUnknown) {
  open("bad-crashes-in-send");
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, AllOf(HasSubstr("provider carrier (plugin bad-crashes-in-send)"), HasSubstr("signal 11 (SIGSEGV)"),
                                   HasSubstr("while send ran"), HasSubstr("not known")));
  EXPECT_EQ(error.details.at("outcome"), "unknown");
  EXPECT_EQ(error.details.at("isolation"), "crash");
  EXPECT_EQ(error.details.at("signal"), "11");
  ASSERT_TRUE(await_state("waiting"));
  EXPECT_EQ(metric("trunkline_isolation_lost_total{cause=\"crash\",plugin=\"bad-crashes-in-send\",provider=\"carrier\"}"), 1);
}

TEST_F(Isolation, AnExitIsAttributed) {
  open("bad-exits-in-send");
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, AllOf(HasSubstr("exit status 3"), HasSubstr("while send ran")));
  EXPECT_EQ(error.details.at("isolation"), "exit");
}

TEST_F(Isolation, AHangIsFoundAndAttributed) {
  options.hang_after = std::chrono::milliseconds(300);
  open("bad-loops-in-send");
  const int process = isolated->process_id();
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, HasSubstr("it hangs: send has not returned for"));
  EXPECT_EQ(error.details.at("isolation"), "hang");
  EXPECT_FALSE(is_running(process));
}

TEST_F(Isolation, AProcessWithoutASignOfLifeIsFound) {
  options.hang_after = std::chrono::milliseconds(300);
  open("bad-never-answers");
  auto future = send();
  ::kill(isolated->process_id(), SIGSTOP);
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_THAT(future.get().error().message, HasSubstr("no sign of life for 300 ms"));
}

TEST_F(Isolation, ASendThatHangsDoesNotHoldUpTheOthers) {
  open("bad-loops-in-send");
  auto looping = send();
  // capabilities are constant and stay known; a further call reaches the plugin though another one does not return.
  EXPECT_EQ(sms_of(*instance).capabilities().max_recipients, 100);
  auto second = send();
  EXPECT_EQ(looping.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  instance->begin_stop();
  // It stops all the same: the loop has a thread of its own by then.
  instance->finish_stop(std::chrono::seconds(10));
}

TEST_F(Isolation, AReplyThatIsNoneEndsTheProcess) {
  open("bad-garbles-connection");
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, HasSubstr("it said what cannot be read: a frame of the unknown type 238"));
  EXPECT_EQ(error.details.at("isolation"), "protocol");
}

TEST_F(Isolation, AResultThatPointsNowhereEndsTheProcessAndNotTheHost) {
  open("bad-wild-result");
  const Error error = send_error();
  EXPECT_THAT(error.message, AllOf(HasSubstr("SIGSEGV"), HasSubstr("while send ran")));
}

TEST_F(Isolation, ThePageThatIsSharedIsNotThePluginsToCutOff) {
  open("bad-shrinks-page");
  EXPECT_TRUE(send().get().ok()) << "it found something to cut off";
  EXPECT_EQ(isolated->state(), "running");
}

// Also where the process opens it by another name.
TEST_F(Isolation, ThePageThatIsSharedIsSealed) {
  const std::string program = testing::TempDir() + "/keeps-its-page-" + std::to_string(::getpid());
  std::ofstream(program) << "#!/bin/sh\nread -r line <&3\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  ChildProcess child(program);
  const std::string name = "/proc/" + std::to_string(child.pid()) + "/fd/" + std::to_string(remote::kPulseDescriptor);
  const int page = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(page, 0) << std::generic_category().message(errno);
  EXPECT_EQ(::ftruncate(page, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fcntl(page, F_ADD_SEALS, F_SEAL_WRITE), -1) << "nor is it the process's to seal";
  ::close(page);
  child.pulse().beats = 1;
  std::filesystem::remove(program);
}

TEST_F(Isolation, AResultThatBreaksTheAbiFailsTheCallAlone) {
  open("bad-malformed-result");
  int bad = 0;
  for (const char* how :
       {"no result", "zero stride", "odd stride", "huge count", "zero struct_size", "huge struct_size", "null text"}) {
    const Error error = send_error(how);
    EXPECT_EQ(error.code, ErrorCode::kInternal) << how;
    EXPECT_THAT(error.message, HasSubstr("provider carrier completed send with ")) << how;
    ++bad;
    EXPECT_TRUE(eventually([&] { return host.misbehaviour("bad_result") == bad; })) << how;
  }
  EXPECT_EQ(send_error("result and error").message, "both");
  EXPECT_EQ(send_error("unknown error code").code, ErrorCode::kUnknown);
  EXPECT_EQ(static_cast<int>(send({}, "unknown enum").get().value()[0].reason), 77);
  EXPECT_EQ(isolated->state(), "running");
}

TEST_F(Isolation, ASecondCompletionIsReported) {
  open("bad-answers-twice");
  auto future = send();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_TRUE(future.get().ok());
  EXPECT_TRUE(eventually([&] { return host.misbehaviour("second_done") == 1; }));
  EXPECT_EQ(isolated->state(), "running");
}

TEST_F(Isolation, TooMuchMemoryEndsTheProcess) {
  options.memory_bytes = std::size_t{96} << 20;
  open("bad-eats-memory");
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.message, AllOf(HasSubstr("MiB of memory and may use 96 MiB"), HasSubstr("while send ran")));
  EXPECT_EQ(error.details.at("isolation"), "memory");
}

TEST_F(Isolation, ItIsStartedAgainOnTheClock) {
  open("bad-never-answers");
  const int first = isolated->process_id();
  auto in_flight = send();
  ASSERT_TRUE(eventually([&] { return host.executor.work().count() == 0; }));  // the plugin has it
  ::kill(first, SIGKILL);
  ASSERT_EQ(in_flight.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const Error lost = in_flight.get().error();
  EXPECT_EQ(lost.code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(lost.message, HasSubstr("its process ended by signal 9 (SIGKILL)"));
  ASSERT_TRUE(await_state("waiting"));

  const Error meanwhile = send_error();
  EXPECT_EQ(meanwhile.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(meanwhile.retryable);
  EXPECT_EQ(meanwhile.retry_after, std::chrono::seconds(1));
  EXPECT_THAT(meanwhile.message,
              AllOf(HasSubstr("waits to be started again in 1s"), HasSubstr("SIGKILL"), HasSubstr("send was not begun")));

  host.clock.advance(std::chrono::milliseconds(999));
  EXPECT_EQ(isolated->state(), "waiting");
  host.clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(isolated->state(), "running");  // the clock has waited for it
  EXPECT_NE(isolated->process_id(), first);
  EXPECT_EQ(metric("trunkline_isolation_restarts_total{plugin=\"bad-never-answers\",provider=\"carrier\"}"), 1);
  EXPECT_TRUE(close());
}

TEST_F(Isolation, WaitsDoubleAndEndInQuarantine) {
  options.quarantine_after = 4;
  open("bad-crashes-in-send");
  for (const auto wait : {std::chrono::seconds(1), std::chrono::seconds(2), std::chrono::seconds(4)}) {
    EXPECT_EQ(send_error().code, ErrorCode::kDeadlineExceeded);
    ASSERT_TRUE(await_state("waiting"));
    host.clock.advance(wait - std::chrono::milliseconds(1));
    EXPECT_EQ(isolated->state(), "waiting");
    host.clock.advance(std::chrono::milliseconds(1));
    ASSERT_EQ(isolated->state(), "running");
  }
  EXPECT_EQ(send_error().code, ErrorCode::kDeadlineExceeded);
  ASSERT_TRUE(await_state("quarantined"));
  host.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(isolated->state(), "quarantined");
  const Error error = send_error();
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.details.at("isolation"), "quarantined");
  EXPECT_THAT(error.message, AllOf(HasSubstr("is in quarantine since it was lost 4 times within 10m"), HasSubstr("SIGSEGV")));
  EXPECT_TRUE(close());
}

TEST_F(Isolation, RestsBetweenCrashesAreForgiven) {
  options.quarantine_after = 2;
  open("bad-crashes-in-send");
  for (int i = 0; i < 3; ++i) {
    send_error();
    ASSERT_TRUE(await_state("waiting"));
    host.clock.advance(std::chrono::minutes(11));
    ASSERT_EQ(isolated->state(), "running");
  }
}

TEST_F(Isolation, ADeadlineEndsACallThatThePluginKeeps) {
  open("bad-never-answers");
  CallOptions call;
  call.deadline = host.clock.now() + std::chrono::seconds(5);
  auto future = send(std::move(call));
  host.clock.advance(std::chrono::seconds(5));
  ASSERT_EQ(future.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(future.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(isolated->state(), "running");
}

TEST_F(Isolation, WhatItsCreateSaysIsSaid) {
  try {
    open("bad-create-fails");
    FAIL();
  } catch (const Error& error) {
    const auto direct = [&] {
      try {
        host.create("bad-create-fails");
      } catch (const Error& e) {
        return e;
      }
      return Error();
    }();
    EXPECT_EQ(error.code, direct.code);
    EXPECT_EQ(error.message, direct.message);
  }
}

TEST_F(Isolation, TheHostsChecksOfItsTablesAreTheSame) {
  for (const char* id : {"bad-slot-null", "bad-slot-short", "bad-interface-missing"}) {
    std::string direct, apart;
    try {
      host.create(id);
    } catch (const Error& error) {
      direct = error.message;
    }
    try {
      open(id);
    } catch (const Error& error) {
      apart = error.message;
    }
    EXPECT_FALSE(direct.empty());
    EXPECT_EQ(apart, direct) << id;
  }
}

TEST_F(Isolation, WithoutTheProgramItSaysWhereItLooked) {
  options.program = "/nowhere/trunkline-plugin-host";
  try {
    open("test-noop");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("cannot start /nowhere/trunkline-plugin-host"));
  }
}

TEST(IsolationOfADeadHost, TheProcessGoesWithItsHost) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    TestHost host;
    Options options;
    options.program = TRUNKLINE_PLUGIN_HOST;
    IsolatedPlugin isolated(host.loader->manifest_for_process("bad-never-answers"), "carrier", options, *host.context);
    const auto instance = PluginInstance::create(isolated.loaded(), {.provider = "carrier"}, *host.context);
    const int process = isolated.process_id();
    if (::write(pipe[1], &process, sizeof process) != sizeof process) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int process = 0;
  ASSERT_EQ(::read(pipe[0], &process, sizeof process), static_cast<ssize_t>(sizeof process));
  ::waitpid(child, nullptr, 0);
  ASSERT_GT(process, 0);
  EXPECT_TRUE(eventually([&] { return !is_running(process); }));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(Isolation, ACopyOfTheHostDoesNotKeepTheProcess) {
  open("test-noop");
  const int process = isolated->process_id();
  // The copy holds our end of the connection open until it is told to go.
  int hold[2];
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t copy = ::fork();
  if (copy == 0) {
    ::close(hold[1]);
    char byte;
    (void)!::read(hold[0], &byte, 1);
    ::_exit(0);
  }
  EXPECT_TRUE(close());
  EXPECT_FALSE(is_running(process));
  ::close(hold[1]);
  ::waitpid(copy, nullptr, 0);
  ::close(hold[0]);
}

}  // namespace
}  // namespace trunkline::isolation
