// The ciphers of libsrtp2, as a media thread needs them.
#pragma once

namespace call_media {

/// Debian builds libsrtp2 with NSS, which takes locks and memory for every packet, and several times as long. From now on
/// sessions use AES-CM and HMAC-SHA1 of OpenSSL. After srtp_init(); concerns the whole process. False: the library's own tests
/// refuse them, and what they refuse stays as it is.
bool use_fast_srtp_crypto();

}  // namespace call_media
