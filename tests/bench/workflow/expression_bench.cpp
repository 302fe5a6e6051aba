// expression_bench GOLDEN IDS SECONDS: the cases whose ids the file IDS lists (a JSON array), round and round. Prints one JSON
// object: evaluations a second of what was compiled once (as the engine does), of the same with nothing computed while compiling,
// and compiling and evaluating each time.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/expression/json_context.h"
#include "runtime/expression/template.h"

using namespace trunkline;
using expression::Value;

namespace {

Value read(const char* path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return expression::parse_value(text);
}

struct Case {
  std::string text;
  expression::Expression folded;
  expression::Expression unfolded;
  std::unique_ptr<expression::JsonContext> context;
};

expression::CompileOptions without_folding() {
  expression::CompileOptions options;
  options.fold_constants = false;
  return options;
}

double rate(std::vector<Case>& cases, double seconds, const std::function<void(Case&)>& one) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto until = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  double count = 0;
  auto now = begin;
  while (now < until) {
    for (Case& each : cases) one(each);
    count += static_cast<double>(cases.size());
    now = Clock::now();
  }
  return count / std::chrono::duration<double>(now - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const Value golden = read(argv[1]);
  std::set<std::string> ids;
  for (const Value& id : read(argv[2])) ids.insert(id.get<std::string>());
  const double seconds = std::atof(argv[3]);  // NOLINT(cert-err34-c): a bench
  const expression::JsonContext::Sources sources{[] { return Time{}; },
                                                 [](std::uint8_t* bytes, std::size_t count) {
                                                   for (std::size_t i = 0; i < count; ++i)
                                                     bytes[i] = static_cast<std::uint8_t>(i);
                                                 }};
  std::vector<Case> cases;
  for (const Value& test : golden["cases"]) {
    if (!ids.contains(test["id"].get<std::string>())) continue;
    const std::string text = test["expression"].get<std::string>();
    Value document = test.contains("context") ? golden["contexts"][test["context"].get<std::string>()] : Value::object();
    cases.push_back({text, expression::Expression::compile(text), expression::Expression::compile(text, without_folding()),
                     std::make_unique<expression::JsonContext>(std::move(document), sources)});
  }
  std::size_t sink = 0;
  const double evaluate = rate(cases, seconds, [&](Case& each) { sink += each.folded.resolve(*each.context).get().size(); });
  const double unfolded = rate(cases, seconds, [&](Case& each) { sink += each.unfolded.resolve(*each.context).get().size(); });
  const double whole = rate(cases, seconds, [&](Case& each) {
    sink += expression::Expression::compile(each.text).resolve(*each.context).get().size();
  });
  std::printf("{\"cases\":%zu,\"evaluate\":%.0f,\"unfolded\":%.0f,\"whole\":%.0f,\"sink\":%zu}\n", cases.size(), evaluate,
              unfolded, whole, sink % 10);
}
