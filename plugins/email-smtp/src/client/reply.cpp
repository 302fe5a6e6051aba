#include "reply.h"

#include <algorithm>
#include <charconv>

namespace email_smtp {
namespace {

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string Reply::status_code() const {
  // class "." subject "." detail, each of 1 to 3 digits
  const std::string_view word = std::string_view(text).substr(0, text.find(' '));
  const bool enhanced = word.size() >= 5 && word.size() <= 9 && (word[0] == '2' || word[0] == '4' || word[0] == '5') &&
                        word[1] == '.' && std::count(word.begin(), word.end(), '.') == 2 && is_digit(word.back()) &&
                        std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || c == '.'; });
  if (enhanced) return std::string(word);
  if (code == 550 || code == 551 || code == 553) return "5.1.1";
  if (code == 552) return "5.3.4";
  return std::to_string(code / 100) + ".0.0";
}

std::string Reply::queue_id() const {
  const auto at = text.find("queued as ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + 10;
  const std::size_t end = text.find_first_of(" )", begin);
  std::string id = text.substr(begin, end == std::string::npos ? end : end - begin);
  return id.size() <= 200 ? id : std::string();
}

Offers Offers::parse(std::string_view lines) {
  Offers offers;
  bool first = true;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines = end == std::string_view::npos ? std::string_view{} : lines.substr(end + 1);
    if (first) {
      first = false;
      continue;
    }
    std::string text(line);
    std::transform(text.begin(), text.end(), text.begin(), upper);
    const auto space = text.find_first_of(" =");
    const std::string keyword = text.substr(0, space);
    // Some servers say `AUTH=LOGIN` beside `AUTH PLAIN`.
    std::string& value = offers.keywords_[keyword];
    if (space != std::string::npos) value += (value.empty() ? "" : " ") + text.substr(space + 1);
  }
  return offers;
}

bool Offers::has_auth(std::string_view mechanism) const {
  const auto found = keywords_.find("AUTH");
  if (found == keywords_.end()) return false;
  const std::string padded = " " + found->second + " ";
  return padded.find(" " + std::string(mechanism) + " ") != std::string::npos;
}

std::size_t Offers::max_size() const {
  const auto found = keywords_.find("SIZE");
  std::size_t size = 0;
  if (found != keywords_.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), size);
  return size;
}

}  // namespace email_smtp
