// From method and path to a route, in time proportional to the length of the path.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/server/route.h"

namespace trunkline::server {

struct RouteMatch {
  enum class Outcome {
    kFound,
    kNotFound,
    kWrongMethod,  // `allow` says which would do
    kMalformed,    // a bad percent escape or too many segments
  };
  Outcome outcome = Outcome::kNotFound;
  Route* route = nullptr;
  /// Names point into the router.
  std::vector<std::pair<std::string_view, std::string>> params;
  std::string allow;
};

/// A tree of path segments. Compiled by add(); match() is [any-thread] once nothing is added any more.
class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;

  /// Throws kInvalidArgument for a malformed template and kAlreadyExists for a second route with the same method and path.
  void add(Route route);

  /// Empty segments count for nothing (`//subscriptions` is `/subscriptions`), literals match without case and decoded, HEAD
  /// falls back to GET. `target` is as on the wire; its query is ignored.
  RouteMatch match(std::string_view method, std::string_view target) const;
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  struct Node;
  struct Search;

  std::unique_ptr<Node> root_;
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace trunkline::server
