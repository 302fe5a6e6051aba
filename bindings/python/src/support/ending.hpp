// The end of the interpreter. Hand-written.
//
// CPython ends a thread that asks for the GIL too late by unwinding its stack, which C++ frames do not survive: noexcept
// functions and destructors terminate the process. So a thread rests for ever where it would ask, and the end waits for those
// that are on their way.
#pragma once

namespace trunkline::pyrt {

/// While one exists, its thread is in native code called by Python. [GIL] Made too late, it does not return.
class Inside {
 public:
  Inside() noexcept;
  Inside(const Inside&) = delete;
  ~Inside();
};

/// The thread must not take the GIL any more. Asked without it, by a thread that is Inside or not.
bool must_rest() noexcept;
/// Never returns; the process is about to end.
[[noreturn]] void rest() noexcept;

/// From now on other threads rest. [GIL]
void begin_ending() noexcept;
/// Waits for those that are inside and have not come to rest, for a while. [GIL, released meanwhile]
void wait_for_others() noexcept;
/// In a forked child: the other threads do not exist. [GIL]
void forget_others() noexcept;

}  // namespace trunkline::pyrt
