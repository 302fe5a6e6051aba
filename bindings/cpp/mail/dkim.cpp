// DKIM (RFC 6376; Ed25519: RFC 8463), relaxed canonicalisation of headers and body.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "trunkline/mail.hpp"

namespace trunkline::mail {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* p) const { Free(p); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;

/// What is signed where it is there; whoever adds another of these breaks nothing but what it adds.
constexpr std::array<std::string_view, 14> kSigned = {"from",
                                                      "to",
                                                      "cc",
                                                      "reply-to",
                                                      "subject",
                                                      "date",
                                                      "message-id",
                                                      "mime-version",
                                                      "content-type",
                                                      "content-transfer-encoding",
                                                      "in-reply-to",
                                                      "references",
                                                      "list-unsubscribe",
                                                      "list-unsubscribe-post"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out(4 * ((size + 2) / 3) + 1, '\0');
  out.resize(
      static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size))));
  return out;
}

/// `name:value` with the folding and runs of white space taken out (RFC 6376 section 3.4.2).
void append_relaxed(std::string& out, std::string_view name, std::string_view value) {
  for (const char c : name) out += lower(c);
  out += ':';
  const std::size_t begin = out.size();
  for (char c : value) {
    if (c == '\r' || c == '\n') continue;
    if (c == '\t') c = ' ';
    if (c == ' ' && (out.size() == begin || out.back() == ' ')) continue;
    out += c;
  }
  while (out.size() > begin && out.back() == ' ') out.pop_back();
}

/// RFC 6376 section 3.4.4: runs of white space are one space, none at the ends of lines, no empty lines at the end.
std::array<unsigned char, 32> relaxed_body_hash(std::string_view body) {
  const DigestPtr digest(EVP_MD_CTX_new());
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::string line;
  std::size_t empty = 0;
  for (std::size_t begin = 0; begin < body.size();) {
    std::size_t end = body.find('\n', begin);
    if (end == std::string_view::npos) end = body.size();
    std::string_view text = body.substr(begin, end - begin);
    begin = end + 1;
    if (text.ends_with('\r')) text.remove_suffix(1);
    line.clear();
    for (char c : text) {
      if (c == '\t') c = ' ';
      if (c == ' ' && !line.empty() && line.back() == ' ') continue;
      line += c;
    }
    if (line.ends_with(' ')) line.pop_back();
    if (line.empty()) {
      ++empty;
      continue;
    }
    for (; empty > 0; --empty) EVP_DigestUpdate(digest.get(), "\r\n", 2);
    line += "\r\n";
    EVP_DigestUpdate(digest.get(), line.data(), line.size());
  }
  std::array<unsigned char, 32> hash{};
  EVP_DigestFinal_ex(digest.get(), hash.data(), nullptr);
  return hash;
}

struct Field {
  std::string_view name;
  std::string_view value;
};

std::vector<Field> fields_of(std::string_view headers) {
  std::vector<Field> fields;
  for (std::size_t begin = 0; begin < headers.size();) {
    std::size_t end = begin;
    do {
      end = headers.find("\r\n", end);
      end = end == std::string_view::npos ? headers.size() : end + 2;
    } while (end < headers.size() && (headers[end] == ' ' || headers[end] == '\t'));
    const std::string_view field = headers.substr(begin, end - begin);
    begin = end;
    if (const auto colon = field.find(':'); colon != std::string_view::npos)
      fields.push_back({field.substr(0, colon), field.substr(colon + 1)});
  }
  return fields;
}

bool is_label_path(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

struct DkimSigner::Key {
  KeyPtr key;
  bool ed25519 = false;
};

DkimSigner::DkimSigner(std::string domain, std::string selector, std::string_view pem)
    : domain_(std::move(domain)), selector_(std::move(selector)), key_(std::make_unique<Key>()) {
  if (!is_label_path(domain_)) throw Error(ErrorCode::kInvalidArgument, "'" + domain_ + "' is no domain to sign for", "domain");
  if (!is_label_path(selector_)) throw Error(ErrorCode::kInvalidArgument, "'" + selector_ + "' is no DKIM selector", "selector");
  const std::unique_ptr<BIO, Freed<BIO, BIO_free_all>> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // The callback: never ask on a terminal for the password of an encrypted key.
  key_->key.reset(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  const int kind = key_->key ? EVP_PKEY_base_id(key_->key.get()) : EVP_PKEY_NONE;
  key_->ed25519 = kind == EVP_PKEY_ED25519;
  if (!key_->ed25519 && (kind != EVP_PKEY_RSA || EVP_PKEY_bits(key_->key.get()) < 1024))
    throw Error(ErrorCode::kInvalidArgument, "the DKIM key is no private key in PEM of RSA (1024 bits and more) or Ed25519",
                "privateKey");
}
DkimSigner::~DkimSigner() = default;
DkimSigner::DkimSigner(DkimSigner&&) noexcept = default;
DkimSigner& DkimSigner::operator=(DkimSigner&&) noexcept = default;

std::string DkimSigner::sign(const Message& message, Time at) const {
  std::string names, data;
  for (const Field& field : fields_of(message.headers)) {
    std::string name(field.name);
    std::transform(name.begin(), name.end(), name.begin(), lower);
    if (std::find(kSigned.begin(), kSigned.end(), name) == kSigned.end()) continue;
    names += (names.empty() ? "" : ":") + name;
    append_relaxed(data, field.name, field.value);
    data += "\r\n";
  }
  // Named once more than it is there: nobody can add a second one.
  names += ":from";
  const auto body = relaxed_body_hash(message.body);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  std::string value = " v=1; a=" + std::string(key_->ed25519 ? "ed25519" : "rsa") + "-sha256; c=relaxed/relaxed; d=" + domain_ +
                      ";\r\n s=" + selector_ + "; t=" + std::to_string(seconds) + ";\r\n bh=" + base64(body.data(), body.size()) +
                      ";\r\n h=";
  for (std::size_t begin = 0, column = 3; begin < names.size();) {
    std::size_t end = names.find(':', begin);
    end = end == std::string::npos ? names.size() : end + 1;
    if (column + end - begin > 74) {
      value += "\r\n  ";
      column = 2;
    }
    value.append(names, begin, end - begin);
    column += end - begin;
    begin = end;
  }
  value += ";\r\n b=";
  append_relaxed(data, "DKIM-Signature", value);

  std::array<unsigned char, 32> hash{};
  std::string_view signed_bytes = data;
  if (key_->ed25519) {  // RFC 8463: what is signed is the hash
    EVP_Digest(data.data(), data.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
    signed_bytes = {reinterpret_cast<const char*>(hash.data()), hash.size()};
  }
  const DigestPtr context(EVP_MD_CTX_new());
  std::vector<unsigned char> signature(static_cast<std::size_t>(EVP_PKEY_size(key_->key.get())));
  std::size_t size = signature.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(signed_bytes.data());
  if (EVP_DigestSignInit(context.get(), nullptr, key_->ed25519 ? nullptr : EVP_sha256(), nullptr, key_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes, signed_bytes.size()) != 1)
    throw Error(ErrorCode::kInternal, "signing a mail for " + domain_ + " failed");
  const std::string text = base64(signature.data(), size);
  for (std::size_t i = 0; i < text.size(); i += 70) value += (i ? "\r\n  " : "") + text.substr(i, 70);
  return "DKIM-Signature:" + value + "\r\n";
}

}  // namespace trunkline::mail
