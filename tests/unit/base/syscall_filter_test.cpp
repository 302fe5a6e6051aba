#include "runtime/base/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace trunkline {
namespace {

constexpr int kNoFilters = 111;

/// What a process ends with that may make no sockets, and else all or nothing.
template <class F>
int filtered(SyscallFilter::Others others, F attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    SyscallFilter filter;
    filter.refuse(__NR_socket);
    filter.allow(__NR_getppid);
    filter.allow(__NR_exit_group);
    if (!filter.install(others)) ::_exit(kNoFilters);
    ::_exit(attempt());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int error_of(long result) { return result < 0 ? errno : 0; }

class SyscallFilterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (filtered(SyscallFilter::Others::kAllowed, [] { return 0; }) == kNoFilters)
      GTEST_SKIP() << "the kernel has no filters of system calls";
  }
};

TEST_F(SyscallFilterTest, WhatIsNamedIsRefusedAndTheRestAllowed) {
  constexpr auto kOthers = SyscallFilter::Others::kAllowed;
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::socket(AF_INET, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::open("/dev/null", O_RDONLY)); }), 0);
}

TEST_F(SyscallFilterTest, WhatIsNamedIsAllowedAndTheRestRefused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer needs calls of its own";
#endif
  constexpr auto kOthers = SyscallFilter::Others::kRefused;
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::syscall(__NR_getppid)); }), 0);
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::open("/dev/null", O_RDONLY)); }), EPERM);
}

TEST_F(SyscallFilterTest, ThreadsCanBeMadeAndProcessesCannot) {
  constexpr auto kOthers = SyscallFilter::Others::kAllowed;
  EXPECT_EQ(filtered(kOthers,
                     [] {
                       int seen = 1;
                       std::thread([&] { seen = 0; }).join();
                       return seen;
                     }),
            0);
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::fork()); }), EPERM);
#if defined(__x86_64__)
  EXPECT_EQ(filtered(kOthers, [] { return error_of(::syscall(__NR_fork)); }), EPERM);
#endif
}

TEST_F(SyscallFilterTest, ThreadsOfTheProcessObeyToo) {
  EXPECT_EQ(filtered(SyscallFilter::Others::kAllowed,
                     [] {
                       int error = 0;
                       std::thread([&] { error = error_of(::socket(AF_UNIX, SOCK_STREAM, 0)); }).join();
                       return error;
                     }),
            EPERM);
}

}  // namespace
}  // namespace trunkline
