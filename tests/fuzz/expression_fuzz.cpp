// Expressions and templates as anybody may deploy them: compiling and evaluating end, and fail with nothing but a Failure.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/expression/json_context.h"
#include "runtime/expression/template.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const expression::Value kDocument = expression::parse_value(
      R"({"parameters":{"p":[1,2.5,"x"]},"variables":{"v":{"a":null,"b":{"c":"d"}}},"utcNow":"2020-01-01T00:00:00Z",)"
      R"("actions":{"A":{"outputs":{"body":{"$content-type":"text/xml","$content":"PGE+PGIvPjwvYT4="}}}},"item":[true,"<a/>"]})");
  expression::JsonContext context(kDocument, {[] { return Time{}; },
                                              [](std::uint8_t* bytes, std::size_t count) {
                                                for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i);
                                              }});
  expression::Limits limits;
  limits.max_work = 2'000'000;
  limits.max_text_length = 1'000'000;
  limits.max_calls = 10'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const expression::Value result = expression::Expression::compile(text).evaluate(context, limits);
    // What came out is JSON again.
    expression::parse_value(expression::to_json_text(result));
  } catch (const expression::Failure& failure) {
    if (failure.message.empty() || failure.offset > size) __builtin_trap();
  }
  return 0;
}
