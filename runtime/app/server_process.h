// A runtime with its REST door.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/config/config.h"

namespace trunkline {
class Runtime;
}

namespace trunkline::app {

/// [lifecycle]
class ServerProcess {
 public:
  struct Addresses {
    std::string endpoint;      // http://127.0.0.1:4600
    std::string tls_endpoint;  // empty: no HTTPS
    std::string ca_file;
    std::string console;
  };

  /// Opens the runtime and listens. Throws; nothing stays behind.
  /// `development`: the published token opens the control API; else a random one.
  ServerProcess(Config config, bool development);
  ~ServerProcess();

  Runtime& runtime();
  const Addresses& addresses() const { return addresses_; }
  /// Token of the management plane and of the control routes.
  const std::string& arm_token() const;
  /// Finishes what was accepted, then closes everything. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Addresses addresses_;
};

}  // namespace trunkline::app
