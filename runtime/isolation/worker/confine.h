// Takes from this process what no plugin needs.
#pragma once
#include <cstddef>
#include <cstdint>

namespace trunkline::isolation {

/// Before anything else: nothing is open but what the host gave, no core is written, signals of a terminal are the host's.
void confine_process();
/// Once the plugin's library is loaded, before its code runs: what it may take from now on. `memory_bytes`: see Options, 0: no
/// limit.
void limit_resources(std::size_t memory_bytes, std::uint32_t open_files);
/// No other programs, no look into other processes; without `sockets` no network but the host's. False: this kernel has no
/// filters.
bool filter_calls(bool sockets);
/// Notes in the page that is shared how much memory was used when the process is about to end by a signal.
void watch_crashes();
/// A stack for the notes of this thread: its own may be what has run out.
void make_signal_stack();

std::size_t resident_bytes();

}  // namespace trunkline::isolation
