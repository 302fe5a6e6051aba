// A running HttpServer under a virtual clock.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/net/http_server.h"
#include "tests/unit/net/socket_client.h"

namespace trunkline::testing {

/// Tasks wait here until open() is called.
class Gate {
 public:
  Task<void> wait() {
    auto waiting = from_callback<void>([this](auto done) {
      {
        const std::lock_guard lock(mutex_);
        ++arrived_;
        if (!open_) {
          waiting_.push_back([done]() mutable { done(Result<void>{}); });
          return;
        }
      }
      done(Result<void>{});
    });
    co_await waiting;
  }
  void open() {
    std::vector<UniqueFunction<void()>> all;
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
      all.swap(waiting_);
    }
    for (auto& go : all) go();
  }
  bool has_waiting() const {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
  }

 private:
  mutable std::mutex mutex_;
  bool open_ = false;
  int arrived_ = 0;
  std::vector<UniqueFunction<void()>> waiting_;
};

class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override {
    gate.open();
    server.reset();
    executor.stop();  // before the clock goes: a connection may still be at work
  }

  /// Answers `METHOD target body`; /wait waits for the gate, /hop goes over another thread, /throw throws, /big answers 8 MB,
  /// /elsewhere sends on to /.
  Task<net::Response> echo(net::Request& request) {
    if (request.path() == "/wait") co_await gate.wait();
    if (request.path() == "/hop") co_await executor.schedule();
    if (request.path() == "/throw") throw Error(ErrorCode::kInternal, "as told");
    net::Response response;
    response.content_type = "text/plain";
    if (request.path() == "/empty") {
      response.status = 204;
      co_return response;
    }
    if (request.path() == "/big") {
      response.body.assign(8 * 1024 * 1024, 'x');
      co_return response;
    }
    if (request.path() == "/elsewhere") {
      response.status = 302;
      response.headers.add("Location", "/");
      co_return response;
    }
    if (request.path() == "/inject") response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
    response.body = request.method + " " + request.target + " " + request.body;
    co_return response;
  }

  void start(net::HttpServerOptions options = {}) {
    server.emplace(executor, clock, log, std::move(options), [this](net::Request& request) { return echo(request); });
    ports = server->start();
  }
  SocketClient connect() { return SocketClient(ports.http); }

  /// Advances until the client hears something; the server needs a moment to set its timer, so one step may come too early.
  bool advance_until_readable(SocketClient& client, Duration step) {
    for (int i = 0; i < 500; ++i) {
      clock.advance(step);
      if (client.readable(20)) return true;
    }
    return false;
  }

  Executor executor{2};
  Clock clock{executor, Clock::Mode::kVirtual};
  Log log{{.level = LogLevel::kOff}};
  Gate gate;
  std::optional<net::HttpServer> server;
  net::HttpServer::Ports ports;
};

}  // namespace trunkline::testing
