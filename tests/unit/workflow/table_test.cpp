#include "runtime/workflow/table.h"

#include <gtest/gtest.h>

#include <vector>

namespace trunkline::workflow {
namespace {

using Row = std::vector<std::string>;

TEST(TableText, QuotesCellsOfCsvOnlyWhereItMust) {
  TableText table(TableText::Format::kCsv);
  table.header(Row{"a", "b,c"});
  table.row(Row{"plain", "with \"quotes\""});
  table.row(Row{"two\nlines", ""});
  EXPECT_EQ(table.finish(), "a,\"b,c\"\r\nplain,\"with \"\"quotes\"\"\"\r\n\"two\nlines\",\r\n");
}

TEST(TableText, EscapesHtml) {
  TableText table(TableText::Format::kHtml);
  table.header(Row{"A & B"});
  table.row(Row{"<i>'x'</i>"});
  EXPECT_EQ(
      table.finish(),
      "<table><thead><tr><th>A &amp; B</th></tr></thead><tbody><tr><td>&lt;i&gt;&#39;x&#39;&lt;/i&gt;</td></tr></tbody></table>");
}

TEST(TableText, IsAnEmptyTableWithoutRows) {
  EXPECT_EQ(TableText(TableText::Format::kCsv).finish(), "");
  EXPECT_EQ(TableText(TableText::Format::kHtml).finish(), "<table><tbody></tbody></table>");
}

}  // namespace
}  // namespace trunkline::workflow
