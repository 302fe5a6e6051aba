// `trunkline trunk`: SIP trunks of a running server, the routes to them, and where a call would go.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

// With domains, and trunks that can be off.
constexpr const char* kSip = "/sip?api-version=2024-11-15-preview";

struct SipOptions {
  std::string name;
  std::string pattern;
  std::string description;
  std::string number;
  std::vector<std::string> trunks;
  int port = 5061;
  bool off = false;
  bool first = false;
};
using SipOptionsPtr = std::shared_ptr<SipOptions>;

void print_routing(const Output& output, const json& routing) {
  if (output.json()) {
    output.line(routing.dump());
    return;
  }
  for (const auto& [fqdn, trunk] : routing["trunks"].items())
    output.line("trunk   " + fqdn + ":" + trunk["sipSignalingPort"].dump() + (trunk.value("enabled", true) ? "" : "  off"));
  for (const auto& [domain, settings] : routing["domains"].items())
    output.line("domain  " + domain + (settings.value("enabled", true) ? "" : "  off"));
  for (const json& route : routing["routes"])
    output.line("route   " + text_of(route, "name") + "  " + text_of(route, "numberPattern") + " → " + joined(route["trunks"]));
}

int show_routing(ApiClient& client, const Output& output, const SipOptions&) {
  print_routing(output, client.get(kSip));
  return kExitOk;
}

int set_trunk(ApiClient& client, const Output& output, const SipOptions& o) {
  json body;
  body["trunks"][o.name] = {{"sipSignalingPort", o.port}, {"enabled", !o.off}};
  print_routing(output, client.patch(kSip, body));
  return kExitOk;
}

int remove_trunk(ApiClient& client, const Output& output, const SipOptions& o) {
  json body;
  body["trunks"][o.name] = nullptr;
  print_routing(output, client.patch(kSip, body));
  return kExitOk;
}

int set_domain(ApiClient& client, const Output& output, const SipOptions& o) {
  json body;
  body["domains"][o.name]["enabled"] = !o.off;
  print_routing(output, client.patch(kSip, body));
  return kExitOk;
}

/// The routes without the one of this name.
json other_routes(ApiClient& client, const std::string& name) {
  json routes = json::array();
  const json routing = client.get(kSip);
  for (const json& route : routing["routes"])
    if (text_of(route, "name") != name) routes.push_back(route);
  return routes;
}

int set_route(ApiClient& client, const Output& output, const SipOptions& o) {
  json route = {{"name", o.name}, {"numberPattern", o.pattern}, {"trunks", o.trunks}};
  if (!o.description.empty()) route["description"] = o.description;
  json routes = other_routes(client, o.name);
  routes.insert(o.first ? routes.begin() : routes.end(), route);
  print_routing(output, client.patch(kSip, {{"routes", routes}}));
  return kExitOk;
}

int remove_route(ApiClient& client, const Output& output, const SipOptions& o) {
  print_routing(output, client.patch(kSip, {{"routes", other_routes(client, o.name)}}));
  return kExitOk;
}

/// What the trunk said when it was asked.
void print_probe(const Output& output, const std::string& name, const json& probe) {
  output.line("ask   " + name + "  " + text_of(probe, "peer"));
  for (const json& step : probe["ladder"])
    output.line(std::string(step["sent"].get<bool>() ? "  →  " : "  ←  ") + text_of(step, "message") + "  (" +
                step["after_ms"].dump() + " ms)");
  const bool fine = probe["ok"].get<bool>();
  output.line(std::string(fine ? "pass" : "reject") + "  trunk.answer  " + name +
              (fine ? "" : "  (" + text_of(probe, "problem") + ")"));
}

int test(ApiClient& client, const Output& output, const SipOptions& o) {
  json answer = client.get("/_control/sip-routing/test?number=" + net::percent_encode(o.number));
  // Where calls go over trunks, each is asked, in the order in which they would be tried.
  bool asked = false, fine = false;
  for (json& trunk : answer["trunks"]) {
    trunk["probe"] = client.get("/_control/sip-routing/probe?trunk=" + net::percent_encode(text_of(trunk, "fqdn")))["probe"];
    asked = asked || !trunk["probe"].is_null();
    fine = fine || (!trunk["probe"].is_null() && trunk["probe"]["ok"].get<bool>());
  }
  if (output.json()) {
    output.line(answer.dump());
  } else {
    for (const json& step : answer["steps"])
      output.line(text_of(step, "outcome") + "  " + text_of(step, "rule") + "  " + text_of(step, "value") +
                  (step.contains("detail") ? "  (" + text_of(step, "detail") + ")" : ""));
    for (const json& trunk : answer["trunks"])
      if (!trunk["probe"].is_null()) print_probe(output, text_of(trunk, "fqdn"), trunk["probe"]);
  }
  return answer["trunks"].empty() || (asked && !fine) ? kExitFailed : kExitOk;
}

}  // namespace

void add_sip_commands(CLI::App& app, CommandContext& context) {
  CLI::App* trunk = app.add_subcommand("trunk", "SIP trunks and the routes to them.")->require_subcommand(1);
  const auto options = std::make_shared<SipOptions>();
  add_client_command(*trunk, context, "list", "Trunks, domains and routes.", options, &show_routing);
  CLI::App* set = add_client_command(*trunk, context, "set", "Put a trunk there, or change it.", options, &set_trunk);
  set->add_option("fqdn", options->name, "Its fully qualified domain name.")->required();
  set->add_option("--port", options->port, "Where it takes calls; default: 5061.");
  set->add_flag("--off", options->off, "No calls go there.");
  CLI::App* remove = add_client_command(*trunk, context, "remove", "Remove one that no route uses.", options, &remove_trunk);
  remove->add_option("fqdn", options->name, "Which.")->required();
  CLI::App* domain = add_client_command(*trunk, context, "domain", "Trust the trunks of a domain, or not.", options, &set_domain);
  domain->add_option("domain", options->name, "Its name.")->required();
  domain->add_flag("--off", options->off, "No calls go to its trunks.");
  CLI::App* route =
      add_client_command(*trunk, context, "route", "Send calls to numbers of a pattern to trunks.", options, &set_route);
  route->add_option("name", options->name, "Name of the route; one of that name is replaced.")->required();
  route->add_option("--pattern", options->pattern, "Regular expression for the called number.")->required();
  route->add_option("--to", options->trunks, "A trunk; may be repeated, the first choice first.")->allow_extra_args(false);
  route->add_option("--description", options->description, "For people.");
  route->add_flag("--first", options->first, "Try it before all others; default: after them.");
  CLI::App* unroute = add_client_command(*trunk, context, "unroute", "Remove a route.", options, &remove_route);
  unroute->add_option("name", options->name, "Name of the route.")->required();
  CLI::App* try_it =
      add_client_command(*trunk, context, "test", "Where a call would go, and why; exit code 1 when nowhere.", options, &test);
  try_it->add_option("number", options->number, "The called number.")->required();
}

}  // namespace trunkline::app
