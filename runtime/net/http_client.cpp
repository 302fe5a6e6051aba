#include "runtime/net/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/base/strings.h"

namespace trunkline::net {
namespace {

constexpr std::size_t kMaxHeaderBytes = 256 * 1024;
constexpr int kPollMs = 60'000;  // new work and libcurl's own timers end a poll earlier

long ms(Duration d) { return std::max<long>(1, static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(d).count())); }

/// One request from start to end. Owned by the curl thread once it has been taken from the queue.
struct Transfer {
  ~Transfer() {
    curl_slist_free_all(header_list);
    if (easy) curl_easy_cleanup(easy);
  }
  void add_header(const std::string& line) {
    if (curl_slist* longer = curl_slist_append(header_list, line.c_str())) header_list = longer;
  }

  std::uint64_t id = 0;
  ClientRequest request;
  UniqueFunction<void(Result<ClientResponse>)> done;
  WorkGuard work;
  std::uint64_t subscription = 0;

  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  ClientResponse response;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool truncated = false;  // there was more of the body than was asked for
  char problem[CURL_ERROR_SIZE] = {};
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::size_t room = transfer.request.max_response_bytes - transfer.response.body.size();
  if (size * count > room) {
    if (transfer.request.truncate_body) transfer.response.body.append(data, room);
    (transfer.request.truncate_body ? transfer.truncated : transfer.too_large) = true;
    return 0;
  }
  transfer.response.body.append(data, size * count);
  return size * count;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = trim(std::string_view(data, size * count));
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();  // what came before was a 1xx or the proxy's
  transfer.header_bytes += size * count;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  if (const auto colon = line.find(':');
      transfer.request.wants_headers && colon != std::string_view::npos && !line.starts_with("HTTP/"))
    transfer.response.headers.add(line.substr(0, colon), trim(line.substr(colon + 1)));
  return size * count;
}

void set_blob(CURL* easy, CURLoption option, std::string_view bytes) {
  curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

using AddressRule = std::function<bool(std::string_view)>;

/// libcurl's way to open a socket, behind the rule. The address is the one that the connection will be made to.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* to) {
  char text[INET6_ADDRSTRLEN] = {};
  const void* const address = to->family == AF_INET
                                  ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&to->addr)->sin_addr)
                                  : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&to->addr)->sin6_addr);
  if (inet_ntop(to->family, address, text, sizeof text) == nullptr || !(*static_cast<const AddressRule*>(user))(text))
    return CURL_SOCKET_BAD;
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/// No connection was made: nothing was sent.
Error unsent(Error error) {
  error.details["cause"] = "connection";
  return error;
}

Error to_error(const Transfer& transfer, CURLcode code) {
  const std::string text = transfer.problem[0] ? transfer.problem : curl_easy_strerror(code);
  const std::string what = described(transfer.request) + ": " + text;
  if (transfer.too_large)
    return Error(ErrorCode::kResourceExhausted,
                 what + " (the answer is larger than " + std::to_string(transfer.request.max_response_bytes) + " bytes)");
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Error(ErrorCode::kDeadlineExceeded, what).with_retry();
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(ErrorCode::kInvalidArgument, what, "url");
    case CURLE_SSL_CERTPROBLEM:
      return unsent(Error(ErrorCode::kInvalidArgument, what, "identity"));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return unsent(Error(ErrorCode::kUnavailable, what));
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      return unsent(Error(ErrorCode::kUnavailable, what).with_retry());
    case CURLE_OUT_OF_MEMORY:
      return Error(ErrorCode::kResourceExhausted, what);
    case CURLE_COULDNT_RESOLVE_HOST:
      return with_resolution_failure(Error(ErrorCode::kUnavailable, what).with_retry());
    default:
      return Error(ErrorCode::kUnavailable, what).with_retry();
  }
}

Error stopped_error() { return Error(ErrorCode::kCancelled, "the HTTP client has stopped"); }

}  // namespace

class HttpClient::Impl {
 public:
  Impl(Executor& executor, HttpClientOptions options) : executor_(executor), options_(std::move(options)) {}

  void start(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) {
    auto transfer = std::make_unique<Transfer>();
    if (request.counts_as_work) transfer->work = WorkGuard(executor_.work());
    transfer->done = std::move(done);
    std::optional<Error> refused = check(request);
    transfer->request = std::move(request);
    if (refused) return complete(std::move(transfer), std::move(*refused));
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        if (!multi_) launch();
        transfer->id = ++last_id_;
        queue_.push_back(std::move(transfer));
      }
    }
    if (transfer) return complete(std::move(transfer), stopped_error());
    curl_multi_wakeup(multi_);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (!multi_) return;
    }
    curl_multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
  }

  ~Impl() {
    stop();
    if (multi_) curl_multi_cleanup(multi_);
  }

 private:
  void launch() {  // with mutex_ held
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = initialised == CURLE_OK ? curl_multi_init() : nullptr;
    if (!multi_) throw Error(ErrorCode::kResourceExhausted, "cannot start the HTTP client");
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options_.connections_per_host));
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.connections));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.connections));
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "tl-http");
      run();
    });
  }

  void run() {
    for (;;) {
      std::vector<std::unique_ptr<Transfer>> added;
      std::vector<std::uint64_t> cancelled;
      bool stopping;
      {
        const std::lock_guard lock(mutex_);
        added.swap(queue_);
        cancelled.swap(cancelled_);
        stopping = stopping_;
      }
      for (auto& transfer : added) begin(std::move(transfer));
      for (const std::uint64_t id : cancelled) end(id, Error(ErrorCode::kCancelled, "the request was cancelled"));
      if (stopping) {
        while (!running_.empty()) end(running_.begin()->first, stopped_error());
        return;
      }
      int active = 0;
      curl_multi_perform(multi_, &active);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
  }

  void begin(std::unique_ptr<Transfer> transfer) {
    Transfer& t = *transfer;
    t.easy = curl_easy_init();
    if (!t.easy) return complete(std::move(transfer), Error(ErrorCode::kResourceExhausted, "cannot start an HTTP request"));
    prepare(t);
    curl_multi_add_handle(multi_, t.easy);
    const std::uint64_t id = t.id;
    CancelToken cancel = t.request.cancel;
    running_.emplace(id, std::move(transfer));
    // Cancelled already: the function runs here and now, and the next round ends the transfer.
    t.subscription = cancel.subscribe([this, id] {
      {
        const std::lock_guard lock(mutex_);
        cancelled_.push_back(id);
      }
      curl_multi_wakeup(multi_);
    });
  }

  void prepare(Transfer& t) {
    CURL* easy = t.easy;
    const ClientRequest& request = t.request;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.problem);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms(request.timeout));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms(request.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (request.identity) {
      curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
      curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
      set_blob(easy, CURLOPT_SSLCERT_BLOB, request.identity->chain_pem);
      set_blob(easy, CURLOPT_SSLKEY_BLOB, request.identity->key_pem.reveal());
    }
    if (options_.allow_address) {
      curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
      curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &options_.allow_address);
    }
    if (!options_.proxy.empty()) {
      curl_easy_setopt(easy, CURLOPT_PROXY, options_.proxy.c_str());
      curl_easy_setopt(easy, CURLOPT_NOPROXY, options_.no_proxy.c_str());
    } else if (is_loopback_url(request.url)) {
      curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    // curl's own ideas are turned off: waiting for a 100, and a form as content type.
    t.add_header("Expect:");
    const auto add_all = [&t](const Headers& headers) {
      for (const auto& [name, value] : headers) t.add_header(value.empty() ? name + ";" : name + ": " + value);
    };
    const bool typed = request.headers.has("Content-Type") || (request.fixed && request.fixed->headers().has("Content-Type"));
    if (!typed) t.add_header("Content-Type:");
    add_all(request.headers);
    if (request.fixed) add_all(request.fixed->headers());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.header_list);
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "GET" && request.body.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else {
      const bool bodiless =
          request.body.empty() && request.method != "POST" && request.method != "PUT" && request.method != "PATCH";
      if (!bodiless) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
      }
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void finish(CURL* easy, CURLcode code) {
    void* user = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
    Transfer& transfer = *static_cast<Transfer*>(user);
    // How libcurl calls it that on_body wanted no more.
    const bool enough = code == CURLE_WRITE_ERROR && transfer.truncated;
    if (code != CURLE_OK && !enough) return end(transfer.id, to_error(transfer, code));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    end(transfer.id, std::move(transfer.response));
  }

  void end(std::uint64_t id, Result<ClientResponse> result) {
    const auto found = running_.find(id);
    if (found == running_.end()) return;  // it had ended before it was cancelled
    std::unique_ptr<Transfer> transfer = std::move(found->second);
    running_.erase(found);
    transfer->request.cancel.unsubscribe(transfer->subscription);
    curl_multi_remove_handle(multi_, transfer->easy);
    complete(std::move(transfer), std::move(result));
  }

  void complete(std::unique_ptr<Transfer> transfer, Result<ClientResponse> result) {
    executor_.post([done = std::move(transfer->done), result = std::move(result), work = std::move(transfer->work)]() mutable {
      done(std::move(result));
    });
  }

  Executor& executor_;
  const HttpClientOptions options_;
  CURLM* multi_ = nullptr;  // set once, under mutex_; curl_multi_wakeup is the only call from other threads
  std::thread thread_;

  std::mutex mutex_;
  bool stopping_ = false;
  std::uint64_t last_id_ = 0;
  std::vector<std::unique_ptr<Transfer>> queue_;
  std::vector<std::uint64_t> cancelled_;

  std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> running_;  // of the curl thread
};

HttpClient::HttpClient(Executor& executor, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(executor, std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::start_send(ClientRequest request, UniqueFunction<void(Result<ClientResponse>)> done) {
  impl_->start(std::move(request), std::move(done));
}

Task<ClientResponse> HttpClient::send(ClientRequest request) {
  auto sent = from_callback<ClientResponse>([this, &request](auto done) { impl_->start(std::move(request), std::move(done)); });
  co_return co_await sent;
}

void HttpClient::stop() { impl_->stop(); }

}  // namespace trunkline::net
