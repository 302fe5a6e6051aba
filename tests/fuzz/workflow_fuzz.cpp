// Definitions and histories from outside: nothing but an Error leaves, whatever they say. The first byte picks what the rest is.
#include "runtime/workflow/compile.h"
#include "runtime/workflow/history.h"
#include "runtime/workflow/recurrence.h"
#include "runtime/workflow/run_state.h"
#include "runtime/workflow/schema.h"
#include "runtime/workflow/trigger.h"

using namespace trunkline;

namespace {

workflow::PlanPtr some_plan() {
  static const workflow::PlanPtr plan = [] {
    const auto definition = expression::parse_value(
        R"({"$schema":"x/workflowdefinition.json#","triggers":{"t":{"type":"Request"}},"actions":{
        "V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"Array"}]}},
        "E":{"type":"Foreach","foreach":[1,2],"actions":{"C":{"type":"If","expression":"@true","actions":{"D":{"type":"Compose","inputs":1}}}},"runAfter":{"V":["Succeeded"]}},
        "U":{"type":"Until","expression":"@true","actions":{"W":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}}}}})");
    return workflow::compile_or_throw({.definition = definition});
  }();
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0: {
        const expression::Value definition = expression::parse_value(text);
        workflow::compile({.definition = definition, .source = text});
        break;
      }
      case 1: {
        workflow::RunState state(some_plan());
        workflow::HistoryReader reader(text);
        while (const auto event = reader.next()) state.apply(*event);
        break;
      }
      case 2: {
        const expression::Value both = expression::parse_value(text);
        if (both.is_array() && both.size() == 2) workflow::Schema(both[0]).validate(both[1]);
        break;
      }
      default: {
        const auto recurrence = workflow::parse_recurrence(expression::parse_value(text), [](std::string, std::string) {});
        if (recurrence) recurrence->next(Time{std::chrono::seconds{1'772'438'400}}, Time{std::chrono::seconds{1'700'000'000}});
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
