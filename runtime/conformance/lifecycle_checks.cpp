// Create, stop, destroy; what an instance leaves behind.
#include <algorithm>
#include <filesystem>

#include "runtime/conformance/check.h"
#include "runtime/conformance/heap.h"
#include "trunkline/interfaces.hpp"

namespace trunkline::conformance {
namespace {

std::size_t entries(const char* folder) {
  std::size_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) ++count;
  return count;
}
std::size_t thread_count() { return entries("/proc/self/task"); }
std::size_t descriptor_count() { return entries("/proc/self/fd"); }

void create_and_stop(CheckContext& kit) {
  constexpr int kTimes = 3;
  for (int i = 0; i < kTimes; ++i) {
    Subject subject = kit.open();
    kit.close(subject);
  }
}

void two_instances(CheckContext& kit) {
  Subject first = kit.open("first"), second = kit.open("second");
  kit.close(first);
  for (const std::string& id : second->interfaces())
    kit.require(second->interface(id).vtbl != nullptr, "the second instance lost " + id + " when the first one stopped");
  Subject third = kit.open("third");
  kit.close(second);
  kit.close(third);
}

void slots(CheckContext& kit) {
  Subject subject = kit.open();
  for (const std::string& id : subject->interfaces()) {
    const abi::InterfaceInfo* info = abi::find_interface(id);
    if (!info) {
      kit.remark(id + ": not known to this host; not tested");
      continue;
    }
    const auto* vtbl = static_cast<const char*>(subject->interface(id).vtbl);
    const auto size = *reinterpret_cast<const std::uint32_t*>(vtbl);
    for (const abi::SlotInfo& slot : info->slots)
      if (slot.offset + sizeof(void*) > size || *reinterpret_cast<void* const*>(vtbl + slot.offset) == nullptr)
        kit.remark(id + ": no " + std::string(slot.name) + " (optional)");
  }
  kit.close(subject);
}

void leaks(CheckContext& kit) {
  constexpr int kWarmUp = 20, kRounds = 20;
  constexpr double kAllowedBytes = 2048;  // of the host, for each instance that was ever made
  const auto round = [&] {
    Subject subject = kit.open();
    kit.close(subject);
    kit.host.executor.work().wait_idle();
  };
  for (int i = 0; i < kWarmUp; ++i) round();
  const std::size_t threads = thread_count(), descriptors = descriptor_count();
  const double each = least_growth(kRounds, kAllowedBytes, round);
  // Those that were told to end may need a moment.
  kit.host.wait([&] { return thread_count() <= threads && descriptor_count() <= descriptors; });
  const std::size_t threads_now = thread_count(), descriptors_now = descriptor_count();
  kit.require(threads_now <= threads,
              "threads: " + std::to_string(threads_now - threads) + " are left of instances that were destroyed");
  kit.require(descriptors_now <= descriptors, "file descriptors: " + std::to_string(descriptors_now - descriptors) +
                                                  " are left of instances that were destroyed");
  if (heap_bytes() == 0) return kit.remark("memory is not measured: another allocator is in use");
  kit.figure("bytes_kept_per_instance", each);
  kit.require(each <= kAllowedBytes,
              "memory: every instance that is destroyed leaves " + std::to_string(static_cast<long>(each)) + " bytes behind");
}

std::string made_threads(std::size_t count) {
  return "it made " + std::to_string(count) + " threads, but its manifest has no \"threads\": true";
}

void owned_threads_of_a_process(CheckContext& kit) {
  Subject subject = kit.open();
  kit.host.let_pass(std::chrono::seconds(1));
  // One of ours that ends just now is gone in a moment.
  const bool none = kit.host.wait([&] { return subject.isolated->plugin_threads() <= 0; });
  const int threads = subject.isolated->plugin_threads();
  kit.close(subject);
  kit.require(none, made_threads(static_cast<std::size_t>(std::max(threads, 1))));
}

void owned_threads(CheckContext& kit) {
  if (kit.input.plugin->manifest.threads) kit.skip("the manifest says that it owns threads");
  if (kit.input.isolation) return owned_threads_of_a_process(kit);
  kit.host.let_pass(Duration{0});  // all threads of the host run
  const std::size_t before = thread_count();
  Subject subject = kit.open();
  kit.host.let_pass(std::chrono::seconds(1));
  const std::size_t during = thread_count();
  kit.close(subject);
  kit.require(during <= before, made_threads(during - before));
}

}  // namespace

std::vector<Check> lifecycle_checks(const KitInput&) {
  return {{"lifecycle.create_stop", create_and_stop},
          {"lifecycle.two_instances", two_instances},
          {"lifecycle.slots", slots},
          {"lifecycle.owned_threads", owned_threads},
          {"lifecycle.leaks", leaks}};
}

}  // namespace trunkline::conformance
