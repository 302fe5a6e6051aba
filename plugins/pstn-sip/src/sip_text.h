// Reads and writes parts of SIP messages.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sofia.h"
#include "trunkline/values.hpp"

namespace pstn_sip {

/// `+14255550123` of the user part of an address, whatever else a trunk writes there; `anonymous` when there is none.
std::string number_of(const url_t* url);
/// A number that can be called: an optional + and digits, up to 64.
bool is_dialable(std::string_view text);
/// Who calls: P-Asserted-Identity where a trunk says it, else From.
std::string caller_of(const sip_t* sip);
/// Headers that applications may see: X-… and User-To-User.
trunkline::Properties custom_headers_of(const sip_t* sip);
/// As they go into a request. Throws kInvalidArgument for names and values that cannot.
std::string custom_headers_text(const trunkline::Properties& headers);
/// The answer to a challenge, as the stack wants it; empty when there is no challenge.
std::string digest_of(const sip_t* sip, const std::string& user, const std::string& password);
/// A name in front of an address; empty stays empty.
std::string quoted(std::string_view name);
std::string_view payload_of(const sip_t* sip);
/// The session description in a message; empty: none. A description within multipart/mixed is found too.
std::string_view sdp_of(const sip_t* sip);
/// A body that is no description, and that must be understood all the same (RFC 3261, 8.2.3).
bool has_strange_body(const sip_t* sip);
/// `Reason` with a Q.850 cause.
std::string reason_of(std::int32_t cause);
/// Throws kInternal when there are none.
std::string random_bytes(std::size_t count);
/// The status in a message/sipfrag body (RFC 3420): `SIP/2.0 200 OK`. 0: none.
int status_of_fragment(std::string_view body);
/// `Signal=5`, or just `5`. 0: no digit.
char digit_of_info(const sip_t* sip);

}  // namespace pstn_sip
