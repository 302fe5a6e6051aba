// XML functions.
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include <memory>

#include "runtime/base/utf8.h"
#include "runtime/expression/function.h"
#include "runtime/expression/xml.h"
#include "runtime/expression/xml_text.h"

namespace trunkline::expression {
namespace {

constexpr std::string_view kXmlType = "application/xml;charset=utf-8";
// Steps of one XPath expression; a hostile one can be made to take any number.
constexpr unsigned long kMaxXPathSteps = 10'000'000;
constexpr std::size_t kMaxXPathLength = 4'096;

Operand xml(Call& call) {
  const Value& value = call[0];
  std::string out;
  if (value.is_string()) {
    out = XmlDocument::parse(call, value.get_ref<const std::string&>()).text();
  } else if (is_content(value)) {
    const auto bytes = content_bytes(value);
    if (!bytes) call.fail("expects binary content in base64.", 0);
    out = XmlDocument::parse(call, *bytes).text();
  } else if (value.is_object()) {
    out = XmlDocument::from_json(call, value).text();
  } else {
    call.wrong_type(0, "a string or an object");
  }
  call.check_text_length(out.size());
  return make_content(kXmlType, out);
}

Operand encode_xml_value(Call& call) { return Operand::text(xml_escaped(call.text(0), true)); }

Operand decode_xml_value(Call& call) {
  // A text by itself is no document; as the value of an element it is one.
  call.charge(call.text(0).size());
  const std::string wrapped = "<v>" + call.text(0) + "</v>";
  const XmlDocument document = XmlDocument::parse(call, wrapped);
  std::string out;
  for (const xmlNode* node = xmlDocGetRootElement(document.handle())->children; node; node = node->next) {
    if (node->type != XML_TEXT_NODE && node->type != XML_CDATA_SECTION_NODE)
      call.fail("expects an escaped text, not XML with elements.", 0);
    out += view(node->content);
  }
  return Operand::text(std::move(out));
}

Operand encode_xml_name(Call& call) { return Operand::text(xml_name_encoded(call.text(0))); }
Operand decode_xml_name(Call& call) { return Operand::text(xml_name_decoded(call.text(0))); }

Value node_value(const xmlNode* node) {
  switch (node->type) {
    case XML_ELEMENT_NODE:
      return make_content(kXmlType, xml_node_text(node));
    case XML_DOCUMENT_NODE: {
      std::string out;
      for (const xmlNode* child = node->children; child; child = child->next) out += xml_node_text(child);
      return make_content(kXmlType, out);
    }
    case XML_NAMESPACE_DECL:
      return std::string(view(reinterpret_cast<const xmlNs*>(node)->href));
    default: {
      const std::unique_ptr<xmlChar, void (*)(xmlChar*)> text(xmlNodeGetContent(node), [](xmlChar* chars) { xmlFree(chars); });
      return std::string(view(text.get()));
    }
  }
}

bool is_mark(const xmlNode* node) { return node->type == XML_TEXT_NODE && view(node->content).empty(); }

Operand xpath(Call& call) {
  const Value& source = call[0];
  const std::string& expression = call.text(1);
  std::string text;
  if (is_content(source)) {
    auto bytes = content_bytes(source);
    if (!bytes) call.fail("expects binary content in base64.", 0);
    text = *std::move(bytes);
  } else {
    text = call.text(0);
  }
  if (expression.size() > kMaxXPathLength)
    call.fail("expects an XPath expression of at most " + std::to_string(kMaxXPathLength) + " bytes.", 1);
  const XmlDocument document = XmlDocument::parse(call, text);
  const std::unique_ptr<xmlXPathContext, decltype(&xmlXPathFreeContext)> context(xmlXPathNewContext(document.handle()),
                                                                                 xmlXPathFreeContext);
  context->opLimit = kMaxXPathSteps;
  context->error = [](void*, xmlErrorPtr) {};
  const std::unique_ptr<xmlXPathObject, decltype(&xmlXPathFreeObject)> result(
      xmlXPathEvalExpression(reinterpret_cast<const xmlChar*>(expression.c_str()), context.get()), xmlXPathFreeObject);
  call.charge(context->opCount);
  if (!result) {
    const bool costly =
        context->lastError.code == static_cast<int>(XML_XPATH_EXPRESSION_OK) + static_cast<int>(XPATH_OP_LIMIT_EXCEEDED);
    call.fail(costly ? "has an XPath expression that needs too many steps."
                     : "expects a valid XPath expression. The provided value is '" + expression + "'.",
              1);
  }
  switch (result->type) {
    case XPATH_BOOLEAN:
      return Value(result->boolval != 0);
    case XPATH_NUMBER:
      return Value(result->floatval);
    case XPATH_STRING:
      return Operand::text(utf8_sanitized(view(result->stringval)));
    case XPATH_NODESET: {
      Value out = Value::array();
      if (!result->nodesetval) return out;
      for (int i = 0; i < result->nodesetval->nodeNr; ++i) {
        const xmlNode* node = result->nodesetval->nodeTab[i];
        if (!is_mark(node)) out.push_back(node_value(node));
        call.charge(1);
      }
      return out;
    }
    default:
      call.fail("expects a valid XPath expression. The provided value is '" + expression + "'.", 1);
  }
}

constexpr FunctionInfo kXmlFunctions[] = {
    {"xml", 1, 1, xml},
    {"xpath", 2, 2, xpath},
    {"encodeXmlValue", 1, 1, encode_xml_value},
    {"decodeXmlValue", 1, 1, decode_xml_value},
    {"encodeXmlName", 1, 1, encode_xml_name},
    {"decodeXmlName", 1, 1, decode_xml_name},
};

}  // namespace

std::span<const FunctionInfo> xml_functions() { return kXmlFunctions; }

}  // namespace trunkline::expression
