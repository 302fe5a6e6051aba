#include "runtime/crypto/jwt.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/encoding.h"
#include "runtime/base/json.h"
#include "runtime/crypto/hash.h"
#include "runtime/crypto/openssl.h"

namespace trunkline::crypto {
namespace {

constexpr std::size_t kMaxToken = 16 * 1024;
constexpr std::size_t kMaxPem = 64 * 1024;
constexpr int kMinBits = 2048;
constexpr int kMaxBits = 8192;

Error bad_key(std::string_view why) { return {ErrorCode::kInvalidArgument, "RSA key: " + std::string(why)}; }
Error refused(std::string_view why) { return {ErrorCode::kUnauthenticated, "the token " + std::string(why)}; }

std::shared_ptr<EVP_PKEY> checked(EVP_PKEY* raw, std::string_view doing) {
  std::shared_ptr<EVP_PKEY> key(raw, [](EVP_PKEY* k) { EVP_PKEY_free(k); });
  if (!key) throw openssl_error(doing, ErrorCode::kInvalidArgument);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) throw bad_key("it is of another kind");
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kMinBits || bits > kMaxBits)
    throw bad_key("wanted " + std::to_string(kMinBits) + " to " + std::to_string(kMaxBits) + " bits, found " +
                  std::to_string(bits));
  return key;
}

std::string number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  check(EVP_PKEY_get_bn_param(key, name, &raw), "reading an RSA key");
  const BignumPtr number(raw);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return base64url_encode(bytes);
}

// RFC 7638: the digest of the required members, in order and without white space.
std::string thumbprint(EVP_PKEY* key) {
  const std::string text = R"({"e":")" + number_of(key, OSSL_PKEY_PARAM_RSA_E) + R"(","kty":"RSA","n":")" +
                           number_of(key, OSSL_PKEY_PARAM_RSA_N) + "\"}";
  return base64url_encode(sha256(text));
}

int refuse_password(char*, int, int, void*) { return -1; }

Time time_claim(const JsonRef& claim) {
  // Just inside the clock's range; what lies beyond is as good as for ever.
  return Time(std::chrono::seconds(static_cast<std::int64_t>(std::clamp(claim.number(), -9e9, 9e9))));
}

bool has_audience(const JsonRef& claims, std::string_view wanted) {
  const auto audience = claims.find("aud");
  if (!audience) return false;
  if (audience->json().is_string()) return audience->text() == wanted;
  for (std::size_t i = 0; i < audience->array_size(); ++i)
    if ((*audience)[i].text() == wanted) return true;
  return false;
}

const RsaPublicKey* key_named(std::span<const RsaPublicKey> keys, std::string_view id) {
  for (const RsaPublicKey& key : keys)
    if (key.id() == id) return &key;
  return nullptr;
}

void check_claims(const JsonRef& claims, const JwtChecks& checks) {
  if (!claims.find("exp")) throw refused("has no expiry");
  if (checks.now - checks.leeway >= time_claim(claims.at("exp"))) throw refused("has expired");
  if (const auto begin = claims.find("nbf"); begin && checks.now + checks.leeway < time_claim(*begin))
    throw refused("is not valid yet");
  if (!checks.issuer.empty() && claims.text_or("iss", "") != checks.issuer) throw refused("is of another issuer");
  if (!checks.audience.empty() && !has_audience(claims, checks.audience)) throw refused("is for another audience");
}

nlohmann::json verify(std::span<const RsaPublicKey> keys, std::string_view token, const JwtChecks& checks) {
  if (token.size() > kMaxToken) throw refused("is too long");
  const auto first = token.find('.');
  const auto second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos) throw refused("is no JWT");
  const auto header_text = base64url_decode(token.substr(0, first));
  const auto claims_text = base64url_decode(token.substr(first + 1, second - first - 1));
  const auto signature = base64url_decode(token.substr(second + 1));  // refuses a fourth part, too
  if (!header_text || !claims_text || !signature) throw refused("is not base64url");

  const JsonLimits limits{.max_bytes = kMaxToken, .max_depth = 16};
  const nlohmann::json header_json = parse_json(*header_text, limits);
  const JsonRef header(header_json);
  if (header.at("alg").text() != "RS256") throw refused("is signed with another algorithm than RS256");
  if (header.find("crit")) throw refused("demands an extension");
  const RsaPublicKey* const key = key_named(keys, header.at("kid").text());
  if (!key) throw refused("is signed with an unknown key");
  if (!key->verify(token.substr(0, second), *signature)) throw refused("has a wrong signature");

  nlohmann::json claims = parse_json(*claims_text, limits);
  check_claims(JsonRef(claims), checks);
  return claims;
}

}  // namespace

RsaPublicKey::RsaPublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)), id_(thumbprint(key_.get())) {}

RsaPublicKey RsaPublicKey::from_pem(std::string_view pem) {
  if (pem.size() > kMaxPem) throw bad_key("the PEM text is too long");
  return RsaPublicKey(
      checked(PEM_read_bio_PUBKEY(read_bio(pem).get(), nullptr, refuse_password, nullptr), "reading an RSA public key"));
}

RsaPublicKey RsaPublicKey::from_jwk(const nlohmann::json& jwk) {
  const JsonRef ref(jwk);
  if (ref.at("kty").text() != "RSA") throw ref.at("kty").error("must be RSA");
  const auto number = [&](const char* name) {
    const JsonRef member = ref.at(name);
    const auto bytes = base64url_decode(member.text());
    if (!bytes || bytes->empty() || bytes->size() > kMaxBits / 8) throw member.error("is no number of an RSA key");
    return BignumPtr(check(
        BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()), static_cast<int>(bytes->size()), nullptr), "BN_bin2bn"));
  };
  const BignumPtr n = number("n"), e = number("e");
  const std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>> builder(check(OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD"));
  check(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()), "OSSL_PARAM_BLD");
  check(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()), "OSSL_PARAM_BLD");
  const std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>> parameters(
      check(OSSL_PARAM_BLD_to_param(builder.get()), "OSSL_PARAM_BLD"));
  const KeyContextPtr context(check(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), "EVP_PKEY_CTX"));
  check(EVP_PKEY_fromdata_init(context.get()), "EVP_PKEY_fromdata");
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  return RsaPublicKey(checked(key, "reading an RSA public key"));
}

std::string RsaPublicKey::pem() const {
  const BioPtr bio = memory_bio();
  check(PEM_write_bio_PUBKEY(bio.get(), key_.get()), "writing an RSA public key");
  return bio_text(bio.get());
}

nlohmann::json RsaPublicKey::jwk() const {
  nlohmann::json jwk;
  jwk["kty"] = "RSA";
  jwk["use"] = "sig";
  jwk["alg"] = "RS256";
  jwk["kid"] = id_;
  jwk["n"] = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N);
  jwk["e"] = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E);
  return jwk;
}

bool RsaPublicKey::verify(std::string_view data, std::string_view signature) const {
  const DigestContextPtr context(check(EVP_MD_CTX_new(), "EVP_MD_CTX"));
  check(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), "EVP_DigestVerifyInit");
  const bool right = EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                      reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1;
  ERR_clear_error();  // a wrong signature leaves its reason in the thread's queue
  return right;
}

RsaPrivateKey RsaPrivateKey::generate(int bits) {
  if (bits < kMinBits || bits > kMaxBits)
    throw bad_key("wanted " + std::to_string(kMinBits) + " to " + std::to_string(kMaxBits) + " bits, found " +
                  std::to_string(bits));
  return RsaPrivateKey(checked(EVP_RSA_gen(static_cast<unsigned>(bits)), "making an RSA key"));
}

RsaPrivateKey RsaPrivateKey::from_pem(const Secret& pem) {
  if (pem.reveal().size() > kMaxPem) throw bad_key("the PEM text is too long");
  return RsaPrivateKey(checked(PEM_read_bio_PrivateKey(read_bio(pem.reveal()).get(), nullptr, refuse_password, nullptr),
                               "reading an RSA private key"));
}

Secret RsaPrivateKey::private_pem() const {
  const BioPtr bio = memory_bio();
  check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr),
        "writing an RSA private key");
  return Secret(bio_text(bio.get()));
}

std::string RsaPrivateKey::sign(std::string_view data) const {
  const DigestContextPtr context(check(EVP_MD_CTX_new(), "EVP_MD_CTX"));
  check(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()), "EVP_DigestSignInit");
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  check(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(data.data()), data.size()),
        "signing");
  signature.resize(size);
  return signature;
}

std::string sign_jwt(const RsaPrivateKey& key, const nlohmann::json& claims) {
  nlohmann::json header;
  header["alg"] = "RS256";
  header["typ"] = "JWT";
  header["kid"] = key.id();
  std::string token = base64url_encode(header.dump()) + '.' + base64url_encode(claims.dump());
  token += '.' + base64url_encode(key.sign(token));
  return token;
}

nlohmann::json verify_jwt(std::span<const RsaPublicKey> keys, std::string_view token, const JwtChecks& checks) {
  try {
    return verify(keys, token, checks);
  } catch (const Error& e) {
    // Malformed JSON inside the token is the token's fault; its text stays out of the message.
    if (e.code == ErrorCode::kInvalidArgument || e.code == ErrorCode::kResourceExhausted) throw refused("is malformed");
    throw;
  }
}

}  // namespace trunkline::crypto
