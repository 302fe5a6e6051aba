#include "runtime/connectors/connector.h"

#include <algorithm>

#include "runtime/base/strings.h"
#include "runtime/net/http.h"

namespace trunkline::connectors {
namespace {

/// Definitions encode what they put into a path once or twice; none of our ids has a `%`.
std::string decode_segment(std::string_view segment) {
  std::string text(segment);
  for (int i = 0; i < 2 && text.find('%') != std::string::npos; ++i) {
    std::optional<std::string> decoded = net::percent_decode(text);
    if (!decoded) break;
    text = std::move(*decoded);
  }
  return text;
}

/// Without the number that the designer puts behind the names of further connections.
std::string_view without_number(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash + 1 == name.size()) return name;
  const std::string_view digits = name.substr(dash + 1);
  const bool number = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? name.substr(0, dash) : name;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return split(path, '/');
}

}  // namespace

std::span<const Connector> managed_connectors() {
  static const std::vector<Connector> all{
      {{"azurecommunicationservicessms", "acssms"}, sms_operations()},
      {{"acsidentity"}, identity_operations()},
      {{"acschat"}, chat_operations()},
      {{"acsemail"}, email_operations()},
      {{"smtp"}, smtp_operations()},
      {{"acscallautomation", "azurecommunicationservicescallautomation"}, call_automation_operations()},
  };
  return all;
}

const Connector* find_connector(std::string_view name) {
  name = without_number(name);
  for (const Connector& connector : managed_connectors())
    if (std::any_of(connector.names.begin(), connector.names.end(), [&](std::string_view known) { return iequals(known, name); }))
      return &connector;
  return nullptr;
}

ConnectorMatch match_operation(const Connector& connector, std::string_view method, std::string_view path) {
  const std::vector<std::string_view> given = segments_of(path);
  for (const ConnectorOperation& operation : connector.operations) {
    if (!iequals(operation.method, method)) continue;
    const std::vector<std::string_view> wanted = segments_of(operation.path);
    if (wanted.size() != given.size()) continue;
    ConnectorMatch match;
    const bool fits = std::equal(wanted.begin(), wanted.end(), given.begin(), [&](std::string_view word, std::string_view text) {
      if (!word.starts_with('{')) return iequals(word, text);
      // `{name}:play`
      const std::string_view verb = word.substr(word.find('}') + 1);
      if (text.size() < verb.size() || !iequals(text.substr(text.size() - verb.size()), verb)) return false;
      match.arguments.push_back(decode_segment(text.substr(0, text.size() - verb.size())));
      return !match.arguments.back().empty();
    });
    if (!fits) continue;
    match.operation = &operation;
    return match;
  }
  return {};
}

}  // namespace trunkline::connectors
