#include "runtime/config/secret_source.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class SecretSourceTest : public testing::Test {
 protected:
  static SecretRef ref(SecretRef::Kind kind, std::string source = {}, std::vector<std::string> command = {}) {
    SecretRef ref;
    ref.kind = kind;
    ref.source = std::move(source);
    ref.command = std::move(command);
    ref.path = "providers[0].secrets.x";
    return ref;
  }
  static SecretRef command(std::vector<std::string> argv) { return ref(SecretRef::Kind::kCommand, {}, std::move(argv)); }

  std::string resolved(const SecretRef& ref) const { return std::string(source_.resolve(ref).reveal()); }
  Error error_of(const SecretRef& ref) const {
    try {
      source_.resolve(ref);
    } catch (const Error& e) {
      EXPECT_EQ(e.target, "providers[0].secrets.x");
      return e;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  const SecretSource source_{[](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "from env\n";
    if (name == "EMPTY") return "";
    if (name == "PATH") return "/usr/bin:/bin";
    return std::nullopt;
  }};
};

TEST_F(SecretSourceTest, ReadsEveryKind) {
  const std::string file = std::string(testing::TempDir()) + "secret_source_test";
  std::ofstream(file) << "from file\r\n";
  SecretRef value = ref(SecretRef::Kind::kValue);
  value.value = Secret("plain");
  EXPECT_EQ(resolved(value), "plain");
  EXPECT_EQ(resolved(ref(SecretRef::Kind::kEnv, "SET")), "from env\n");
  EXPECT_EQ(resolved(ref(SecretRef::Kind::kFile, file)), "from file");
  EXPECT_EQ(resolved(command({"printf", "%s\\n\\n", "$HOME"})), "$HOME\n");  // no shell, one line end dropped
  EXPECT_TRUE(source_.resolve(SecretRef()).empty());
}

TEST_F(SecretSourceTest, SeesAFileThatChanged) {
  const std::string file = std::string(testing::TempDir()) + "secret_source_rotated";
  std::ofstream(file) << "old";
  EXPECT_EQ(resolved(ref(SecretRef::Kind::kFile, file)), "old");
  std::ofstream(file) << "new";
  EXPECT_EQ(resolved(ref(SecretRef::Kind::kFile, file)), "new");
}

TEST_F(SecretSourceTest, SaysWhyItFails) {
  EXPECT_THAT(error_of(ref(SecretRef::Kind::kEnv, "UNSET")).message, HasSubstr("UNSET is not set"));
  EXPECT_THAT(error_of(ref(SecretRef::Kind::kEnv, "EMPTY")).message, HasSubstr("empty"));
  EXPECT_THAT(error_of(ref(SecretRef::Kind::kFile, "/no/such")).message, HasSubstr("/no/such"));
  EXPECT_THAT(error_of(ref(SecretRef::Kind::kFile, "/")).message, HasSubstr("directory"));
  EXPECT_THAT(error_of(command({"no-such-program-here"})).message, HasSubstr("cannot start no-such-program-here"));
  EXPECT_THAT(error_of(command({"false"})).message, HasSubstr("status 1"));
  EXPECT_THAT(error_of(command({"true"})).message, HasSubstr("empty"));
  EXPECT_THAT(error_of(command({"sh", "-c", "kill -9 $$"})).message, HasSubstr("signal"));
  EXPECT_THAT(error_of(command({"yes"})).message, HasSubstr("more than 65536 bytes"));
  EXPECT_THAT(error_of(command({"sh", "-c", "echo s3cret; exit 3"})).message, Not(HasSubstr("s3cret: ")));
}

TEST_F(SecretSourceTest, EndsACommandThatTakesTooLong) {
  SecretRef slow = command({"sh", "-c", "tail -f /dev/null & tail -f /dev/null"});
  slow.timeout = 20ms;
  EXPECT_EQ(error_of(slow).code, ErrorCode::kDeadlineExceeded);
}

TEST_F(SecretSourceTest, GivesCommandsNoInput) { EXPECT_THAT(error_of(command({"cat"})).message, HasSubstr("empty")); }

TEST_F(SecretSourceTest, ChecksWithoutRunning) {
  const std::string marker = std::string(testing::TempDir()) + "secret_source_ran";
  std::filesystem::remove(marker);
  EXPECT_EQ(source_.check(command({"touch", marker})), "");
  EXPECT_FALSE(std::filesystem::exists(marker));
  EXPECT_EQ(source_.check(command({"/bin/sh"})), "");
  EXPECT_NE(source_.check(command({"/tmp"})), "");
  EXPECT_NE(source_.check(command({"no-such-program-here"})), "");
  EXPECT_EQ(source_.check(ref(SecretRef::Kind::kEnv, "SET")), "");
  EXPECT_NE(source_.check(ref(SecretRef::Kind::kEnv, "EMPTY")), "");
  EXPECT_EQ(source_.check(SecretRef()), "");
}

}  // namespace
}  // namespace trunkline
