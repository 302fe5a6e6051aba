#include "runtime/api/rejections_api.h"

#include <nlohmann/json.hpp>

#include "runtime/api/rest.h"
#include "runtime/base/time_text.h"
#include "runtime/server/rejections.h"

namespace trunkline::api {

void add_rejection_routes(std::vector<server::Route>& routes, const server::Rejections& rejections) {
  server::Route route;
  route.method = "GET";
  route.path = "/_control/rejections";
  route.auth = server::Auth::kControl;
  route.handler = [&rejections](server::RouteContext&) -> Task<net::Response> {
    nlohmann::json items = nlohmann::json::array();
    for (const server::Rejection& one : rejections.list()) {
      nlohmann::json item;
      item["sequence"] = one.sequence;
      item["at"] = format_rfc3339(one.at);
      item["status"] = one.status;
      item["method"] = one.method;
      item["path"] = one.path;
      item["remote"] = one.remote;
      item["reason"] = one.reason;
      item["found"] = one.found;
      item["wanted"] = one.wanted;
      items.push_back(std::move(item));
    }
    nlohmann::json answer;
    answer["items"] = std::move(items);
    co_return json_response(200, answer);
  };
  routes.push_back(std::move(route));
}

}  // namespace trunkline::api
