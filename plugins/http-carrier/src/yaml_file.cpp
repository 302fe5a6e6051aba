#include "yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "trunkline/error.hpp"

namespace http_carrier {

using nlohmann::json;
using trunkline::Error;
using trunkline::ErrorCode;

namespace {

constexpr std::size_t kMaxBytes = 1024 * 1024;
constexpr int kMaxDepth = 32;
constexpr int kMaxNodes = 100'000;  // aliases can make a short file long

class Reader {
 public:
  Reader(const std::string& file, YamlDocument& out) : file_(file), out_(out) {}

  json read(const YAML::Node& node, const std::string& path, int depth) {
    if (depth > kMaxDepth) fail(node, "is deeper than 32 levels");
    if (++nodes_ > kMaxNodes) fail(node, "has more than 100000 values");
    out_.lines.emplace(path, node.Mark().line + 1);
    if (node.IsMap()) {
      json object = json::object();
      for (const auto& member : node) {
        const std::string name = member.first.as<std::string>();
        const std::string at = path.empty() ? name : path + "." + name;
        if (object.contains(name)) fail(member.first, name + ": found twice");
        object[name] = read(member.second, at, depth + 1);
      }
      return object;
    }
    if (node.IsSequence()) {
      json list = json::array();
      for (std::size_t i = 0; i < node.size(); ++i)
        list.push_back(read(node[i], path + "[" + std::to_string(i) + "]", depth + 1));
      return list;
    }
    return scalar(node);
  }

 private:
  /// Quoted is text; the rest is what it looks like.
  static json scalar(const YAML::Node& node) {
    if (!node.IsScalar()) return nullptr;
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;
    if (text == "true" || text == "false") return text == "true";
    if (text == "null" || text == "~" || text.empty()) return nullptr;
    const json number = json::parse(text, nullptr, false);
    return number.is_number() ? number : json(text);
  }
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, file_ + ":" + std::to_string(node.Mark().line + 1) + ": " + what, "file");
  }

  const std::string& file_;
  YamlDocument& out_;
  int nodes_ = 0;
};

}  // namespace

YamlDocument read_yaml(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorCode::kInvalidArgument, "file: there is no " + path, "file");
  std::ostringstream text;
  text << in.rdbuf();
  if (text.str().size() > kMaxBytes) throw Error(ErrorCode::kInvalidArgument, "file: " + path + " is above 1 MiB", "file");
  YamlDocument document;
  try {
    const YAML::Node root = YAML::Load(text.str());
    document.value = Reader(path, document).read(root, "", 0);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::kInvalidArgument, path + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg, "file");
  }
  return document;
}

int line_of(const YamlDocument& document, std::string path) {
  for (;;) {
    if (const auto found = document.lines.find(path); found != document.lines.end()) return found->second;
    const std::size_t end = path.find_last_of(".[/");
    if (end == std::string::npos || end == 0) return 1;
    path.resize(end);
  }
}

}  // namespace http_carrier
