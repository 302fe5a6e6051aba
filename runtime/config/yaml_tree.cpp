#include "runtime/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

constexpr std::size_t kMaxBytes = 1u << 20;
constexpr std::size_t kMaxDepth = 32;
// Counts what aliases unfold to, so that a "billion laughs" document ends early.
constexpr std::size_t kMaxNodes = 50'000;

ConfigMark to_mark(const YAML::Mark& mark) { return mark.is_null() ? ConfigMark{} : ConfigMark{mark.line + 1, mark.column + 1}; }

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const auto& member : node.members) count += count_nodes(member.value);
  return count;
}

// 1 for a scalar.
std::size_t depth_of(const YamlNode& node) {
  std::size_t depth = 0;
  for (const YamlNode& item : node.items) depth = std::max(depth, depth_of(item));
  for (const auto& member : node.members) depth = std::max(depth, depth_of(member.value));
  return depth + 1;
}

// Builds the tree from the parser's events. yaml-cpp's own nodes would share what an alias names, know nothing of duplicate keys
// and take any depth. Throws ConfigProblem to end the parse.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<ConfigProblem>& problems) : problems_(problems) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.mark = to_mark(mark);
    add(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node;
    node.mark = to_mark(mark);
    node.plain = tag == "?" || tag.empty();
    node.text = value;
    const bool null = node.plain && (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
    node.kind = null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
    if (!node.plain && tag != "!" && tag != "tag:yaml.org,2002:str")
      problem(node.mark, "tags such as '" + tag + "' are not supported");
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw ConfigProblem{to_mark(mark), "", "an alias cannot stand inside what it names"};
    if (open_.size() + depth_of(found->second) > kMaxDepth) throw too_deep(to_mark(mark));
    count(count_nodes(found->second), to_mark(mark));
    YamlNode copy = found->second;
    copy.mark = to_mark(mark);
    attach(std::move(copy));
  }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    // Maps: the key whose value comes next.
    bool has_key = false;
    std::string key;
    ConfigMark key_mark;
  };

  static ConfigProblem too_deep(ConfigMark mark) {
    return {mark, "", "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
  }

  void problem(ConfigMark mark, std::string message) { problems_.push_back({mark, "", std::move(message)}); }

  void count(std::size_t nodes, ConfigMark mark) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) throw ConfigProblem{mark, "", "more than " + std::to_string(kMaxNodes) + " values, aliases included"};
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() + 1 >= kMaxDepth) throw too_deep(to_mark(mark));
    if (!open_.empty() && expects_key(open_.back())) throw ConfigProblem{to_mark(mark), "", "a key must be text"};
    count(1, to_mark(mark));
    Open next{{}, anchor, false, {}, {}};
    next.node.kind = kind;
    next.node.mark = to_mark(mark);
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    keep_anchor(done.node, done.anchor);
    attach(std::move(done.node));
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    count(1, node.mark);
    keep_anchor(node, anchor);
    attach(std::move(node));
  }

  void keep_anchor(const YamlNode& node, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return;
    count(count_nodes(node), node.mark);  // the copy
    anchors_[anchor] = node;
  }

  static bool expects_key(const Open& parent) { return parent.node.kind == YamlNode::Kind::kMap && !parent.has_key; }

  void attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.has_key = false;
      for (const auto& member : parent.node.members) {
        if (member.key != parent.key) continue;
        problem(parent.key_mark, "the key '" + parent.key + "' stands twice, first on line " + std::to_string(member.mark.line));
        return;
      }
      // Quadratic in the members of one map; kMaxMembers keeps that small.
      if (parent.node.members.size() == kMaxMembers)
        throw ConfigProblem{parent.key_mark, "", "more than " + std::to_string(kMaxMembers) + " keys in one mapping"};
      parent.node.members.push_back({std::move(parent.key), parent.key_mark, std::move(node)});
    } else {
      if (node.kind != YamlNode::Kind::kScalar) throw ConfigProblem{node.mark, "", "a key must be text"};
      if (node.text.size() > kMaxKey)
        throw ConfigProblem{node.mark, "", "a key longer than " + std::to_string(kMaxKey) + " bytes"};
      parent.has_key = true;
      parent.key = std::move(node.text);
      parent.key_mark = node.mark;
    }
  }

  static constexpr std::size_t kMaxMembers = 1000;
  static constexpr std::size_t kMaxKey = 128;  // YAML ends a key at 1024 characters; escaped, ours stay below

  std::vector<ConfigProblem>& problems_;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::string_view YamlNode::kind_name() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "text";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
  }
  return "";
}

std::unique_ptr<YamlNode> parse_yaml(std::string_view text, std::vector<ConfigProblem>& problems) {
  const std::size_t before = problems.size();
  if (text.size() > kMaxBytes) {
    problems.push_back({{}, "", "longer than " + std::to_string(kMaxBytes) + " bytes"});
    return nullptr;
  }
  if (!utf8_valid(text)) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(utf8_valid_prefix(text)), '\n');
    problems.push_back({{static_cast<int>(line), 1}, "", "not valid UTF-8"});
    return nullptr;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(problems);
    parser.HandleNextDocument(builder);
    auto root = std::make_unique<YamlNode>(builder.take());
    TreeBuilder rest(problems);
    if (parser.HandleNextDocument(rest)) problems.push_back({rest.take().mark, "", "a second document; only one is read"});
    return problems.size() == before ? std::move(root) : nullptr;
  } catch (const YAML::Exception& e) {
    problems.push_back({to_mark(e.mark), "", e.msg});
  } catch (ConfigProblem& problem) {
    problems.push_back(std::move(problem));
  }
  return nullptr;
}

}  // namespace trunkline
