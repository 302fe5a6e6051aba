#include "support/expression.hpp"

#include <memory>
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
          if (error)
            to.error = std::make_unique<Error>(errors().take(error));
          else
            to.result.assign(result->data, result->size);
        },
        &outcome);
  }
  if (outcome.error) throw Error(std::move(*outcome.error));
  return std::move(outcome.result);
}

}  // namespace trunkline::pyrt
