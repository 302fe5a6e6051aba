// Keys and signatures of JSON Web Tokens (RFC 7515, 7518, 7638): ES256 and RS256 over OpenSSL, and nothing else. For plugins that
// issue or check tokens, and for the runtime itself: include it where it is needed and link OpenSSL::Crypto. JSON is left to
// whoever includes it. Hand-written, header-only, C++20.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "trunkline/error.hpp"

namespace trunkline::jose {

// --- base64url (RFC 4648 section 5, no padding) -----------------------------------------------------------------------------

namespace detail {
/// The two characters of every 12 bits: half the look-ups.
struct Base64Pairs {
  std::array<std::array<char, 2>, 4096> pair{};
  constexpr Base64Pairs() {
    constexpr const char* kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (std::size_t i = 0; i < pair.size(); ++i) pair[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  }
};
inline constexpr Base64Pairs kBase64Pairs;
}  // namespace detail

inline void append_base64url(std::string& out, std::string_view bytes) {
  const auto& pair = detail::kBase64Pairs.pair;
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() * 4 + 2) / 3);
  char* to = out.data() + begin;
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3, to += 4) {
    const std::uint32_t bits = std::uint32_t{from[0]} << 16 | std::uint32_t{from[1]} << 8 | from[2];
    std::memcpy(to, pair[bits >> 12].data(), 2);
    std::memcpy(to + 2, pair[bits & 4095].data(), 2);
  }
  if (left == 0) return;
  const std::uint32_t bits = std::uint32_t{from[0]} << 16 | (left == 2 ? std::uint32_t{from[1]} << 8 : 0u);
  std::memcpy(to, pair[bits >> 12].data(), 2);
  if (left == 2) to[2] = pair[bits & 4095][0];
}

inline std::string base64url(std::string_view bytes) {
  std::string out;
  append_base64url(out, bytes);
  return out;
}

/// Strict: no padding, no white space, no bits beyond the last byte, so that there is one spelling only. nullopt when malformed.
inline std::optional<std::string> from_base64url(std::string_view text) {
  constexpr auto value = [](unsigned char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
  };
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char c : text) {
    const int v = value(c);
    if (v < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(v);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

// --- the parts of a token ---------------------------------------------------------------------------------------------------

/// Views into a token in the compact form; nothing is decoded or checked.
struct TokenParts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_part;  // what the signature is over
};

/// nullopt unless there are exactly three parts within `max_bytes`.
inline std::optional<TokenParts> split_token(std::string_view token, std::size_t max_bytes = 16 * 1024) {
  if (token.size() > max_bytes) return std::nullopt;
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  return TokenParts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                    token.substr(0, second)};
}

// --- keys -------------------------------------------------------------------------------------------------------------------

enum class Algorithm {
  kEs256,  // ECDSA over P-256 with SHA-256
  kRs256,  // RSASSA-PKCS1-v1_5 with SHA-256
};

inline std::string_view name_of(Algorithm algorithm) { return algorithm == Algorithm::kEs256 ? "ES256" : "RS256"; }
inline std::optional<Algorithm> parse_algorithm(std::string_view name) {
  if (name == "ES256") return Algorithm::kEs256;
  if (name == "RS256") return Algorithm::kRs256;
  return std::nullopt;
}

inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

namespace detail {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
using Key = std::shared_ptr<EVP_PKEY>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;

/// The queue of errors belongs to the thread, which is not ours: it is left empty.
[[noreturn]] inline void fail(const char* doing, ErrorCode code = ErrorCode::kInternal) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  throw Error(code, std::string(doing) + ": " + text.data());
}

inline const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
inline unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

template <class F, class T>
std::string to_der(F i2d, T* object, const char* doing) {
  unsigned char* out = nullptr;
  const int size = i2d(object, &out);
  if (size < 0) fail(doing);
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_clear_free(out, static_cast<std::size_t>(size));
  return der;
}

/// SHA-256 without a look-up of the algorithm each time; allocates nothing after the first call on a thread.
inline std::array<unsigned char, 32> digest(std::string_view data) {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const DigestContext context(EVP_MD_CTX_new());
  std::array<unsigned char, 32> out;
  if (!context || EVP_DigestInit_ex2(context.get(), sha256, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), out.data(), nullptr) != 1)
    fail("hashing");
  return out;
}

inline std::string number_of(EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) fail("reading a key");
  const Number number(raw);
  std::string out(std::max<std::size_t>(width, static_cast<std::size_t>(BN_num_bytes(raw))), '\0');
  if (BN_bn2binpad(raw, bytes(out), static_cast<int>(out.size())) < 0) fail("reading a key");
  return out;
}

// ECDSA: OpenSSL has the two numbers in DER, JOSE has them one after the other with 32 bytes each (RFC 7518 section 3.4).
inline constexpr std::size_t kEcWidth = 32;
inline constexpr std::size_t kMaxEcDer = 72;

/// `der` is OpenSSL's own.
inline void ec_signature_from_der(const unsigned char* der, char* out) {
  const unsigned char* at = der + 2;
  for (int i = 0; i < 2; ++i, out += kEcWidth) {
    std::size_t size = at[1];
    at += 2;
    if (size > kEcWidth) at += size - kEcWidth, size = kEcWidth;  // a zero keeps it positive
    std::memset(out, 0, kEcWidth - size);
    std::memcpy(out + kEcWidth - size, at, size);
    at += size;
  }
}

inline std::string ec_signature_to_der(std::string_view signature) {
  std::string numbers;
  for (std::string_view number : {signature.substr(0, kEcWidth), signature.substr(kEcWidth)}) {
    while (number.size() > 1 && number.front() == '\0') number.remove_prefix(1);
    const bool pad = static_cast<unsigned char>(number.front()) >= 0x80;
    numbers += '\x02';
    numbers += static_cast<char>(number.size() + (pad ? 1 : 0));
    if (pad) numbers += '\0';
    numbers += number;
  }
  std::string der = "\x30";
  der += static_cast<char>(numbers.size());
  return der + numbers;
}

/// A key with what each thread keeps ready for it. Setting a context up costs as much as a tenth of a signature.
struct SharedKey {
  Key key;
  Algorithm algorithm;
  std::uint64_t serial;

  SharedKey(Key k, Algorithm a) : key(std::move(k)), algorithm(a) {
    static std::atomic<std::uint64_t> next{1};
    serial = next.fetch_add(1, std::memory_order_relaxed);
  }

  KeyContext make(bool signing) const {
    KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!context || (signing ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get())) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1 ||
        (algorithm == Algorithm::kRs256 && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1))
      fail("preparing a key");
    return context;
  }

  /// This thread's context; the last few keys that it used are kept.
  EVP_PKEY_CTX* context(bool signing) const {
    struct Slot {
      std::uint64_t serial = 0;
      KeyContext context;
    };
    constexpr std::size_t kSlots = 4;
    struct Cache {
      std::array<Slot, kSlots> slots;
      std::size_t next = 0;
    };
    thread_local Cache caches[2];
    Cache& cache = caches[signing ? 1 : 0];
    for (const Slot& slot : cache.slots)
      if (slot.serial == serial) return slot.context.get();
    KeyContext made = make(signing);
    Slot& slot = cache.slots[cache.next++ % kSlots];
    slot = {serial, std::move(made)};
    return slot.context.get();
  }
};

}  // namespace detail

/// The digest, 32 bytes.
inline std::string sha256(std::string_view data) {
  const auto digest = detail::digest(data);
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

/// Checks signatures. Copies share the key. [any-thread]
class PublicKey {
 public:
  /// SubjectPublicKeyInfo in DER. Throws kInvalidArgument for anything but RSA with 2048 to 8192 bits and EC over P-256.
  static PublicKey from_der(std::string_view der) {
    const unsigned char* at = detail::bytes(der);
    EVP_PKEY* const key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
    if (!key) detail::fail("reading a public key", ErrorCode::kInvalidArgument);
    return PublicKey(adopt(key));
  }
  /// The numbers `n` and `e` of a JWK, decoded.
  static PublicKey from_rsa(std::string_view n, std::string_view e) {
    if (n.empty() || n.size() > kMaxRsaBits / 8 || e.empty() || e.size() > 8)
      throw Error(ErrorCode::kInvalidArgument, "no numbers of an RSA key");
    const auto number = [](std::string_view text) {
      return detail::Number(BN_bin2bn(detail::bytes(text), static_cast<int>(text.size()), nullptr));
    };
    const detail::Number modulus = number(n), exponent = number(e);
    return PublicKey(adopt(build("RSA", [&](OSSL_PARAM_BLD* builder) {
      return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1 &&
             OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1;
    })));
  }
  /// The coordinates `x` and `y` of a JWK over P-256, decoded.
  static PublicKey from_p256(std::string_view x, std::string_view y) {
    if (x.size() != detail::kEcWidth || y.size() != detail::kEcWidth)
      throw Error(ErrorCode::kInvalidArgument, "no coordinates of P-256");
    const std::string point = '\x04' + std::string(x) + std::string(y);
    return PublicKey(adopt(build("EC", [&](OSSL_PARAM_BLD* builder) {
      return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
             OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1;
    })));
  }

  Algorithm algorithm() const noexcept { return shared_->algorithm; }
  /// SubjectPublicKeyInfo.
  std::string der() const {
    return detail::to_der([](const EVP_PKEY* k, unsigned char** out) { return i2d_PUBKEY(k, out); }, shared_->key.get(),
                          "writing a key");
  }
  /// Members of the JWK that hold numbers, by name and decoded: `n` and `e`, or `x` and `y`.
  std::array<std::pair<const char*, std::string>, 2> numbers() const {
    EVP_PKEY* const key = shared_->key.get();
    if (algorithm() == Algorithm::kRs256)
      return {{{"n", detail::number_of(key, OSSL_PKEY_PARAM_RSA_N)}, {"e", detail::number_of(key, OSSL_PKEY_PARAM_RSA_E)}}};
    return {{{"x", detail::number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, detail::kEcWidth)},
             {"y", detail::number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, detail::kEcWidth)}}};
  }
  /// RFC 7638.
  std::string thumbprint() const {
    const auto parts = numbers();
    const std::string first = base64url(parts[0].second), second = base64url(parts[1].second);
    const std::string text = algorithm() == Algorithm::kRs256
                                 ? R"({"e":")" + second + R"(","kty":"RSA","n":")" + first + "\"}"
                                 : R"({"crv":"P-256","kty":"EC","x":")" + first + R"(","y":")" + second + "\"}";
    return base64url(sha256(text));
  }

  /// `signature` as in a token, decoded.
  bool verify(std::string_view data, std::string_view signature) const {
    std::string der;
    if (algorithm() == Algorithm::kEs256) {
      if (signature.size() != 2 * detail::kEcWidth) return false;
      der = detail::ec_signature_to_der(signature);
      signature = der;
    }
    const auto hash = detail::digest(data);
    const bool right =
        EVP_PKEY_verify(shared_->context(false), detail::bytes(signature), signature.size(), hash.data(), hash.size()) == 1;
    if (!right) ERR_clear_error();
    return right;
  }

 protected:
  explicit PublicKey(std::shared_ptr<const detail::SharedKey> shared) : shared_(std::move(shared)) {}

  static std::shared_ptr<const detail::SharedKey> adopt(EVP_PKEY* raw) {
    detail::Key key(raw, [](EVP_PKEY* k) { EVP_PKEY_free(k); });
    const int kind = EVP_PKEY_get_base_id(raw);
    if (kind == EVP_PKEY_RSA) {
      const int bits = EVP_PKEY_get_bits(raw);
      if (bits < kMinRsaBits || bits > kMaxRsaBits)
        throw Error(ErrorCode::kInvalidArgument, "RSA key: wanted 2048 to 8192 bits, found " + std::to_string(bits));
      return std::make_shared<const detail::SharedKey>(std::move(key), Algorithm::kRs256);
    }
    std::array<char, 32> group{};
    if (kind == EVP_PKEY_EC && EVP_PKEY_get_group_name(raw, group.data(), group.size(), nullptr) == 1 &&
        std::string_view(group.data()) == "prime256v1")
      return std::make_shared<const detail::SharedKey>(std::move(key), Algorithm::kEs256);
    throw Error(ErrorCode::kInvalidArgument, "key: wanted RSA or EC over P-256, found another kind");
  }

  std::shared_ptr<const detail::SharedKey> shared_;

 private:
  template <class F>
  static EVP_PKEY* build(const char* kind, F fill) {
    const std::unique_ptr<OSSL_PARAM_BLD, detail::Deleter<OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
    if (!builder || !fill(builder.get())) detail::fail("reading a key");
    const std::unique_ptr<OSSL_PARAM, detail::Deleter<OSSL_PARAM_free>> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const detail::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
      detail::fail("reading a public key", ErrorCode::kInvalidArgument);
    return key;
  }
};

/// Signs, too.
class PrivateKey : public PublicKey {
 public:
  /// `rsa_bits` is for RS256, which takes a tenth of a second or more.
  static PrivateKey generate(Algorithm algorithm, int rsa_bits = kMinRsaBits) {
    EVP_PKEY* const key = algorithm == Algorithm::kEs256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(static_cast<unsigned>(rsa_bits));
    if (!key) detail::fail("making a key");
    return PrivateKey(adopt(key));
  }
  /// PKCS #8 in DER, not encrypted. Throws kInvalidArgument.
  static PrivateKey from_der(std::string_view der) {
    const unsigned char* at = detail::bytes(der);
    EVP_PKEY* const key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
    if (!key) detail::fail("reading a private key", ErrorCode::kInvalidArgument);
    return PrivateKey(adopt(key));
  }

  /// PKCS #8.
  std::string private_der() const {
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, detail::Deleter<PKCS8_PRIV_KEY_INFO_free>> info(
        EVP_PKEY2PKCS8(shared_->key.get()));
    if (!info) detail::fail("writing a key");
    return detail::to_der([](const PKCS8_PRIV_KEY_INFO* i, unsigned char** out) { return i2d_PKCS8_PRIV_KEY_INFO(i, out); },
                          info.get(), "writing a key");
  }

  /// The signature as in a token, not encoded.
  std::string sign(std::string_view data) const {
    const auto hash = detail::digest(data);
    std::array<unsigned char, kMaxRsaBits / 8> buffer;
    std::size_t size = buffer.size();
    if (EVP_PKEY_sign(shared_->context(true), buffer.data(), &size, hash.data(), hash.size()) != 1) detail::fail("signing");
    if (algorithm() == Algorithm::kRs256) return std::string(reinterpret_cast<const char*>(buffer.data()), size);
    std::string signature(2 * detail::kEcWidth, '\0');
    detail::ec_signature_from_der(buffer.data(), signature.data());
    return signature;
  }

  /// `prefix` is `header.payload`, both encoded; appends the signature to it.
  void append_signature(std::string& prefix) const {
    const std::string signature = sign(prefix);
    prefix += '.';
    append_base64url(prefix, signature);
  }

 private:
  using PublicKey::PublicKey;
};

}  // namespace trunkline::jose
