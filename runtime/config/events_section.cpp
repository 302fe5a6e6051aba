#include "runtime/config/events_section.h"

#include "runtime/base/encoding.h"
#include "runtime/base/names.h"
#include "runtime/base/strings.h"
#include "runtime/base/time_text.h"

namespace trunkline {
namespace {

void read_schema(ConfigSection& s, EventSchemaConfig& out) {
  s.choice("schema", out,
           {{"EventGridSchema", EventSchemaConfig::kEventGrid}, {"CloudEventSchemaV1_0", EventSchemaConfig::kCloudEvents}});
}

/// 3 to `most` letters, digits and '-'; unique without regard to case.
void read_name(ConfigSection& s, std::string& out, std::size_t most, std::set<std::string, std::less<>>& names) {
  s.required_text("name", out);
  if (out.empty()) return;
  const bool good = is_event_grid_name(out, most);
  if (!good)
    s.problem("name", "wanted 3 to " + std::to_string(most) + " letters, digits or '-', found '" + out + "'");
  else if (!names.insert(to_lower(out)).second)
    s.problem("name", "'" + out + "' is there twice");
}

}  // namespace

void read_events(ConfigSection& s, EventsConfig& out) {
  s.duration("retention", out.retention);
  if (out.retention < std::chrono::minutes{1}) s.problem("retention", "must be at least a minute");
  s.integer("max_events", out.max_events, std::uint64_t{0}, std::uint64_t{1'000'000'000'000});
  s.integer("max_size_mb", out.max_size_mb, std::uint64_t{0}, std::uint64_t{1'000'000'000});
  s.text("dead_letter_path", out.dead_letter_path);
  s.boolean("allow_http", out.allow_http);
  s.boolean("forbid_private", out.forbid_private);
  s.duration("response_timeout", out.response_timeout);
  if (out.response_timeout <= Duration::zero()) s.problem("response_timeout", "must be longer than nothing");
  std::vector<std::string> waits;
  s.texts("retry_schedule", waits);
  if (waits.size() > 30) s.problem("retry_schedule", "has more than 30 waits");
  for (const std::string& text : waits) {
    const auto wait = parse_duration(text);
    if (!wait || *wait <= Duration::zero())
      s.problem("retry_schedule", "wanted waits such as 10s or 5m, found '" + text + "'");
    else
      out.retry_schedule.push_back(*wait);
  }
  s.integer("connections_per_endpoint", out.connections_per_endpoint, 1u, 1024u);
}

void read_event_subscription(ConfigSection& s, EventSubscriptionConfig& out, std::set<std::string, std::less<>>& names) {
  out.mark = s.mark();
  read_name(s, out.name, 64, names);
  s.text("endpoint", out.endpoint);
  s.texts("types", out.types);
  s.text("subject_begins_with", out.subject_begins_with);
  read_schema(s, out.schema);
  s.secret("bearer", out.bearer);
  s.secret("hmac_secret", out.hmac_secret);
  s.json("properties", out.properties_json);
}

void read_event_topic(ConfigSection& s, EventTopicConfig& out, std::set<std::string, std::less<>>& names) {
  out.mark = s.mark();
  read_name(s, out.name, 50, names);
  read_schema(s, out.schema);
  s.secret("key1", out.key1);
  s.secret("key2", out.key2);
  for (const auto& [key, ref] : {std::pair<std::string_view, const SecretRef&>{"key1", out.key1}, {"key2", out.key2}})
    if (ref.kind == SecretRef::Kind::kValue && !base64_decode(ref.value.reveal())) s.problem(key, "the value is not base64");
  std::set<std::string, std::less<>> subscriptions;
  s.each("event_subscriptions",
         [&](ConfigSection& item) { read_event_subscription(item, out.event_subscriptions.emplace_back(), subscriptions); });
}

}  // namespace trunkline
