#include "runtime/realtime/event_stream.h"

#include "runtime/eventgrid/short_form.h"
#include "runtime/events/event_log.h"
#include "runtime/events/event_render.h"
#include "runtime/events/event_types.h"
#include "runtime/realtime/stream_channel.h"

namespace trunkline::realtime {
namespace {

using server::RouteContext;

constexpr std::uint32_t kEventBatch = 64;

struct EventStreams {
  explicit EventStreams(const EventStreamContext& c)
      : context(c),
        stream{c.clock, c.log, c.tokens, ChannelMetrics(c.metrics, "events-websocket"), ChannelMetrics(c.metrics, "events-sse")} {
  }
  EventStreamContext context;
  StreamContext stream;
};
using EventStreamsPtr = std::shared_ptr<const EventStreams>;

/// The event in its schema, with the cursor as one more member: an extension attribute of CloudEvents, and nothing that readers
/// of Event Grid's envelope mind.
net::SharedBytes render(const Event& event, events::EventSchema schema, StreamForm form) {
  const std::string cursor = std::to_string(event.sequence);
  std::string text;
  text.reserve(event.data.size() + 512);
  events::append_event(text, schema, event, R"(,"cursor":")" + cursor + "\"");
  return net::share(form == StreamForm::kSocket ? std::move(text) : net::event_stream_event(cursor, {}, text));
}

/// Reads the log as fast as the client takes it: one that does not keep up costs a position, and no memory.
class EventFeed final : public StreamFeed {
 public:
  EventFeed(std::shared_ptr<Subscription> subscription, events::EventSchema schema)
      : subscription_(std::move(subscription)), schema_(schema) {}

  std::int64_t cursor() const override { return subscription_->cursor(); }
  void close() override { subscription_->close(); }
  Task<std::vector<net::SharedBytes>> next(StreamForm form) override {
    const std::vector<Event> batch = co_await subscription_->next(kEventBatch);
    std::vector<net::SharedBytes> out;
    out.reserve(batch.size());
    for (const Event& event : batch) out.push_back(render(event, schema_, form));
    co_return out;
  }

 private:
  const std::shared_ptr<Subscription> subscription_;
  const events::EventSchema schema_;
};

eventgrid::EventSource source_of(const EventStreams& streams, const RouteContext& context) {
  const std::string topic = context.query("topic").value_or("");
  if (!topic.empty()) {
    // Topics belong to the runtime: the key of one resource opens none of them.
    if (context.caller.credential != "control" && context.caller.credential != "off")
      throw Error(ErrorCode::kPermissionDenied, "The events of a custom topic take the control token.", "topic")
          .with_http_status(403);
    return streams.context.topic(topic);
  }
  if (!context.caller.resource || !context.caller.resource->owner) throw Error(ErrorCode::kInternal, "the route has no resource");
  return eventgrid::source_of(*std::static_pointer_cast<const Resource>(context.caller.resource->owner));
}

// No coroutine: GCC 12 destroys temporaries twice when one of several arguments throws there.
net::Response open_stream(const EventStreamsPtr& streams, const RouteContext& context) {
  const eventgrid::EventSource source = source_of(*streams, context);
  EventFilter filter;
  for (std::string& type : context.queries("type")) filter.types.push_back(events::full_event_type(std::move(type)));
  filter.subject_begins_with = context.query("subject").value_or("");
  events::EventSchema schema = events::EventSchema::kEventGrid;
  if (const auto name = context.query("schema")) schema = eventgrid::parse_schema_name(*name, "schema");
  auto subscription = streams->context.events.subscribe(*source.database, source.key, std::move(filter), stream_start(context));
  auto feed = std::make_shared<EventFeed>(std::move(subscription), schema);
  std::shared_ptr<const StreamContext> stream(streams, &streams->stream);
  return open_channel(std::move(stream), context, source.key, std::move(feed));
}

}  // namespace

void add_event_stream_routes(std::vector<server::Route>& routes, const EventStreamContext& context) {
  EventStreamsPtr streams = std::make_shared<const EventStreams>(context);
  routes.push_back(
      stream_route("/_stream/events", server::Auth::kObserver,
                   [streams](RouteContext& request) -> Task<net::Response> { co_return open_stream(streams, request); }));
}

}  // namespace trunkline::realtime
