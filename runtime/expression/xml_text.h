// Text of libxml2.
#pragma once
#include <libxml/xmlstring.h>

#include <string_view>

namespace trunkline::expression {

/// Null is no text. Owned by whoever owns `text`.
inline std::string_view view(const xmlChar* text) {
  return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view();
}

}  // namespace trunkline::expression
