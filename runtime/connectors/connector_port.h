// Connectors as the engine of workflows sees them.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/connectors/connector.h"
#include "runtime/connectors/function_calls.h"
#include "runtime/flows/action_port.h"

namespace trunkline::connectors {

/// What a connector, connection or function of a definition stands for, as configured. One of these is set.
struct ConnectionMapping {
  std::string url;       // an HTTP API of the same shape
  std::string function;  // of the application; see FunctionCalls
  std::string resource;  // a managed connector of ours, on this communication resource
};

/// Takes what names a connector or a function, unless it is mapped to an address, which is HTTP's to perform: those that are
/// ours, those that are mapped to a function, and those that are neither, which fail with ConnectorNotMapped. [any-thread]
class ConnectorPort final : public flows::ActionPort {
 public:
  /// Names in `mappings` compare without case: of the managed API, the connection, or its reference in the definition; of a
  /// Function action the last part of its id.
  ConnectorPort(Executor& executor, ResourceService& resources, ConnectorServices services,
                std::map<std::string, ConnectionMapping> mappings);

  bool handles(const flows::ActionCall& call) const override;
  bool repeats_safely(const flows::ActionCall& call) const override;
  bool stands_behind(const std::vector<std::string>& names) const override;
  void run(flows::ActionCall call, UniqueFunction<void(flows::ActionAnswer)> done) override;

  FunctionCalls& functions() { return *functions_; }
  /// Names of what `call` could be mapped by, the best known first.
  static std::vector<std::string> names_of(const flows::ActionCall& call);

 private:
  struct Choice {
    const ConnectionMapping* mapping = nullptr;  // null: not configured
    const Connector* connector = nullptr;        // null: none of ours
    std::vector<std::string> names;
  };
  Choice choose(const flows::ActionCall& call) const;
  Choice choose(std::vector<std::string> names) const;
  Task<flows::ActionAnswer> perform(flows::ActionCall call, Choice choice);

  Executor& executor_;
  ResourceService& resources_;
  const ConnectorServices services_;
  const std::map<std::string, ConnectionMapping> mappings_;  // names in lower case
  const std::shared_ptr<FunctionCalls> functions_;
};

}  // namespace trunkline::connectors
