// Phone numbers: search, purchase, list, release, capabilities, countries, area codes and offerings (2021-03-07 to 2025-06-01).
#include "runtime/api/numbers_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/clock/clock.h"
#include "runtime/services/number_service.h"
#include "runtime/services/phone_number.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::RouteContext;
using service::NumberCapability;
using service::NumberType;

json cost_json(std::int64_t monthly_micros) {
  json cost;
  cost["amount"] = static_cast<double>(monthly_micros) / 1e6;
  cost["currencyCode"] = "USD";
  cost["billingFrequency"] = "monthly";
  return cost;
}

json capabilities_json(NumberCapability calling, NumberCapability sms) {
  json out;
  out["calling"] = to_rest(calling);
  out["sms"] = to_rest(sms);
  return out;
}

const char* assignment(bool for_application) { return for_application ? "application" : "person"; }

json number_json(const service::OwnedNumber& number) {
  const NumberCountry* country = find_number_country(number.country_code);
  const NumberOffer* offer = country ? find_number_offer(*country, number.type) : nullptr;
  json out;
  out["id"] = number.number.substr(1);
  out["phoneNumber"] = number.number;
  out["countryCode"] = number.country_code;
  out["phoneNumberType"] = to_rest(number.type);
  out["assignmentType"] = assignment(number.for_application);
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
  out["assignmentType"] = assignment(held.query.for_application);
  out["capabilities"] = capabilities_json(held.query.calling, held.query.sms);
  out["cost"] = cost_json(held.search.cost_micros);
  out["searchExpiresBy"] = format_rfc3339(held.search.expires_at);
  out["isAgreementToNotResellRequired"] = held.no_resell;
  return out;
}

NumberCapability capability(const JsonRef& value) {
  if (const auto parsed = parse_number_capability(value.text())) return *parsed;
  throw value.error("'" + std::string(value.text()) + "' is none of none, inbound, outbound, inbound+outbound");
}

NumberType number_type(std::string_view word) {
  if (const auto parsed = parse_number_type(word)) return *parsed;
  throw Error(ErrorCode::kInvalidArgument, "'" + std::string(word) + "' is none of geographic, tollFree, mobile",
              "phoneNumberType");
}

const NumberCountry& country_of(RouteContext& context) {
  if (const NumberCountry* country = find_number_country(context.param("countryCode"))) return *country;
  throw Error(ErrorCode::kNotFound, "the inventory has no numbers in '" + std::string(context.param("countryCode")) + "'",
              "countryCode");
}

std::string parameter(const RouteContext& context, std::string_view name) { return context.query(name).value_or(""); }

/// The checked number of a path.
std::string number_of(RouteContext& context) {
  std::string number(context.param("phoneNumber"));
  if (!number.empty() && number.front() != '+' && is_digit(number.front())) number.insert(0, "+");
  if (const auto fault = e164_fault(number); !fault.empty())
    throw Error(ErrorCode::kInvalidArgument, "'" + number + "' is no E.164 number: " + std::string(fault), "phoneNumber");
  return number;
}

/// One page of a list that is at hand as a whole; the link is relative, as the SDKs need it.
json page(RouteContext& context, const char* member, std::vector<json> items) {
  const auto number = [&](const char* name, std::size_t fallback) {
    return parse_number<std::size_t>(parameter(context, name)).value_or(fallback);
  };
  const std::size_t skip = std::min(number("skip", 0), items.size());
  std::size_t top = number("top", number("maxPageSize", 100));
  if (top == 0 || top > 500) top = 100;
  const std::size_t end = std::min(items.size(), skip + top);
  json out;
  out[member] = json::array();
  for (std::size_t i = skip; i < end; ++i) out[member].push_back(std::move(items[i]));
  if (end < items.size()) {
    // Every other parameter stays as it was.
    std::string link(context.request.path());
    char separator = '?';
    for (const std::string_view pair : split(context.request.query(), '&')) {
      if (istarts_with(pair, "skip=") || pair.empty()) continue;
      link += separator;
      link += pair;
      separator = '&';
    }
    out["nextLink"] = link + separator + "skip=" + std::to_string(end);
  }
  return out;
}

class NumberRoutes {
 public:
  NumberRoutes(std::vector<server::Route>& routes, NumberService& numbers) : routes_(routes), numbers_(numbers) {}

  void add_all() {
    add_inventory();
    add_purchase();
    add_owned();
    add_lists();
  }

 private:
  template <class F>
  void add(const char* method, const char* path, server::BodyRule body, F handler) {
    server::Route route;
    route.method = method;
    route.path = path;
    route.auth = server::Auth::kAccessKey;
    route.body = body;
    route.versions = versions({"2021-03-07", "2022-01-11-preview2", "2022-12-01", "2023-05-01-preview", "2024-03-01-preview",
                               "2025-02-11", "2025-04-01", "2025-06-01"});
    route.handler = std::move(handler);
    routes_.push_back(std::move(route));
  }

  /// 202 with the operation that the caller polls; ours has ended already.
  static Task<net::Response> accepted(NumberService& numbers, ResourcePtr resource, std::string type, std::string location,
                                      std::string id_header, std::string api_version) {
    const std::string id = co_await numbers.record_operation(resource, type, location);
    net::Response response = empty_response(202);
    response.headers.set("operation-location", "/phoneNumbers/operations/" + id + "?api-version=" + api_version);
    response.headers.set("operation-id", id);
    if (!location.empty()) response.headers.set("location", location + "?api-version=" + api_version);
    response.headers.set(id_header, id);
    response.headers.set("retry-after", "0");
    co_return response;
  }

  void add_inventory() {
    NumberService& numbers = numbers_;
    add("POST", "/availablePhoneNumbers/countries/{countryCode}/:search", server::BodyRule::kJson,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          const json body = parse_body(context);
          const JsonRef request(body);
          service::NumberQuery query;
          query.country_code = country_of(context).code;
          query.type = number_type(request.at("phoneNumberType").text());
          const std::string_view assigned = request.at("assignmentType").text();
          if (assigned != "application" && assigned != "person")
            throw request.at("assignmentType").error("is neither application nor person");
          query.for_application = assigned == "application";
          const JsonRef capabilities = request.at("capabilities");
          query.calling = capability(capabilities.at("calling"));
          query.sms = capability(capabilities.at("sms"));
          if (const auto area = request.find("areaCode")) query.area_code = std::string(area->text());
          query.quantity = static_cast<std::int32_t>(request.integer_or("quantity", 1, 1, 100));
          const ResourcePtr resource = resource_of(context);
          const HeldNumbers held = co_await numbers.search(resource, std::move(query));
          net::Response response =
              co_await accepted(numbers, resource, "search", "/availablePhoneNumbers/searchResults/" + held.search.search_id,
                                "search-id", std::string(context.api_version));
          response.headers.set("search-id", held.search.search_id);
          co_return response;
        });
    add("GET", "/availablePhoneNumbers/searchResults/{searchId}", server::BodyRule::kNone,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          co_return json_response(200, search_json(numbers.get_search(*resource_of(context), context.param("searchId"))));
        });
  }

  void add_purchase() {
    NumberService& numbers = numbers_;
    add("POST", "/availablePhoneNumbers/:purchase", server::BodyRule::kJson,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          const json body = parse_body(context);
          std::string search_id(JsonRef(body).at("searchId").text());
          const bool agree = JsonRef(body).boolean_or("agreeToNotResell", false);
          const ResourcePtr resource = resource_of(context);
          co_await numbers.purchase(resource, std::move(search_id), agree);
          co_return co_await accepted(numbers, resource, "purchase", "", "purchase-id", std::string(context.api_version));
        });
    add("GET", "/phoneNumbers/operations/{operationId}", server::BodyRule::kNone,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          const NumberOperation operation = numbers.get_operation(*resource_of(context), context.param("operationId"));
          json answer;
          answer["id"] = operation.id;
          answer["operationType"] = operation.type;
          answer["status"] = operation.status;
          answer["createdDateTime"] = format_rfc3339(operation.created_at);
          answer["lastActionDateTime"] = format_rfc3339(operation.created_at);
          if (!operation.resource_location.empty())
            answer["resourceLocation"] = operation.resource_location + "?api-version=" + std::string(context.api_version);
          co_return json_response(200, answer);
        });
    add("DELETE", "/phoneNumbers/operations/{operationId}", server::BodyRule::kAny,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          numbers.get_operation(*resource_of(context), context.param("operationId"));  // nothing is left to cancel
          co_return empty_response(204);
        });
  }

  void add_owned() {
    NumberService& numbers = numbers_;
    add("GET", "/phoneNumbers", server::BodyRule::kNone, [&numbers](RouteContext& context) -> Task<net::Response> {
      std::vector<json> items;
      for (const service::OwnedNumber& number : numbers.list(*resource_of(context))) items.push_back(number_json(number));
      co_return json_response(200, page(context, "phoneNumbers", std::move(items)));
    });
    add("GET", "/phoneNumbers/{phoneNumber}", server::BodyRule::kNone, [&numbers](RouteContext& context) -> Task<net::Response> {
      const std::string number = number_of(context);
      const auto owned = numbers.find(*resource_of(context), number);
      if (!owned)
        throw Error(ErrorCode::kNotFound, "the resource has no number " + number, "phoneNumber")
            .with_service_code("PhoneNumberNotFound");
      co_return json_response(200, number_json(*owned));
    });
    add("DELETE", "/phoneNumbers/{phoneNumber}", server::BodyRule::kAny,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          const ResourcePtr resource = resource_of(context);
          co_await numbers.release(resource, number_of(context));
          co_return co_await accepted(numbers, resource, "releasePhoneNumber", "", "release-id",
                                      std::string(context.api_version));
        });
    add("PATCH", "/phoneNumbers/{phoneNumber}/capabilities", server::BodyRule::kMergePatch,
        [&numbers](RouteContext& context) -> Task<net::Response> {
          const json body = parse_body(context);
          const JsonRef request(body);
          std::optional<NumberCapability> calling, sms;
          if (const auto wanted = request.find("calling")) calling = capability(*wanted);
          if (const auto wanted = request.find("sms")) sms = capability(*wanted);
          const std::string number = number_of(context);
          const ResourcePtr resource = resource_of(context);
          co_await numbers.update_capabilities(resource, number, calling, sms);
          co_return co_await accepted(numbers, resource, "updatePhoneNumberCapabilities", "/phoneNumbers/%2B" + number.substr(1),
                                      "capabilities-id", std::string(context.api_version));
        });
  }

  void add_lists() {
    add("GET", "/availablePhoneNumbers/countries", server::BodyRule::kNone, [](RouteContext& context) -> Task<net::Response> {
      std::vector<json> items;
      for (const NumberCountry& country : number_countries()) {
        json item;
        item["countryCode"] = country.code;
        item["localizedName"] = country.name;
        items.push_back(std::move(item));
      }
      co_return json_response(200, page(context, "countries", std::move(items)));
    });
    add("GET", "/availablePhoneNumbers/countries/{countryCode}/areaCodes", server::BodyRule::kNone,
        [](RouteContext& context) -> Task<net::Response> {
          const NumberCountry& country = country_of(context);
          std::vector<json> items;
          if (const NumberOffer* offer = find_number_offer(country, number_type(parameter(context, "phoneNumberType")))) {
            for (const std::string_view area : offer->area_codes) {
              json item;
              item["areaCode"] = area;
              items.push_back(std::move(item));
            }
          }
          co_return json_response(200, page(context, "areaCodes", std::move(items)));
        });
    add("GET", "/availablePhoneNumbers/countries/{countryCode}/offerings", server::BodyRule::kNone,
        [](RouteContext& context) -> Task<net::Response> {
          const NumberCountry& country = country_of(context);
          const std::string type = parameter(context, "phoneNumberType");
          const std::string assigned = parameter(context, "assignmentType");
          std::vector<json> items;
          for (const NumberOffer& offer : country.offers) {
            if (!type.empty() && to_rest(offer.type) != type) continue;
            json item;
            item["phoneNumberType"] = to_rest(offer.type);
            item["assignmentType"] = assigned.empty() ? "application" : assigned;
            item["availableCapabilities"] = capabilities_json(offer.calling, offer.sms);
            item["cost"] = cost_json(offer.monthly_cost_micros);
            items.push_back(std::move(item));
          }
          co_return json_response(200, page(context, "phoneNumberOfferings", std::move(items)));
        });
  }

  std::vector<server::Route>& routes_;
  NumberService& numbers_;
};

}  // namespace

void add_number_routes(std::vector<server::Route>& routes, NumberService& numbers) { NumberRoutes(routes, numbers).add_all(); }

}  // namespace trunkline::api
