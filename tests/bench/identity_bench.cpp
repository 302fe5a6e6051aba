// User access tokens issued and verified per second and core, beside the bare signature that each contains. The floor is what
// `openssl speed` measures: one prepared context that signs one digest. CPU time of this thread, so that a busy machine matters
// little; floor and ours take turns.
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "runtime/core/runtime.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/identity_service.h"
#include "runtime/services/resource_service.h"
#include "trunkline/identity_client.hpp"

namespace {

using namespace trunkline;

constexpr int kRounds = 8;
constexpr double kRoundSeconds = 0.25;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Calls for each second of this thread's CPU time.
template <class F>
double rate_of(F f) {
  const double begin = cpu_seconds();
  std::size_t count = 0;
  double took = 0;
  do {
    for (int i = 0; i < 50; ++i) f();
    count += 50;
    took = cpu_seconds() - begin;
  } while (took < kRoundSeconds);
  return static_cast<double>(count) / took;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The bare signature, with a context that is prepared once.
class Floor {
 public:
  explicit Floor(bool ec) : key_(ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048), &EVP_PKEY_free) {
    context_.reset(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (EVP_PKEY_sign_init(context_.get()) != 1) std::abort();
  }
  void sign() {
    unsigned char digest[32] = {1}, signature[512];
    std::size_t size = sizeof signature;
    if (EVP_PKEY_sign(context_.get(), signature, &size, digest, sizeof digest) != 1) std::abort();
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context_{nullptr, &EVP_PKEY_CTX_free};
};

/// Through the plugin's ABI, which copies no argument.
std::string issue(const identity::IdentityProviderClient& client, const tl_identity_token_request& request) {
  std::string token;
  client.start_issue_token_raw(request, {}, [&](const identity::AccessTokenView& view, const Error* error) {
    if (error) std::abort();
    token = view.token();
  });
  if (token.empty()) std::abort();  // nothing has to be read, so it completes at once
  return token;
}

int run(const std::string& algorithm) {
  Config config =
      parse_config("log: {level: off}\nproviders: [{name: id, plugin: identity-local, config: {algorithm: " + algorithm +
                   "}}]\nresources: [{name: bench}]\n");
  const auto runtime = Runtime::open(std::move(config));
  const ResourcePtr resource = runtime->resources().default_resource();
  const auto user = sync_wait(runtime->identity().create_user(resource, {}, {}, std::chrono::hours{1}));
  const ProviderPtr provider = runtime->providers().require("trunkline.identity/1");
  const auto client = provider->client<identity::IdentityProviderClient>();
  identity::TokenRequest request;
  request.resource_id = resource->id;
  request.user_id = user.user.id;
  request.scopes = {identity::TokenScope::kChat, identity::TokenScope::kVoip};

  abi::Arena arena;
  const tl_identity_token_request lowered = abi::Codec<identity::TokenRequest>::lower(request, arena);
  Floor floor(algorithm == "ES256");
  std::string token = client.issue_token_sync(request).token;
  std::vector<double> floors, issued, served, verified, ratios;
  for (int round = 0; round < kRounds; ++round) {
    floors.push_back(rate_of([&] { floor.sign(); }));
    issued.push_back(rate_of([&] { token = issue(client, lowered); }));
    served.push_back(rate_of(
        [&] { sync_wait(runtime->identity().issue_token(resource, request.user_id, request.scopes, std::chrono::hours{24})); }));
    verified.push_back(rate_of([&] { sync_wait(runtime->identity().verify_token(resource, token)); }));
    ratios.push_back(issued.back() / floors.back());
  }
  const double ratio = median(ratios);
  std::printf(
      "%s  openssl sign %.0f/s   issue %.0f/s (%.1f%% of the floor, wanted 90%%)   through the service %.0f/s (%.1f%%)   "
      "verify again %.0f/s\n",
      algorithm.c_str(), median(floors), median(issued), 100 * ratio, median(served), 100 * median(served) / median(floors),
      median(verified));
  runtime->close();
  return ratio >= 0.9 ? 0 : 1;
}

}  // namespace

int main() { return run("ES256") | run("RS256"); }
