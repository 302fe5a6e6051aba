#include "runtime/script/worker/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/syscall_filter.h"

namespace trunkline::script {
namespace {

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
  SyscallFilter filter;
  for (const int number : kAllowed) filter.allow(number);
  return filter.install(SyscallFilter::Others::kRefused);
}

}  // namespace trunkline::script
