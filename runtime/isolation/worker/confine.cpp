#include "runtime/isolation/worker/confine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/syscall_filter.h"
#include "runtime/isolation/worker/link.h"

namespace trunkline::isolation {
namespace {

/// Other programs, other processes, and the machine.
constexpr int kRefused[] = {
    __NR_execve,  __NR_execveat,        __NR_ptrace,       __NR_process_vm_readv, __NR_process_vm_writev,
    __NR_kill,    __NR_tkill,           __NR_pidfd_open,   __NR_pidfd_getfd,      __NR_pidfd_send_signal,
    __NR_mount,   __NR_umount2,         __NR_pivot_root,   __NR_chroot,           __NR_setns,
    __NR_unshare, __NR_init_module,     __NR_finit_module, __NR_delete_module,    __NR_kexec_load,
    __NR_reboot,  __NR_swapon,          __NR_swapoff,      __NR_sethostname,      __NR_setdomainname,
    __NR_bpf,     __NR_perf_event_open, __NR_userfaultfd,  __NR_io_uring_setup,   __NR_keyctl,
    __NR_add_key, __NR_request_key,     __NR_settimeofday, __NR_clock_settime,
};
/// The network. A plugin that says in its manifest that it owns threads speaks for itself; the others ask the host.
constexpr int kSockets[] = {__NR_socket, __NR_socketpair, __NR_bind, __NR_listen, __NR_connect, __NR_accept, __NR_accept4};

/// Opened while it may be; read in a signal handler, too.
int g_memory_file = -1;

/// `column`-th number of /proc/self/statm, in bytes. Async-signal-safe.
std::size_t memory_column(int column) {
  std::array<char, 160> text{};
  const ssize_t size = ::pread(g_memory_file, text.data(), text.size() - 1, 0);
  std::size_t pages = 0;
  for (ssize_t i = 0; i < size; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c == ' ') {
      if (column-- == 0) break;
      pages = 0;
    } else if (c >= '0' && c <= '9') {
      pages = pages * 10 + static_cast<std::size_t>(c - '0');
    }
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

[[maybe_unused]] void note_crash(int signal) {  // sanitizers have reports of their own
  note_peak(resident_bytes());
  ::raise(signal);  // as it would have been: the handler is gone after its first time
}

}  // namespace

std::size_t resident_bytes() { return memory_column(1); }

void confine_process() {
  ::signal(SIGPIPE, SIG_IGN);
  // The host ends us when it ends.
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // Files of the host that it did not mark as its own.
  ::syscall(__NR_close_range, static_cast<unsigned>(remote::kPulseDescriptor) + 1, ~0u, 0u);
  g_memory_file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void limit_resources(std::size_t memory_bytes, std::uint32_t open_files) {
  const rlimit files{open_files, open_files};
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (memory_bytes == 0) return;
  // What is resident is watched and ends the process; this bounds how far it gets between two looks. Stacks of threads count here
  // though they are hardly used.
  constexpr std::size_t kStacks = std::size_t{512} << 20;
  constexpr int kDataColumn = 5;
  const rlim_t most = memory_column(kDataColumn) + memory_bytes + kStacks;
  const rlimit data{most, most};
  ::setrlimit(RLIMIT_DATA, &data);
}

bool filter_calls(bool sockets) {
  SyscallFilter filter;
  for (const int number : kRefused) filter.refuse(number);
  if (!sockets)
    for (const int number : kSockets) filter.refuse(number);
  return filter.install(SyscallFilter::Others::kAllowed);
}

void make_signal_stack() {
  constexpr std::size_t kBytes = 64 * 1024;
  // As long as the thread, which is as long as the process or nearly.
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = kBytes;
  ::sigaltstack(&stack, nullptr);
}

void watch_crashes() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these have reports of their own
  struct sigaction action {};
  action.sa_handler = &note_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK | SA_NODEFER);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(signal, &action, nullptr);
#endif
}

}  // namespace trunkline::isolation
