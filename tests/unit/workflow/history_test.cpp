#include "runtime/workflow/history.h"

#include <gmock/gmock.h>

namespace trunkline::workflow {
namespace {

using expression::parse_value;

Time us(std::int64_t value) { return Time{std::chrono::microseconds{value}}; }

TEST(History, GivesBackWhatWasWritten) {
  HistoryWriter writer;
  Event e;
  e.kind = EventKind::kActionDone;
  e.at = us(1'772'438'400'000'123);
  e.frame = 7;
  e.action = 300;
  e.status = Status::kTimedOut;
  e.number = 12;
  e.new_frame = 8;
  e.change = VariableChange::kAppendText;
  e.due = us(1'772'438'999'000'000);
  e.code = "NotFound";
  e.text = "where";
  e.inputs = std::make_shared<const Value>(parse_value(R"({"b":[1,-2,3.5,18446744073709551615,null,true,""],"a":"ä"})"));
  e.outputs = e.inputs;
  e.error = std::make_shared<const Value>("no");
  e.extra = std::make_shared<const Value>(std::string(300, 'x'));
  writer.add(e);
  Event second;
  second.kind = EventKind::kCancelled;
  second.at = us(1'772'438'399'000'000);  // a clock that stepped back
  writer.add(second);
  const std::string bytes = writer.take();
  EXPECT_TRUE(writer.empty());
  HistoryReader reader(bytes);
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind, e.kind);
  EXPECT_EQ(first->at, e.at);
  EXPECT_EQ(first->frame, 7u);
  EXPECT_EQ(first->action, 300u);
  EXPECT_EQ(first->status, Status::kTimedOut);
  EXPECT_EQ(first->number, 12u);
  EXPECT_EQ(first->new_frame, 8u);
  EXPECT_EQ(first->change, VariableChange::kAppendText);
  EXPECT_EQ(first->due, e.due);
  EXPECT_EQ(first->code, "NotFound");
  EXPECT_EQ(first->text, "where");
  EXPECT_EQ(first->inputs->dump(), e.inputs->dump()) << "the order of members is kept";
  EXPECT_EQ(first->outputs, first->inputs) << "written once";
  EXPECT_EQ(*first->error, *e.error);
  EXPECT_EQ(*first->extra, *e.extra);
  const auto last = reader.next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->at, second.at);
  EXPECT_EQ(last->action, kNone);
  EXPECT_FALSE(reader.next());
}

TEST(History, RefusesWhatIsMalformed) {
  HistoryWriter writer;
  Event e;
  e.kind = EventKind::kActionDone;
  e.action = 3;
  e.inputs = std::make_shared<const Value>(parse_value(R"([{"a":"some text"},[1,2,3]])"));
  writer.add(e);
  const std::string bytes = writer.take();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    HistoryReader reader(std::string_view(bytes).substr(0, size));
    if (size == 1) {
      EXPECT_FALSE(reader.next());
      continue;
    }
    EXPECT_THROW(reader.next(), Error) << size;
  }
  // Whatever is wrong in it, it is an error and no crash.
  for (std::size_t at = 1; at < bytes.size(); ++at)
    for (const char change : {'\xff', '\x00', '\x7f'}) {
      std::string damaged = bytes;
      damaged[at] = change;
      try {
        HistoryReader reader(damaged);
        while (reader.next()) {
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::kDataLoss);
      }
    }
}

TEST(History, TellsAFormatOfTheFutureFromADamagedOne) {
  try {
    HistoryReader reader("\x63");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace trunkline::workflow
