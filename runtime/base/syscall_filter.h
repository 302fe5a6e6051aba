// Which system calls a process may make that runs the code of others (Linux seccomp).
#pragma once
#include <cstdint>
#include <vector>

struct sock_filter;

namespace trunkline {

/// Rules are looked at in the order in which they were added. Refused calls fail with EPERM. Whatever the rules say, threads can
/// be made and processes cannot, and calls in another numbering than the machine's own end the process or are refused.
class SyscallFilter {
 public:
  SyscallFilter();
  SyscallFilter(const SyscallFilter&) = delete;
  ~SyscallFilter();

  void allow(int number);
  void refuse(int number);

  enum class Others { kAllowed, kRefused };
  /// For all threads there are and will be, for good; needs PR_SET_NO_NEW_PRIVS. `others`: what no rule names. False: this
  /// machine or kernel has no filters.
  bool install(Others others);

 private:
  void if_equal(int number, std::uint32_t verdict);
  std::vector<sock_filter> instructions_;
};

}  // namespace trunkline
