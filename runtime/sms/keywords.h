// Words by which people say that they want no more messages, want them again, or want help.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "trunkline/service.hpp"

namespace trunkline {

/// A message that is such a word and nothing else.
struct ConsentKeyword {
  service::ConsentAction action = service::ConsentAction::kUnknown;
  /// As it stands in the data file.
  std::string keyword;
  /// ISO 639-1.
  std::string language;
};

/// Finds the keyword that `text` is: without regard to case, accents and the marks around it. When several languages have the
/// word, that of `country` (ISO 3166-1) goes first, then English. nullopt: the text is something else. [any-thread]
std::optional<ConsentKeyword> find_consent_keyword(std::string_view text, std::string_view country);

/// What is answered, in the language of the keyword. [any-thread]
std::string consent_reply(const ConsentKeyword& keyword, std::string_view sender);

/// Day of the data file, `2026-11-26`.
std::string_view consent_keywords_date();

}  // namespace trunkline
