// The floor of our HTTP path: HttpServer and a handler that answers at once. Driven by run_http.sh.
// usage: bench_http_health_server [threads]; prints the port, serves until standard input ends.
#include <cstdio>
#include <cstdlib>

#include "runtime/net/http_server.h"

int main(int argc, char** argv) {
  using namespace trunkline;
  Executor executor(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 0);
  Clock clock(executor, Clock::Mode::kReal);
  Log log({.level = LogLevel::kError});
  net::HttpServer server(executor, clock, log, {}, [](net::Request&) -> Task<net::Response> {
    net::Response response;
    response.body = R"({"status":"ok"})";
    co_return response;
  });
  std::printf("%d\n", server.start().http);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
