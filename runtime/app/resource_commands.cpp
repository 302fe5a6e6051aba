// `trunkline resource`: the resources of a running server.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

std::string resource_path(const std::string& name, const std::string& more = "") {
  return "/_control/resources/" + net::percent_encode(name) + more;
}

std::string resource_line(const json& item) {
  return text_of(item, "name") + "  " + text_of(item, "resource_id") + "  " + text_of(item, "data_location") + "  " +
         text_of(item, "connection_string");
}

std::string details_of(const json& item) {
  std::string out = "name           " + text_of(item, "name") + "\nid             " + text_of(item, "resource_id") +
                    "\ndata location  " + text_of(item, "data_location") + "\ncreated        " + text_of(item, "created_at") +
                    "\naccess keys    " + (item.value("local_auth", true) ? "on" : "off");
  for (const json& ancestor : item.value("lineage", json::array())) out += "\nforked from    " + ancestor.get<std::string>();
  for (const auto& [name, value] : item.value("tags", json::object()).items())
    out += "\ntag            " + name + "=" + value.get<std::string>();
  return out + "\nconnection     " + text_of(item, "connection_string");
}

json keys_of(const json& item) {
  json keys;
  for (const char* member : {"primary_key", "secondary_key", "connection_string", "secondary_connection_string"})
    if (item.contains(member)) keys[member] = item[member];
  return keys;
}

std::string keys_text(const json& keys) {
  return "primary    " + text_of(keys, "primary_key") + "\n           " + text_of(keys, "connection_string") + "\nsecondary  " +
         text_of(keys, "secondary_key") + "\n           " + text_of(keys, "secondary_connection_string");
}

json tags_of(const std::vector<std::string>& pairs) {
  json tags = json::object();
  for (const std::string& pair : pairs) {
    const auto at = pair.find('=');
    if (at == std::string::npos || at == 0)
      throw Error(ErrorCode::kInvalidArgument, "--tag: '" + pair + "' is not name=value", "--tag");
    tags[pair.substr(0, at)] = pair.substr(at + 1);
  }
  return tags;
}

/// What the commands take; shared by all of them.
struct ResourceOptions {
  std::string name;
  std::string second;
  std::string location = "United States";
  std::vector<std::string> tags;
};
using ResourceOptionsPtr = std::shared_ptr<ResourceOptions>;
using ResourceWork = std::function<void(ApiClient&, const Output&, const ResourceOptions&)>;

/// A command that talks to the server; `work` prints.
CLI::App* add_resource_command(CLI::App& parent, CommandContext& context, const char* name, const char* description,
                               const ResourceOptionsPtr& options, ResourceWork work) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->callback([&context, options, work = std::move(work)] {
    context.run = [&context, options, work] {
      ApiClient client(Connection::resolve(context.connection_string));
      work(client, Output(context.json), *options);
      return kExitOk;
    };
  });
  return command;
}

void add_registry(CLI::App& resource, CommandContext& context, const ResourceOptionsPtr& options) {
  add_resource_command(resource, context, "list", "All of them.", options,
                       [](ApiClient& client, const Output& output, const ResourceOptions&) {
                         const json page = client.get("/_control/resources");
                         for (const json& item : page["items"]) output.result(item, resource_line(item));
                       });
  CLI::App* create = add_resource_command(resource, context, "create", "Create one.", options,
                                          [](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                            json body;
                                            body["name"] = o.name;
                                            body["data_location"] = o.location;
                                            body["tags"] = tags_of(o.tags);
                                            const json answer = client.post("/_control/resources", body);
                                            output.result(answer, resource_line(answer));
                                          });
  create->add_option("name", options->name, "Its name.")->required();
  create->add_option("--data-location", options->location, "Where its data rests.");
  create->add_option("--tag", options->tags, "name=value; may be repeated.")->allow_extra_args(false);
  CLI::App* show = add_resource_command(resource, context, "show", "One of them.", options,
                                        [](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                          const json answer = client.get(resource_path(o.name));
                                          output.result(answer, details_of(answer));
                                        });
  show->add_option("name", options->name, "Which.")->required();
  CLI::App* fork = add_resource_command(resource, context, "fork", "Copy one with everything it holds.", options,
                                        [](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                          json body;
                                          body["name"] = o.second;
                                          const json answer = client.post(resource_path(o.name, "/fork"), body);
                                          output.result(answer, resource_line(answer));
                                        });
  fork->add_option("name", options->name, "Which.")->required();
  fork->add_option("new-name", options->second, "Name of the copy.")->required();
  CLI::App* drop = add_resource_command(
      resource, context, "drop", "Drop one with everything it holds.", options,
      [](ApiClient& client, const Output&, const ResourceOptions& o) { client.remove(resource_path(o.name)); });
  drop->add_option("name", options->name, "Which.")->required();
}

void add_keys(CLI::App& resource, CommandContext& context, const ResourceOptionsPtr& options) {
  CLI::App* keys = add_resource_command(resource, context, "keys", "The access keys of one.", options,
                                        [](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                          const json answer = keys_of(client.get(resource_path(o.name)));
                                          output.result(answer, keys_text(answer));
                                        });
  keys->add_option("name", options->name, "Which.")->required();
  CLI::App* regenerate = add_resource_command(resource, context, "regenerate-key", "Make a new key; the old one is dead at once.",
                                              options, [](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                                json body;
                                                body["kind"] = o.second;
                                                const json answer = keys_of(client.post(resource_path(o.name, "/keys"), body));
                                                output.result(answer, keys_text(answer));
                                              });
  regenerate->add_option("name", options->name, "Which.")->required();
  regenerate->add_option("kind", options->second, "primary or secondary.")
      ->required()
      ->check(CLI::IsMember({"primary", "secondary"}));
}

void add_snapshots(CLI::App& resource, CommandContext& context, const ResourceOptionsPtr& options) {
  const auto describe = [](const json& item) { return text_of(item, "created_at") + "  " + text_of(item, "name"); };
  CLI::App* take = add_resource_command(resource, context, "snapshot", "Keep what one holds now.", options,
                                        [describe](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                          json body;
                                          body["name"] = o.second;
                                          const json answer = client.post(resource_path(o.name, "/snapshots"), body);
                                          output.result(answer, describe(answer));
                                        });
  CLI::App* list = add_resource_command(resource, context, "snapshots", "The snapshots of one.", options,
                                        [describe](ApiClient& client, const Output& output, const ResourceOptions& o) {
                                          const json page = client.get(resource_path(o.name, "/snapshots"));
                                          for (const json& item : page["items"]) output.result(item, describe(item));
                                        });
  CLI::App* restore = add_resource_command(
      resource, context, "restore", "Put one back to how it was.", options,
      [](ApiClient& client, const Output& output, const ResourceOptions& o) {
        const json answer =
            client.post(resource_path(o.name, "/snapshots/" + net::percent_encode(o.second) + "/restore"), json::object());
        output.result(answer, resource_line(answer));
      });
  CLI::App* drop = add_resource_command(resource, context, "drop-snapshot", "Forget a snapshot.", options,
                                        [](ApiClient& client, const Output&, const ResourceOptions& o) {
                                          client.remove(resource_path(o.name, "/snapshots/" + net::percent_encode(o.second)));
                                        });
  for (CLI::App* command : {take, list, restore, drop}) command->add_option("name", options->name, "Which resource.")->required();
  for (CLI::App* command : {take, restore, drop})
    command->add_option("snapshot", options->second, "Name of the snapshot.")->required();
}

}  // namespace

void add_resource_commands(CLI::App& app, CommandContext& context) {
  CLI::App* resource = app.add_subcommand("resource", "Communication resources.")->require_subcommand(1);
  const auto options = std::make_shared<ResourceOptions>();
  add_registry(*resource, context, options);
  add_keys(*resource, context, options);
  add_snapshots(*resource, context, options);
}

}  // namespace trunkline::app
