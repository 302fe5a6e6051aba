#include "runtime/net/stream.h"

namespace trunkline::net {
namespace {

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out.push_back('\n');
}

}  // namespace

Response stream_response(std::string content_type, StreamOptions options,
                         UniqueFunction<Task<void>(std::shared_ptr<BodyWriter>)> run) {
  Response response;
  response.content_type = std::move(content_type);
  response.stream = std::make_shared<StreamingBody>(StreamingBody{std::move(options), std::move(run)});
  return response;
}

Response event_stream_response(UniqueFunction<Task<void>(std::shared_ptr<BodyWriter>)> run, StreamOptions options) {
  if (options.keep_alive.empty()) options.keep_alive = ": keep-alive\n\n";
  Response response = stream_response("text/event-stream", std::move(options), std::move(run));
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Accel-Buffering", "no");  // proxies that hold bytes back would hold events back
  return response;
}

std::string event_stream_event(std::string_view id, std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(data.size() + id.size() + event.size() + 32);
  if (!id.empty()) append_line(out, "id", id);
  if (!event.empty()) append_line(out, "event", event);
  // Every kind of line end separates lines of data.
  for (;;) {
    const auto end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) break;
    const bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (pair ? 2 : 1));
  }
  out.push_back('\n');
  return out;
}

}  // namespace trunkline::net
