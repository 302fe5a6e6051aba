// A delivery engine over a store of its own, with a destination that does as it is told.
#pragma once
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/delivery/engine.h"
#include "runtime/delivery/pull_target.h"
#include "runtime/events/event_log.h"
#include "tests/unit/store/store_fixture.h"

namespace trunkline::delivery {

/// Answers as `script` says; by default it takes everything. Records what it got.
class FakeTarget final : public Target {
 public:
  struct Got {
    std::string subscription;
    std::string id;
    std::string subject;
    int delivery_count;
    std::size_t batch;
    Time at;
  };

  explicit FakeTarget(Clock& clock) : clock_(clock) {}

  void deliver(DeliveryRequest request, UniqueFunction<void(DeliveryAnswer)> done) override {
    DeliveryAnswer answer;
    {
      const std::lock_guard lock(mutex_);
      for (const events::EventPtr& event : request.events)
        got_.push_back(
            {request.spec->name, event->id, event->subject, request.delivery_count, request.events.size(), clock_.now()});
      if (hold) {
        held_.push_back(std::move(done));
        return;
      }
      if (script) answer = script(request);
    }
    done(std::move(answer));
  }
  std::vector<Got> got() const {
    const std::lock_guard lock(mutex_);
    return got_;
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    for (const Got& one : got()) out.push_back(one.id);
    return out;
  }
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  void release() {
    std::vector<UniqueFunction<void(DeliveryAnswer)>> held;
    {
      const std::lock_guard lock(mutex_);
      hold = false;
      held.swap(held_);
    }
    for (auto& done : held) done({});
  }
  /// Answers the youngest request alone.
  void release_last() {
    UniqueFunction<void(DeliveryAnswer)> done;
    {
      const std::lock_guard lock(mutex_);
      done = std::move(held_.back());
      held_.pop_back();
    }
    done({});
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    got_.clear();
  }

  std::function<DeliveryAnswer(const DeliveryRequest&)> script;
  bool hold = false;

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Got> got_;
  std::vector<UniqueFunction<void(DeliveryAnswer)>> held_;
};

inline DeliveryAnswer status(int code, std::string reply = "") { return {rule_of_status(code), code, std::move(reply)}; }

/// One life of a process: everything above the files.
struct Life {
  Life(const std::filesystem::path& directory, DeliveryOptions options, Time start = Time{std::chrono::seconds{1767225600}})
      : clock(executor, Clock::Mode::kVirtual, start) {
    store::StoreOptions store_options;
    store_options.directory = directory;
    store_options.memory = directory.empty();
    store = store::make_sqlite_store(std::move(store_options), log, metrics, executor, clock);
    database = &store->of_location("United States");
    for (store::Database* each : store->all())
      each->migrate(store::merge_migrations({event_migrations(), delivery_migrations()}));
    events = std::make_unique<EventLog>(*store, executor, clock, metrics);
    engine = std::make_unique<DeliveryEngine>(executor, clock, log, metrics, ids, *events, std::move(options));
    engine->set_workflows(target);
  }
  ~Life() {
    target.release();
    events->stop();
    engine->stop();
    clock.stop();
    database->flush();
    executor.work().wait_idle();
    executor.stop();
  }

  Log log{store::silent()};
  Metrics metrics;
  Executor executor{2};
  Clock clock;
  IdSource ids{5};
  std::unique_ptr<store::Store> store;
  store::Database* database = nullptr;
  std::unique_ptr<EventLog> events;
  FakeTarget target{clock};
  std::unique_ptr<DeliveryEngine> engine;
};

class DeliveryTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kResource = 1;

  void open(bool files = false, DeliveryOptions options = no_jitter()) {
    options_ = options;
    files_ = files;
    life_ = std::make_unique<Life>(files ? directory_.path() : std::filesystem::path(), options);
  }
  static DeliveryOptions no_jitter() {
    DeliveryOptions options;
    options.jitter = 0;
    return options;
  }
  /// Ends this life, in order, and begins the next with what is in the files.
  void restart() {
    const Time now = life_->clock.now();
    life_.reset();
    life_ = std::make_unique<Life>(directory_.path(), options_, now);
    for (const SubscriptionRow& row : read_subscriptions(*life_->database, kResource)) run(row);
  }
  /// The next life begins with the files as they are now; what this one still does is lost.
  void crash() {
    crashed_.push_back(std::make_unique<store::TempDirectory>());
    std::filesystem::copy(directory_.path(), crashed_.back()->path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    const Time now = life_->clock.now();
    life_.reset();
    life_ = std::make_unique<Life>(crashed_.back()->path(), options_, now);
    for (const SubscriptionRow& row : read_subscriptions(*life_->database, kResource)) run(row);
  }
  void run(const SubscriptionRow& row) {
    const nlohmann::json properties = nlohmann::json::parse(row.properties);
    life_->engine->add(*life_->database, row,
                       std::make_shared<const SubscriptionSpec>(parse_spec(row.name, JsonRef(properties), options_)));
  }
  /// Members of `more` are merged into those of a subscription to everything.
  SubscriptionRow subscribe(const std::string& name, const std::string& more = "{}") {
    nlohmann::json properties =
        nlohmann::json::parse(R"({"destination":{"endpointType":"Workflow","properties":{"trigger":"t"}}})");
    properties.merge_patch(nlohmann::json::parse(more));
    SubscriptionRow row;
    row.resource_key = kResource;
    row.name = name;
    row.properties = properties.dump();
    row.start = row.cursor = life_->events->last_sequence(*life_->database, kResource);
    row.lagging = true;
    auto work = [&row](store::Session& session) { return insert_subscription(session, row); };
    row.key = sync_wait(life_->database->write_value<std::int64_t>(work));
    run(row);
    settle();
    return row;
  }
  static NewEvent event(const std::string& id, const std::string& subject = "s") {
    NewEvent out;
    out.id = id;
    out.type = "Test.Type";
    out.subject = subject;
    out.topic = "/subscriptions/s/providers/x/topics/Demo";
    out.data = R"({"n":1})";
    return out;
  }
  std::int64_t publish(const std::string& id, const std::string& subject = "s") {
    NewEvent one = event(id, subject);
    one.time = life_->clock.now();
    const std::int64_t sequence = sync_wait(life_->events->publish(*life_->database, kResource, std::move(one)));
    settle();
    return sequence;
  }
  void publish_many(int count, const std::string& prefix = "e") {
    for (int done = 0; done < count;) {
      auto work = [&](store::Session& session) {
        for (int i = 0; i < 500 && done + i < count; ++i) {
          NewEvent one = event(prefix + std::to_string(done + i));
          one.time = life_->clock.now();
          life_->events->append(session, kResource, one);
        }
      };
      sync_wait(life_->database->write(std::move(work)));
      done += 500;
    }
    settle();
  }
  void settle() { life_->clock.advance(Duration{0}); }
  void advance(Duration by) { life_->clock.advance(by); }
  FakeTarget& target() { return life_->target; }
  Explanation explain(const SubscriptionRow& row, std::int64_t sequence) {
    const nlohmann::json properties = nlohmann::json::parse(row.properties);
    const SubscriptionSpec spec = parse_spec(row.name, JsonRef(properties), options_);
    return life_->engine->explain(*life_->database, row, spec, *life_->events->find(*life_->database, kResource, sequence))
        .front();
  }

  store::TempDirectory directory_;
  std::vector<std::unique_ptr<store::TempDirectory>> crashed_;
  DeliveryOptions options_;
  bool files_ = false;
  std::unique_ptr<Life> life_;
};

}  // namespace trunkline::delivery
