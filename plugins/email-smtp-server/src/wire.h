// What a client writes, taken apart. Pure.
#pragma once
#include <string>
#include <string_view>

namespace email_smtp_server {

std::string upper(std::string_view text);
/// `FROM:<a@b> SIZE=10` to the address and what follows it. False: malformed.
bool split_path(std::string_view rest, std::string_view keyword, std::string& address, std::string& parameters);
/// A mail without the dots that stand before dots at the beginning of lines.
std::string without_stuffing(std::string_view data);

}  // namespace email_smtp_server
