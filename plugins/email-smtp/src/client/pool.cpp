#include "pool.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <list>
#include <optional>
#include <thread>

#include "session.h"

namespace email_smtp {

namespace asio = boost::asio;
using boost::system::error_code;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;

/// All of it lives on the pool's thread.
struct Pool::Impl {
  explicit Impl(const Settings& s) : settings(s) {
    thread = std::thread([this] { context.run(); });
  }
  ~Impl() {
    work.reset();
    context.stop();
    thread.join();
  }

  /// One connection with the time it may be idle; in `idle` while it has nothing to do and was not called.
  struct Carrier {
    explicit Carrier(asio::io_context& context, const Settings& settings) : session(context, settings), alarm(context) {}
    Session session;
    asio::steady_timer alarm;
  };

  void take(JobPtr job) {
    if (stopping) return fail(*job, "the provider stops");
    waiting.push_back(std::move(job));
    if (!idle.empty()) {
      idle.back()->alarm.cancel();
      idle.pop_back();
      return;
    }
    if (carriers >= settings.connections) return;
    ++carriers;
    asio::co_spawn(context, carry(), asio::detached);
  }

  static void fail(Job& job, const std::string& why) { job.done(Error(ErrorCode::kUnavailable, why)); }

  JobPtr next() {
    while (!waiting.empty()) {
      JobPtr job = std::move(waiting.front());
      waiting.pop_front();
      if (!job->cancelled) return job;
      fail(*job, "the mail waited too long for a connection; it was not sent");
    }
    return nullptr;
  }

  asio::awaitable<void> carry() {
    Carrier carrier(context, settings);
    for (;;) {
      const JobPtr job = next();
      if (!job) {
        if (stopping || !carrier.session.is_open()) break;
        const bool called = co_await rest(carrier);
        if (!called) break;
        continue;
      }
      co_await send(carrier.session, job);
      if (carrier.session.is_open() && carrier.session.carried() >= settings.mails_per_connection)
        co_await carrier.session.quit();
    }
    co_await carrier.session.quit();
    --carriers;
    // A mail that came while this one said good-bye.
    if (!waiting.empty() && !stopping) {
      ++carriers;
      asio::co_spawn(context, carry(), asio::detached);
    }
    if (stopping && carriers == 0 && stopped) std::exchange(stopped, nullptr)();
  }

  /// False: nothing came for a while.
  asio::awaitable<bool> rest(Carrier& carrier) {
    carrier.alarm.expires_after(settings.idle);
    idle.push_back(&carrier);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await carrier.alarm.async_wait(token);
    idle.remove(&carrier);
    co_return !waiting.empty();
  }

  asio::awaitable<void> send(Session& session, JobPtr job) {
    const bool reused = session.is_open() && session.carried() > 0;
    std::optional<Result<Results>> result;
    bool again = false;
    try {
      if (!session.is_open()) co_await session.open();
      Results results = co_await session.send(job);
      result.emplace(std::move(results));
    } catch (const Error& error) {
      // Servers close what was idle for long; a mail that had not begun may go over a new connection.
      again = reused && error.code == ErrorCode::kUnavailable;
      result.emplace(error);
    } catch (const std::exception& error) {
      result.emplace(Error(ErrorCode::kInternal, error.what()));
    }
    if (again) {
      try {
        co_await session.open();
        Results results = co_await session.send(job);
        result.emplace(std::move(results));
      } catch (const Error& error) {
        result.emplace(error);
      } catch (const std::exception& error) {
        result.emplace(Error(ErrorCode::kInternal, error.what()));
      }
    }
    job->done(*std::move(result));
  }

  const Settings& settings;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::deque<JobPtr> waiting;
  std::list<Carrier*> idle;
  std::size_t carriers = 0;
  bool stopping = false;
  std::function<void()> stopped;
  std::thread thread;
};

Pool::Pool(const Settings& settings) : impl_(std::make_unique<Impl>(settings)) {}
Pool::~Pool() = default;

bool Pool::is_own_thread() const { return std::this_thread::get_id() == impl_->thread.get_id(); }

void Pool::submit(JobPtr job) {
  asio::post(impl_->context, [impl = impl_.get(), job = std::move(job)]() mutable { impl->take(std::move(job)); });
}

void Pool::stop(std::function<void()> done) {
  asio::post(impl_->context, [impl = impl_.get(), done = std::move(done)]() mutable {
    impl->stopping = true;
    for (JobPtr& job : std::exchange(impl->waiting, {})) Impl::fail(*job, "the provider stops");
    for (Impl::Carrier* carrier : impl->idle) carrier->alarm.cancel();
    if (impl->carriers == 0) return done();
    impl->stopped = std::move(done);
  });
}

}  // namespace email_smtp
