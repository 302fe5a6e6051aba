// XML: documents, their text, and their way to and from JSON.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "runtime/expression/function.h"
#include "runtime/expression/value.h"

struct _xmlDoc;
struct _xmlNode;

namespace trunkline::expression {

/// A parsed document. Blanks between elements are dropped; nothing outside of the text is ever read.
class XmlDocument {
 public:
  /// Fails the call when `text` is no XML.
  static XmlDocument parse(const Call& call, std::string_view text);
  /// An object with one root member, see xml(). Fails the call when that is not possible.
  static XmlDocument from_json(const Call& call, const Value& json);

  std::string text() const;
  _xmlDoc* handle() const { return document_.get(); }

 private:
  struct Free {
    void operator()(_xmlDoc* document) const;
  };
  explicit XmlDocument(_xmlDoc* document) : document_(document) {}
  std::unique_ptr<_xmlDoc, Free> document_;
};

/// xmlDoc::standalone of a document without an XML declaration, and of one whose declaration says nothing about it.
inline constexpr int kNoDeclaration = -1;
inline constexpr int kPlainDeclaration = -2;

/// Content whose type is XML.
bool is_xml_content(const Value& content);
/// The document as JSON: `@name` for attributes, `#text`, arrays for repeated elements.
Value xml_to_json(const Call& call, const XmlDocument& document);
/// One node as text.
std::string xml_node_text(const _xmlNode* node);

std::string xml_escaped(std::string_view text, bool attribute);
/// XmlConvert.EncodeLocalName: what may not stand in a name becomes `_xHHHH_`.
std::string xml_name_encoded(std::string_view name);
std::string xml_name_decoded(std::string_view name);

}  // namespace trunkline::expression
