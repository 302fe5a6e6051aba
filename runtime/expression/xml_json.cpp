// XML to JSON and back, as Newtonsoft's converter does it.
#include <libxml/tree.h>

#include <utility>

#include "runtime/expression/xml.h"
#include "runtime/expression/xml_text.h"

namespace trunkline::expression {
namespace {

const xmlChar* chars(const std::string& text) { return reinterpret_cast<const xmlChar*>(text.c_str()); }
// ---- XML to JSON ----

/// Adds a member; a name that comes again makes an array.
void add_node(Value& object, const std::string& name, Value value) {
  const auto found = object.find(name);
  if (found == object.end()) {
    object[name] = std::move(value);
  } else if (found->is_array()) {
    found->push_back(std::move(value));
  } else {
    Value first = std::move(*found);
    *found = Value::array();
    found->push_back(std::move(first));
    found->push_back(std::move(value));
  }
}

std::string json_name(const xmlNs* ns, const xmlChar* name) {
  std::string out;
  if (ns && ns->prefix) out = xml_name_decoded(view(ns->prefix)) + ":";
  return out + xml_name_decoded(view(name));
}

Value element_to_json(const Call& call, const xmlNode* element) {
  call.charge(1);
  Value out = Value::object();
  for (const xmlNs* ns = element->nsDef; ns; ns = ns->next)
    out[ns->prefix ? "@xmlns:" + std::string(view(ns->prefix)) : std::string("@xmlns")] = std::string(view(ns->href));
  for (const xmlAttr* attribute = element->properties; attribute; attribute = attribute->next) {
    std::string value;
    for (const xmlNode* part = attribute->children; part; part = part->next) value += view(part->content);
    out["@" + json_name(attribute->ns, attribute->name)] = std::move(value);
  }
  if (!element->children) return out.empty() ? Value(nullptr) : out;
  const bool text_only = element->children->type == XML_TEXT_NODE && !element->children->next;
  if (text_only && out.empty()) return std::string(view(element->children->content));
  // Quadratic in the number of different names of one element.
  for (const xmlNode* child = element->children; child; child = child->next) {
    call.charge(1 + out.size());
    if (child->type == XML_ELEMENT_NODE) {
      Value inner = element_to_json(call, child);
      // A member that is an array came from repeated elements only, never from a single one.
      add_node(out, json_name(child->ns, child->name), std::move(inner));
    } else if (child->type == XML_TEXT_NODE) {
      if (!view(child->content).empty()) add_node(out, "#text", std::string(view(child->content)));
    } else if (child->type == XML_CDATA_SECTION_NODE) {
      add_node(out, "#cdata-section", std::string(view(child->content)));
    } else if (child->type == XML_PI_NODE) {
      add_node(out, "?" + std::string(view(child->name)), std::string(view(child->content)));
    }
  }
  return out;
}

// ---- JSON to XML ----

std::string primitive_text(const Value& value) {
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return to_text(value);
}

class Writer {
 public:
  Writer(const Call& call, xmlDocPtr document) : call_(call), document_(document) {}

  void root(const Value& json) {
    bool declared = false;
    xmlNodePtr made = nullptr;
    for (const auto& [name, value] : json.get_ref<const Value::object_t&>()) {
      if (name == "?xml") {
        declared = declare(value);
      } else if (name.starts_with("?") || name.starts_with("!")) {
        continue;
      } else if (made) {
        call_.fail("parameter is not valid. An object needs exactly one root property to become XML.", 0);
      } else if (value.is_array()) {
        call_.fail("parameter is not valid. The root property '" + name + "' must not be an array to become XML.", 0);
      } else {
        made = element(nullptr, name, value, 1);
      }
    }
    if (!made) call_.fail("parameter is not valid. An object needs exactly one root property to become XML.", 0);
    if (!declared) document_->standalone = kNoDeclaration;
  }

 private:
  bool declare(const Value& value) {
    document_->standalone = kPlainDeclaration;
    if (const Value* encoding = find_member(value, "@encoding"); encoding && encoding->is_string())
      document_->encoding = xmlStrdup(chars(encoding->get_ref<const std::string&>()));
    if (const Value* standalone = find_member(value, "@standalone"); standalone && standalone->is_string())
      document_->standalone = standalone->get_ref<const std::string&>() == "yes" ? 1 : 0;
    return true;
  }

  xmlNodePtr element(xmlNodePtr parent, const std::string& name, const Value& value, std::size_t depth) {
    if (depth > call_.limits().max_value_depth)
      call_.fail("parameter is not valid. The value is nested deeper than " + std::to_string(call_.limits().max_value_depth) +
                     " levels.",
                 0);
    call_.charge(1 + name.size());
    const xmlNodePtr node = create(parent, name, value);
    if (value.is_object()) {
      for (const auto& [key, member] : value.get_ref<const Value::object_t&>()) add(node, key, member, depth);
    } else if (value.is_array()) {
      for (const Value& item : value) element(node, name, item, depth + 1);
    } else if (!value.is_null()) {
      text(node, value);
    }
    return node;
  }

  /// With its namespaces, which have to be there before its own name and its attributes can refer to them.
  xmlNodePtr create(xmlNodePtr parent, const std::string& name, const Value& value) {
    const auto [prefix, local] = split(name);
    const xmlNodePtr node = xmlNewDocNode(document_, nullptr, chars(xml_name_encoded(local)), nullptr);
    if (parent)
      xmlAddChild(parent, node);
    else
      xmlDocSetRootElement(document_, node);
    if (value.is_object()) {
      for (const auto& [key, member] : value.get_ref<const Value::object_t&>()) {
        if (!member.is_string()) continue;
        if (key == "@xmlns")
          xmlNewNs(node, chars(member.get_ref<const std::string&>()), nullptr);
        else if (key.starts_with("@xmlns:"))
          xmlNewNs(node, chars(member.get_ref<const std::string&>()), chars(key.substr(7)));
      }
    }
    xmlNsPtr ns = xmlSearchNs(document_, node, prefix.empty() ? nullptr : chars(prefix));
    if (!ns && !prefix.empty()) {
      // A prefix that nobody declares is part of the name.
      xmlNodeSetName(node, chars(xml_name_encoded(prefix) + ":" + xml_name_encoded(local)));
    }
    xmlSetNs(node, ns);
    return node;
  }

  void add(xmlNodePtr node, const std::string& key, const Value& value, std::size_t depth) {
    if (key.starts_with("@xmlns") && (key.size() == 6 || key[6] == ':')) return;
    if (key.size() > 1 && key.front() == '@') {
      if (value.is_structured())
        call_.fail("parameter is not valid. The attribute '" + key.substr(1) + "' needs a plain value.", 0);
      const auto [prefix, local] = split(key.substr(1));
      xmlNsPtr ns = prefix.empty() ? nullptr : xmlSearchNs(document_, node, chars(prefix));
      const std::string name =
          ns || prefix.empty() ? xml_name_encoded(local) : xml_name_encoded(prefix) + ":" + xml_name_encoded(local);
      // Set as raw text, not parsed for entities.
      xmlNewNsProp(node, ns, chars(name), chars(primitive_text(value)));
    } else if (key == "#text") {
      if (value.is_array())
        for (const Value& item : value) text(node, item);
      else
        text(node, value);
    } else if (key == "#cdata-section") {
      const std::string content = primitive_text(value);
      xmlAddChild(node, xmlNewCDataBlock(document_, chars(content), static_cast<int>(content.size())));
    } else if (value.is_array()) {
      for (const Value& item : value) element(node, key, item, depth + 1);
    } else {
      element(node, key, value, depth + 1);
    }
  }

  void text(xmlNodePtr node, const Value& value) {
    const std::string content = primitive_text(value);
    call_.charge(content.size());
    xmlAddChild(node, xmlNewDocText(document_, chars(content)));
  }

  static std::pair<std::string, std::string> split(const std::string& name) {
    const std::size_t colon = name.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == name.size()) return {{}, name};
    return {name.substr(0, colon), name.substr(colon + 1)};
  }

  const Call& call_;
  xmlDocPtr document_;
};

}  // namespace

Value xml_to_json(const Call& call, const XmlDocument& document) {
  const xmlDoc* doc = document.handle();
  Value out = Value::object();
  if (doc->standalone != kNoDeclaration) {
    Value& declaration = out["?xml"] = Value::object();
    declaration["@version"] = std::string(doc->version ? view(doc->version) : "1.0");
    if (doc->encoding) declaration["@encoding"] = std::string(view(doc->encoding));
    if (doc->standalone >= 0) declaration["@standalone"] = doc->standalone ? "yes" : "no";
  }
  for (const xmlNode* node = doc->children; node; node = node->next) {
    if (node->type == XML_ELEMENT_NODE)
      out[json_name(node->ns, node->name)] = element_to_json(call, node);
    else if (node->type == XML_PI_NODE)
      add_node(out, "?" + std::string(view(node->name)), std::string(view(node->content)));
  }
  return out;
}

XmlDocument XmlDocument::from_json(const Call& call, const Value& json) {
  XmlDocument out(xmlNewDoc(BAD_CAST "1.0"));
  Writer(call, out.handle()).root(json);
  return out;
}

}  // namespace trunkline::expression
