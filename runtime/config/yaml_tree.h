// A YAML document as a tree that remembers where everything stood.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/config/config.h"

namespace trunkline {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  bool plain = false;  // a scalar without quotes
  std::string text;    // of a scalar
  ConfigMark mark;
  std::vector<YamlNode> items;
  std::vector<Member> members;  // in the order of the file

  /// `text`, `a list`, …: for messages.
  std::string_view kind_name() const;
};
struct YamlNode::Member {
  std::string key;
  ConfigMark mark;
  YamlNode value;
};

/// Parses one document. Null and problems added when it is malformed, passes a limit, or has duplicate keys; an empty document
/// is a null node.
std::unique_ptr<YamlNode> parse_yaml(std::string_view text, std::vector<ConfigProblem>& problems);

}  // namespace trunkline
