#include "runtime/core/http_transport.h"

#include "runtime/base/strings.h"

namespace trunkline {

Task<host::HttpResponse> HttpClientTransport::send(Call call, host::HttpRequest request) {
  net::ClientRequest outgoing;
  outgoing.method = std::move(request.method);
  outgoing.url = std::move(request.url);
  for (auto& [name, value] : request.headers) outgoing.headers.add(name, value);
  if (!call.traceparent().empty() && !outgoing.headers.has("traceparent"))
    outgoing.headers.add("traceparent", std::string(call.traceparent()));
  if (request.body) outgoing.body.assign(request.body->begin(), request.body->end());
  outgoing.timeout = request.timeout;
  outgoing.counts_as_work = !request.long_poll;
  outgoing.cancel = net::CancelToken::make();
  net::CancelToken cancel = outgoing.cancel;
  const CancelSubscription subscription = call.on_cancel([cancel]() mutable { cancel.cancel(); });

  net::ClientResponse answer;
  try {
    answer = co_await client_.send(std::move(outgoing));
  } catch (Error& error) {
    // Details do not cross the ABI; whether anything was sent must.
    if (const auto cause = error.details.find("cause"); cause != error.details.end()) error.provider_code = cause->second;
    throw;
  }
  host::HttpResponse response;
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.headers[to_lower(name)] = value;
  response.body = Bytes(answer.body.begin(), answer.body.end());
  co_return response;
}

}  // namespace trunkline
