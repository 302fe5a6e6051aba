#include "runtime/realtime/open_stream.h"

#include "runtime/base/json.h"
#include "runtime/base/time_text.h"
#include "runtime/realtime/shared.h"
#include "runtime/services/chat_event_data.h"

namespace trunkline::realtime {
namespace {

using server::RouteContext;

constexpr std::uint32_t kChangeBatch = 64;

std::string event_json(const ChatDelivery& delivery) {
  const std::string cursor = std::to_string(delivery.cursor);
  const NewEvent event = chat_event(delivery.change, cursor);
  if (event.type.empty()) return {};
  std::string out;
  out.reserve(event.data.size() + 256);
  out += R"({"cursor":")" + cursor + R"(","type":)";
  append_json_string(out, event.type);
  out += R"(,"time":)";
  append_json_string(out, format_rfc3339(delivery.time));
  out += R"(,"subject":)";
  append_json_string(out, event.subject);
  out += R"(,"data":)" + event.data + "}";
  return out;
}

/// What happens in the threads of a user.
class ChatFeed final : public StreamFeed {
 public:
  ChatFeed(SharedPtr shared, std::shared_ptr<ChatListener> listener, std::shared_ptr<void> present)
      : shared_(std::move(shared)), listener_(std::move(listener)), present_(std::move(present)) {}

  std::int64_t cursor() const override { return listener_->cursor(); }
  void close() override { listener_->close(); }
  Task<std::vector<net::SharedBytes>> next(StreamForm form) override {
    RenderCache& cache = form == StreamForm::kSocket ? shared_->socket_events : shared_->stream_events;
    std::vector<net::SharedBytes> out;
    while (out.empty()) {
      const std::vector<ChatDeliveryPtr> batch = co_await listener_->next(kChangeBatch);
      if (batch.empty()) break;
      for (const ChatDeliveryPtr& delivery : batch)
        if (net::SharedBytes event = cache.get(delivery)) out.push_back(std::move(event));
    }
    co_return out;
  }

 private:
  const SharedPtr shared_;
  const std::shared_ptr<ChatListener> listener_;
  const std::shared_ptr<void> present_;
};

// No coroutine: GCC 12 destroys temporaries twice when one of several arguments throws there.
net::Response open_stream(const SharedPtr& shared, const RouteContext& context) {
  const ResourcePtr resource = chat_resource(context);
  auto listener = shared->context.chat.listen(resource, context.caller.user_id, stream_start(context));
  std::shared_ptr<const StreamContext> stream(shared, &shared->stream);
  auto present = shared->presence->enter(resource, context.caller.user_id);
  return open_channel(std::move(stream), context, resource->key,
                      std::make_shared<ChatFeed>(shared, std::move(listener), std::move(present)));
}

}  // namespace

net::SharedBytes render_socket_event(const ChatDelivery& delivery) {
  std::string event = event_json(delivery);
  return event.empty() ? nullptr : net::share(std::move(event));
}

net::SharedBytes render_stream_event(const ChatDelivery& delivery) {
  const std::string event = event_json(delivery);
  return event.empty() ? nullptr : net::share(net::event_stream_event(std::to_string(delivery.cursor), {}, event));
}

void add_stream_routes(std::vector<server::Route>& routes, const SharedPtr& shared) {
  routes.push_back(
      stream_route("/_stream/chat", server::Auth::kUserToken,
                   [shared](RouteContext& context) -> Task<net::Response> { co_return open_stream(shared, context); }));
}

}  // namespace trunkline::realtime
