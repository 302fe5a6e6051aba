// Words and numbers of SIP, beside those of the requests of pages.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::sipsocket {

std::string phrase_of(int status);
/// What a caller is told when a call ends for a reason of Q.850.
int status_of_cause(int cause);
/// What an INVITE is answered when the page's request was answered so over HTTP.
int status_of_answer(int http_status);
/// `?to=%2B1425…`, `?room=…` or `?group=…` of what stands before the @; empty: nothing that can be called.
std::string where_of(const std::string& user);
/// The key of an INFO: `application/dtmf-relay` (Signal=5) or `application/dtmf` (5).
std::optional<char> digit_of_info(std::string_view content_type, std::string_view body);
/// What may stand between quotes, of 200 bytes at most and whole characters: others are left out.
std::string between_quotes(std::string_view text);
/// What may stand before the @.
std::string escaped_user(std::string_view text);

}  // namespace trunkline::sipsocket
