#include "runtime/script/worker/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace trunkline::script {
namespace {

/// What a process that is confined ends with.
template <class F>
int confined(F attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    confine_process();
    if (!forbid_io()) ::_exit(99);
    ::_exit(attempt());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr int kNoFilters = 99;

class Confined : public ::testing::Test {
 protected:
  void SetUp() override {
    if (confined([] { return 0; }) == kNoFilters) GTEST_SKIP() << "the kernel has no filters of system calls";
  }
};

TEST_F(Confined, OpensNoFile) {
  EXPECT_EQ(confined([] { return ::open("/etc/passwd", O_RDONLY) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(confined([] { return ::open("/tmp/x", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(confined([] { return ::unlink("/tmp/nothing") < 0 ? errno : 0; }), EPERM);
}

TEST_F(Confined, ReachesNobody) {
  EXPECT_EQ(confined([] { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(confined([] { return ::socket(AF_UNIX, SOCK_DGRAM, 0) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(confined([] { return ::kill(::getppid(), 0) < 0 ? errno : 0; }), EPERM);
}

TEST_F(Confined, StartsNoProgram) {
  EXPECT_EQ(confined([] {
              char* const none[] = {nullptr};
              ::execve("/bin/true", none, none);
              return errno;
            }),
            EPERM);
  EXPECT_EQ(confined([] { return ::fork() < 0 ? errno : 0; }), EPERM);
}

TEST_F(Confined, StillHasThreads) {
  EXPECT_EQ(confined([] {
              int made = 0;
              std::thread([&] { made = 7; }).join();
              return made;
            }),
            7);
}

TEST_F(Confined, HasNoFilesOfItsParent) {
  const int file = ::open("/dev/null", O_RDONLY);
  EXPECT_EQ(confined([file] {
              char byte = 0;
              return ::read(file, &byte, 1) < 0 ? errno : 0;
            }),
            EBADF);
  ::close(file);
}

}  // namespace
}  // namespace trunkline::script
