// What carries the HTTP requests of plugins.
#pragma once
#include "trunkline/call.hpp"
#include "trunkline/host.hpp"
#include "trunkline/task.hpp"

namespace trunkline::plugin {

/// The network as plugins see it. The runtime has one over its HTTP client; tests have fakes and recordings. [any-thread]
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  /// Header names of both sides are in lower case. An answer with any status is a success. Throws kInvalidArgument (the request),
  /// kUnavailable, kDeadlineExceeded, kCancelled. `call` lives until the task has completed.
  virtual Task<host::HttpResponse> send(Call call, host::HttpRequest request) = 0;
};

}  // namespace trunkline::plugin
