#include "runtime/server/router.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "runtime/base/strings.h"

namespace trunkline::server {
namespace {

constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxParams = 16;

/// Path of a request target: without query, and without scheme and authority in the absolute form that proxies send.
std::string_view path_of(std::string_view target) {
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme != std::string_view::npos) {
      const auto slash = target.find('/', scheme + 3);
      target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> out;
  for (const std::string_view segment : split(path, '/'))
    if (!segment.empty()) out.push_back(segment);
  return out;
}

}  // namespace

struct Router::Node {
  struct Endpoint {
    Route* route;
    std::vector<std::string_view> names;  // of the parameters, in the order of the path
  };
  std::unordered_map<std::string, std::unique_ptr<Node>, StringHash, std::equal_to<>> literals;  // lower case
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> actions;  // `{id}:play`: the suffix, lower case, longest first
  std::unique_ptr<Node> param;
  std::unique_ptr<Node> rest;  // `{*name}`
  std::vector<Endpoint> endpoints;
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(Route route) {
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  Route& added = *routes_.back();
  const auto bad = [&](std::string_view problem) {
    return Error(ErrorCode::kInvalidArgument, "route template '" + added.path + "': " + std::string(problem), "path");
  };
  if (!added.path.starts_with('/')) throw bad("must begin with a slash");
  Node::Endpoint endpoint{&added, {}};
  Node* node = root_.get();
  for (const std::string_view segment : segments_of(added.path)) {
    std::unique_ptr<Node>* next = nullptr;
    if (segment.front() == '{') {
      const auto close = segment.find('}');
      if (close == std::string_view::npos || close < 2) throw bad("a parameter is not closed or has no name");
      const bool rest = segment[1] == '*';
      endpoint.names.push_back(segment.substr(rest ? 2 : 1, close - (rest ? 2 : 1)));
      const std::string suffix = to_lower(segment.substr(close + 1));
      if (endpoint.names.back().empty() || endpoint.names.size() > kMaxParams)
        throw bad("a parameter has no name or there are too many");
      if (suffix.empty()) {
        next = rest ? &node->rest : &node->param;
      } else {
        if (rest) throw bad("'{*...}' must be a whole segment");
        auto found =
            std::find_if(node->actions.begin(), node->actions.end(), [&](const auto& entry) { return entry.first == suffix; });
        if (found == node->actions.end()) {
          const auto at = std::find_if(node->actions.begin(), node->actions.end(),
                                       [&](const auto& entry) { return entry.first.size() < suffix.size(); });
          found = node->actions.emplace(at, suffix, nullptr);
        }
        next = &found->second;
      }
    } else {
      if (segment.find_first_of("{}") != std::string_view::npos) throw bad("a parameter must begin its segment");
      next = &node->literals[to_lower(segment)];
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  for (const Node::Endpoint& other : node->endpoints)
    if (other.route->method == added.method)
      throw Error(ErrorCode::kAlreadyExists,
                  "route " + added.method + " " + added.path + " is already declared as " + other.route->path, "path");
  node->endpoints.push_back(std::move(endpoint));
}

// One search: segments, what has been captured so far, and what to say when nothing fits.
struct Router::Search {
  // Without constructors: most of the array is never looked at.
  struct Segment {
    const char* raw_from;
    std::size_t raw_size;
    const char* folded_from;
    std::size_t folded_size;
    std::string_view raw() const { return {raw_from, raw_size}; }
    std::string_view folded() const { return {folded_from, folded_size}; }  // decoded, lower case; for comparison
  };
  struct Capture {
    std::size_t first, last;   // segments [first, last)
    std::size_t suffix_bytes;  // of the action, not part of the value
  };

  std::string_view method;
  std::array<Segment, kMaxSegments> segments;
  std::size_t count = 0;
  std::array<Capture, kMaxParams> captures;
  std::size_t captured = 0;
  const Node::Endpoint* found = nullptr;
  std::vector<const Node*> wrong_method;

  bool walk(const Node& node, std::size_t at) {
    if (at == count) return arrive(node);
    const Segment& segment = segments[at];
    if (const auto literal = node.literals.find(segment.folded());
        literal != node.literals.end() && walk(*literal->second, at + 1))
      return true;
    for (const auto& [suffix, next] : node.actions)
      if (segment.folded_size > suffix.size() && segment.folded().ends_with(suffix) &&
          capture({at, at + 1, suffix.size()}, *next, at + 1))
        return true;
    if (node.param && capture({at, at + 1, 0}, *node.param, at + 1)) return true;
    if (node.rest)
      for (std::size_t last = at + 1; last <= count; ++last)
        if (capture({at, last, 0}, *node.rest, last)) return true;
    return false;
  }

  bool capture(Capture what, const Node& next, std::size_t at) {
    if (captured == kMaxParams) return false;
    captures[captured++] = what;
    if (walk(next, at)) return true;
    --captured;
    return false;
  }

  bool arrive(const Node& node) {
    if (node.endpoints.empty()) return false;
    for (const Node::Endpoint& endpoint : node.endpoints)
      if (endpoint.route->method == method) return (found = &endpoint) != nullptr;
    if (method == "HEAD")
      for (const Node::Endpoint& endpoint : node.endpoints)
        if (endpoint.route->method == "GET") return (found = &endpoint) != nullptr;
    wrong_method.push_back(&node);
    return false;
  }

  std::optional<std::string> value(const Capture& capture) const {
    std::string joined;
    for (std::size_t i = capture.first; i < capture.last; ++i) {
      const std::string_view raw = segments[i].raw();
      if (i > capture.first) joined.push_back('/');
      if (raw.find('%') == std::string_view::npos) {
        joined += raw;
        continue;
      }
      const auto decoded = net::percent_decode(raw);
      if (!decoded) return std::nullopt;
      joined += *decoded;
    }
    joined.resize(joined.size() - capture.suffix_bytes);
    return joined;
  }
};

RouteMatch Router::match(std::string_view method, std::string_view target) const {
  RouteMatch match;
  Search search;
  search.method = method;
  std::string_view path = path_of(target);
  std::string folded;
  folded.reserve(path.size());  // decoding never grows, so views into it stay valid
  while (!path.empty()) {
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), raw.size() + 1));
    if (raw.empty()) continue;
    if (search.count == kMaxSegments) return match.outcome = RouteMatch::Outcome::kMalformed, match;
    const std::size_t from = folded.size();
    if (raw.find('%') == std::string_view::npos) {
      folded += raw;
    } else {
      const auto decoded = net::percent_decode(raw);
      if (!decoded) return match.outcome = RouteMatch::Outcome::kMalformed, match;
      folded += *decoded;
    }
    for (std::size_t i = from; i < folded.size(); ++i) folded[i] = ascii_lower(folded[i]);
    search.segments[search.count++] = {raw.data(), raw.size(), folded.data() + from, folded.size() - from};
  }
  if (search.walk(*root_, 0)) {
    match.outcome = RouteMatch::Outcome::kFound;
    match.route = search.found->route;
    match.params.reserve(search.captured);
    for (std::size_t i = 0; i < search.captured; ++i)
      match.params.emplace_back(search.found->names[i], *search.value(search.captures[i]));
  } else if (!search.wrong_method.empty()) {
    match.outcome = RouteMatch::Outcome::kWrongMethod;
    std::vector<std::string_view> allowed;
    for (const Node* node : search.wrong_method)
      for (const Node::Endpoint& endpoint : node->endpoints)
        if (std::find(allowed.begin(), allowed.end(), endpoint.route->method) == allowed.end())
          allowed.push_back(endpoint.route->method);
    match.allow = join(allowed, ", ");
  }
  return match;
}

}  // namespace trunkline::server
