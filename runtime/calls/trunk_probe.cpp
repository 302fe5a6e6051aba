#include "runtime/calls/trunk_probe.h"

#include "runtime/clock/clock.h"
#include "runtime/providers/provider_registry.h"
#include "trunkline/pstn_client.hpp"

namespace trunkline::calls {

Task<std::optional<pstn::TrunkProbe>> probe_trunk(ServiceContext& context, pstn::DialTrunk trunk) {
  using Client = pstn::PstnTrunkProviderClient;
  std::optional<pstn::TrunkProbe> report;
  std::optional<Error> trouble;
  const std::vector<ProviderPtr> providers = context.providers.all_of(Client::kInterfaceId);
  for (const ProviderPtr& provider : providers) {
    trouble.reset();
    try {
      CallOptions options;
      options.deadline = context.clock.now() + provider->timeout();
      pstn::DialTrunk wanted = trunk;
      const Client client = provider->client<Client>();
      report = co_await client.probe(std::move(wanted), std::move(options));
    } catch (...) {
      trouble = current_error();
    }
    if (!trouble || trouble->code != ErrorCode::kInvalidArgument) break;
  }
  if (trouble) {
    report.emplace();
    report->peer = trunk.host;
    report->problem = trouble->message;
  }
  co_return report;
}

}  // namespace trunkline::calls
