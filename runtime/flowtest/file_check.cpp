#include "runtime/flowtest/file_check.h"

#include <string>
#include <vector>

#include "runtime/base/strings.h"
#include "runtime/workflow/problem.h"
#include "trunkline/error.hpp"

namespace trunkline::flowtest {
namespace {

using expression::Value;
using workflow::append_pointer;

enum class Kind { kAny, kText, kNumber, kFlag, kObject, kArray };

/// One object of the file, and the members it may have.
struct Shape;
struct Member {
  std::string_view name;
  Kind kind = Kind::kAny;
  /// Of the object, or of each element of the array.
  const Shape* inside = nullptr;
  /// The names in the object are free, and each value has the shape.
  bool by_name = false;
};
struct Shape {
  std::string_view what;
  std::vector<Member> members;
};

const Shape& action_shape() {
  static const Shape repetition{"an action's entry",
                                {{"status", Kind::kAny},
                                 {"code", Kind::kAny},
                                 {"errorCode", Kind::kAny},
                                 {"outputs"},
                                 {"outputsPartial"},
                                 {"iterations", Kind::kNumber},
                                 {"trackedProperties"},
                                 {"anything"}}};
  static const Shape action = [] {
    Shape out = repetition;
    out.members.push_back({"repetitions", Kind::kArray, &repetition});
    return out;
  }();
  return action;
}

const Shape& file_shape() {
  static const Shape response{"a response of a mock",
                              {{"status", Kind::kNumber}, {"headers", Kind::kObject}, {"body"}, {"fault", Kind::kText}}};
  static const Shape mock{"a mock",
                          {{"method", Kind::kText}, {"urlPattern", Kind::kText}, {"responses", Kind::kArray, &response}}};
  static const Shape callback{"a callback",
                              {{"action", Kind::kText}, {"afterSeconds", Kind::kNumber}, {"headers", Kind::kObject}, {"body"}}};
  static const Shape child{"a child workflow",
                           {{"id", Kind::kText}, {"definition", Kind::kObject}, {"parameters", Kind::kObject}}};
  static const Shape trigger{"'trigger'",
                             {{"name", Kind::kText},
                              {"method", Kind::kText},
                              {"relativePath", Kind::kText},
                              {"queries", Kind::kObject},
                              {"headers", Kind::kObject},
                              {"body"},
                              {"outputs"},
                              {"time", Kind::kText}}};
  static const Shape run{"a run", {{"runStatus"}, {"runError"}, {"actions", Kind::kObject, &action_shape(), true}}};
  static const Shape answer{"a response", {{"statusCode"}, {"headers", Kind::kObject}, {"body"}}};
  static const Shape call{"a group of calls",
                          {{"method", Kind::kText},
                           {"urlPattern", Kind::kText},
                           {"count", Kind::kNumber},
                           {"atSeconds", Kind::kArray},
                           {"bodies", Kind::kArray}}};
  static const Shape bounds{"'elapsedSeconds'", {{"min", Kind::kNumber}, {"max", Kind::kNumber}}};
  static const Shape expect{"'expect'",
                            {{"fired", Kind::kFlag},
                             {"runStatus"},
                             {"runError"},
                             {"runs", Kind::kArray, &run},
                             {"actions", Kind::kObject, &action_shape(), true},
                             {"response", Kind::kObject, &answer},
                             {"finalResponse", Kind::kObject, &answer},
                             {"calls", Kind::kArray, &call},
                             {"elapsedSeconds", Kind::kObject, &bounds}}};
  static const Shape file{"a test",
                          {{"$schema"},
                           {"workflowName", Kind::kText},
                           {"name", Kind::kText},
                           {"description"},
                           {"covers"},
                           {"basis"},
                           {"notes"},
                           {"definition"},
                           {"parameters", Kind::kObject},
                           {"settings", Kind::kObject},
                           {"trigger", Kind::kObject, &trigger},
                           {"httpMocks", Kind::kArray, &mock},
                           {"callbacks", Kind::kArray, &callback},
                           {"childWorkflows", Kind::kArray, &child},
                           {"expect", Kind::kObject, &expect}}};
  return file;
}

bool fits(const Value& value, Kind kind) {
  switch (kind) {
    case Kind::kText:
      return value.is_string();
    case Kind::kNumber:
      return value.is_number();
    case Kind::kFlag:
      return value.is_boolean();
    case Kind::kObject:
      return value.is_object();
    case Kind::kArray:
      return value.is_array();
    default:
      return true;
  }
}

std::string_view name_of(Kind kind) {
  constexpr std::string_view kNames[] = {"a value", "a text", "a number", "true or false", "an object", "an array"};
  return kNames[static_cast<std::size_t>(kind)];
}

class Check {
 public:
  explicit Check(std::string_view text) : text_(text) {}

  void look(const Value& value, const Shape& shape, const std::string& pointer) {
    if (!value.is_object()) {
      say(pointer, std::string(shape.what) + " must be an object");
      return;
    }
    for (const auto& item : value.items()) {
      const std::string at = append_pointer(pointer, item.key());
      const Member* member = find(shape, item.key());
      if (member == nullptr)
        unknown(shape, item.key(), at);
      else if (!fits(item.value(), member->kind))
        say(at, "'" + item.key() + "' of " + std::string(shape.what) + " must be " + std::string(name_of(member->kind)));
      else if (member->inside != nullptr)
        inside(item.value(), *member, at);
    }
  }
  void finish() const {
    if (!problems_.empty()) throw Error(ErrorCode::kInvalidArgument, problems_, "file");
  }

 private:
  static const Member* find(const Shape& shape, std::string_view name) {
    for (const Member& member : shape.members)
      if (member.name == name) return &member;
    return nullptr;
  }
  void inside(const Value& value, const Member& member, const std::string& pointer) {
    if (member.kind == Kind::kArray) {
      for (std::size_t i = 0; i < value.size(); ++i) look(value[i], *member.inside, append_pointer(pointer, std::to_string(i)));
    } else if (member.by_name) {
      for (const auto& item : value.items()) look(item.value(), *member.inside, append_pointer(pointer, item.key()));
    } else {
      look(value, *member.inside, pointer);
    }
  }
  void unknown(const Shape& shape, const std::string& name, const std::string& pointer) {
    std::vector<std::string_view> names;
    for (const Member& member : shape.members) names.push_back(member.name);
    const std::string_view meant = closest_word(name, names);
    say(pointer, "'" + name + "' is no member of " + std::string(shape.what) +
                     (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?"));
  }
  void say(const std::string& pointer, const std::string& what) {
    const workflow::Location at = workflow::locate(text_, pointer);
    if (!problems_.empty()) problems_ += "\n";
    if (at.line != 0) problems_ += "line " + std::to_string(at.line) + ": ";
    problems_ += what;
  }

  const std::string_view text_;
  std::string problems_;
};

}  // namespace

void check_file(const Value& test, std::string_view text) {
  Check check(text);
  check.look(test, file_shape(), "");
  check.finish();
}

}  // namespace trunkline::flowtest
