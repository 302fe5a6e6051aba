#include "support/expression.hpp"

#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "support/runtime.hpp"
#include "trunkline/expression.h"

namespace trunkline::pyrt {

std::string evaluate(const std::string& template_json, const std::string& context_json) {
  struct Outcome {
    std::string result;
    std::unique_ptr<Error> error;
  } outcome;
  {
    const GilRelease gil;
    tl_expression_evaluate(
        {template_json.data(), template_json.size()}, {context_json.data(), context_json.size()},
        [](void* user, const tl_str* result, tl_error* error) {
          auto& to = *static_cast<Outcome*>(user);
          if (error) {
            std::map<std::string, std::string> details;
            for (const std::string_view key : {"offset", "pointer", "function", "argument"}) {
              const tl_str value = tl_error_get(error, {key.data(), key.size()});
              if (value.data) details.emplace(key, std::string(value.data, value.size));
            }
            to.error = std::make_unique<Error>(errors().take(error));
            to.error->details = std::move(details);
          } else {
            to.result.assign(result->data, result->size);
          }
        },
        &outcome);
  }
  if (outcome.error) throw Error(std::move(*outcome.error));
  return std::move(outcome.result);
}

}  // namespace trunkline::pyrt
