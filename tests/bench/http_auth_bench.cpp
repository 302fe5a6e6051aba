// What a signed request costs before its handler runs. Goal: the check of a 1 KB body below 2 us with a kept key.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "runtime/base/encoding.h"
#include "runtime/crypto/hash.h"
#include "runtime/server/authenticator.h"
#include "runtime/server/router.h"

using namespace trunkline;

namespace {

std::string key_of(std::size_t i) { return std::string("key-").append(std::to_string(i)); }

class Resources : public server::ResourceDirectory {
 public:
  explicit Resources(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string id = std::to_string(i);
      all_.push_back(std::make_shared<server::ResourceKeys>(
          server::ResourceKeys{.name = id, .id = id, .primary_key = Secret(base64_encode(key_of(i)))}));
    }
  }
  std::uint64_t version() const override { return 1; }
  std::vector<std::shared_ptr<const server::ResourceKeys>> list() const override { return all_; }

 private:
  std::vector<std::shared_ptr<const server::ResourceKeys>> all_;
};

net::Request signed_request(Time now, std::size_t body_bytes, const std::string& key) {
  net::Request request;
  request.method = "POST";
  request.target = "/sms?api-version=2021-03-07";
  request.body.assign(body_bytes, 'b');
  const std::string date = format_http_date(now);
  const std::string hash = base64_encode(crypto::as_text(crypto::sha256(request.body)));
  const std::string text = "POST\n" + request.target + "\n" + date + ";127.0.0.1:4600;" + hash;
  request.headers.add("Host", "127.0.0.1:4600");
  request.headers.add("Content-Type", "application/json");
  request.headers.add("x-ms-date", date);
  request.headers.add("x-ms-content-sha256", hash);
  request.headers.add("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" +
                                           base64_encode(crypto::as_text(crypto::HmacSha256(key).sign(text))));
  return request;
}

/// The floor: the hashes alone.
void hashes_only(benchmark::State& state) {
  const crypto::HmacSha256 key("key");
  const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
  const std::string text(130, 't');
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::sha256(body));
    benchmark::DoNotOptimize(key.sign(text));
  }
}
BENCHMARK(hashes_only)->Arg(1024)->Arg(0);

/// Arguments: bytes of the body, resources, and whether the connection has been used before.
void check_access_key(benchmark::State& state) {
  Executor executor(2);
  Clock clock(executor, Clock::Mode::kVirtual);
  Log log({.level = LogLevel::kOff});
  const auto count = static_cast<std::size_t>(state.range(1));
  const Resources resources(count);
  server::Authenticator authenticator(clock, log, resources, {});
  net::Request request = signed_request(clock.now(), static_cast<std::size_t>(state.range(0)), key_of(count - 1));
  for (auto _ : state) {
    if (state.range(2) == 0) request.connection_state.reset();
    benchmark::DoNotOptimize(authenticator.check_access_key(request));
  }
  executor.stop();
}
BENCHMARK(check_access_key)
    ->Args({1024, 1, 1})
    ->Args({0, 1, 1})
    ->Args({1024, 1, 0})
    ->Args({1024, 1000, 1})
    ->Args({1024, 1000, 0});

void match_route(benchmark::State& state) {
  server::Router router;
  for (int i = 0; i < 300; ++i) {
    server::Route route;
    route.method = "GET";
    route.path = std::string("/area").append(std::to_string(i)).append("/{id}/items/{item}:act");
    route.handler = [](server::RouteContext&) -> Task<net::Response> { co_return net::Response{}; };
    router.add(std::move(route));
  }
  for (auto _ : state) {
    auto match = router.match("GET", "/area150/8%3Aacs%3A1234/items/abc:act?api-version=2021-03-07");
    if (!match.route) std::abort();
    benchmark::DoNotOptimize(match);
  }
}
BENCHMARK(match_route);

}  // namespace

BENCHMARK_MAIN();
