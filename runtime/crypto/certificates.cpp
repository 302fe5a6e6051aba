#include "runtime/crypto/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/crypto/openssl.h"

namespace trunkline::crypto {
namespace {

using std::chrono::days;

constexpr auto kBackdate = days(1);  // clients whose clocks run late
constexpr auto kAuthorityLife = days(3650);
constexpr auto kServerLife = days(397);
constexpr std::string_view kServerNames[] = {"localhost", "*.localhost", "127.0.0.1", "::1", "*.asm.skype.com"};
constexpr std::size_t kMaxPem = 256 * 1024;

KeyPtr new_key() { return KeyPtr(check(EVP_EC_gen("P-256"), "making an EC key")); }

std::string to_pem(X509* certificate) {
  const BioPtr bio = memory_bio();
  check(PEM_write_bio_X509(bio.get(), certificate), "writing a certificate");
  return bio_text(bio.get());
}

Secret to_pem(EVP_PKEY* key) {
  const BioPtr bio = memory_bio();
  check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr), "writing a private key");
  return Secret(bio_text(bio.get()));
}

CertificatePtr certificate_from_pem(std::string_view pem) {
  if (pem.size() > kMaxPem) throw Error(ErrorCode::kInvalidArgument, "the certificate is too large");
  CertificatePtr certificate(PEM_read_bio_X509(read_bio(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) throw openssl_error("reading a PEM certificate", ErrorCode::kInvalidArgument);
  return certificate;
}

Time time_of(const ASN1_TIME* field) {
  int days = 0, seconds = 0;
  const std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>> epoch(check(ASN1_TIME_set(nullptr, 0), "ASN1_TIME"));
  check(ASN1_TIME_diff(&days, &seconds, epoch.get(), field), "reading a validity");
  return Time(std::chrono::days(days) + std::chrono::seconds(seconds));
}

std::int64_t unix_seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); }

bool valid_at(X509* certificate, Time now) {
  time_t at = unix_seconds(now);
  return X509_cmp_time(X509_get0_notBefore(certificate), &at) < 0 && X509_cmp_time(X509_get0_notAfter(certificate), &at) > 0;
}

void set_validity(X509* certificate, Time now, days life) {
  const auto set = [&](ASN1_TIME* field, Time time) { check(ASN1_TIME_set(field, unix_seconds(time)), "setting a validity"); };
  set(X509_getm_notBefore(certificate), now - kBackdate);
  set(X509_getm_notAfter(certificate), now + life);
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(check(X509V3_EXT_conf_nid(nullptr, &context, nid, value), "making a certificate extension"));
  check(X509_add_ext(certificate, extension.get(), -1), "adding a certificate extension");
}

// Built by hand: the text form of X509V3_EXT_conf_nid would let a name smuggle in others.
void add_names(X509* certificate, std::span<const std::string> extra_names) {
  const GeneralNamesPtr names(check(sk_GENERAL_NAME_new_null(), "GENERAL_NAMES"));
  const auto add = [&](const std::string& name) {
    if (name.empty() || name.size() > 253)
      throw Error(ErrorCode::kInvalidArgument, "not a host name or IP address: '" + name + "'");
    GeneralNamePtr entry(check(GENERAL_NAME_new(), "GENERAL_NAME"));
    ERR_set_mark();
    if (ASN1_OCTET_STRING* const address = a2i_IPADDRESS(name.c_str())) {
      GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address);
    } else {
      ASN1_IA5STRING* const host = check(ASN1_IA5STRING_new(), "ASN1_IA5STRING");
      GENERAL_NAME_set0_value(entry.get(), GEN_DNS, host);
      check(ASN1_STRING_set(host, name.data(), static_cast<int>(name.size())), "ASN1_STRING_set");
    }
    ERR_pop_to_mark();
    check(sk_GENERAL_NAME_push(names.get(), entry.get()), "GENERAL_NAMES");
    entry.release();
  };
  for (const std::string_view name : kServerNames) add(std::string(name));
  for (const std::string& name : extra_names) add(name);
  check(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT), "adding the names");
}

// Everything but the extensions and the signature.
CertificatePtr new_certificate(std::string_view common_name, EVP_PKEY* key, Time now, days life) {
  CertificatePtr certificate(check(X509_new(), "X509_new"));
  check(X509_set_version(certificate.get(), X509_VERSION_3), "X509_set_version");
  std::array<std::uint8_t, 16> serial;
  random_bytes(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, and always 16 bytes long
  const BignumPtr number(check(BN_bin2bn(serial.data(), serial.size(), nullptr), "BN_bin2bn"));
  check(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())), "setting the serial number");
  set_validity(certificate.get(), now, life);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  const auto add_name = [&](const char* field, std::string_view value) {
    check(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0),
          "setting the subject");
  };
  add_name("O", "Trunkline");
  add_name("CN", common_name);
  check(X509_set_pubkey(certificate.get(), key), "X509_set_pubkey");
  return certificate;
}

}  // namespace

struct CertificateAuthority::Impl {
  KeyPtr key;
  CertificatePtr certificate;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

CertificateAuthority CertificateAuthority::create(std::string_view common_name, Time now) {
  auto impl = std::make_unique<Impl>();
  impl->key = new_key();
  impl->certificate = new_certificate(common_name, impl->key.get(), now, kAuthorityLife);
  X509* const certificate = impl->certificate.get();
  check(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)), "X509_set_issuer_name");
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  check(X509_sign(certificate, impl->key.get(), EVP_sha256()), "signing a certificate");
  return CertificateAuthority(std::move(impl));
}

CertificateAuthority CertificateAuthority::from_pem(const PemIdentity& pem) {
  auto impl = std::make_unique<Impl>();
  impl->certificate = certificate_from_pem(pem.certificate);
  if (pem.private_key.reveal().size() > kMaxPem) throw Error(ErrorCode::kInvalidArgument, "the private key is too large");
  // The callback refuses an encrypted key instead of asking for its password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  impl->key.reset(PEM_read_bio_PrivateKey(read_bio(pem.private_key.reveal()).get(), nullptr, no_password, nullptr));
  if (!impl->key) throw openssl_error("reading a PEM private key", ErrorCode::kInvalidArgument);
  if (X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1)
    throw openssl_error("the private key is not that of the certificate", ErrorCode::kInvalidArgument);
  if (X509_check_ca(impl->certificate.get()) != 1)
    throw Error(ErrorCode::kInvalidArgument, "the certificate is not that of an authority");
  return CertificateAuthority(std::move(impl));
}

PemIdentity CertificateAuthority::pem() const { return {to_pem(impl_->certificate.get()), to_pem(impl_->key.get())}; }

bool CertificateAuthority::valid_at(Time now) const { return crypto::valid_at(impl_->certificate.get(), now); }

PemIdentity CertificateAuthority::issue_server(Time now, std::span<const std::string> extra_names) const {
  const KeyPtr key = new_key();
  const CertificatePtr certificate = new_certificate("localhost", key.get(), now, kServerLife);
  X509* const authority = impl_->certificate.get();
  check(X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority)), "X509_set_issuer_name");
  add_extension(certificate.get(), authority, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), authority, NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), authority, NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), authority, NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), authority, NID_authority_key_identifier, "keyid:always");
  add_names(certificate.get(), extra_names);
  check(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()), "signing a certificate");
  return {to_pem(certificate.get()) + to_pem(authority), to_pem(key.get())};
}

CertificateFacts certificate_facts(std::string_view pem) {
  const CertificatePtr certificate = certificate_from_pem(pem);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  check(X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size), "X509_digest");
  return {time_of(X509_get0_notAfter(certificate.get())), hex_encode({digest.data(), size})};
}

bool certificate_valid_at(std::string_view pem, Time now) { return valid_at(certificate_from_pem(pem).get(), now); }

}  // namespace trunkline::crypto
