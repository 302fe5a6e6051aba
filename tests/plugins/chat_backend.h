// How the contract of chat providers opens one of them.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "tests/plugins/host.h"

namespace trunkline {

/// A provider under the contract. `limits`: settings that all of them have, by name.
struct ChatBackend {
  virtual ~ChatBackend() = default;
  virtual std::unique_ptr<plugin::PluginInstance> open(testing::Host& host, tl_iface sink,
                                                       const std::map<std::string, int>& limits) = 0;
};
/// Printed by its name, which becomes part of the tests' names: those must not change from build to build.
struct MakeChatBackend {
  const char* plugin;
  std::function<std::unique_ptr<ChatBackend>()> make;
};
inline void PrintTo(const MakeChatBackend& backend, std::ostream* out) { *out << backend.plugin; }

}  // namespace trunkline
