#include "runtime/net/pooled_client.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "runtime/net/client_pool.h"

namespace trunkline::net {
namespace asio = boost::asio;

namespace {

thread_local const void* current_client = nullptr;

/// As libcurl reads it; which hosts are exempt it decides as well.
bool environment_has_proxy() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    if (const char* const value = std::getenv(name); value != nullptr && *value != '\0') return true;
  return false;
}

/// A name and password, or a host name in another script.
bool is_unusual(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  return std::any_of(authority.begin(), authority.end(),
                     [](char c) { return c == '@' || static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

class PooledClient::Impl {
 public:
  Impl(Executor& executor, HttpSender& other, HttpClientOptions options)
      : executor_(executor),
        other_(other),
        options_(std::move(options)),
        proxy_(options_.proxy.empty() ? (environment_has_proxy() ? Proxy::kBeyondLoopback : Proxy::kNone) : Proxy::kAlways),
        pool_(io_, options_) {}

  ~Impl() { stop(); }

  void start(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) {
    if (std::optional<Error> refused = check(request)) return refuse(std::move(done), *std::move(refused));
    if (is_for_other(request)) return other_.start_send(std::move(request), std::move(done));
    auto exchange = std::make_unique<Exchange>();
    if (request.counts_as_work) exchange->work = WorkGuard(executor_.work());
    exchange->request = std::move(request);
    exchange->done = std::move(done);
    exchange->id = last_id_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (current_client == this) return begin(std::move(exchange));
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        if (!thread_.joinable()) launch();
        wake = queue_.empty();
        queue_.push_back(std::move(exchange));
      }
    }
    if (exchange) {
      const WorkGuard work = std::move(exchange->work);
      return refuse(std::move(exchange->done), Error(ErrorCode::kCancelled, "the HTTP client has stopped"));
    }
    if (wake) asio::post(io_, [this] { take_queue(); });
  }

  void after_answers(UniqueFunction<void()> fn) {
    if (current_client == this) return pool_.sockets().after_events(std::move(fn));
    fn();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopping_, true) || !thread_.joinable()) return;
    }
    asio::post(io_, [this] {
      take_queue();
      pool_.stop();
      keep_running_.reset();
    });
    thread_.join();
  }

 private:
  enum class Proxy { kNone, kBeyondLoopback, kAlways };

  bool is_for_other(const ClientRequest& request) const {
    if (proxy_ == Proxy::kAlways || (proxy_ == Proxy::kBeyondLoopback && !is_loopback_url(request.url))) return true;
    return request.identity || is_unusual(request.url);
  }

  void refuse(UniqueFunction<void(Result<ClientResponse>)> done, Error error) {
    executor_.post([done = std::move(done), error = std::move(error)]() mutable { done(std::move(error)); });
  }

  void launch() {  // with mutex_ held
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "tl-hooks");
      current_client = this;
      io_.run();
    });
  }

  // ---- on our thread

  void take_queue() {
    std::vector<ExchangePtr> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(queue_);
    }
    for (ExchangePtr& exchange : taken) begin(std::move(exchange));
  }

  void begin(ExchangePtr exchange) {
    if (exchange->request.cancel.can_be_cancelled()) {
      // Cancelled already: the function runs here and now, and the transfer ends in its first round.
      exchange->subscription =
          exchange->request.cancel.subscribe([this, id = exchange->id] { asio::post(io_, [this, id] { pool_.cancel(id); }); });
    }
    pool_.start(std::move(exchange));
  }

  Executor& executor_;
  HttpSender& other_;
  const HttpClientOptions options_;
  const Proxy proxy_;
  std::atomic<std::uint64_t> last_id_{0};

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_{io_.get_executor()};
  ClientPool pool_;  // of our thread, until that has been joined
  std::thread thread_;

  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<ExchangePtr> queue_;
};

PooledClient::PooledClient(Executor& executor, HttpSender& other, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(executor, other, std::move(options))) {}

PooledClient::~PooledClient() = default;

void PooledClient::start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) {
  impl_->start(std::move(request), std::move(done));
}

void PooledClient::after_answers(UniqueFunction<void()> fn) { impl_->after_answers(std::move(fn)); }

void PooledClient::stop() { impl_->stop(); }

}  // namespace trunkline::net
