// Calls as they cross the ABI, with structures of any size: an older host gives less, a newer one more. What lies behind a
// structure's end is filled with bytes that a careless reader trips over.
#pragma once
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/conformance/check.h"

namespace trunkline::conformance {

inline constexpr int kGarbage = 0xAB;

/// A completion as it crosses the ABI. Leaked: a plugin may complete it at any time.
struct RawDone {
  std::atomic<int> completions{0};
  std::atomic<Pulse*> pulse{nullptr};
  std::optional<Error> error;
  /// Looks at a result that is a list.
  void (*read)(RawDone& done, const tl_list& list) = nullptr;
  std::size_t results = 0, strangers = 0;
  tl_stream stream{};

  static RawDone& make(CheckContext& kit);
  template <class C>
  static void complete(void* user, const C* result, tl_error* error) noexcept {
    auto* self = static_cast<RawDone*>(user);
    const bool first = self->take(error);
    if constexpr (std::is_same_v<C, tl_list>) {
      if (first && result && self->read) self->read(*self, *result);
    }
    if constexpr (std::is_same_v<C, tl_stream>) {
      if (first && result) self->stream = *result;
    }
    self->finish();
  }
  static void complete_void(void* user, tl_error* error) noexcept {
    auto* self = static_cast<RawDone*>(user);
    self->take(error);
    self->finish();
  }

 private:
  /// True: it is the first completion.
  bool take(tl_error* error);
  void finish() {
    completions.fetch_add(1);
    pulse.load()->beat();
  }
};

/// Waits for a completion, and a moment for a second one.
void await(CheckContext& kit, RawDone& done, const std::string& what);
/// The same, and remarks on an error; one that has no meaning fails the check.
void await_meaning(CheckContext& kit, RawDone& done, const std::string& what);

/// A structure with garbage behind what its size says.
template <class T, std::size_t Extra = 64>
struct Sized {
  alignas(16) std::array<unsigned char, sizeof(T) + Extra> bytes;

  Sized(const T& value, std::size_t size) {
    bytes.fill(kGarbage);
    std::memcpy(bytes.data(), &value, std::min(size, sizeof(T)));
    const auto said = static_cast<std::uint32_t>(size);
    std::memcpy(bytes.data(), &said, sizeof said);
  }
  const T* get() const { return reinterpret_cast<const T*>(bytes.data()); }
};
/// An element of a list whose stride says that it has grown.
template <class T>
struct Grown {
  T known;
  std::array<unsigned char, 24> more;

  explicit Grown(const T& value) : known(value) {
    known.struct_size = sizeof(Grown);
    more.fill(kGarbage);
  }
};

/// One way to give a tl_call. Null: none at all.
struct CallShape {
  const char* name;
  std::size_t size;  // 0: no call
};
inline constexpr CallShape kCallShapes[] = {{"no_call", 0},
                                            {"call_of_8_bytes", 8},
                                            {"call_with_deadline_only", offsetof(tl_call, cancel)},
                                            {"call_larger_than_known", sizeof(tl_call) + 48}};

tl_call full_call(const KitHost& host);

/// The argument `call` in one of the shapes.
class ShapedCall {
 public:
  ShapedCall(const KitHost& host, const CallShape& shape) : call_(full_call(host), shape.size), given_(shape.size > 0) {}
  const tl_call* get() const { return given_ ? call_.get() : nullptr; }

 private:
  const Sized<tl_call> call_;
  const bool given_;
};

/// Calls an operation without arguments in every shape.
template <class Vtbl, class Done>
void add_capability_checks(std::vector<Check>& all, const std::string& interface_id,
                           void (*Vtbl::*slot)(void*, const tl_call*, Done, void*), std::type_identity_t<Done> done) {
  for (const CallShape& shape : kCallShapes)
    all.push_back({short_name(interface_id) + ".structs.capabilities_" + shape.name, [=, &shape](CheckContext& kit) {
                     Subject subject = kit.open();
                     const tl_iface target = subject->interface(interface_id);
                     const ShapedCall call(kit.host, shape);
                     RawDone& raw = RawDone::make(kit);
                     (static_cast<const Vtbl*>(target.vtbl)->*slot)(target.self, call.get(), done, &raw);
                     await(kit, raw, std::string("capabilities with ") + shape.name);
                     kit.require(!raw.error, std::string("capabilities failed: ") + (raw.error ? raw.error->message : ""));
                     kit.close(subject);
                   }});
}

}  // namespace trunkline::conformance
