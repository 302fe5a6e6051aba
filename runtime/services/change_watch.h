// Waiting until something changes at any of several sandbox carriers.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock/signal.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/context.h"
#include "runtime/services/resource.h"

namespace trunkline {

/// What it has asked the carriers ends with it. A carrier whose instance is replaced counts anew: what it says first is news.
class ChangeWatch {
 public:
  /// Asks a carrier: completes once its count of changes is above the one given; 0: at once.
  using Ask = std::function<Task<std::int64_t>(const Provider&, std::int64_t since, CallOptions)>;

  ChangeWatch(ServiceContext& context, std::string_view interface, ResourcePtr resource, Clock& wall, Ask ask)
      : resource_(std::move(resource)),
        ask_(std::move(ask)),
        news_(std::make_shared<News>(context.executor, wall)),
        turn_(news_->signal, "watch") {
    for (ProviderPtr& provider : context.providers.all_of(interface))
      carriers_.push_back(std::make_shared<Carrier>(std::move(provider)));
    news_->carriers = carriers_.size();
  }
  ChangeWatch(const ChangeWatch&) = delete;
  ~ChangeWatch() { stop_.request_stop(); }

  /// Changes from here on are told.
  Task<void> start() {
    for (const std::shared_ptr<Carrier>& carrier : carriers_) {
      try {
        CallOptions options = on_behalf();
        carrier->seen = co_await ask_(*carrier->provider, 0, std::move(options));
      } catch (const Error&) {
        drop(*carrier, *news_);
      }
    }
  }
  /// False: the time has come. Throws kUnavailable when no carrier can tell of changes any more.
  Task<bool> wait(Time deadline) {
    for (const std::shared_ptr<Carrier>& carrier : carriers_) ask(carrier);
    const Signal::Wake wake = co_await news_->signal.wait(deadline);
    if (wake == Signal::Wake::kClosed) throw Error(ErrorCode::kUnavailable, "no sandbox carrier tells of messages any more");
    co_return wake == Signal::Wake::kNews;
  }

 private:
  struct Carrier {
    explicit Carrier(ProviderPtr p) : provider(std::move(p)), number(provider->number()) {}
    const ProviderPtr provider;
    std::atomic<std::uint32_t> number;  // of the instance that `seen` is of
    std::atomic<std::int64_t> seen{0};
    std::atomic<bool> asked{false};  // for good once it has failed
  };
  struct News {
    News(Executor& executor, Clock& wall) : signal(executor, wall, false) {}
    Signal signal;
    std::atomic<std::size_t> carriers{0};  // that can still tell
  };

  /// The others go on telling. Without any, whoever waits need not wait for nothing.
  static void drop(Carrier& carrier, News& news) {
    carrier.asked = true;
    if (--news.carriers == 0) news.signal.close();
  }
  CallOptions on_behalf() const {
    CallOptions options;
    options.resource = resource_->name;
    return options;
  }
  void ask(const std::shared_ptr<Carrier>& carrier) {
    if (carrier->asked.exchange(true)) return;
    const std::uint32_t number = carrier->provider->number();
    if (carrier->number.exchange(number) != number) carrier->seen = 0;
    CallOptions options = on_behalf();
    options.stop = stop_.get_token();
    Task<std::int64_t> changes = ask_(*carrier->provider, carrier->seen, std::move(options));
    spawn(std::move(changes), [carrier, news = news_](Result<std::int64_t> result) {
      const bool replaced = carrier->number != carrier->provider->number();
      if (!result.ok() && !replaced) return drop(*carrier, *news);  // the carrier stops, or the watch has ended
      if (result.ok()) carrier->seen = result.value();
      carrier->asked = false;
      news->signal.set();
    });
  }

  const ResourcePtr resource_;
  const Ask ask_;
  const std::shared_ptr<News> news_;
  const Signal::Turn turn_;
  std::vector<std::shared_ptr<Carrier>> carriers_;
  std::stop_source stop_;
};

}  // namespace trunkline
