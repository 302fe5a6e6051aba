// Who gets how many of the places at an endpoint.
#include "runtime/delivery/destination.h"

#include "runtime/delivery/dead_letter.h"
#include "runtime/delivery/flusher.h"
#include "runtime/delivery/source.h"
#include "runtime/delivery/worker.h"
#include "tests/unit/delivery/delivery_fixture.h"

namespace trunkline::delivery {
namespace {

using std::chrono::seconds;

class DestinationTest : public DeliveryTest {
 protected:
  DestinationTest() {
    open();
    http_ = std::make_unique<net::HttpClient>(life_->executor);
    dead_letters_ = std::make_unique<DeadLetterWriter>(*http_, seconds{1});
    core_ =
        std::make_unique<Core>(life_->executor, life_->clock, life_->log, life_->ids, *life_->events, *dead_letters_, options_);
    flusher_ = std::make_shared<Flusher>(*core_, *life_->database);
    source_ = std::make_shared<Source>(*core_, *life_->database, kResource, flusher_, 0);
    const nlohmann::json properties =
        nlohmann::json::parse(R"({"destination":{"endpointType":"Workflow","properties":{"trigger":"t"}}})");
    spec_ = std::make_shared<const SubscriptionSpec>(parse_spec("one", JsonRef(properties), options_));
    destination_ = std::make_shared<Destination>(*core_, 10, true);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      SubscriptionRow row;
      row.resource_key = kResource;
      workers_.push_back(std::make_shared<Worker>(*core_, id, source_, flusher_, row, spec_, destination_, target(), 0));
    }
  }
  ~DestinationTest() override {
    settle();
    core_->stopped = true;
    http_->stop();
  }
  std::size_t enter(int worker, std::size_t wanted) {
    return destination_->enter(workers_[static_cast<std::size_t>(worker)], wanted);
  }
  /// Number of who comes next for the place; -1: nobody.
  int pass_on(Verdict verdict = Verdict::kGood) {
    const WorkerPtr next = destination_->pass_on(verdict);
    return next ? static_cast<int>(next->id()) - 1 : -1;
  }

  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<DeadLetterWriter> dead_letters_;
  std::unique_ptr<Core> core_;
  FlusherPtr flusher_;
  SourcePtr source_;
  SpecPtr spec_;
  DestinationPtr destination_;
  std::vector<WorkerPtr> workers_;
};

TEST_F(DestinationTest, NoMoreThanItsLimitHoweverManyAreWanted) {
  EXPECT_EQ(enter(0, 4), 4u);
  EXPECT_EQ(enter(0, 32), 6u);
  EXPECT_EQ(enter(1, 1), 0u);
  EXPECT_EQ(pass_on(), 0);  // it wanted more, and was first
  EXPECT_EQ(pass_on(), 1);
  EXPECT_EQ(pass_on(), -1);
  destination_->arrived();
  destination_->arrived();
  EXPECT_EQ(enter(2, 32), 3u);
}

TEST_F(DestinationTest, WhoWasWokenFindsItsShare) {
  EXPECT_EQ(enter(0, 10), 10u);
  EXPECT_EQ(enter(0, 10), 0u);
  EXPECT_EQ(enter(1, 10), 0u);
  EXPECT_EQ(pass_on(), 0);
  EXPECT_EQ(pass_on(), 1);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(pass_on(), -1);
  // Eight places, and two who were woken for them.
  destination_->arrived();
  EXPECT_EQ(enter(0, 10), 4u);
  destination_->arrived();
  EXPECT_EQ(enter(1, 10), 4u);
  EXPECT_EQ(pass_on(), 0);
}

TEST_F(DestinationTest, OneRequestFindsOutWhetherItIsBack) {
  const auto failures = static_cast<std::size_t>(options_.breaker_failures);
  for (std::size_t i = 0; i < failures; ++i) {
    ASSERT_EQ(enter(0, 1), 1u);
    pass_on(Verdict::kBad);
  }
  EXPECT_TRUE(destination_->open_until());
  EXPECT_EQ(enter(0, 5), 0u);
  life_->clock.advance(options_.breaker_open);
  EXPECT_EQ(enter(1, 5), 1u);
  EXPECT_EQ(enter(2, 5), 0u);
  pass_on();
  EXPECT_FALSE(destination_->open_until());
}

}  // namespace
}  // namespace trunkline::delivery
