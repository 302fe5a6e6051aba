// espeak-ng, and helpers that misbehave.
#include "runtime/calls/espeak_voice.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <future>

#include "runtime/calls/speech_engine.h"

namespace trunkline::calls::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

double loudness_of(const Samples& samples) {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += double(sample) * sample;
  return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

double seconds_of(const Samples& samples) { return static_cast<double>(samples.size()) / kSampleRate; }

class EspeakVoiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "helper-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no process is left";
  }
  /// A program of ours in place of espeak-ng.
  EspeakVoice helper(const std::string& script, HelperLimits limits = {}) {
    const std::filesystem::path file = directory_ / "helper";
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    ::chmod(file.c_str(), 0700);
    return EspeakVoice(file.string(), limits);
  }
  static Error refusal_of(const EspeakVoice& voice, std::string_view locale = "de", std::string_view text = "hallo") {
    try {
      voice.say(locale, false, 1.0, text);
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::kUnknown, "it was said");
  }

  std::filesystem::path directory_;
};

TEST_F(EspeakVoiceTest, SpeaksGerman) {
  const EspeakVoice voice("espeak-ng");
  ASSERT_EQ(voice.trouble(), std::nullopt);
  const Samples one = voice.say("de-DE", false, 1.0, "Guten Tag.");
  const Samples more =
      voice.say("de-DE", false, 1.0, "Guten Tag. Wir verbinden Sie mit einem Mitarbeiter, bitte haben Sie Geduld.");
  EXPECT_GT(seconds_of(one), 0.5);
  EXPECT_LT(seconds_of(one), 2.5);
  EXPECT_GT(seconds_of(more), seconds_of(one) + 2);
  EXPECT_LT(seconds_of(more), 9);
  for (const Samples& said : {one, more}) EXPECT_GT(loudness_of(said), 500);
  EXPECT_NE(voice.say("de-DE", true, 1.0, "Guten Tag."), one) << "a man";
  EXPECT_NE(voice.say("fr-FR", false, 1.0, "Guten Tag."), one) << "as a Frenchwoman reads it";
  EXPECT_LT(seconds_of(voice.say("de-DE", false, 2.0, "Guten Tag, Guten Tag, Guten Tag")),
            0.75 * seconds_of(voice.say("de-DE", false, 1.0, "Guten Tag, Guten Tag, Guten Tag")));
}

TEST_F(EspeakVoiceTest, UmlautsAndOtherScriptsAreSaid) {
  const EspeakVoice voice("espeak-ng");
  EXPECT_GT(loudness_of(voice.say("de", false, 1.0,
                                  "\xc3\x9c"
                                  "ber \xc3\x84rger")),
            500);
  EXPECT_GT(loudness_of(voice.say("ru-RU", false, 1.0, "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82")), 500);
}

TEST_F(EspeakVoiceTest, LanguagesThatItDoesNotKnow) {
  const EspeakVoice voice("espeak-ng");
  const Error error = refusal_of(voice, "xx-XX");
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("does not speak xx-XX"));
  for (const char* bad : {"", "-", "d", "de-", "de--DE", "../etc", "de+f5", "de;x", "deutsch", "de-DE-x-y-z"})
    EXPECT_EQ(refusal_of(voice, bad).code, ErrorCode::kInvalidArgument) << bad;
}

TEST_F(EspeakVoiceTest, WithoutItSaysWhatToInstall) {
  const EspeakVoice voice("no-such-program-as-this");
  EXPECT_THAT(voice.trouble().value_or(""), HasSubstr("Debian: espeak-ng"));
  EXPECT_EQ(refusal_of(voice).code, ErrorCode::kFailedPrecondition);
}

TEST_F(EspeakVoiceTest, TheTextIsNoArgumentAndNoOption) {
  const std::filesystem::path seen = directory_ / "seen";
  EspeakVoice spy = helper("echo \"$@\" > /dev/fd/1; cat");
  const Error error = refusal_of(spy, "de", "--version $(touch x); `id`");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable) << "what it wrote is no sound";
  EspeakVoice echo =
      helper("case \"$*\" in *version*) exit 3;; esac; read -r line; case \"$line\" in *version*) exit 7;; esac; exit 9");
  EXPECT_THAT(refusal_of(echo, "de", "--version\n").message, HasSubstr("does not speak")) << "exit 7, without any output";
}

TEST_F(EspeakVoiceTest, AHelperThatHangsIsEnded) {
  const EspeakVoice voice = helper("cat >/dev/null; sleep 60", {.patience = milliseconds{200}});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal_of(voice).code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
}

TEST_F(EspeakVoiceTest, AHelperThatReadsNothingIsEndedToo) {
  const EspeakVoice voice = helper("sleep 60", {.patience = milliseconds{200}});
  EXPECT_EQ(refusal_of(voice, "de", std::string(4 << 20, 'a')).code, ErrorCode::kDeadlineExceeded);
}

TEST_F(EspeakVoiceTest, ChildrenThatItLeavesBehindGoWithIt) {
  // The child keeps our end of the pipe open.
  const EspeakVoice voice = helper("sleep 60 & exit 0", {.patience = milliseconds{300}});
  EXPECT_EQ(refusal_of(voice).code, ErrorCode::kDeadlineExceeded);
}

TEST_F(EspeakVoiceTest, AHelperThatCrashes) {
  EXPECT_THAT(refusal_of(helper("cat >/dev/null; kill -SEGV $$")).message, HasSubstr("signal 11"));
  EXPECT_THAT(refusal_of(helper("kill -KILL $$"), "de", std::string(4 << 20, 'a')).message, HasSubstr("signal 9"));
}

TEST_F(EspeakVoiceTest, AHelperThatWritesTooMuch) {
  const EspeakVoice voice = helper("exec cat /dev/zero", {.most_output = 1 << 20});
  EXPECT_EQ(refusal_of(voice).code, ErrorCode::kResourceExhausted);
}

TEST_F(EspeakVoiceTest, AHelperThatWritesNoSound) {
  EXPECT_EQ(refusal_of(helper("echo this is no sound, but it is more than the header of some")).code, ErrorCode::kUnavailable);
  EXPECT_EQ(refusal_of(helper("cat >/dev/null")).code, ErrorCode::kUnavailable);
}

TEST_F(EspeakVoiceTest, AHelperGetsNothingOfOurs) {
  ::setenv("TRUNKLINE_TEST_SECRET", "do not tell", 1);
  EXPECT_THAT(refusal_of(helper("test -n \"$TRUNKLINE_TEST_SECRET\" && exit 0; kill -USR1 $$")).message, HasSubstr("signal 10"));
  ::unsetenv("TRUNKLINE_TEST_SECRET");
}

TEST_F(EspeakVoiceTest, AHelperInheritsNoFilesThatLibrariesLeftOpen) {
  const int open = ::fcntl(STDIN_FILENO, F_DUPFD, 200);  // without close-on-exec
  ASSERT_GE(open, 200);
  const HelperOutcome outcome = run_helper("/bin/sh", {"-c", "echo /proc/self/fd/*"}, "", {});
  ::close(open);
  EXPECT_THAT(outcome.output, HasSubstr("/fd/2"));
  EXPECT_THAT(outcome.output, ::testing::Not(HasSubstr("/fd/" + std::to_string(open))));
}

TEST_F(EspeakVoiceTest, AHelperThatSomebodyElseWaitsForHasNoOutcome) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);  // as an embedding program may
  EXPECT_THROW(run_helper("/bin/sh", {"-c", "exit 3"}, "", {}), Error);
  ::signal(SIGCHLD, before);
}

TEST_F(EspeakVoiceTest, LanguagesMeetInOneText) {
  Executor executor{2};
  SpeechEngine engine{executor};
  const auto promise = std::make_shared<std::promise<Result<Sound>>>();
  const SpeechPart english{"hello", {}, 1.0, Duration{0}}, german{"Guten Tag", {"de-DE-ConradNeural", "", {}}, 1.0, Duration{0}};
  engine.speak({english, german, english}, [promise](Result<Sound> sound) { promise->set_value(std::move(sound)); });
  const Sound both = promise->get_future().get().value();
  EXPECT_GT(seconds_of(*both.samples), 1.2);
  EXPECT_GT(loudness_of(*both.samples), 500);
}

TEST_F(EspeakVoiceTest, AHelperThatHangsHoldsUpNobodyWhoSpeaksEnglish) {
  Executor executor{2};
  SpeechEngine engine{executor, helper("cat >/dev/null; sleep 60", {.patience = milliseconds{3000}})};
  const auto german = std::make_shared<std::promise<Result<Sound>>>(), english = std::make_shared<std::promise<Result<Sound>>>();
  const auto failed = std::make_shared<std::atomic<bool>>(false);
  engine.speak({{"Guten Tag", {"", "de", {}}, 1.0, Duration{0}}}, [failed, german](Result<Sound> sound) {
    *failed = true;
    german->set_value(std::move(sound));
  });
  engine.speak({{"hello", {}, 1.0, Duration{0}}}, [english](Result<Sound> sound) { english->set_value(std::move(sound)); });
  EXPECT_TRUE(english->get_future().get().ok());
  EXPECT_FALSE(*failed);
  EXPECT_EQ(german->get_future().get().error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(EspeakVoiceTest, AsManyOthersAsMayWaitLeaveRoomForEnglish) {
  Executor executor{2};
  SpeechEngine engine{executor, helper("cat >/dev/null; sleep 60", {.patience = milliseconds{3000}})};
  const SpeechPart english{"hello", {}, 1.0, Duration{0}}, german{"Guten Tag", {"", "de", {}}, 1.0, Duration{0}};
  const auto fill = [&](const std::vector<SpeechPart>& parts) {
    for (std::size_t i = 0; i < 2 * SpeechEngine::kMostWaiting; ++i) try {
        engine.speak(parts, [](Result<Sound>) {});
      } catch (const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
        return i;
      }
    return 2 * SpeechEngine::kMostWaiting;
  };
  EXPECT_EQ(fill({german}), SpeechEngine::kMostWaiting);
  EXPECT_EQ(fill({english, german}), 0u) << "it comes to the helper in the end";
  std::promise<bool> said;
  engine.speak({english}, [&](Result<Sound> sound) { said.set_value(sound.ok()); });
  EXPECT_TRUE(said.get_future().get());
  engine.stop();
}

}  // namespace
}  // namespace trunkline::calls::testing
