#include "runtime/app/client_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/time_text.h"
#include "runtime/clock/system_time.h"
#include "runtime/net/http.h"

namespace trunkline::app {

using nlohmann::json;

namespace {

constexpr std::int64_t kLongestPollMs = 20'000;

/// Code points, which is as good as columns for what we print.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string text_of(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string joined(const json& texts) {
  std::string out;
  for (const json& text : texts) out += (out.empty() ? "" : ", ") + text.get<std::string>();
  return out;
}

CLI::App* add_client_command(CLI::App& parent, CommandContext& context, const char* name, const char* description,
                             ClientWork work) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->callback([&context, work = std::move(work)] {
    context.run = [&context, work] {
      ApiClient client(Connection::resolve(context.connection_string));
      return work(client, Output(context.json));
    };
  });
  return command;
}

Target& Target::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_.push_back(text_.find('?') == std::string::npos ? '?' : '&');
  text_.append(name).append("=").append(net::percent_encode(value));
  return *this;
}

std::pair<std::string, std::string> name_and_value(const std::string& text, const char* option) {
  const auto at = text.find('=');
  if (at == std::string::npos || at == 0)
    throw Error(ErrorCode::kInvalidArgument, std::string(option) + ": '" + text + "' is not name=value", option);
  return {text.substr(0, at), text.substr(at + 1)};
}

Duration duration_option(const std::string& text, const char* option) {
  if (const auto duration = parse_duration(text)) return *duration;
  throw Error(ErrorCode::kInvalidArgument, std::string(option) + ": '" + text + "' is no duration such as 250ms, 30s, 5m or 12h",
              option);
}

std::int64_t poll_ms(Time until) {
  return std::min<std::int64_t>(kLongestPollMs,
                                std::chrono::duration_cast<std::chrono::milliseconds>(until - system_time_now()).count());
}

void follow_events(ApiClient& client, const std::string& type, std::int64_t after, std::optional<Time> until,
                   const std::function<bool(const json&)>& each) {
  for (;;) {
    const std::int64_t wait_ms = until ? poll_ms(*until) : kLongestPollMs;
    if (wait_ms <= 0) throw Error(ErrorCode::kDeadlineExceeded, "no such event came in time");
    std::string path = "/_control/events?wait_ms=" + std::to_string(wait_ms);
    if (after >= 0) path += "&after=" + std::to_string(after);
    if (!type.empty()) path += "&type=" + net::percent_encode(type);
    const json answer = client.get(path);
    for (const json& event : answer["items"])
      if (!each(event)) return;
    after = answer["next"].get<std::int64_t>();
  }
}

std::int64_t current_position(ApiClient& client) { return client.get("/_control/events?limit=1")["next"].get<std::int64_t>(); }

std::string event_line(const nlohmann::json& event) {
  return std::to_string(event["sequence"].get<std::int64_t>()) + "  " + text_of(event, "time") + "  " + text_of(event, "type") +
         "  " + text_of(event, "subject") + "  " + event["data"].dump();
}

std::string table_of(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]), ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (!out.empty()) out.push_back('\n');
    out += line;
  }
  return out;
}

}  // namespace trunkline::app
