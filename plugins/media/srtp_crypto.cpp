#include "media/srtp_crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

namespace call_media {
namespace {

using Block = std::array<std::uint8_t, 16>;

/// AES-CM (RFC 3711, 4.1.1): the counter begins at the salt xor what the packet says.
class Counter {
 public:
  static constexpr int kKey = 16, kKeyAndSalt = 30;

  bool init(const std::uint8_t* key) {
    salt_ = {};
    std::copy(key + kKey, key + kKeyAndSalt, salt_.begin());
    return context_ && EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ctr(), nullptr, key, salt_.data()) == 1;
  }
  bool set_iv(const std::uint8_t* iv) {
    Block start;
    for (std::size_t i = 0; i < start.size(); ++i) start[i] = salt_[i] ^ iv[i];
    return EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, start.data()) == 1;
  }
  bool run(std::uint8_t* bytes, unsigned size) {
    int made = 0;
    return EVP_EncryptUpdate(context_.get(), bytes, &made, bytes, static_cast<int>(size)) == 1;
  }
  ~Counter() { OPENSSL_cleanse(salt_.data(), salt_.size()); }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  const std::unique_ptr<EVP_CIPHER_CTX, Free> context_{EVP_CIPHER_CTX_new()};
  Block salt_{};
};

srtp_err_status_t status_of(bool ok) { return ok ? srtp_err_status_ok : srtp_err_status_cipher_fail; }

srtp_err_status_t cipher_alloc(srtp_cipher_t** out, int key_bytes, int tag_bytes);
srtp_err_status_t cipher_dealloc(srtp_cipher_t* cipher) {
  delete static_cast<Counter*>(cipher->state);
  delete cipher;
  return srtp_err_status_ok;
}
srtp_err_status_t cipher_init(void* state, const std::uint8_t* key) { return status_of(static_cast<Counter*>(state)->init(key)); }
srtp_err_status_t cipher_run(void* state, std::uint8_t* bytes, unsigned* size) {
  return status_of(static_cast<Counter*>(state)->run(bytes, *size));
}
srtp_err_status_t cipher_set_iv(void* state, std::uint8_t* iv, srtp_cipher_direction_t) {
  return status_of(static_cast<Counter*>(state)->set_iv(iv));
}

// RFC 3711, B.2.
constexpr std::array<std::uint8_t, 30> kCounterKey{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7,
                                                   0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xf0, 0xf1, 0xf2, 0xf3,
                                                   0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd};
std::array<std::uint8_t, 16> no_index{};  // the library wants it changeable, and changes nothing
constexpr std::array<std::uint8_t, 32> kNothing{};
constexpr std::array<std::uint8_t, 32> kKeystream{0xe0, 0x3e, 0xad, 0x09, 0x35, 0xc9, 0x5e, 0x80, 0xe1, 0x66, 0xb1,
                                                  0x6d, 0xd9, 0x2b, 0x4e, 0xb4, 0xd2, 0x35, 0x13, 0x16, 0x2b, 0x02,
                                                  0xd0, 0xf7, 0x2a, 0x43, 0xa2, 0xfe, 0x4a, 0x5f, 0x97, 0xab};
const srtp_cipher_test_case_t kCounterTest{static_cast<int>(kCounterKey.size()),
                                           kCounterKey.data(),
                                           no_index.data(),
                                           kNothing.size(),
                                           kNothing.data(),
                                           kKeystream.size(),
                                           kKeystream.data(),
                                           0,
                                           nullptr,
                                           0,
                                           nullptr};
const srtp_cipher_type_t kCounter{
    cipher_alloc, cipher_dealloc,         cipher_init,   nullptr,         cipher_run, cipher_run, cipher_set_iv,
    nullptr,      "AES-128-CM (OpenSSL)", &kCounterTest, SRTP_AES_ICM_128};

srtp_err_status_t cipher_alloc(srtp_cipher_t** out, int key_bytes, int) {
  if (key_bytes != Counter::kKeyAndSalt) return srtp_err_status_bad_param;
  auto state = std::unique_ptr<Counter>(new (std::nothrow) Counter);
  auto* cipher = state ? new (std::nothrow) srtp_cipher_t{&kCounter, state.get(), key_bytes, SRTP_AES_ICM_128} : nullptr;
  if (!cipher) return srtp_err_status_alloc_fail;
  state.release();
  *out = cipher;
  return srtp_err_status_ok;
}

// SHA_CTX can be copied without taking memory, which the contexts of newer calls cannot.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/// HMAC-SHA1 (RFC 2104) that has the key's blocks behind it already.
class Mac {
 public:
  void init(const std::uint8_t* key, std::size_t size) {
    std::array<std::uint8_t, SHA_CBLOCK> block{};
    if (size > block.size())
      SHA1(key, size, block.data());
    else
      std::copy_n(key, size, block.begin());
    for (std::uint8_t& byte : block) byte ^= 0x36;
    begin(inner_, block);
    for (std::uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
    begin(outer_, block);
    OPENSSL_cleanse(block.data(), block.size());
    start();
  }
  void start() { now_ = inner_; }
  void update(const std::uint8_t* bytes, std::size_t size) { SHA1_Update(&now_, bytes, size); }
  void finish(std::uint8_t* tag, std::size_t size) {
    std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
    SHA1_Final(digest.data(), &now_);
    now_ = outer_;
    SHA1_Update(&now_, digest.data(), digest.size());
    SHA1_Final(digest.data(), &now_);
    std::copy_n(digest.begin(), size, tag);
  }
  ~Mac() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }

 private:
  static void begin(SHA_CTX& context, const std::array<std::uint8_t, SHA_CBLOCK>& block) {
    SHA1_Init(&context);
    SHA1_Update(&context, block.data(), block.size());
  }
  SHA_CTX inner_{}, outer_{}, now_{};
};
#pragma GCC diagnostic pop

srtp_err_status_t mac_alloc(srtp_auth_t** out, int key_bytes, int tag_bytes);
srtp_err_status_t mac_dealloc(srtp_auth_t* mac) {
  delete static_cast<Mac*>(mac->state);
  delete mac;
  return srtp_err_status_ok;
}
srtp_err_status_t mac_init(void* state, const std::uint8_t* key, int size) {
  static_cast<Mac*>(state)->init(key, static_cast<std::size_t>(size));
  return srtp_err_status_ok;
}
srtp_err_status_t mac_start(void* state) {
  static_cast<Mac*>(state)->start();
  return srtp_err_status_ok;
}
srtp_err_status_t mac_update(void* state, const std::uint8_t* bytes, int size) {
  static_cast<Mac*>(state)->update(bytes, static_cast<std::size_t>(size));
  return srtp_err_status_ok;
}
srtp_err_status_t mac_compute(void* state, const std::uint8_t* bytes, int size, int tag_size, std::uint8_t* tag) {
  if (tag_size < 0 || tag_size > SHA_DIGEST_LENGTH) return srtp_err_status_bad_param;
  static_cast<Mac*>(state)->update(bytes, static_cast<std::size_t>(size));
  static_cast<Mac*>(state)->finish(tag, static_cast<std::size_t>(tag_size));
  return srtp_err_status_ok;
}

// RFC 2202, 3, the first one.
constexpr std::array<std::uint8_t, 20> kMacKey{0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                                               0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b};
constexpr std::array<std::uint8_t, 8> kMacText{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
constexpr std::array<std::uint8_t, 20> kMacTag{0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                               0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
const srtp_auth_test_case_t kMacTest{kMacKey.size(), kMacKey.data(), kMacText.size(), kMacText.data(),
                                     kMacTag.size(), kMacTag.data(), nullptr};
const srtp_auth_type_t kMac{mac_alloc, mac_dealloc,           mac_init,  mac_compute,   mac_update,
                            mac_start, "HMAC-SHA1 (OpenSSL)", &kMacTest, SRTP_HMAC_SHA1};

srtp_err_status_t mac_alloc(srtp_auth_t** out, int key_bytes, int tag_bytes) {
  if (key_bytes < 0 || tag_bytes < 0 || tag_bytes > SHA_DIGEST_LENGTH) return srtp_err_status_bad_param;
  auto state = std::unique_ptr<Mac>(new (std::nothrow) Mac);
  auto* mac = state ? new (std::nothrow) srtp_auth_t{&kMac, state.get(), tag_bytes, key_bytes, 0} : nullptr;
  if (!mac) return srtp_err_status_alloc_fail;
  state.release();
  *out = mac;
  return srtp_err_status_ok;
}

}  // namespace

bool use_fast_srtp_crypto() {
  const bool counter = srtp_replace_cipher_type(&kCounter, SRTP_AES_ICM_128) == srtp_err_status_ok;
  return srtp_replace_auth_type(&kMac, SRTP_HMAC_SHA1) == srtp_err_status_ok && counter;
}

}  // namespace call_media
