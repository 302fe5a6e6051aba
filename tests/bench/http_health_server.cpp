// GET /health for a load generator; driven by run_http.sh.
// usage: bench_http_health_server [threads] [bare]; prints the port, serves until standard input ends. `bare` leaves out routes,
// traces and metrics: what the sockets alone cost.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "runtime/server/api_server.h"

using namespace trunkline;

namespace {
class NoResources : public server::ResourceDirectory {
  std::uint64_t version() const override { return 1; }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override { return {}; }
};
}  // namespace

int main(int argc, char** argv) {
  Executor executor(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 0);
  Clock clock(executor, Clock::Mode::kReal);
  Log log({.level = LogLevel::kError});
  Metrics metrics;
  IdSource ids;
  const NoResources resources;
  std::optional<net::HttpServer> bare;
  std::optional<server::ApiServer> full;
  int port = 0;
  if (argc > 2 && std::string_view(argv[2]) == "bare") {
    bare.emplace(executor, clock, log, net::HttpServerOptions{}, [](net::Request&) -> Task<net::Response> {
      net::Response response;
      response.body = R"({"status":"ok"})";
      co_return response;
    });
    port = bare->start().http;
  } else {
    full.emplace(executor, clock, log, metrics, ids, server::ServerOptions{}, resources);
    port = full->start().http;
  }
  std::printf("%d\n", port);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  bare.reset();
  full.reset();
  executor.stop();
}
