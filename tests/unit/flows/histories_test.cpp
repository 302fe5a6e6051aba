// Kept histories of every format that was released are read for ever, and mean what they meant.
//
// TRUNKLINE_KEEP_HISTORIES=1 writes the files of the present format into tests/workflow/histories; a file that is there stays.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "runtime/base/encoding.h"
#include "runtime/workflow/compile.h"
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using Answer = std::optional<Result<net::ClientResponse>>;

std::filesystem::path folder() { return std::filesystem::path(TEST_WORKFLOW_DIR) / "histories"; }

/// What a file says of a run: its status, and those of its actions with their outputs.
Value meaning_of(const workflow::RunState& state) {
  Value actions = Value::object();
  for (const workflow::Action& action : state.plan().actions)
    state.frames().for_each([&](workflow::Frame& frame) {
      if (frame.region != action.region) return;
      const workflow::Cell& cell = state.cell(frame, action.index);
      Value one{{"status", workflow::to_text(cell.status)}};
      if (cell.record && cell.record->outputs) one["outputs"] = *cell.record->outputs;
      if (cell.record && !cell.record->code.empty()) one["code"] = cell.record->code;
      actions[action.name + "#" + std::to_string(frame.id)] = std::move(one);
    });
  return {{"status", workflow::to_text(state.status())}, {"actions", std::move(actions)}};
}

Value replay(const Value& file) {
  const workflow::PlanPtr plan = workflow::compile_or_throw({.definition = file["definition"]});
  workflow::RunState state(plan, true);
  for (const Value& segment : file["segments"]) {
    const std::string bytes = base64_decode(segment.get<std::string>()).value();
    workflow::HistoryReader reader(bytes);
    while (const auto event = reader.next()) state.apply(*event);
  }
  return meaning_of(state);
}

class Histories : public FlowsTest {
 protected:
  void keep(const std::string& name, const std::string& text, const std::string& body, Duration by) {
    const std::filesystem::path path = folder() / (name + ".json");
    if (std::filesystem::exists(path)) return;
    const WorkflowPtr workflow = deploy(text, name);
    start(workflow, body);
    if (by > Duration{0}) advance(by);
    const RunKey key = runs(workflow).back().key;
    std::vector<std::string> segments;
    workflow->database->read([&](store::Session& session) { segments = records::segments(session, key); });
    Value file{{"definition", expression::parse_value(text)}, {"segments", Value::array()}};
    for (const std::string& segment : segments) file["segments"].push_back(base64_encode(segment));
    file["means"] = replay(file);
    std::filesystem::create_directories(folder());
    std::ofstream(path) << file.dump(1) << "\n";
  }
};

TEST_F(Histories, MeanWhatTheyMeant) {
  if (std::getenv("TRUNKLINE_KEEP_HISTORIES") != nullptr) {
    int calls = 0;
    script_ = [&calls](const net::ClientRequest&) -> Answer {
      return Result<net::ClientResponse>(json_answer(++calls % 3 == 1 ? 503 : 200, R"j({"v":7})j"));
    };
    open();
    keep("format-1-loops", definition(R"j({"N":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"Array"}]}},
      "Each":{"type":"Foreach","foreach":"@triggerBody()","runAfter":{"N":["Succeeded"]},"actions":{
        "Keep":{"type":"AppendToArrayVariable","inputs":{"name":"n","value":"@item()"}},
        "Odd":{"type":"If","expression":"@equals(mod(item(),2),1)","actions":{"Yes":{"type":"Compose","inputs":"odd"}},
               "else":{"actions":{"No":{"type":"Compose","inputs":"@div(1,0)"}}}}}},
      "Until":{"type":"Until","expression":"@equals(iterationIndexes('Until'),2)","actions":{"Turn":{"type":"Compose","inputs":"@iterationIndexes('Until')"}}},
      "End":{"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"X","message":"y"}},"runAfter":{"Each":["Failed"],"Until":["Succeeded"]}}})j"),
         "[1,2,3]", {});
    keep(
        "format-1-waits",
        definition(
            R"j({"Get":{"type":"Http","inputs":{"method":"GET","uri":"http://x.example/","retryPolicy":{"type":"fixed","count":3,"interval":"PT10S"}},
        "trackedProperties":{"t":"@action()['status']"}},
      "Pause":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Minute"}},"runAfter":{"Get":["Succeeded"]}},
      "Late":{"type":"Compose","inputs":"@body('Get')","runAfter":{"Pause":["Succeeded"]}}})j"),
        R"j({"a":"ä"})j", std::chrono::minutes{5});
    keep("format-1-open",
         definition(R"j({"Ask":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"http://x.example/ask"}}},
      "After":{"type":"Compose","inputs":1,"runAfter":{"Ask":["Succeeded"]}}})j"),
         "null", std::chrono::minutes{5});
  }
  int files = 0;
  ASSERT_TRUE(std::filesystem::exists(folder()));
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    std::ifstream in(entry.path());
    std::ostringstream text;
    text << in.rdbuf();
    const Value file = expression::parse_value(text.str());
    const Value means = replay(file);
    // In which order iterations are listed says nothing.
    EXPECT_TRUE(expression::equal_values(means, file["means"])) << entry.path() << ": " << means;
    ++files;
  }
  EXPECT_GE(files, 3);
}

TEST_F(Histories, CannotSayWhatCannotHaveHappened) {
  open();
  const WorkflowPtr workflow = deploy(definition(R"j({"A":{"type":"Compose","inputs":1}})j"));
  const auto refused = [&](std::initializer_list<workflow::Event> events) {
    workflow::RunState state(workflow->version->plan);
    try {
      for (const workflow::Event& event : events) state.apply(event);
    } catch (const Error& error) {
      return error.code == ErrorCode::kDataLoss;
    }
    return false;
  };
  workflow::Event begin, done, iteration;
  done.kind = workflow::EventKind::kActionDone;
  done.action = 0;
  done.status = workflow::Status::kSucceeded;
  iteration.kind = workflow::EventKind::kIteration;
  iteration.action = 0;
  iteration.new_frame = 1;
  workflow::Event elsewhere = done;
  elsewhere.action = 9;
  EXPECT_TRUE(refused({done}));
  EXPECT_TRUE(refused({begin, begin}));
  EXPECT_TRUE(refused({begin, done, done}));
  EXPECT_TRUE(refused({begin, iteration}));
  EXPECT_TRUE(refused({begin, elsewhere}));
  EXPECT_FALSE(refused({begin, done}));
}

}  // namespace
}  // namespace trunkline::flows
