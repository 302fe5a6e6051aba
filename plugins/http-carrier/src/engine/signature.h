// Digests and comparisons for carriers' signatures. Links OpenSSL::Crypto.
#pragma once
#include <string>
#include <string_view>

#include "description.h"
#include "trunkline/host.hpp"

namespace http_carrier {

std::string hmac(std::string_view key, std::string_view text, bool sha1 = false);
std::string hex(std::string_view bytes);
std::string base64(std::string_view bytes);
/// Characters outside the alphabet are passed over; empty for what is no base64.
std::string from_base64(std::string_view text);
std::string sha256(std::string_view text);
/// In time that does not depend on where they differ.
bool same(std::string_view a, std::string_view b);

/// Throws kUnauthenticated when the callback is not the carrier's. Before anybody reads the body.
void verify(const Verification& verification, const trunkline::host::HttpRequest& request, const SecretOf& secret);

std::string_view body_of(const trunkline::host::HttpRequest& request);
std::string header_of(const trunkline::host::HttpRequest& request, const std::string& name);
/// The part of the URL behind the host, with the query.
std::string_view target_of(std::string_view url);
/// A parameter of the query, decoded; empty: none.
std::string parameter(std::string_view url, std::string_view name);
/// `a=1&b=2` as an object of texts. Throws kInvalidArgument for more than 1,000 fields.
json form_object(std::string_view form);

}  // namespace http_carrier
