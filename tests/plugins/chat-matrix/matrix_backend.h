// chat-matrix with its homeserver in memory. The sync asks when the clock is advanced, so nothing happens unless a test says so.
#pragma once
#include "tests/plugins/chat-matrix/fake_homeserver.h"
#include "tests/plugins/chat_backend.h"

namespace trunkline::testing {

struct MatrixBackend final : ChatBackend {
  std::unique_ptr<plugin::PluginInstance> open(Host& host, tl_iface sink, const std::map<std::string, int>& limits) override {
    host.context.http = &server;
    json config{{"homeserver", FakeHomeserver::kUrl}, {"server_name", FakeHomeserver::kName}, {"sync_seconds", 0}};
    config["poll_ms"] = 600'000;
    for (const auto& [name, value] : limits) config[name] = value;
    config.update(more);
    return host.open("chat-matrix", config.dump(), sink, {{"as_token", Secret(token)}});
  }

  FakeHomeserver server;
  std::string token = FakeHomeserver::kToken;
  json more = json::object();
};

}  // namespace trunkline::testing
