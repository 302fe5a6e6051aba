// `trunkline number`: phone numbers of a running server, through its published API.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/base/ids.h"
#include "runtime/net/http.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "2025-06-01";

std::string versioned(const std::string& path) { return Target(path).add("api-version", kVersion).text(); }
std::string number_path(const std::string& number, const char* more = "") {
  return versioned("/phoneNumbers/" + net::percent_encode(number) + more);
}
std::string country_path(const std::string& country, const char* more) {
  return "/availablePhoneNumbers/countries/" + net::percent_encode(country) + more;
}

/// Follows nextLink to the end.
template <class F>
void each_item(ApiClient& client, std::string path, const char* member, F each) {
  while (!path.empty()) {
    const json page = client.get(path);
    for (const json& item : page[member]) each(item);
    path = text_of(page, "nextLink");
  }
}

std::string number_line(const json& item) {
  return text_of(item, "phoneNumber") + "  " + text_of(item, "countryCode") + "  " + text_of(item, "phoneNumberType") +
         "  calls: " + text_of(item["capabilities"], "calling") + "  texts: " + text_of(item["capabilities"], "sms");
}

struct NumberOptions {
  std::string number;
  std::string country = "US";
  std::string type = "tollFree";
  std::string calling;
  std::string sms;
  std::string prefix;
  int quantity = 1;
  bool agree = false;
};
using NumberOptionsPtr = std::shared_ptr<NumberOptions>;

void add_inventory_options(CLI::App& command, const NumberOptionsPtr& options) {
  command.add_option("--country", options->country, "ISO 3166-1 alpha-2; default: US.");
  command.add_option("--type", options->type, "geographic, tollFree or mobile; default: tollFree.")
      ->check(CLI::IsMember({"geographic", "tollFree", "mobile"}));
}

void add_capability_options(CLI::App& command, const NumberOptionsPtr& options) {
  for (auto [name, value] : {std::pair{"--calling", &options->calling}, std::pair{"--sms", &options->sms}})
    command.add_option(name, *value, "none, inbound, outbound or inbound+outbound.")
        ->check(CLI::IsMember({"none", "inbound", "outbound", "inbound+outbound"}));
}

json given_capabilities(const NumberOptions& o) {
  json wanted = json::object();
  if (!o.calling.empty()) wanted["calling"] = o.calling;
  if (!o.sms.empty()) wanted["sms"] = o.sms;
  return wanted;
}

json browse(ApiClient& client, const NumberOptions& o) {
  json request = {{"phoneNumberType", o.type}, {"assignmentType", "application"}, {"capabilities", given_capabilities(o)}};
  if (!o.prefix.empty()) request["phoneNumberPrefixes"] = json::array({o.prefix});
  return client.post(versioned(country_path(o.country, "/:browse")), request)["phoneNumbers"];
}

int search(ApiClient& client, const Output& output, const NumberOptions& o) {
  for (const json& item : browse(client, o)) output.result(item, number_line(item));
  return kExitOk;
}

/// Holds the first numbers of the inventory and buys them, so that nobody else can come in between.
int buy(ApiClient& client, const Output& output, const NumberOptions& o) {
  json held = json::object();
  for (const json& item : browse(client, o)) {
    if (held.size() == static_cast<std::size_t>(o.quantity)) break;
    held[text_of(item, "id")] = item;
    if (!o.calling.empty()) held[text_of(item, "id")]["capabilities"]["calling"] = o.calling;
    if (!o.sms.empty()) held[text_of(item, "id")]["capabilities"]["sms"] = o.sms;
  }
  if (held.size() < static_cast<std::size_t>(o.quantity))
    throw Error(ErrorCode::kResourceExhausted, "the inventory has only " + std::to_string(held.size()) + " such numbers",
                "--quantity");
  IdSource ids;
  const std::string path = "/availablePhoneNumbers/reservations/" + ids.uuid4().str();
  const json reservation = client.patch(versioned(path), {{"phoneNumbers", held}});
  for (const auto& [id, item] : reservation["phoneNumbers"].items())
    if (item.contains("error")) throw Error(ErrorCode::kFailedPrecondition, text_of(item["error"], "message"));
  client.post(versioned(path + "/:purchase"), {{"agreeToNotResell", o.agree}});
  for (const auto& [id, item] : held.items()) {
    const json owned = client.get(number_path("+" + id));
    output.result(owned, number_line(owned));
  }
  return kExitOk;
}

int list_numbers(ApiClient& client, const Output& output, const NumberOptions&) {
  each_item(client, versioned("/phoneNumbers"), "phoneNumbers",
            [&](const json& item) { output.result(item, number_line(item)); });
  return kExitOk;
}

int show_number(ApiClient& client, const Output& output, const NumberOptions& o) {
  const json item = client.get(number_path(o.number));
  output.result(item, number_line(item) + "  since " + text_of(item, "purchaseDate"));
  return kExitOk;
}

int set_capabilities(ApiClient& client, const Output& output, const NumberOptions& o) {
  if (o.calling.empty() && o.sms.empty())
    throw Error(ErrorCode::kInvalidArgument, "say what to change: --calling or --sms", "--calling");
  client.patch(number_path(o.number, "/capabilities"), given_capabilities(o));
  return show_number(client, output, o);
}

int release(ApiClient& client, const Output&, const NumberOptions& o) {
  client.remove(number_path(o.number));
  return kExitOk;
}

int lookup(ApiClient& client, const Output& output, const NumberOptions& o) {
  const json answer =
      client.post(versioned("/operatorInformation/:search"),
                  {{"phoneNumbers", json::array({o.number})}, {"options", {{"includeAdditionalOperatorDetails", true}}}});
  for (const json& item : answer["values"])
    output.result(item, text_of(item, "phoneNumber") + "  " + text_of(item, "nationalFormat") + "  " +
                            text_of(item, "isoCountryCode") + "  " + text_of(item, "numberType"));
  return kExitOk;
}

int countries(ApiClient& client, const Output& output, const NumberOptions&) {
  each_item(client, versioned("/availablePhoneNumbers/countries"), "countries",
            [&](const json& item) { output.result(item, text_of(item, "countryCode") + "  " + text_of(item, "localizedName")); });
  return kExitOk;
}

int offers(ApiClient& client, const Output& output, const NumberOptions& o) {
  const Target path =
      Target(country_path(o.country, "/offerings")).add("api-version", kVersion).add("assignmentType", "application");
  each_item(client, path.text(), "phoneNumberOfferings", [&](const json& item) {
    output.result(item, text_of(item, "phoneNumberType") + "  calls: " + text_of(item["availableCapabilities"], "calling") +
                            "  texts: " + text_of(item["availableCapabilities"], "sms") + "  " + item["cost"]["amount"].dump() +
                            " " + text_of(item["cost"], "currencyCode") + " a month");
  });
  return kExitOk;
}

}  // namespace

void add_number_commands(CLI::App& app, CommandContext& context) {
  CLI::App* number = app.add_subcommand("number", "Phone numbers: find, buy, release.")->require_subcommand(1);
  const auto options = std::make_shared<NumberOptions>();
  add_client_command(*number, context, "list", "Those of the resource.", options, &list_numbers);
  CLI::App* find = add_client_command(*number, context, "search", "What can be bought; holds nothing.", options, &search);
  CLI::App* get = add_client_command(*number, context, "buy", "Buy the first that fit.", options, &buy);
  get->add_option("--quantity", options->quantity, "How many.")->check(CLI::Range(1, 20));
  get->add_flag("--agree-to-not-resell", options->agree, "Which some countries ask for.");
  for (CLI::App* command : {find, get}) {
    add_inventory_options(*command, options);
    add_capability_options(*command, options);
    command->add_option("--prefix", options->prefix, "First digits, with the calling code: 1425.");
  }
  CLI::App* details = add_client_command(*number, context, "show", "One of them.", options, &show_number);
  CLI::App* change = add_client_command(*number, context, "set", "Change what one does.", options, &set_capabilities);
  add_capability_options(*change, options);
  CLI::App* drop = add_client_command(*number, context, "release", "Give one back.", options, &release);
  CLI::App* known = add_client_command(*number, context, "lookup", "What is known of any number.", options, &lookup);
  for (CLI::App* command : {details, change, drop, known}) command->add_option("number", options->number, "E.164.")->required();
  add_client_command(*number, context, "countries", "Where numbers can be bought.", options, &countries);
  add_client_command(*number, context, "offers", "What a country offers.", options, &offers)
      ->add_option("--country", options->country, "ISO 3166-1 alpha-2; default: US.");
}

}  // namespace trunkline::app
