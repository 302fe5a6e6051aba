// What commands that talk to a server have in common.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "runtime/app/api_client.h"
#include "runtime/app/commands.h"

namespace trunkline::app {

/// A member that is text; empty when it is absent or something else.
std::string text_of(const nlohmann::json& object, const char* member);

/// The texts of an array, with commas between them.
std::string joined(const nlohmann::json& texts);

/// `work` prints, and gives the exit code.
using ClientWork = std::function<int(ApiClient&, const Output&)>;
CLI::App* add_client_command(CLI::App& parent, CommandContext& context, const char* name, const char* description,
                             ClientWork work);
/// The same for a function that reads what the command line says from `options`.
template <class Options>
CLI::App* add_client_command(CLI::App& parent, CommandContext& context, const char* name, const char* description,
                             const std::shared_ptr<Options>& options,
                             std::type_identity_t<int (*)(ApiClient&, const Output&, const Options&)> work) {
  return add_client_command(parent, context, name, description,
                            [options, work](ApiClient& client, const Output& output) { return work(client, output, *options); });
}

/// A path with a query, put together.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  /// Nothing when the value is empty.
  Target& add(std::string_view name, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Splits `name=value`; throws kInvalidArgument naming the option.
std::pair<std::string, std::string> name_and_value(const std::string& text, const char* option);

/// Throws kInvalidArgument naming the option.
Duration duration_option(const std::string& text, const char* option);
/// How long the next long poll may wait; none is left: not above 0.
std::int64_t poll_ms(Time until);
/// Reads events by long polls and gives each to `each` until it returns false or `until` has come. `after` -1: from now on.
void follow_events(ApiClient& client, const std::string& type, std::int64_t after, std::optional<Time> until,
                   const std::function<bool(const nlohmann::json&)>& each);
/// The events API says where "now" is.
std::int64_t current_position(ApiClient& client);
/// One line about an event.
std::string event_line(const nlohmann::json& event);
/// Lines whose columns stand below each other; the last column is as long as it likes.
std::string table_of(const std::vector<std::vector<std::string>>& rows, const std::string& indent = {});

}  // namespace trunkline::app
