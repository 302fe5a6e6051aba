// The sanitizer of chat messages: what comes out is a fixed point, and no markup in it but what is allowed.
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/services/chat_html.h"

using namespace trunkline;

namespace {

// A reader of its own: tags as a browser would see them.
void check(std::string_view html) {
  for (std::size_t at = 0; (at = html.find('<', at)) != std::string_view::npos;) {
    ++at;
    if (at < html.size() && html[at] == '/') ++at;
    std::string name;
    while (at < html.size() && std::isalnum(static_cast<unsigned char>(html[at]))) name.push_back(html[at++]);
    if (name.empty() || name == "script" || name == "style" || name == "iframe" || name == "svg" || name == "object")
      std::abort();
    // Attributes are quoted, so a '>' outside of quotes ends the tag.
    bool quoted = false;
    std::string attribute;
    for (; at < html.size() && (quoted || html[at] != '>'); ++at) {
      if (html[at] == '"') quoted = !quoted;
      if (!quoted && html[at] == '<') std::abort();
      if (!quoted) attribute.push_back(html[at]);
    }
    if (at == html.size() || quoted) std::abort();
    if (attribute.find(" on") != std::string::npos || attribute.find("style") != std::string::npos) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string once = sanitize_html({reinterpret_cast<const char*>(data), size});
  if (sanitize_html(once) != once) std::abort();
  if (once.find("javascript:") != std::string::npos && once.find("href=\"javascript:") != std::string::npos) std::abort();
  check(once);
  return 0;
}
