// Events and the streams that follow them.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "trunkline/service_provider.hpp"

namespace trunkline::fake {

class EventLog {
 public:
  class Source final : public StreamSource<service::Event> {
   public:
    Source(std::shared_ptr<EventLog> log, service::EventFilter filter, std::int64_t after)
        : log_(std::move(log)), filter_(std::move(filter)), after_(after) {}
    Task<std::vector<service::Event>> next(std::uint32_t max) override { return pull(this, max); }
    void close() override {
      std::function<void()> wake;
      {
        const std::lock_guard lock(log_->mutex_);
        closed_ = true;
        wake = std::exchange(wake_, nullptr);
      }
      if (wake) wake();
    }

   private:
    friend class EventLog;
    static Task<std::vector<service::Event>> pull(Source* self, std::uint32_t max) {
      for (;;) {
        std::vector<service::Event> items = self->log_->take(*self, max);
        if (!items.empty()) co_return items;
        co_await from_callback<void>([self](auto done) {
          auto shared_done = std::make_shared<decltype(done)>(std::move(done));
          std::unique_lock lock(self->log_->mutex_);
          if (self->closed_ || self->log_->ended_ || self->log_->has_more(*self)) {
            lock.unlock();
            return (*shared_done)(Result<void>());
          }
          self->wake_ = [shared_done] { (*shared_done)(Result<void>()); };
          self->log_->waiting_.push_back(self);
        });
        const std::lock_guard lock(self->log_->mutex_);
        std::erase(self->log_->waiting_, self);
        if (self->closed_ || self->log_->ended_) co_return std::vector<service::Event>();
      }
    }
    std::shared_ptr<EventLog> log_;
    service::EventFilter filter_;
    std::int64_t after_;
    bool closed_ = false;
    std::function<void()> wake_;
  };

  void publish(std::string type, std::string subject, std::string data) {
    std::vector<std::function<void()>> wakes;
    {
      const std::lock_guard lock(mutex_);
      service::Event event;
      event.sequence = static_cast<std::int64_t>(events_.size()) + 1;
      event.id = "event-" + std::to_string(event.sequence);
      event.type = std::move(type);
      event.subject = std::move(subject);
      event.topic = "/topic";
      event.data_version = "1.0";
      event.data = std::move(data);
      events_.push_back(std::move(event));
      for (Source* source : waiting_)
        if (source->wake_) wakes.push_back(std::exchange(source->wake_, nullptr));
    }
    for (const auto& wake : wakes) wake();
  }
  void end() {
    std::vector<std::function<void()>> wakes;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      for (Source* source : waiting_)
        if (source->wake_) wakes.push_back(std::exchange(source->wake_, nullptr));
    }
    for (const auto& wake : wakes) wake();
  }
  std::int64_t last() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(events_.size());
  }

 private:
  bool fits(const Source& source, const service::Event& event) const {
    const auto& types = source.filter_.types;
    return types.empty() || std::find(types.begin(), types.end(), event.type) != types.end();
  }
  bool has_more(const Source& source) const { return source.after_ < static_cast<std::int64_t>(events_.size()); }
  std::vector<service::Event> take(Source& source, std::uint32_t max) {
    const std::lock_guard lock(mutex_);
    std::vector<service::Event> items;
    while (has_more(source) && items.size() < max) {
      const service::Event& event = events_[static_cast<std::size_t>(source.after_++)];
      if (fits(source, event)) items.push_back(event);
    }
    return items;
  }

  std::mutex mutex_;
  std::vector<service::Event> events_;
  std::vector<Source*> waiting_;
  bool ended_ = false;
};

}  // namespace trunkline::fake
