#include "transport/dtls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <algorithm>
#include <array>

namespace pstn_webrtc {
namespace {

using trunkline::Error;
using trunkline::ErrorCode;

constexpr long kMtu = 1200;        // that no path of the internet breaks up
constexpr long kUdpOverhead = 28;  // IPv4 and UDP
constexpr long kCertificateDays = 366 * 2;
constexpr const char* kProfile = "SRTP_AES128_CM_SHA1_80";
constexpr const char* kExporter = "EXTRACTOR-dtls_srtp";
constexpr std::size_t kKeyBytes = 16, kSaltBytes = 14;

std::string last_fault() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "OpenSSL gives no reason";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

[[noreturn]] void refuse(const char* what) { throw Error(ErrorCode::kInternal, std::string(what) + ": " + last_fault(), "dtls"); }

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509, X509_free>>;

CertificatePtr make_certificate(EVP_PKEY* key) {
  CertificatePtr certificate(X509_new());
  std::uint64_t serial = 0;
  if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) refuse("no certificate");
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>("trunkline");
  const bool made = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24 * 3600) &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kCertificateDays * 24 * 3600) &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(certificate.get(), name) == 1 && X509_set_pubkey(certificate.get(), key) == 1 &&
                    X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  if (!made) refuse("no certificate");
  return certificate;
}

const EVP_MD* digest_of(std::string_view hash) {
  return hash == "sha-512" ? EVP_sha512() : hash == "sha-384" ? EVP_sha384() : EVP_sha256();
}

std::string digest(const X509* certificate, std::string_view hash) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (X509_digest(certificate, digest_of(hash), bytes.data(), &size) != 1) return {};
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

std::string with_colons(std::string_view bytes) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    if (!out.empty()) out.push_back(':');
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[c & 15]);
  }
  return out;
}

/// The way out: every write is a packet.
int write_packet(BIO* bio, const char* data, int size) {
  const auto* send = static_cast<const DtlsServer::Send*>(BIO_get_data(bio));
  (*send)(Bytes(reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)));
  return size;
}

long control_packets(BIO*, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return kMtu;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
      return kUdpOverhead;
    default:
      return 0;
  }
}

int create_packets(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

/// Once for this module; the library forgets it with the process.
const BIO_METHOD* packets() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "trunkline packets");
    BIO_meth_set_write(made, write_packet);
    BIO_meth_set_ctrl(made, control_packets);
    BIO_meth_set_create(made, create_packets);
    return made;
  }();
  return method;
}

}  // namespace

DtlsIdentity::DtlsIdentity() {
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) refuse("no key");
  const CertificatePtr certificate = make_certificate(key.get());
  context_ = SSL_CTX_new(DTLS_method());
  if (!context_) refuse("no DTLS");
  const auto any_certificate = [](int, X509_STORE_CTX*) { return 1; };
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context_, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU);
  const bool ready = SSL_CTX_set_min_proto_version(context_, DTLS1_2_VERSION) == 1 &&
                     SSL_CTX_set_cipher_list(context_, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
                     SSL_CTX_set1_groups_list(context_, "X25519:P-256") == 1 &&
                     SSL_CTX_use_certificate(context_, certificate.get()) == 1 &&
                     SSL_CTX_use_PrivateKey(context_, key.get()) == 1 &&
                     SSL_CTX_set_tlsext_use_srtp(context_, kProfile) == 0;  // the one that says 0 when it is well
  if (!ready) {
    SSL_CTX_free(context_);
    refuse("DTLS could not be set up");
  }
  fingerprint_ = "sha-256 " + with_colons(digest(certificate.get(), "sha-256"));
}

DtlsIdentity::~DtlsIdentity() { SSL_CTX_free(context_); }

DtlsServer::DtlsServer(const DtlsIdentity& identity, std::string hash, std::string fingerprint, Send send)
    : hash_(std::move(hash)), fingerprint_(std::move(fingerprint)), send_(std::move(send)), ssl_(SSL_new(identity.context())) {
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(packets());
  if (!ssl_ || !in || !out) {
    BIO_free(in);
    BIO_free(out);
    SSL_free(ssl_);
    refuse("no DTLS session");
  }
  BIO_set_mem_eof_return(in, -1);  // nothing there is no end
  BIO_set_data(out, const_cast<Send*>(&send_));
  SSL_set_bio(ssl_, in, out);
  SSL_set_mtu(ssl_, kMtu);
  SSL_set_accept_state(ssl_);
}

DtlsServer::~DtlsServer() { SSL_free(ssl_); }

DtlsServer::State DtlsServer::take(Bytes packet) {
  if (state_ == State::kFailed || state_ == State::kClosed) return state_;
  BIO_write(SSL_get_rbio(ssl_), packet.data(), static_cast<int>(packet.size()));
  return advance();
}

DtlsServer::State DtlsServer::advance() {
  ERR_clear_error();
  if (state_ == State::kHandshaking) {
    const int done = SSL_do_handshake(ssl_);
    if (done != 1) {
      const int why = SSL_get_error(ssl_, done);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return state_;
      return fail("the handshake failed: " + last_fault());
    }
    if (!SSL_get_selected_srtp_profile(ssl_)) return fail("the other side has no profile of SRTP in common with us");
    if (!is_expected_peer()) return fail("the certificate is not that of the session description");
    state_ = State::kUp;
  }
  // Nothing is said over it, but that it is over.
  std::array<char, 2048> ignored;
  while (SSL_read(ssl_, ignored.data(), static_cast<int>(ignored.size())) > 0) {
  }
  if (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) state_ = State::kClosed;
  ERR_clear_error();
  return state_;
}

DtlsServer::State DtlsServer::fail(std::string problem) {
  problem_ = std::move(problem);
  return state_ = State::kFailed;
}

bool DtlsServer::is_expected_peer() const {
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_));
  return certificate && !fingerprint_.empty() && digest(certificate.get(), hash_) == fingerprint_;
}

std::optional<Duration> DtlsServer::resend_in() const {
  timeval left{};
  if (state_ != State::kHandshaking || DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
}

DtlsServer::State DtlsServer::resend() {
  if (state_ != State::kHandshaking) return state_;
  if (DTLSv1_handle_timeout(ssl_) < 0) return fail("nobody answers the handshake");
  return state_;
}

void DtlsServer::close() {
  if (state_ == State::kUp) SSL_shutdown(ssl_);
  if (state_ != State::kFailed) state_ = State::kClosed;
  ERR_clear_error();
}

DtlsServer::Keys DtlsServer::keys() const {
  // Both keys, then both salts; the client's first.
  std::array<unsigned char, 2 * (kKeyBytes + kSaltBytes)> bytes{};
  if (SSL_export_keying_material(ssl_, bytes.data(), bytes.size(), kExporter, std::char_traits<char>::length(kExporter), nullptr,
                                 0, 0) != 1)
    refuse("no keys");
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto part = [&](std::size_t which) {
    return std::string(text + which * kKeyBytes, kKeyBytes) + std::string(text + 2 * kKeyBytes + which * kSaltBytes, kSaltBytes);
  };
  return {part(1), part(0)};
}

}  // namespace pstn_webrtc
