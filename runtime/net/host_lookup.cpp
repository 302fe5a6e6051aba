#include "runtime/net/host_lookup.h"

#include <netdb.h>

#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/post.hpp>

namespace trunkline::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxThreads = 64;

std::string resolve(const std::string& host, std::vector<HostLookup::Endpoint>& endpoints) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) return ::gai_strerror(code);
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    HostLookup::Endpoint endpoint;
    endpoint.resize(at->ai_addrlen);
    std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  return endpoints.empty() ? "no address" : "";
}

}  // namespace

struct HostLookup::Shared {
  std::mutex mutex;
  HostLookup* owner = nullptr;  // null: gone
};

HostLookup::HostLookup(asio::io_context& io) : io_(io), shared_(std::make_shared<Shared>()) { shared_->owner = this; }

HostLookup::~HostLookup() {
  const std::lock_guard lock(shared_->mutex);
  shared_->owner = nullptr;
}

void HostLookup::find(const std::string& host, Done done) {
  std::vector<Done>& waiting = wanted_[host];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  if (running_ >= kMaxThreads)
    queue_.push_back(host);
  else
    start(host);
}

void HostLookup::start(const std::string& host) {
  ++running_;
  const auto report = [](const std::shared_ptr<Shared>& shared, std::string name, std::vector<Endpoint> endpoints,
                         std::string problem) {
    // The owner outlives what runs in its io_context, but not what waits for the system: that is asked for under the lock.
    const std::lock_guard lock(shared->mutex);
    HostLookup* const owner = shared->owner;
    if (owner == nullptr) return;
    asio::post(owner->io_, [owner, name = std::move(name), endpoints = std::move(endpoints), problem = std::move(problem)] {
      owner->found(name, endpoints, problem);
    });
  };
  try {
    std::thread([shared = shared_, host, report] {
      std::vector<Endpoint> endpoints;
      std::string problem = resolve(host, endpoints);
      report(shared, host, std::move(endpoints), std::move(problem));
    }).detach();
  } catch (const std::system_error& error) {
    report(shared_, host, {}, error.what());
  }
}

void HostLookup::found(const std::string& host, const std::vector<Endpoint>& endpoints, const std::string& problem) {
  --running_;
  if (!queue_.empty()) {
    const std::string next = std::move(queue_.front());
    queue_.pop_front();
    start(next);
  }
  const auto entry = wanted_.extract(host);
  if (entry.empty()) return;
  for (const Done& done : entry.mapped()) done(endpoints, problem);
}

}  // namespace trunkline::net
