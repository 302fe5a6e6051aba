// The plugin of this process: loaded, made, served and stopped as its host says.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/isolation/worker/link.h"

namespace trunkline::isolation {

/// What the host wants, from its first frame.
struct Wanted {
  std::string library, id, provider, config_json;
  std::uint32_t host_abi = 0;
  std::size_t memory_bytes = 0;
  std::uint32_t open_files = 0;
  bool owns_threads = false;
  std::vector<std::string> interfaces;
  std::vector<std::uint32_t> offered;  // targets that the host serves
};
/// Throws kDataLoss, and kFailedPrecondition when the host is of another build.
Wanted read_wanted(const remote::Frame& frame);

class HostedPlugin {
 public:
  HostedPlugin(std::shared_ptr<Link> link, Wanted wanted);
  HostedPlugin(const HostedPlugin&) = delete;
  ~HostedPlugin();
  /// Loads the library and makes the instance; tells the host of it. False: the host was told why not.
  bool create();
  /// Asks it to drain; the host is told when it has. On a thread that may be kept.
  void stop();

 private:
  struct HostTarget;
  void make();
  std::string created_frame();

  const std::shared_ptr<Link> link_;
  const Wanted wanted_;
  std::vector<std::unique_ptr<HostTarget>> targets_;
  tl_host host_{};
  const tl_plugin_entry* entry_ = nullptr;
  tl_plugin* plugin_ = nullptr;
  std::atomic<bool> made_{false};  // orders what create() made before a stop on another thread
};

}  // namespace trunkline::isolation
