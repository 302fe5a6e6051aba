// How much of the heap is in use, for checks that look for leaks.
#pragma once
#include <cstddef>
#include <functional>

namespace trunkline::conformance {

/// Bytes of this process's heap that are in use; 0: another allocator is at work.
std::size_t heap_bytes();
/// Bytes that the heap grows by with each of `rounds`; the least of several such measurements, because only a leak grows in all.
/// No more are made once it is at most `allowed`: garbage of a language that collects it when it likes takes a few.
double least_growth(int rounds, double allowed, const std::function<void()>& round);

}  // namespace trunkline::conformance
