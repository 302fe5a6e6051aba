#include "runtime/app/output.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace trunkline::app {

void Output::result(const nlohmann::json& object, const std::string& text) const { line(json_ ? object.dump() : text); }

void Output::line(const std::string& text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

int Output::failure(const Error& error) const {
  if (json_) {
    nlohmann::json inner;
    inner["message"] = error.message;
    inner["code"] = error.service_code.empty() ? std::to_string(static_cast<int>(error.code)) : error.service_code;
    if (!error.target.empty()) inner["target"] = error.target;
    nlohmann::json outer;
    outer["error"] = std::move(inner);
    line(outer.dump());
  } else {
    std::fprintf(stderr, "trunkline: %s\n", error.message.c_str());
  }
  switch (error.code) {
    case ErrorCode::kUnavailable:
      return kExitUnreachable;
    case ErrorCode::kDeadlineExceeded:
      return kExitTimeout;
    default:
      return kExitFailed;
  }
}

}  // namespace trunkline::app
