#include "runtime/services/sandbox_service.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <stop_token>

#include "runtime/clock/signal.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/phone_number.h"
#include "trunkline/sandbox_client.hpp"

namespace trunkline {
namespace {

constexpr std::string_view kInterface = "trunkline.sandbox/1";

CallOptions on_behalf_of(const Resource& resource) {
  CallOptions options;
  options.resource = resource.name;
  return options;
}

/// Waits for a change of any phone on any sandbox carrier. What it has asked them ends with it.
class PhoneWatch {
 public:
  PhoneWatch(ServiceContext& context, ResourcePtr resource, Clock& wall)
      : resource_(std::move(resource)), news_(std::make_shared<News>(context.executor, wall)), turn_(news_->signal, "watch") {
    for (ProviderPtr& provider : context.providers.all_of(kInterface))
      carriers_.push_back(std::make_shared<Carrier>(std::move(provider)));
    news_->carriers = carriers_.size();
  }
  PhoneWatch(const PhoneWatch&) = delete;
  ~PhoneWatch() { stop_.request_stop(); }

  /// Changes from here on are told.
  Task<void> start() {
    for (const std::shared_ptr<Carrier>& carrier : carriers_) {
      try {
        carrier->seen = co_await carrier->provider->sandbox().changes(0, on_behalf_of(*resource_));
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
    explicit Carrier(ProviderPtr p) : provider(std::move(p)) {}
    const ProviderPtr provider;
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

  void ask(const std::shared_ptr<Carrier>& carrier) {
    if (carrier->asked.exchange(true)) return;
    CallOptions options = on_behalf_of(*resource_);
    options.stop = stop_.get_token();
    Task<std::int64_t> changes = carrier->provider->sandbox().changes(carrier->seen, std::move(options));
    spawn(std::move(changes), [carrier, news = news_](Result<std::int64_t> result) {
      if (!result.ok()) return drop(*carrier, *news);  // the carrier stops, or the watch has ended
      carrier->seen = result.value();
      carrier->asked = false;
      news->signal.set();
    });
  }

  const ResourcePtr resource_;
  const std::shared_ptr<News> news_;
  const Signal::Turn turn_;
  std::vector<std::shared_ptr<Carrier>> carriers_;
  std::stop_source stop_;
};

/// Leaves what comes behind the message `after`; empty: everything.
void drop_through(std::vector<sandbox::PhoneMessage>& messages, const std::string& number, const std::string& after) {
  if (after.empty()) return;
  const auto found = std::find_if(messages.begin(), messages.end(), [&](const auto& m) { return m.message_id == after; });
  if (found == messages.end())
    throw Error(ErrorCode::kNotFound, "the phone " + number + " has no message '" + after + "', or no more", "after");
  messages.erase(messages.begin(), found + 1);
}

}  // namespace

Task<std::vector<sandbox::Phone>> SandboxService::phones(ResourcePtr resource) {
  std::map<std::string, std::int32_t> counts;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    const std::vector<sandbox::Phone> phones = co_await provider->sandbox().phones(on_behalf_of(*resource));
    for (const sandbox::Phone& phone : phones) counts[phone.number] += phone.message_count;
  }
  std::vector<sandbox::Phone> all;
  for (const auto& [number, count] : counts) {
    sandbox::Phone phone;
    phone.number = number;
    phone.message_count = count;
    all.push_back(std::move(phone));
  }
  co_return all;
}

Task<std::vector<sandbox::PhoneMessage>> SandboxService::messages(ResourcePtr resource, std::string number) {
  std::vector<sandbox::PhoneMessage> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    std::vector<sandbox::PhoneMessage> some = co_await provider->sandbox().messages(number, on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  co_return all;
}

Task<std::vector<sandbox::PhoneMessage>> SandboxService::wait_for_messages(ResourcePtr resource, std::string number,
                                                                           std::string after, Duration timeout, Clock& wall) {
  if (timeout <= Duration{0}) {
    std::vector<sandbox::PhoneMessage> found = co_await messages(resource, number);
    drop_through(found, number, after);
    co_return found;
  }
  const Time deadline = wall.now() + timeout;
  PhoneWatch watch(context_, resource, wall);
  co_await watch.start();  // before the look, so that nothing falls between them
  for (;;) {
    std::vector<sandbox::PhoneMessage> found = co_await messages(resource, number);
    drop_through(found, number, after);
    if (!found.empty()) co_return found;
    const bool changed = co_await watch.wait(deadline);
    if (!changed) co_return found;
  }
}

Task<std::string> SandboxService::send_from_phone(ResourcePtr resource, std::string from, std::string to, std::string text) {
  if (const auto fault = e164_fault(from); !fault.empty() && !is_short_code(from))
    throw Error(ErrorCode::kInvalidArgument, "'" + from + "' is no phone number: " + std::string(fault), "from");
  if (!numbers_.find(*resource, to))
    throw Error(ErrorCode::kNotFound, "the resource '" + resource->name + "' does not own the number " + to, "to");
  const ProviderPtr provider = context_.providers.require(kInterface);
  co_return co_await provider->sandbox().send_from_phone(std::move(from), std::move(to), std::move(text),
                                                         on_behalf_of(*resource));
}

Task<void> SandboxService::add_rule(ResourcePtr resource, sandbox::PhoneRule rule, std::string provider_name) {
  bool added = false;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    if (!provider_name.empty() && provider->name() != provider_name) continue;
    co_await provider->sandbox().add_rule(rule, on_behalf_of(*resource));
    added = true;
  }
  if (!added) throw Error(ErrorCode::kNotFound, "there is no sandbox carrier '" + provider_name + "'", "provider");
}

Task<std::vector<sandbox::PhoneRule>> SandboxService::rules(ResourcePtr resource) {
  std::vector<sandbox::PhoneRule> all;
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface)) {
    std::vector<sandbox::PhoneRule> some = co_await provider->sandbox().rules(on_behalf_of(*resource));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  co_return all;
}

Task<void> SandboxService::reset(ResourcePtr resource) {
  for (const ProviderPtr& provider : context_.providers.all_of(kInterface))
    co_await provider->sandbox().reset(on_behalf_of(*resource));
}

}  // namespace trunkline
