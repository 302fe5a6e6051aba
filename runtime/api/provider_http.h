// Requests that a plugin answers (`trunkline.webhook/1`), as it sees them, and its answers as they are sent.
#pragma once
#include "runtime/providers/provider.h"
#include "runtime/server/route.h"
#include "trunkline/host_client.hpp"

namespace trunkline::api {

/// `ours`: what the host has found out, as headers `trunkline-<name>`; what a client sends under such names is left out.
host::HttpRequest as_seen(const server::RouteContext& context, const Properties& ours);
/// Throws kInternal for what is no answer.
net::Response as_sent(const Provider& provider, host::HttpResponse answer);

}  // namespace trunkline::api
