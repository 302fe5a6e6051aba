#include "runtime/config/workflow_limits.h"

#include <gmock/gmock.h>

namespace trunkline {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> limit_problems(std::string_view text) {
  try {
    parse_config(text, {});
  } catch (const ConfigError& error) {
    std::vector<std::string> out;
    for (const ConfigProblem& p : error.problems())
      out.push_back(std::to_string(p.mark.line) + ':' + std::to_string(p.mark.column) + ' ' + p.path + ": " + p.message);
    return out;
  }
  return {};
}

TEST(WorkflowLimits, AreTheDocumentedOnesByDefault) {
  const WorkflowsConfig config = parse_config("{}", {}).workflows;
  EXPECT_EQ(config.limits.max_actions, 500u);
  EXPECT_EQ(config.limits.max_foreach_items, 100'000u);
  EXPECT_EQ(config.limits.max_until_count, 5'000);
  EXPECT_EQ(config.limits.max_retries, 90);
  EXPECT_EQ(config.limits.min_retry_interval, std::chrono::seconds{5});
  EXPECT_EQ(config.limits.max_message_bytes, 100u << 20);
  EXPECT_EQ(config.limits.compile.max_expression_length, 8'192u);
  EXPECT_EQ(config.max_stateless_run, std::chrono::minutes{5});
}

TEST(WorkflowLimits, AreReadInTheirUnits) {
  const workflow::Options limits = parse_config(R"yaml(
workflows:
  limits:
    actions: 7
    foreach_items: 1000000
    foreach_concurrency: 100
    until_timeout: PT2H
    message_kb: 2
    definition_kb: 64
    runs: 3
    runs_default: 2
    waiting_runs: 5
    expression_length: 100
    range_count: 10
    retry_interval_min: 500ms
    batch_kb: 1
)yaml",
                                                {})
                                       .workflows.limits;
  EXPECT_EQ(limits.max_actions, 7u);
  EXPECT_EQ(limits.max_foreach_items, 1'000'000u);
  EXPECT_EQ(limits.max_foreach_concurrency, 100);
  EXPECT_EQ(limits.default_until_timeout, std::chrono::hours{2});
  EXPECT_EQ(limits.max_message_bytes, 2'048u);
  EXPECT_EQ(limits.max_definition_bytes, 65'536u);
  EXPECT_EQ(limits.max_concurrent_runs, 3);
  EXPECT_EQ(limits.default_concurrent_runs, 2);
  EXPECT_EQ(limits.max_waiting_runs, 5);
  EXPECT_EQ(limits.compile.max_expression_length, 100u);
  EXPECT_EQ(limits.evaluate.max_range_count, 10);
  EXPECT_EQ(limits.min_retry_interval, std::chrono::milliseconds{500});
  EXPECT_EQ(limits.max_batch_bytes, 1'024);
  EXPECT_EQ(limits.max_cases, 25u) << "what is not named stays";
}

TEST(WorkflowLimits, AreRefusedWithTheirPlace) {
  EXPECT_THAT(limit_problems("workflows:\n  limits:\n    actoins: 7\n"),
              ElementsAre(AllOf(HasSubstr("3:5 workflows.limits"), HasSubstr("actoins"))));
  EXPECT_THAT(limit_problems("workflows:\n  limits:\n    actions: 0\n"), ElementsAre(HasSubstr("3:14 workflows.limits.actions")));
  EXPECT_THAT(limit_problems("workflows:\n  limits: {until_timeout: 0s, message_kb: many}\n"), SizeIs(2));
  EXPECT_THAT(limit_problems("workflows:\n  limits: {runs: 3}\n"),
              ElementsAre(AllOf(HasSubstr("runs_default"), HasSubstr("must not be more than runs"))));
  EXPECT_THAT(limit_problems("workflows:\n  limits: {retry_interval_min: 2h, retry_interval_max: 1h}\n"), SizeIs(1));
  EXPECT_THAT(limit_problems("workflows: {max_stateless_run: 0s}"), SizeIs(1));
}

TEST(WorkflowLimits, AreWrittenWhereTheyAreNotTheDefaults) {
  const std::string plain = render_yaml(parse_config("{}", {}));
  EXPECT_THAT(plain, testing::Not(HasSubstr("foreach_items")));
  const std::string own = render_yaml(parse_config("workflows: {limits: {foreach_items: 3, message_kb: 5}}", {}));
  EXPECT_THAT(own, HasSubstr("  limits:\n    foreach_items: 3\n    message_kb: 5\n"));
  EXPECT_EQ(render_yaml(parse_config(own, {})), own);
}

}  // namespace
}  // namespace trunkline
