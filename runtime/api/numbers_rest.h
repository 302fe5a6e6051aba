// What the areas of the numbers API share: JSON of numbers, parameters, pages, answers of long-running operations.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/services/number_service.h"

namespace trunkline::api {

nlohmann::json cost_json(std::int64_t monthly_micros);
nlohmann::json capabilities_json(service::NumberCapability calling, service::NumberCapability sms);
const char* assignment_word(bool for_application);

service::NumberCapability parse_capability(const JsonRef& value);
/// Throws kInvalidArgument naming `phoneNumberType`.
service::NumberType parse_type(std::string_view word);
/// `application` or `person`: whether it is the former.
bool parse_assignment(const JsonRef& value);
/// The country of the path. Throws kNotFound.
const NumberCountry& country_parameter(const server::RouteContext& context);
/// The checked number of the path, with its `+`.
std::string number_parameter(const server::RouteContext& context);
/// Empty when it is absent.
std::string query_or_empty(const server::RouteContext& context, std::string_view name);

/// One page of a list that is at hand as a whole, by `skip` and `top` or `maxPageSize`; the link is relative, as the SDKs need
/// it.
nlohmann::json page_of(const server::RouteContext& context, const char* member, std::vector<nlohmann::json> items);

/// 202 with the operation that the caller polls; ours has ended already. `location`: path of the result; may be empty.
Task<net::Response> accepted_operation(NumberService& numbers, ResourcePtr resource, std::string type, std::string location,
                                       std::string id_header, std::string api_version);

template <class F>
void add_number_route(std::vector<server::Route>& routes, const char* method, const char* path, server::BodyRule body,
                      F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = body;
  route.versions = versions({"2021-03-07", "2022-01-11-preview2", "2022-12-01", "2023-05-01-preview", "2024-03-01-preview",
                             "2024-05-30-preview", "2025-02-11", "2025-04-01", "2025-06-01"});
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

}  // namespace trunkline::api
