// Answers requests as a test's file says.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/expression/value.h"
#include "runtime/net/http_sender.h"

namespace re2 {
class RE2;
}

namespace trunkline::flowtest {

using expression::Value;

/// Takes no time. [any-thread]
class MockSender final : public net::HttpSender {
 public:
  struct Call {
    std::string method, url;
    Time at;
    Value body;             // JSON where it is some, else the text; null: none
    bool answered = false;  // some mock fitted
  };

  /// `mocks`: the member `httpMocks`. Throws Error kInvalidArgument.
  MockSender(Executor& executor, Clock& clock, const Value& mocks);

  void start_send(net::ClientRequest request, UniqueFunction<void(Result<net::ClientResponse>)> done) override;
  std::vector<Call> calls() const;
  /// The mock that the last request fitted has answers it has not given yet.
  bool has_more() const;
  /// Told of every request, after it was answered. Before the first.
  void set_on_request(std::function<void(const net::ClientRequest&)> on_request) { on_request_ = std::move(on_request); }

 private:
  struct Mock {
    std::string method;
    std::shared_ptr<const re2::RE2> url;
    Value responses;
    std::size_t next = 0;
  };
  Executor& executor_;
  Clock& clock_;
  std::function<void(const net::ClientRequest&)> on_request_;
  mutable std::mutex mutex_;
  std::vector<Mock> mocks_;
  std::vector<Call> calls_;
  bool has_more_ = true;
};

}  // namespace trunkline::flowtest
