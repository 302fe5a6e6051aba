// Keeps secrets out of text that people and log stores see.
#pragma once
#include <string>
#include <string_view>

namespace trunkline {

inline constexpr std::string_view kRedacted = "[redacted]";

/// True for keys such as `access_key`, `Authorization`, `clientSecret`: the name, without `_`, `-`, `.` and case, holds a word
/// that stands for a secret.
bool names_secret(std::string_view key) noexcept;

/// Appends `text` with the secrets inside it replaced: what follows `accesskey=`, `Signature=`, `password=` and their like up to
/// the next separator, and the token after `Bearer `.
void append_redacted(std::string& out, std::string_view text);

}  // namespace trunkline
