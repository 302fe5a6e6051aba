// What JavaScript holds handles to.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "support/wire.hpp"
#include "trunkline/abi.h"
#include "trunkline/error.hpp"

namespace trunkline {
class CallTable;
}

namespace trunkline::node {

struct Request;

/// A number that JavaScript knows an object by. Never used twice.
using Handle = std::uint32_t;
constexpr Handle kNoHandle = 0;

/// An object with numbered operations. The generated classes implement it over a client of one interface. Used and destroyed
/// on its environment's thread.
class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  /// Begins operation `op`; `request.reply` gets its outcome. May throw Error instead, as long as it has not.
  virtual void start(std::uint32_t op, Reader& in, Request request);
  /// Performs a @sync operation.
  virtual void run(std::uint32_t op, Reader& in, Writer& out);
  virtual class RuntimeObject* as_runtime() { return nullptr; }
};

/// Generated: the object for an interface id; null when this package does not know it.
std::unique_ptr<Object> make_object(std::string_view id, tl_iface iface, CallTable& calls);

}  // namespace trunkline::node
