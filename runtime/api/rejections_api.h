// The requests that were turned away, on the control side.
#pragma once
#include <vector>

namespace trunkline::server {
class Rejections;
struct Route;
}  // namespace trunkline::server

namespace trunkline::api {

/// `GET /_control/rejections`, the newest first. `rejections` outlives the routes.
void add_rejection_routes(std::vector<server::Route>& routes, const server::Rejections& rejections);

}  // namespace trunkline::api
