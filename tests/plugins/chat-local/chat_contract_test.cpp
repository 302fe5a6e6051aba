#include "tests/plugins/chat_contract.h"

namespace trunkline {
namespace {

struct Local final : ChatBackend {
  std::unique_ptr<plugin::PluginInstance> open(testing::Host& host, tl_iface sink,
                                               const std::map<std::string, int>& limits) override {
    std::string config = "{";
    for (const auto& [name, value] : limits) config += (config.size() > 1 ? ",\"" : "\"") + name + "\":" + std::to_string(value);
    return host.open("chat-local", config + "}", sink);
  }
};

INSTANTIATE_TEST_SUITE_P(Local, ChatContract,
                         ::testing::Values(MakeChatBackend{"chat-local", [] { return std::make_unique<Local>(); }}));

}  // namespace
}  // namespace trunkline
