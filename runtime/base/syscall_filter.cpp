#include "runtime/base/syscall_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace trunkline {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif
constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
sock_filter give(std::uint32_t verdict) { return statement(BPF_RET | BPF_K, verdict); }
sock_filter read_word(std::size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
/// Goes on with the next instruction when it holds, else skips one; or the other way round.
sock_filter unless_skip(std::uint16_t test, std::uint32_t k) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), 0, 1, k};
}
sock_filter if_skip(std::uint16_t test, std::uint32_t k) { return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), 1, 0, k}; }

}  // namespace

SyscallFilter::SyscallFilter() {
  instructions_ = {read_word(offsetof(seccomp_data, arch)), if_skip(BPF_JEQ, kArchitecture), give(SECCOMP_RET_KILL_PROCESS),
                   read_word(offsetof(seccomp_data, nr))};
#if defined(__x86_64__)
  // The other numbering of the same calls.
  constexpr std::uint32_t kX32 = 0x40000000u;
  instructions_.push_back(unless_skip(BPF_JGE, kX32));
  instructions_.push_back(give(kRefuse));
#endif
}

SyscallFilter::~SyscallFilter() = default;

void SyscallFilter::if_equal(int number, std::uint32_t verdict) {
  instructions_.push_back(unless_skip(BPF_JEQ, static_cast<std::uint32_t>(number)));
  instructions_.push_back(give(verdict));
}

void SyscallFilter::allow(int number) { if_equal(number, SECCOMP_RET_ALLOW); }
void SyscallFilter::refuse(int number) { if_equal(number, kRefuse); }

bool SyscallFilter::install(Others others) {
  if constexpr (kArchitecture == 0) return false;
  // Its arguments lie in memory, where a filter cannot look; the C library takes clone instead.
  if_equal(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
#if defined(__x86_64__)
  refuse(__NR_fork);
  refuse(__NR_vfork);
#endif
  instructions_.push_back(if_skip(BPF_JEQ, __NR_clone));
  instructions_.push_back(give(others == Others::kAllowed ? SECCOMP_RET_ALLOW : kRefuse));
  instructions_.push_back(read_word(offsetof(seccomp_data, args[0])));
  instructions_.push_back(unless_skip(BPF_JSET, CLONE_THREAD));
  instructions_.push_back(give(SECCOMP_RET_ALLOW));
  instructions_.push_back(give(kRefuse));
  const sock_fprog program{static_cast<unsigned short>(instructions_.size()), instructions_.data()};
  return ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace trunkline
