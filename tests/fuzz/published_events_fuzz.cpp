// What publishers send, and the tokens they show: anything is either taken or refused with an Error; what is taken can be
// rendered and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/eventgrid/published_events.h"
#include "runtime/eventgrid/topic_service.h"
#include "runtime/events/event_render.h"

namespace {

using namespace trunkline;

void render(const NewEvent& event) {
  Event logged;
  static_cast<NewEvent&>(logged) = event;
  for (const auto schema : {events::EventSchema::kEventGrid, events::EventSchema::kCloudEvents}) {
    std::string out;
    events::append_event(out, schema, logged);
    if (!nlohmann::json::parse(out).is_object()) std::abort();
  }
  events::render_binary(logged);
}

template <class F>
void attempt(F f) {
  try {
    f();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Time now{std::chrono::seconds{1767225600}};
  switch (data[0] % 4) {
    case 0:
      attempt([&] {
        for (const NewEvent& event : eventgrid::parse_event_grid_events(text, "/t", now)) render(event);
      });
      break;
    case 1:
      attempt([&] {
        for (const NewEvent& event : eventgrid::parse_cloud_events(text, text.starts_with('['), now)) render(event);
      });
      break;
    case 2: {
      // Header lines, an empty one, then the body.
      std::vector<std::pair<std::string, std::string>> headers = {
          {"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}};
      std::string_view rest = text;
      while (!rest.empty() && rest.front() != '\n') {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
        headers.emplace_back("ce-" + std::string(line.substr(0, line.find(':'))), line.substr(line.find(':') + 1));
      }
      attempt([&] { render(eventgrid::parse_binary_cloud_event(headers, rest.size() % 2 == 0 ? "text/plain" : "", rest, now)); });
      break;
    }
    default: {
      eventgrid::EventTopic topic;
      topic.name = "orders";
      topic.key1 = topic.key2 = Secret(base64_encode("a key of sixteen"));
      attempt([&] { eventgrid::check_topic_token(topic, text, now); });
    }
  }
  return 0;
}
