#include "runtime/api/numbers_rest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"

namespace trunkline::api {

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

const char* assignment_word(bool for_application) { return for_application ? "application" : "person"; }

NumberCapability parse_capability(const JsonRef& value) {
  if (const auto parsed = parse_number_capability(value.text())) return *parsed;
  throw value.error("'" + std::string(value.text()) + "' is none of none, inbound, outbound, inbound+outbound");
}

NumberType parse_type(std::string_view word) {
  if (const auto parsed = parse_number_type(word)) return *parsed;
  throw Error(ErrorCode::kInvalidArgument, "'" + std::string(word) + "' is none of geographic, tollFree, mobile",
              "phoneNumberType");
}

bool parse_assignment(const JsonRef& value) {
  const std::string_view word = value.text();
  if (word != "application" && word != "person") throw value.error("is neither application nor person");
  return word == "application";
}

const NumberCountry& country_parameter(const RouteContext& context) {
  if (const NumberCountry* country = find_number_country(context.param("countryCode"))) return *country;
  throw Error(ErrorCode::kNotFound, "the inventory has no numbers in '" + context.param("countryCode") + "'", "countryCode");
}

std::string query_or_empty(const RouteContext& context, std::string_view name) { return context.query(name).value_or(""); }

std::string number_parameter(const RouteContext& context) {
  std::string number(context.param("phoneNumber"));
  if (!number.empty() && number.front() != '+' && is_digit(number.front())) number.insert(0, "+");
  check_e164(number);
  return number;
}

json page_of(const RouteContext& context, const char* member, std::vector<json> items) {
  const auto number = [&](const char* name, std::size_t fallback) {
    return parse_number<std::size_t>(query_or_empty(context, name)).value_or(fallback);
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

Task<net::Response> accepted_operation(NumberService& numbers, ResourcePtr resource, std::string type, std::string location,
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

}  // namespace trunkline::api
