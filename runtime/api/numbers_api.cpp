// Phone numbers: search, purchase, list, release, capabilities, operations (2021-03-07 to 2025-06-01).
#include "runtime/api/numbers_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/numbers_rest.h"
#include "runtime/clock/clock.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;
using service::NumberCapability;

json number_json(const service::OwnedNumber& number) {
  const NumberCountry* country = find_number_country(number.country_code);
  const NumberOffer* offer = country ? find_number_offer(*country, number.type) : nullptr;
  json out;
  out["id"] = number.number.substr(1);
  out["phoneNumber"] = number.number;
  out["countryCode"] = number.country_code;
  out["phoneNumberType"] = to_rest(number.type);
  out["assignmentType"] = assignment_word(number.for_application);
  out["capabilities"] = capabilities_json(number.calling, number.sms);
  out["purchaseDate"] = format_rfc3339(number.purchased_at);
  out["cost"] = cost_json(offer ? offer->monthly_cost_micros : 0);
  return out;
}

json search_json(const HeldNumbers& held) {
  json out;
  out["searchId"] = held.search.search_id;
  out["phoneNumbers"] = held.search.numbers;
  out["phoneNumberType"] = to_rest(held.query.type);
  out["assignmentType"] = assignment_word(held.query.for_application);
  out["capabilities"] = capabilities_json(held.query.calling, held.query.sms);
  out["cost"] = cost_json(held.search.cost_micros);
  out["searchExpiresBy"] = format_rfc3339(held.search.expires_at);
  out["isAgreementToNotResellRequired"] = held.no_resell;
  out["errorCode"] = 0;
  out["error"] = "NoError";
  return out;
}

json operation_json(const NumberOperation& operation, std::string_view api_version) {
  json answer;
  answer["id"] = operation.id;
  answer["operationType"] = operation.type;
  answer["status"] = operation.status;
  answer["createdDateTime"] = format_rfc3339(operation.created_at);
  answer["lastActionDateTime"] = format_rfc3339(operation.created_at);
  if (!operation.resource_location.empty())
    answer["resourceLocation"] = operation.resource_location + "?api-version=" + std::string(api_version);
  return answer;
}

void add_search(std::vector<server::Route>& routes, NumberService& numbers) {
  add_number_route(routes, "POST", "/availablePhoneNumbers/countries/{countryCode}/:search", BodyRule::kJson,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     const json body = parse_body(context);
                     const JsonRef request(body);
                     service::NumberQuery query;
                     query.country_code = country_parameter(context).code;
                     query.type = parse_type(request.at("phoneNumberType").text());
                     query.for_application = parse_assignment(request.at("assignmentType"));
                     const JsonRef capabilities = request.at("capabilities");
                     query.calling = parse_capability(capabilities.at("calling"));
                     query.sms = parse_capability(capabilities.at("sms"));
                     if (const auto area = request.find("areaCode"); area && !area->text().empty())
                       query.area_code = std::string(area->text());
                     query.quantity = static_cast<std::int32_t>(request.integer_or("quantity", 1, 1, 100));
                     const ResourcePtr resource = resource_of(context);
                     const HeldNumbers held = co_await numbers.search(resource, std::move(query));
                     std::string location = "/availablePhoneNumbers/searchResults/" + held.search.search_id;
                     net::Response response = co_await accepted_operation(numbers, resource, "search", std::move(location),
                                                                          "search-id", std::string(context.api_version));
                     response.headers.set("search-id", held.search.search_id);
                     co_return response;
                   });
  add_number_route(routes, "GET", "/availablePhoneNumbers/searchResults/{searchId}", BodyRule::kNone,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     co_return json_response(200,
                                             search_json(numbers.get_search(*resource_of(context), context.param("searchId"))));
                   });
  add_number_route(routes, "POST", "/availablePhoneNumbers/:purchase", BodyRule::kJson,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     const json body = parse_body(context);
                     std::string search_id(JsonRef(body).at("searchId").text());
                     const bool agree = JsonRef(body).boolean_or("agreeToNotResell", false);
                     const ResourcePtr resource = resource_of(context);
                     co_await numbers.purchase(resource, std::move(search_id), agree);
                     co_return co_await accepted_operation(numbers, resource, "purchase", "", "purchase-id",
                                                           std::string(context.api_version));
                   });
}

void add_operations(std::vector<server::Route>& routes, NumberService& numbers) {
  add_number_route(routes, "GET", "/phoneNumbers/operations/{operationId}", BodyRule::kNone,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     const NumberOperation operation = numbers.get_operation(*resource_of(context), context.param("operationId"));
                     net::Response response = json_response(200, operation_json(operation, context.api_version));
                     if (!operation.resource_location.empty())
                       response.headers.set("location",
                                            operation.resource_location + "?api-version=" + std::string(context.api_version));
                     co_return response;
                   });
  add_number_route(routes, "DELETE", "/phoneNumbers/operations/{operationId}", BodyRule::kAny,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     // Nothing is left to cancel.
                     numbers.get_operation(*resource_of(context), context.param("operationId"));
                     co_return empty_response(204);
                   });
}

void add_owned(std::vector<server::Route>& routes, NumberService& numbers) {
  add_number_route(routes, "GET", "/phoneNumbers", BodyRule::kNone, [&numbers](RouteContext& context) -> Task<net::Response> {
    std::vector<json> items;
    for (const service::OwnedNumber& number : numbers.list(*resource_of(context))) items.push_back(number_json(number));
    co_return json_response(200, page_of(context, "phoneNumbers", std::move(items)));
  });
  add_number_route(routes, "GET", "/phoneNumbers/{phoneNumber}", BodyRule::kNone,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     co_return json_response(200, number_json(numbers.get(*resource_of(context), number_parameter(context))));
                   });
  add_number_route(routes, "DELETE", "/phoneNumbers/{phoneNumber}", BodyRule::kAny,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     const ResourcePtr resource = resource_of(context);
                     co_await numbers.release(resource, number_parameter(context));
                     co_return co_await accepted_operation(numbers, resource, "releasePhoneNumber", "", "release-id",
                                                           std::string(context.api_version));
                   });
  add_number_route(routes, "PATCH", "/phoneNumbers/{phoneNumber}/capabilities", BodyRule::kMergePatch,
                   [&numbers](RouteContext& context) -> Task<net::Response> {
                     const json body = parse_body(context);
                     const JsonRef request(body);
                     std::optional<NumberCapability> calling, sms;
                     if (const auto wanted = request.find("calling")) calling = parse_capability(*wanted);
                     if (const auto wanted = request.find("sms")) sms = parse_capability(*wanted);
                     const std::string number = number_parameter(context);
                     const ResourcePtr resource = resource_of(context);
                     co_await numbers.update_capabilities(resource, number, calling, sms);
                     std::string location = "/phoneNumbers/%2B" + number.substr(1);
                     co_return co_await accepted_operation(numbers, resource, "updatePhoneNumberCapabilities",
                                                           std::move(location), "capabilities-id",
                                                           std::string(context.api_version));
                   });
}

}  // namespace

void add_number_routes(std::vector<server::Route>& routes, NumberService& numbers) {
  add_search(routes, numbers);
  add_operations(routes, numbers);
  add_owned(routes, numbers);
}

}  // namespace trunkline::api
