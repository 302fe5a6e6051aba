#include "runtime/workflow/schema.h"

#include <re2/re2.h>

#include <cmath>
#include <memory>
#include <unordered_map>

#include "runtime/base/strings.h"
#include "trunkline/error.hpp"

namespace trunkline::workflow {
namespace {

using expression::Value;

constexpr int kMaxDepth = 64;

enum Types : unsigned { kString = 1, kNumber = 2, kInteger = 4, kBoolean = 8, kObject = 16, kArray = 32, kNull = 64 };
constexpr unsigned kAnyType = 127;
constexpr std::pair<std::string_view, unsigned> kTypeNames[] = {
    {"String", kString}, {"Number", kNumber}, {"Integer", kInteger}, {"Boolean", kBoolean},
    {"Object", kObject}, {"Array", kArray},   {"Null", kNull},
};

Error bad(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "the schema is not valid: " + what, "schema"); }

unsigned type_bit(const Value& name) {
  if (!name.is_string()) return kAnyType;
  if (iequals(name.get_ref<const std::string&>(), "any")) return kAnyType;
  for (const auto& [text, bit] : kTypeNames)
    if (iequals(text, name.get_ref<const std::string&>())) return bit;
  throw bad("'" + name.get<std::string>().substr(0, 80) + "' is no type");
}

unsigned types_of(const Value& type) {
  if (!type.is_array()) return type_bit(type);
  unsigned bits = 0;
  for (const Value& one : type) bits |= type_bit(one);
  return bits;
}

bool is_whole(const Value& value) {
  return value.is_number_integer() || (value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>());
}

bool has_type(const Value& value, unsigned types) {
  switch (value.type()) {
    case Value::value_t::string:
      return (types & kString) != 0;
    case Value::value_t::boolean:
      return (types & kBoolean) != 0;
    case Value::value_t::object:
      return (types & kObject) != 0;
    case Value::value_t::array:
      return (types & kArray) != 0;
    case Value::value_t::null:
      return (types & kNull) != 0;
    case Value::value_t::number_float:
      return (types & kNumber) != 0 || ((types & kInteger) != 0 && is_whole(value));
    default:
      return (types & (kNumber | kInteger)) != 0;
  }
}

std::string type_names(unsigned types) {
  std::string out;
  for (const auto& [text, bit] : kTypeNames)
    if ((types & bit) != 0) out += (out.empty() ? "" : ", ") + std::string(text);
  return out;
}

std::string_view kind_of(const Value& value) {
  const std::string_view kind = expression::kind_name(value);
  return kind == "Float" ? std::string_view("Number") : kind;
}

std::string plain_name(const std::string& name) { return name.starts_with("@@") ? name.substr(1) : name; }

std::size_t characters(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++count;
  return count;
}

const Value* member(const Value& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

struct Schema::Compiled {
  Value root;
  std::unordered_map<std::string, std::unique_ptr<re2::RE2>> patterns;

  using Messages = std::vector<std::string>;

  void prepare(const Value& schema, int depth = 0) {
    if (depth > kMaxDepth) throw bad("it is nested too deeply");
    if (schema.is_array())
      for (const Value& one : schema) prepare(one, depth + 1);
    if (!schema.is_object()) return;
    if (const Value* type = member(schema, "type"); type != nullptr && (type->is_string() || type->is_array())) types_of(*type);
    if (const Value* pattern = member(schema, "pattern"); pattern != nullptr && pattern->is_string())
      add_pattern(pattern->get_ref<const std::string&>());
    if (const Value* named = member(schema, "patternProperties"); named != nullptr && named->is_object())
      for (const auto& item : named->items()) add_pattern(item.key());
    for (const char* map : {"properties", "patternProperties", "definitions"})
      if (const Value* named = member(schema, map); named != nullptr && named->is_object())
        for (const auto& item : named->items()) prepare(item.value(), depth + 1);
    for (const char* one : {"items", "additionalItems", "additionalProperties", "allOf", "anyOf", "oneOf", "not"})
      if (const Value* inner = member(schema, one)) prepare(*inner, depth + 1);
  }
  void add_pattern(const std::string& text) {
    if (patterns.contains(text)) return;
    auto made = std::make_unique<re2::RE2>(text, re2::RE2::Quiet);
    if (!made->ok()) throw bad("'" + text.substr(0, 80) + "' is no regular expression that is understood here: " + made->error());
    patterns.emplace(text, std::move(made));
  }

  const Value* resolve(const std::string& reference) const {
    if (reference == "#") return &root;
    if (!reference.starts_with("#/")) return nullptr;
    try {
      const Value::json_pointer pointer(reference.substr(1));
      return root.contains(pointer) ? &root.at(pointer) : nullptr;
    } catch (const Value::exception&) {
      return nullptr;
    }
  }

  bool fits(const Value& schema, const Value& value, int depth) const {
    Messages none;
    check(schema, value, none, 1, depth + 1);
    return none.empty();
  }

  void check(const Value& schema, const Value& value, Messages& out, std::size_t max, int depth = 0) const {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) out.push_back("Schema always fails validation.");
      return;
    }
    if (!schema.is_object() || out.size() >= max) return;
    if (depth > kMaxDepth) {
      out.push_back("The value is nested too deeply.");
      return;
    }
    if (const Value* reference = member(schema, "$ref"); reference != nullptr && reference->is_string()) {
      if (const Value* other = resolve(reference->get_ref<const std::string&>())) check(*other, value, out, max, depth + 1);
      return;
    }
    if (const Value* type = member(schema, "type")) {
      const unsigned types = types_of(*type);
      if (!has_type(value, types)) {
        out.push_back("Invalid type. Expected " + type_names(types) + " but got " + std::string(kind_of(value)) + ".");
        return;
      }
    }
    if (const Value* values = member(schema, "enum"); values != nullptr && values->is_array()) {
      bool found = false;
      for (const Value& one : *values) found = found || expression::equal_values(one, value);
      if (!found) out.push_back("Value " + expression::to_json_text(value) + " is not defined in enum.");
    }
    if (value.is_object()) check_object(schema, value, out, max, depth);
    if (value.is_array()) check_array(schema, value, out, max, depth);
    if (value.is_string()) check_text(schema, value.get_ref<const std::string&>(), out);
    if (value.is_number()) check_number(schema, value, out);
    check_combinations(schema, value, out, max, depth);
  }

  void check_object(const Value& schema, const Value& value, Messages& out, std::size_t max, int depth) const {
    if (const Value* required = member(schema, "required"); required != nullptr && required->is_array()) {
      std::string missing;
      for (const Value& name : *required)
        if (name.is_string() && !value.contains(plain_name(name.get<std::string>())))
          missing += (missing.empty() ? "" : ", ") + plain_name(name.get<std::string>());
      if (!missing.empty()) out.push_back("Required properties are missing from object: " + missing + ".");
    }
    const auto count = [&](const char* name, bool least) {
      const Value* limit = member(schema, name);
      if (limit == nullptr || !limit->is_number()) return;
      const double bound = limit->get<double>(), size = static_cast<double>(value.size());
      if (least ? size < bound : size > bound)
        out.push_back("Object property count " + std::to_string(value.size()) +
                      (least ? " is less than minimum" : " exceeds maximum") + " count of " + expression::to_json_text(*limit) +
                      ".");
    };
    count("minProperties", true);
    count("maxProperties", false);
    const Value* properties = member(schema, "properties");
    const Value* by_pattern = member(schema, "patternProperties");
    const Value* additional = member(schema, "additionalProperties");
    for (const auto& item : value.items()) {
      bool known = false;
      if (properties != nullptr && properties->is_object()) {
        auto found = properties->find(item.key());
        if (found == properties->end() && item.key().starts_with("@")) found = properties->find("@" + item.key());
        if (found != properties->end()) {
          known = true;
          check(*found, item.value(), out, max, depth + 1);
        }
      }
      if (by_pattern != nullptr && by_pattern->is_object())
        for (const auto& pattern : by_pattern->items())
          if (re2::RE2::PartialMatch(item.key(), *patterns.at(pattern.key()))) {
            known = true;
            check(pattern.value(), item.value(), out, max, depth + 1);
          }
      if (known || additional == nullptr) continue;
      if (additional->is_boolean() && !additional->get<bool>())
        out.push_back("Property '" + item.key() + "' has not been defined and the schema does not allow additional properties.");
      else
        check(*additional, item.value(), out, max, depth + 1);
    }
  }

  void check_array(const Value& schema, const Value& value, Messages& out, std::size_t max, int depth) const {
    const auto count = [&](const char* name, bool least) {
      const Value* limit = member(schema, name);
      if (limit == nullptr || !limit->is_number()) return;
      const double bound = limit->get<double>(), size = static_cast<double>(value.size());
      if (least ? size < bound : size > bound)
        out.push_back("Array item count " + std::to_string(value.size()) +
                      (least ? " is less than minimum" : " exceeds maximum") + " count of " + expression::to_json_text(*limit) +
                      ".");
    };
    count("minItems", true);
    count("maxItems", false);
    if (const Value* unique = member(schema, "uniqueItems"); unique != nullptr && unique->is_boolean() && unique->get<bool>())
      for (std::size_t i = 0; i < value.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (expression::equal_values(value[i], value[j])) {
            out.push_back("Non-unique array item at index " + std::to_string(i) + ".");
            j = i;
            break;
          }
    const Value* items = member(schema, "items");
    if (items == nullptr) return;
    const Value* more = member(schema, "additionalItems");
    for (std::size_t i = 0; i < value.size() && out.size() < max; ++i) {
      if (!items->is_array()) {
        check(*items, value[i], out, max, depth + 1);
      } else if (i < items->size()) {
        check((*items)[i], value[i], out, max, depth + 1);
      } else if (more != nullptr) {
        if (more->is_boolean() && !more->get<bool>())
          out.push_back("Index " + std::to_string(i + 1) +
                        " has not been defined and the schema does not allow additional items.");
        else
          check(*more, value[i], out, max, depth + 1);
      }
    }
  }

  void check_text(const Value& schema, const std::string& text, Messages& out) const {
    const auto length = [&](const char* name, bool least) {
      const Value* limit = member(schema, name);
      if (limit == nullptr || !limit->is_number()) return;
      const double bound = limit->get<double>(), size = static_cast<double>(characters(text));
      if (least ? size < bound : size > bound)
        out.push_back("String '" + text.substr(0, 80) + "'" + (least ? " is less than minimum" : " exceeds maximum") +
                      " length of " + expression::to_json_text(*limit) + ".");
    };
    length("minLength", true);
    length("maxLength", false);
    if (const Value* pattern = member(schema, "pattern"); pattern != nullptr && pattern->is_string())
      if (!re2::RE2::PartialMatch(text, *patterns.at(pattern->get_ref<const std::string&>())))
        out.push_back("String '" + text.substr(0, 80) + "' does not match regex pattern '" + pattern->get<std::string>() + "'.");
  }

  static void check_number(const Value& schema, const Value& value, Messages& out) {
    const double number = value.get<double>();
    const auto bound = [&](const char* name, const char* exclusive, bool least) {
      const Value* limit = member(schema, name);
      if (limit == nullptr || !limit->is_number()) return;
      const Value* strict = member(schema, exclusive);
      const bool open = strict != nullptr && strict->is_boolean() && strict->get<bool>();
      const double edge = limit->get<double>();
      const bool wrong = least ? (open ? number <= edge : number < edge) : (open ? number >= edge : number > edge);
      if (wrong)
        out.push_back(std::string(value.is_number_float() ? "Float " : "Integer ") + expression::to_json_text(value) +
                      (open && number == edge ? " equals "
                       : least                ? " is less than "
                                              : " exceeds ") +
                      (least ? "minimum value of " : "maximum value of ") + expression::to_json_text(*limit) +
                      (open && number == edge
                           ? std::string(least ? " and exclusive minimum is true." : " and exclusive maximum is true.")
                           : std::string(".")));
    };
    bound("minimum", "exclusiveMinimum", true);
    bound("maximum", "exclusiveMaximum", false);
    if (const Value* step = member(schema, "multipleOf"); step != nullptr && step->is_number() && step->get<double>() > 0) {
      const double rest = std::fabs(std::remainder(number, step->get<double>()));
      if (rest > 1e-9 * std::max(1.0, std::fabs(number)))
        out.push_back(std::string(value.is_number_float() ? "Float " : "Integer ") + expression::to_json_text(value) +
                      " is not a multiple of " + expression::to_json_text(*step) + ".");
    }
  }

  void check_combinations(const Value& schema, const Value& value, Messages& out, std::size_t max, int depth) const {
    if (const Value* all = member(schema, "allOf"); all != nullptr && all->is_array())
      for (const Value& one : *all) check(one, value, out, max, depth + 1);
    const auto matching = [&](const Value& list) {
      std::size_t count = 0;
      for (const Value& one : list) count += fits(one, value, depth) ? 1 : 0;
      return count;
    };
    if (const Value* any = member(schema, "anyOf"); any != nullptr && any->is_array() && matching(*any) == 0)
      out.push_back("JSON does not match any schemas from 'anyOf'.");
    if (const Value* one = member(schema, "oneOf"); one != nullptr && one->is_array() && matching(*one) != 1)
      out.push_back("JSON is valid against no schemas or more than one schema from 'oneOf'.");
    if (const Value* no = member(schema, "not"); no != nullptr && fits(*no, value, depth))
      out.push_back("JSON is valid against schema from 'not'.");
  }
};

Schema::Schema(Value schema) {
  auto compiled = std::make_shared<Compiled>();
  compiled->root = std::move(schema);
  compiled->prepare(compiled->root);
  compiled_ = std::move(compiled);
}

std::vector<std::string> Schema::validate(const Value& value, std::size_t max) const {
  std::vector<std::string> out;
  compiled_->check(compiled_->root, value, out, max);
  if (out.size() > max) out.resize(max);
  return out;
}

}  // namespace trunkline::workflow
