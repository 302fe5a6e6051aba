// Conversions between C++ values and the C ABI. Hand-written, header-only, C++20; generated headers add the structs.
#pragma once
#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "trunkline/arena.hpp"
#include "trunkline/compiled.hpp"
#include "trunkline/values.hpp"

namespace trunkline::abi {

/// Bounds of what a peer may hand over. Larger is a bug, not data.
inline constexpr std::size_t kMaxTextSize = std::size_t{1} << 30;
inline constexpr std::size_t kMaxListCount = std::size_t{1} << 24;
inline constexpr std::size_t kMaxStructSize = std::size_t{1} << 16;

[[noreturn]] inline void malformed(const char* what, const std::string& found) {
  throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": " + found, what);
}
inline bool aligned(const void* p, std::size_t alignment) { return reinterpret_cast<std::uintptr_t>(p) % alignment == 0; }

inline std::string_view text(const tl_str& s) { return {s.data, s.size}; }
inline tl_str text(std::string_view s) { return {s.data() ? s.data() : "", s.size()}; }

// ---- scalars ----

template <class T, class CType, class OptType>
struct ScalarCodec {
  using C = CType;
  using View = T;
  using Opt = OptType;
  static constexpr bool kAggregate = false;
  static constexpr std::size_t kMinSize = sizeof(C);
  static C lower(T v, Arena&) { return static_cast<C>(v); }
  static void lift(C c, T& v) { v = static_cast<T>(c); }
  static void check(C, const char*) {}
  static T view(C c) { return static_cast<T>(c); }
};
template <> struct Codec<bool> : ScalarCodec<bool, tl_bool, tl_opt_bool> {
  static void lift(tl_bool c, bool& v) { v = c != 0; }
  static bool view(tl_bool c) { return c != 0; }
};
template <> struct Codec<std::int32_t> : ScalarCodec<std::int32_t, std::int32_t, tl_opt_i32> {};
template <> struct Codec<std::uint32_t> : ScalarCodec<std::uint32_t, std::uint32_t, tl_opt_u32> {};
template <> struct Codec<std::int64_t> : ScalarCodec<std::int64_t, std::int64_t, tl_opt_i64> {};
template <> struct Codec<std::uint64_t> : ScalarCodec<std::uint64_t, std::uint64_t, tl_opt_u64> {};
template <> struct Codec<double> : ScalarCodec<double, double, tl_opt_f64> {};
/// Enums are open: values of a newer peer pass through.
template <class E> requires std::is_enum_v<E>
struct Codec<E> : ScalarCodec<E, std::int32_t, tl_opt_i32> {};
template <> struct Codec<Duration> : ScalarCodec<Duration, tl_duration, tl_opt_i64> {
  static tl_duration lower(Duration v, Arena&) { return v.count(); }
  static void lift(tl_duration c, Duration& v) { v = Duration{c}; }
  static Duration view(tl_duration c) { return Duration{c}; }
};
template <> struct Codec<Time> : ScalarCodec<Time, tl_time, tl_opt_i64> {
  static tl_time lower(Time v, Arena&) { return v.time_since_epoch().count(); }
  static void lift(tl_time c, Time& v) { v = Time{Duration{c}}; }
  static Time view(tl_time c) { return Time{Duration{c}}; }
};

// ---- texts, bytes, lists, maps: absent when data is NULL ----

template <> struct Codec<std::string> {
  using C = tl_str;
  using View = std::string_view;
  static constexpr bool kAggregate = false;
  static constexpr std::size_t kMinSize = sizeof(C);
  static C lower(std::string_view v, Arena&) { return text(v); }
  static void lift(const C& c, std::string& v) { v.assign(c.data ? c.data : "", c.size); }
  static void check(const C& c, const char* what) {
    if (c.size && !c.data) malformed(what, "a text without data but with a size");
    if (c.size > kMaxTextSize) malformed(what, "a text of " + std::to_string(c.size) + " bytes");
  }
  static View view(const C& c) { return text(c); }
};
template <> struct Codec<Bytes> {
  using C = tl_bytes;
  using View = BytesView;
  static constexpr bool kAggregate = false;
  static constexpr std::size_t kMinSize = sizeof(C);
  static C lower(BytesView v, Arena&) {
    static constexpr std::uint8_t kNone = 0;
    return {v.empty() ? &kNone : v.data(), v.size()};
  }
  static void lift(const C& c, Bytes& v) { v.assign(c.data, c.data + c.size); }
  static void check(const C& c, const char* what) {
    if (c.size && !c.data) malformed(what, "bytes without data but with a size");
    if (c.size > kMaxTextSize) malformed(what, std::to_string(c.size) + " bytes");
  }
  static View view(const C& c) { return {c.data, c.size}; }
};

/// Shape of a list: true when its elements may be looked at.
inline void check_list(const tl_list& list, std::size_t min_size, std::size_t alignment, const char* what) {
  if (list.count == 0) return;
  if (!list.data) malformed(what, "a list without data but with a count");
  if (list.count > kMaxListCount) malformed(what, "a list of " + std::to_string(list.count) + " elements");
  if (list.stride < min_size || list.stride > kMaxStructSize)
    malformed(what, "a list with a stride of " + std::to_string(list.stride) + ", wanted at least " + std::to_string(min_size));
  if (list.stride % alignment || !aligned(list.data, alignment)) malformed(what, "a list that is not aligned");
}

template <class T> struct Codec<std::vector<T>> {
  using Item = Codec<T>;
  using C = tl_list;
  using View = ListView<T>;
  static constexpr bool kAggregate = false;
  static constexpr std::size_t kMinSize = sizeof(C);
  static C lower(const std::vector<T>& v, Arena& arena) {
    auto* items = arena.array<typename Item::C>(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) items[i] = Item::lower(v[i], arena);
    return {items, v.size(), sizeof(typename Item::C)};
  }
  static void lift(const C& c, std::vector<T>& v) {
    v.clear();
    v.reserve(c.count);
    const auto* at = static_cast<const char*>(c.data);
    for (std::size_t i = 0; i < c.count; ++i, at += c.stride) {
      T item{};
      Item::lift(*reinterpret_cast<const typename Item::C*>(at), item);
      v.push_back(std::move(item));
    }
  }
  static void check(const C& c, const char* what) {
    check_list(c, Item::kMinSize, alignof(typename Item::C), what);
    if constexpr (!requires { typename Item::Opt; }) {  // scalars have nothing to check
      const auto* at = static_cast<const char*>(c.data);
      for (std::size_t i = 0; i < c.count; ++i, at += c.stride) Item::check(*reinterpret_cast<const typename Item::C*>(at), what);
    }
  }
  static View view(const C& c) { return View(c); }
};
template <> struct Codec<Properties> {
  using C = tl_list;
  using View = MapView;
  static constexpr bool kAggregate = false;
  static constexpr std::size_t kMinSize = sizeof(C);
  static C lower(const Properties& v, Arena& arena) {
    auto* items = arena.array<tl_kv>(v.size());
    std::size_t i = 0;
    for (const auto& [key, value] : v) items[i++] = {text(key), text(value)};
    return {items, v.size(), sizeof(tl_kv)};
  }
  static void lift(const C& c, Properties& v) { v = MapView(c).copy(); }
  static void check(const C& c, const char* what) {
    check_list(c, sizeof(tl_kv), alignof(tl_kv), what);
    const auto* at = static_cast<const char*>(c.data);
    for (std::size_t i = 0; i < c.count; ++i, at += c.stride) {
      const auto& entry = *reinterpret_cast<const tl_kv*>(at);
      Codec<std::string>::check(entry.key, what);
      Codec<std::string>::check(entry.value, what);
    }
  }
  static View view(const C& c) { return View(c); }
};

// ---- members of structs ----

/// Absence and indirection of one struct member whose C++ type is T or optional<T>.
template <class T> struct Member {
  using K = Codec<T>;
  static auto lower(const T& v, Arena& arena) {
    if constexpr (K::kAggregate) {
      if constexpr (K::kFrozen) return K::lower(v, arena);
      else return arena.one(K::lower(v, arena));
    } else {
      return K::lower(v, arena);
    }
  }
  static void lift(const auto& c, T& v) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(c)>>) K::lift(*c, v);
    else K::lift(c, v);
  }
  static void check(const auto& c, const char* what) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(c)>>) {
      if (!c) malformed(what, "missing");
      K::check(*c, what);
    } else {
      K::check(c, what);
    }
  }
  static auto view(const auto& c) {
    if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(c)>>) return K::view(*c);
    else return K::view(c);
  }
};
template <class T> struct Member<std::optional<T>> {
  using K = Codec<T>;
  static constexpr bool kScalar = requires { typename K::Opt; };
  static auto lower(const std::optional<T>& v, Arena& arena) {
    if constexpr (kScalar) {
      typename K::Opt c{};
      if (v) {
        c.has = 1;
        c.value = K::lower(*v, arena);
      }
      return c;
    } else if constexpr (K::kAggregate) {
      return v ? arena.one(K::lower(*v, arena)) : static_cast<const typename K::C*>(nullptr);
    } else {
      return v ? K::lower(*v, arena) : typename K::C{};
    }
  }
  static void lift(const auto& c, std::optional<T>& v) {
    if (!has(c)) v.reset();
    else K::lift(value(c), v.emplace());
  }
  static void check(const auto& c, const char* what) {
    if constexpr (!kScalar) {
      if constexpr (K::kAggregate) {
        if (c) K::check(*c, what);
      } else {
        K::check(c, what);
      }
    }
  }
  static std::optional<typename K::View> view(const auto& c) {
    if (!has(c)) return std::nullopt;
    return K::view(value(c));
  }

 private:
  static bool has(const auto& c) {
    if constexpr (kScalar) return c.has != 0;
    else if constexpr (K::kAggregate) return c != nullptr;
    else return c.data != nullptr;
  }
  static const auto& value(const auto& c) {
    if constexpr (kScalar) return c.value;
    else if constexpr (K::kAggregate) return *c;
    else return c;
  }
};

/// Parameters are like members, but every aggregate goes by pointer.
template <class T>
auto lower_parameter(const T& v, Arena& arena) {
  if constexpr (requires { requires Codec<T>::kAggregate; }) return arena.one(Codec<T>::lower(v, arena));
  else return Member<T>::lower(v, arena);
}

/// struct_size of an aggregate that can grow.
inline void check_struct(const void* at, std::uint32_t struct_size, std::size_t min_size, const char* what) {
  if (!aligned(at, 8)) malformed(what, "a struct that is not aligned");
  if (struct_size < min_size || struct_size > kMaxStructSize)
    malformed(what, "a struct_size of " + std::to_string(struct_size) + ", wanted at least " + std::to_string(min_size));
}

/// A view as the value it shows.
template <class T, class V>
T own(const V& view) {
  if constexpr (std::is_same_v<T, V>) return view;
  else if constexpr (requires { view.copy(); }) return view.copy();
  else if constexpr (std::is_same_v<T, Bytes>) return Bytes(view.begin(), view.end());
  else return T(view);
}
template <class T, class V>
std::optional<T> own_optional(const std::optional<V>& view) {
  if (!view) return std::nullopt;
  return own<T, V>(*view);
}

/// Shorthands for code that knows the type of its value.
template <class T>
auto lower(const T& v, Arena& arena) { return Codec<T>::lower(v, arena); }
template <class T>
T lift(const typename Codec<T>::C& c) {
  T v{};
  Codec<T>::lift(c, v);
  return v;
}

}  // namespace trunkline::abi
