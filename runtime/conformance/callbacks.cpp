#include "runtime/conformance/callbacks.h"

#include "trunkline/host_client.hpp"

namespace trunkline::conformance {
namespace {

std::string filled(std::string text, Fields fields) {
  for (const auto& [name, value] : fields) {
    const std::string hole = "{" + std::string(name) + "}";
    for (std::size_t at = text.find(hole); at != std::string::npos; at = text.find(hole, at + value.size()))
      text.replace(at, hole.size(), value);
  }
  return text;
}

}  // namespace

std::int32_t call_back(CheckContext& kit, Subject& subject, const HttpRule& callback, Fields fields, const std::string& what) {
  host::HttpRequest request;
  request.method = callback.method;
  request.url = filled(callback.url.empty() ? "https://host.example/_webhooks/under-test" : callback.url, fields);
  for (const auto& [name, value] : callback.headers) request.headers.emplace(name, filled(value, fields));
  const std::string body = filled(callback.body, fields);
  request.body = Bytes(body.begin(), body.end());
  auto record = std::make_shared<CallRecord>();
  auto status = std::make_shared<std::int32_t>(0);
  const host::WebhookReceiverClient client(subject->interface(host::WebhookReceiverClient::kInterfaceId), subject->calls());
  client.start_receive(std::move(request), {},
                       [status, settled = kit.recorder(record)](Result<host::HttpResponse> result) mutable {
                         if (result.ok()) *status = result.value().status;
                         settled(result.ok() ? nullptr : &result.error());
                       });
  kit.await(record, what);
  if (record->error) kit.fail(what + " failed: " + error_name(record->error->code) + ": " + record->error->message);
  return *status;
}

void require_webhook(CheckContext& kit, Subject& subject) {
  if (!subject->interface(host::WebhookReceiverClient::kInterfaceId).vtbl) kit.skip("it does not offer trunkline.webhook/1");
}

}  // namespace trunkline::conformance
