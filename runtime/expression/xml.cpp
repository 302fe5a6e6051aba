#include "runtime/expression/xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlreader.h>

#include <mutex>
#include <vector>

#include "runtime/base/utf8.h"
#include "runtime/expression/text_units.h"
#include "runtime/expression/xml_text.h"

namespace trunkline::expression {
namespace {

// Never the network, never a file, never entities of the document's own; errors are told by us.
constexpr int kParseOptions = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS;

void ignore_error(void*, xmlErrorPtr) {}
void ignore_text(void*, const char*, ...) {}  // NOLINT(cert-dcl50-cpp): the signature of the library

void prepare() {
  static std::once_flag once;
  std::call_once(once, [] { xmlInitParser(); });
  // Per thread.
  xmlSetStructuredErrorFunc(nullptr, ignore_error);
  xmlSetGenericErrorFunc(nullptr, ignore_text);
}

std::string qualified(const xmlNs* ns, const xmlChar* name) {
  std::string out;
  if (ns && ns->prefix) out = std::string(view(ns->prefix)) + ":";
  return out += view(name);
}

/// The tree does not tell `<a></a>` from `<a/>`; the reader does. Elements that are written with an end tag and hold nothing get
/// an empty text, which is how the rest of this folder knows them.
void mark_end_tags(xmlDocPtr document, std::string_view text, int options) {
  const std::unique_ptr<xmlTextReader, decltype(&xmlFreeTextReader)> reader(
      xmlReaderForMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr, options), xmlFreeTextReader);
  if (!reader) return;
  std::vector<bool> self_closing;
  while (xmlTextReaderRead(reader.get()) == 1)
    if (xmlTextReaderNodeType(reader.get()) == XML_READER_TYPE_ELEMENT)
      self_closing.push_back(xmlTextReaderIsEmptyElement(reader.get()) == 1);
  std::size_t next = 0;
  xmlNodePtr node = xmlDocGetRootElement(document);
  const xmlNodePtr root = node;
  while (node) {
    if (node->type == XML_ELEMENT_NODE) {
      if (next < self_closing.size() && !self_closing[next] && !node->children) xmlAddChild(node, xmlNewText(BAD_CAST ""));
      ++next;
    }
    if (node->type == XML_ELEMENT_NODE && node->children) {
      node = node->children;
      continue;
    }
    while (node && node != root && !node->next) node = node->parent;
    node = node == root || !node ? nullptr : node->next;
  }
}

std::size_t depth_of(xmlDocPtr document) {
  std::size_t deepest = 0;
  std::size_t depth = 1;
  const xmlNodePtr root = xmlDocGetRootElement(document);
  xmlNodePtr node = root;
  while (node) {
    deepest = std::max(deepest, depth);
    if (node->type == XML_ELEMENT_NODE && node->children) {
      node = node->children;
      ++depth;
      continue;
    }
    while (node != root && !node->next) {
      node = node->parent;
      --depth;
    }
    node = node == root ? nullptr : node->next;
  }
  return deepest;
}

void append_node(std::string& out, const xmlNode* node) {
  switch (node->type) {
    case XML_ELEMENT_NODE: {
      const std::string name = qualified(node->ns, node->name);
      out += "<" + name;
      for (const xmlNs* ns = node->nsDef; ns; ns = ns->next) {
        out += ns->prefix ? " xmlns:" + std::string(view(ns->prefix)) : std::string(" xmlns");
        out += "=\"" + xml_escaped(view(ns->href), true) + "\"";
      }
      for (const xmlAttr* attribute = node->properties; attribute; attribute = attribute->next) {
        out += " " + qualified(attribute->ns, attribute->name) + "=\"";
        for (const xmlNode* part = attribute->children; part; part = part->next) {
          if (part->type == XML_ENTITY_REF_NODE)
            out += "&" + std::string(view(part->name)) + ";";
          else
            out += xml_escaped(view(part->content), true);
        }
        out += "\"";
      }
      if (!node->children) {
        out += " />";
        break;
      }
      out += ">";
      for (const xmlNode* child = node->children; child; child = child->next) append_node(out, child);
      out += "</" + name + ">";
      break;
    }
    case XML_TEXT_NODE:
      out += xml_escaped(view(node->content), false);
      break;
    case XML_CDATA_SECTION_NODE:
      out += "<![CDATA[" + std::string(view(node->content)) + "]]>";
      break;
    case XML_COMMENT_NODE:
      out += "<!--" + std::string(view(node->content)) + "-->";
      break;
    case XML_PI_NODE:
      out += "<?" + std::string(view(node->name)) + " " + std::string(view(node->content)) + "?>";
      break;
    case XML_ENTITY_REF_NODE:
      out += "&" + std::string(view(node->name)) + ";";
      break;
    default:
      break;
  }
}

}  // namespace

void XmlDocument::Free::operator()(_xmlDoc* document) const { xmlFreeDoc(document); }

XmlDocument XmlDocument::parse(const Call& call, std::string_view text) {
  prepare();
  call.charge(text.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.size() > static_cast<std::size_t>(INT32_MAX)) call.fail("parameter is not valid. The XML is too long.", 0);
  // A text is UTF-8 by now, whatever encoding its declaration names; other bytes are what they say.
  const int options = utf8_valid(text) ? kParseOptions | XML_PARSE_IGNORE_ENC : kParseOptions;
  XmlDocument out(xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr, options));
  if (!out.document_ || !xmlDocGetRootElement(out.handle())) {
    const xmlErrorPtr error = xmlGetLastError();
    std::string detail = error && error->message ? error->message : "no root element";
    while (!detail.empty() && (detail.back() == '\n' || detail.back() == ' ')) detail.pop_back();
    call.fail("parameter is not valid. The provided value cannot be parsed as XML: '" + utf8_sanitized(detail) + "'" +
                  (error ? ", line " + std::to_string(error->line) : std::string()) + ".",
              0);
  }
  if (depth_of(out.handle()) > call.limits().max_value_depth)
    call.fail(
        "parameter is not valid. The XML is nested deeper than " + std::to_string(call.limits().max_value_depth) + " levels.", 0);
  mark_end_tags(out.handle(), text, options);
  return out;
}

std::string XmlDocument::text() const {
  std::string out;
  if (document_->standalone != kNoDeclaration) {
    out += "<?xml version=\"" + std::string(document_->version ? view(document_->version) : "1.0") + "\"";
    if (document_->encoding) out += " encoding=\"" + std::string(view(document_->encoding)) + "\"";
    if (document_->standalone >= 0) out += document_->standalone ? " standalone=\"yes\"" : " standalone=\"no\"";
    out += "?>";
  }
  for (const xmlNode* node = document_->children; node; node = node->next) append_node(out, node);
  return out;
}

std::string xml_node_text(const _xmlNode* node) {
  std::string out;
  append_node(out, node);
  return out;
}

bool is_xml_content(const Value& content) {
  if (!is_content(content)) return false;
  const std::string type = to_lower(content["$content-type"].get_ref<const std::string&>());
  const std::string_view media = trimmed(std::string_view(type).substr(0, type.find(';')));
  return media == "application/xml" || media == "text/xml" || media.ends_with("+xml");
}

std::string xml_escaped(std::string_view text, bool attribute) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += attribute ? "&quot;" : "\"";
        break;
      case '\r':
        out += "&#xD;";
        break;
      case '\n':
        out += attribute ? "&#xA;" : "\n";
        break;
      case '\t':
        out += attribute ? "&#x9;" : "\t";
        break;
      default:
        out += c;
    }
  }
  return out;
}

namespace {

bool name_start(char32_t c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (c >= 0xC0 && c <= 0x2FF && c != 0xD7 && c != 0xF7) ||
         (c >= 0x370 && c <= 0x1FFF && c != 0x37E) || (c >= 0x200C && c <= 0x200D) || (c >= 0x2070 && c <= 0x218F) ||
         (c >= 0x2C00 && c <= 0x2FEF) || (c >= 0x3001 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFFFD && c != 0xFDD0);
}

bool name_char(char32_t c) {
  return name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == 0xB7 || (c >= 0x300 && c <= 0x36F) ||
         (c >= 0x203F && c <= 0x2040);
}

/// `_xHHHH_` at the front of `text`.
std::optional<char32_t> escape_in_front(std::string_view text) {
  if (text.size() < 7 || text[0] != '_' || (text[1] != 'x' && text[1] != 'X') || text[6] != '_') return std::nullopt;
  char32_t value = 0;
  for (std::size_t i = 2; i < 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

}  // namespace

std::string xml_name_encoded(std::string_view name) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  const auto escape = [&](char32_t unit, int digits) {
    out += "_x";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
    out += '_';
  };
  bool first = true;
  while (!name.empty()) {
    const bool looks_escaped = escape_in_front(name).has_value();
    std::string_view rest = name;
    const auto point = take_code_point(rest);
    if (!point) {
      rest.remove_prefix(1);
      escape(0xFFFD, 4);
    } else if (looks_escaped || !(first ? name_start(*point) : name_char(*point))) {
      escape(*point, *point > 0xFFFF ? 8 : 4);
    } else {
      append_utf8(out, *point);
    }
    name = rest;
    first = false;
  }
  return out;
}

std::string xml_name_decoded(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    if (const auto point = escape_in_front(name); point && (*point < 0xD800 || *point > 0xDFFF)) {
      append_utf8(out, *point);
      name.remove_prefix(7);
    } else {
      out += name.front();
      name.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace trunkline::expression
