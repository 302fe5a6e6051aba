// What the inventory offers, and what is known of any number: countries, localities, area codes, offerings, operators.
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/api/numbers_api.h"
#include "runtime/api/numbers_rest.h"
#include "runtime/base/strings.h"
#include "runtime/services/number_lookup.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;
using service::NumberType;

/// The localities of a country, each with its division once.
std::vector<json> localities(const NumberCountry& country, const std::string& division, std::optional<NumberType> type) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  std::vector<json> items;
  for (const NumberOffer& offer : country.offers) {
    if (type && offer.type != *type) continue;
    for (const NumberArea& area : offer.areas) {
      if (area.locality.empty() || (!division.empty() && !iequals(area.division, division))) continue;
      if (!seen.emplace(area.division, area.locality).second) continue;
      json item;
      item["localizedName"] = area.locality;
      if (!area.division.empty()) {
        item["administrativeDivision"]["localizedName"] = area.division;
        item["administrativeDivision"]["abbreviatedName"] = area.division;
      }
      items.push_back(std::move(item));
    }
  }
  return items;
}

Task<net::Response> list_countries(RouteContext& context) {
  std::vector<json> items;
  for (const NumberCountry& country : number_countries()) {
    json item;
    item["countryCode"] = country.code;
    item["localizedName"] = country.name;
    items.push_back(std::move(item));
  }
  co_return json_response(200, page_of(context, "countries", std::move(items)));
}

Task<net::Response> list_localities(RouteContext& context) {
  const NumberCountry& country = country_parameter(context);
  const std::string type = query_or_empty(context, "phoneNumberType");
  std::optional<NumberType> wanted;
  if (!type.empty()) wanted = parse_type(type);
  co_return json_response(200, page_of(context, "phoneNumberLocalities",
                                       localities(country, query_or_empty(context, "administrativeDivision"), wanted)));
}

Task<net::Response> list_area_codes(RouteContext& context) {
  const NumberCountry& country = country_parameter(context);
  const std::string locality = query_or_empty(context, "locality");
  const std::string division = query_or_empty(context, "administrativeDivision");
  std::vector<json> items;
  if (const NumberOffer* offer = find_number_offer(country, parse_type(query_or_empty(context, "phoneNumberType")))) {
    for (const NumberArea& area : offer->areas) {
      if (!locality.empty() && !iequals(area.locality, locality)) continue;
      if (!division.empty() && !iequals(area.division, division)) continue;
      json item;
      item["areaCode"] = area.code;
      items.push_back(std::move(item));
    }
  }
  co_return json_response(200, page_of(context, "areaCodes", std::move(items)));
}

Task<net::Response> list_offerings(RouteContext& context) {
  const NumberCountry& country = country_parameter(context);
  const std::string type = query_or_empty(context, "phoneNumberType");
  const std::string assigned = query_or_empty(context, "assignmentType");
  if (!type.empty()) parse_type(type);
  if (!assigned.empty() && assigned != "application" && assigned != "person")
    throw Error(ErrorCode::kInvalidArgument, "'" + assigned + "' is neither application nor person", "assignmentType");
  std::vector<json> items;
  for (const NumberOffer& offer : country.offers) {
    if (!type.empty() && to_rest(offer.type) != type) continue;
    for (const char* to : {"application", "person"}) {
      if (!assigned.empty() && assigned != to) continue;
      json item;
      item["phoneNumberType"] = to_rest(offer.type);
      item["assignmentType"] = to;
      item["availableCapabilities"] = capabilities_json(offer.calling, offer.sms);
      item["cost"] = cost_json(offer.monthly_cost_micros);
      items.push_back(std::move(item));
    }
  }
  co_return json_response(200, page_of(context, "phoneNumberOfferings", std::move(items)));
}

/// Toll-free numbers are of no kind that the lookup knows.
const char* operator_word(NumberType type) {
  switch (type) {
    case NumberType::kGeographic:
      return "geographic";
    case NumberType::kMobile:
      return "mobile";
    case NumberType::kTollFree:
      return "other";
    default:
      return "unknown";
  }
}

Task<net::Response> search_operator(RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const JsonRef numbers = request.at("phoneNumbers");
  if (numbers.array_size() != 1)
    throw numbers.error("must name one number, not " + std::to_string(numbers.array_size())).with_service_code("BadRequest");
  bool details = false;
  if (const auto options = request.find("options")) details = options->boolean_or("includeAdditionalOperatorDetails", false);
  const service::NumberInfo info = look_up_number(numbers[0].text());
  json value;
  value["phoneNumber"] = info.number;
  value["nationalFormat"] = info.national_format;
  value["internationalFormat"] = info.international_format;
  if (details) {
    value["numberType"] = operator_word(info.type);
    if (info.country_code) value["isoCountryCode"] = *info.country_code;
    json& served_by = value["operatorDetails"];
    served_by["name"] = info.operator_name.value_or("");
    // The codes that ITU-T E.212 sets aside for test networks.
    served_by["mobileCountryCode"] = "001";
    served_by["mobileNetworkCode"] = "01";
  }
  json answer;
  answer["values"].push_back(std::move(value));
  co_return json_response(200, answer);
}

}  // namespace

void add_number_list_routes(std::vector<server::Route>& routes) {
  add_number_route(routes, "GET", "/availablePhoneNumbers/countries", BodyRule::kNone, &list_countries);
  add_number_route(routes, "GET", "/availablePhoneNumbers/countries/{countryCode}/localities", BodyRule::kNone, &list_localities);
  add_number_route(routes, "GET", "/availablePhoneNumbers/countries/{countryCode}/areaCodes", BodyRule::kNone, &list_area_codes);
  add_number_route(routes, "GET", "/availablePhoneNumbers/countries/{countryCode}/offerings", BodyRule::kNone, &list_offerings);
  add_number_route(routes, "POST", "/operatorInformation/:search", BodyRule::kJson, &search_operator);
}

}  // namespace trunkline::api
