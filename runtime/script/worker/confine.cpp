#include "runtime/script/worker/confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace trunkline::script {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

/// What the engine, its collector and the C library do all the time. Nothing here names a file, a host or a program.
constexpr int kAllowed[] = {
    __NR_read,
    __NR_write,
    __NR_readv,
    __NR_writev,
    __NR_pread64,
    __NR_close,
    __NR_fstat,
    __NR_lseek,
    __NR_mmap,
    __NR_munmap,
    __NR_mprotect,
    __NR_mremap,
    __NR_madvise,
    __NR_mincore,
    __NR_brk,
    __NR_membarrier,
    __NR_futex,
    __NR_set_robust_list,
    __NR_set_tid_address,
    __NR_rseq,
    __NR_sched_yield,
    __NR_sched_getaffinity,
    __NR_sched_setaffinity,
    __NR_sched_getparam,
    __NR_sched_setparam,
    __NR_sched_getscheduler,
    __NR_sched_setscheduler,
    __NR_sched_getattr,
    __NR_sched_setattr,
    __NR_sched_get_priority_max,
    __NR_sched_get_priority_min,
    __NR_getpriority,
    __NR_setpriority,
    __NR_getcpu,
    __NR_getpid,
    __NR_gettid,
    __NR_getppid,
    __NR_getuid,
    __NR_geteuid,
    __NR_getgid,
    __NR_getegid,
    __NR_getrusage,
    __NR_getrandom,
    __NR_sysinfo,
    __NR_uname,
    __NR_prctl,
    __NR_rt_sigaction,
    __NR_rt_sigprocmask,
    __NR_rt_sigreturn,
    __NR_rt_sigsuspend,
    __NR_rt_sigtimedwait,
    __NR_sigaltstack,
    __NR_tgkill,
    __NR_restart_syscall,
    __NR_nanosleep,
    __NR_clock_nanosleep,
    __NR_clock_gettime,
    __NR_clock_getres,
    __NR_gettimeofday,
    __NR_ppoll,
    __NR_eventfd2,
    __NR_pipe2,
    __NR_timerfd_create,
    __NR_timerfd_settime,
    __NR_timerfd_gettime,
    __NR_exit,
    __NR_exit_group,
#if defined(__x86_64__)
    __NR_time,
    __NR_poll,
    __NR_arch_prctl,
#endif
};

constexpr std::uint32_t load(std::size_t offset) { return static_cast<std::uint32_t>(offset); }

sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
/// Goes on with the next instruction when it holds, else skips one.
sock_filter unless_skip(std::uint16_t test, std::uint32_t k) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), 0, 1, k};
}
sock_filter give(std::uint32_t verdict) { return statement(BPF_RET | BPF_K, verdict); }

std::vector<sock_filter> filter() {
  std::vector<sock_filter> out;
  const auto read_word = [&](std::size_t offset) { out.push_back(statement(BPF_LD | BPF_W | BPF_ABS, load(offset))); };
  const auto if_equal = [&](std::uint32_t value, std::uint32_t verdict) {
    out.push_back(unless_skip(BPF_JEQ, value));
    out.push_back(give(verdict));
  };
  constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
  read_word(offsetof(seccomp_data, arch));
  out.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture});
  out.push_back(give(SECCOMP_RET_KILL_PROCESS));
  read_word(offsetof(seccomp_data, nr));
  for (const int number : kAllowed) if_equal(static_cast<std::uint32_t>(number), SECCOMP_RET_ALLOW);
  // Its arguments lie in memory, where a filter cannot look; the C library takes clone instead.
  if_equal(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  // Threads, and no processes.
  out.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, __NR_clone});
  out.push_back(give(kRefuse));
  read_word(offsetof(seccomp_data, args[0]));
  out.push_back(unless_skip(BPF_JSET, CLONE_THREAD));
  out.push_back(give(SECCOMP_RET_ALLOW));
  out.push_back(give(kRefuse));
  return out;
}

}  // namespace

void confine_process() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_FSIZE, &none);
  // Files of the parent that it did not mark as its own.
  ::syscall(__NR_close_range, 3u, ~0u, 0u);
}

bool forbid_io() {
  if constexpr (kArchitecture == 0) return false;
  std::vector<sock_filter> instructions = filter();
  const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
  // For every thread there is.
  return ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace trunkline::script
