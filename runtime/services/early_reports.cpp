#include "runtime/services/early_reports.h"

#include <algorithm>

#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/store/database.h"

namespace trunkline {
namespace {

using store::Row;
using store::Session;
using store::Statement;

const Statement kAll{
    "SELECT report_id, provider, provider_message_id, received_us, body FROM early_reports WHERE kind = ? ORDER BY report_id"};
const Statement kLastRow{"SELECT MAX(report_id) FROM early_reports WHERE kind = ?"};
const Statement kKeep{"INSERT INTO early_reports VALUES (?, ?, ?, ?, ?, ?)"};
const Statement kForget{"DELETE FROM early_reports WHERE kind = ? AND report_id = ?"};

}  // namespace

EarlyReports::EarlyReports(ServiceContext& context, std::string kind)
    : context_(context),
      kind_(std::move(kind)),
      early_(context.metrics.counter("trunkline_early_reports_total",
                                     "Carriers' reports that came before the answer that tells whose they are.")),
      dropped_(context.metrics.counter("trunkline_unknown_reports_total", "Carriers' reports that no message was found for.")) {}

std::vector<EarlyReports::Id> EarlyReports::load() {
  std::vector<Id> ids;
  context_.store.system().read([&](Session& session) {
    session.query(kLastRow, {kind_}, [&](const Row& row) { last_row_ = row.is_null(0) ? 0 : row.integer(0); });
    session.query(kAll, {kind_}, [&](const Row& row) {
      Id id{std::string(row.text(1)), std::string(row.text(2))};
      ids.push_back(id);
      add(std::move(id), {row.integer(0), from_unix_us(row.integer(3)), std::string(row.text(4))});
    });
  });
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  drop(context_.clock.now() - kKept);
  return ids;
}

void EarlyReports::add(Id id, Report report) {
  const std::lock_guard lock(mutex_);
  by_id_.emplace(id, report.row);
  const std::int64_t row = report.row;
  by_row_.emplace(row, std::pair(std::move(id), std::move(report)));
  count_.store(by_row_.size(), std::memory_order_release);
}

Task<void> EarlyReports::keep(Id id, std::string body) {
  const Time now = context_.clock.now();
  Report report;
  {
    const std::lock_guard lock(mutex_);
    report.row = ++last_row_;
  }
  report.received_at = now;
  report.body = std::move(body);
  auto work = [kind = kind_, id, report](Session& session) {
    session.execute(kKeep, {kind, report.row, id.provider, id.provider_message_id, unix_us(report.received_at), report.body});
  };
  co_await context_.store.system().write(std::move(work));
  early_.add();
  add(std::move(id), std::move(report));
  drop(now - kKept);
}

std::vector<EarlyReports::Report> EarlyReports::take(const Id& id) {
  std::vector<Report> taken;
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_id_.equal_range(id);
  for (auto at = begin; at != end; ++at) {
    const auto found = by_row_.find(at->second);
    taken.push_back(std::move(found->second.second));
    by_row_.erase(found);
  }
  by_id_.erase(begin, end);
  count_.store(by_row_.size(), std::memory_order_release);
  std::sort(taken.begin(), taken.end(), [](const Report& a, const Report& b) { return a.row < b.row; });
  return taken;
}

Task<void> EarlyReports::forget(std::vector<Report> reports) {
  auto work = [kind = kind_, reports](Session& session) {
    for (const Report& report : reports) session.execute(kForget, {kind, report.row});
  };
  co_await context_.store.system().write(std::move(work));
}

void EarlyReports::drop(Time until) {
  std::vector<Report> old;
  std::vector<Id> unknown;
  std::optional<Time> next;
  {
    const std::lock_guard lock(mutex_);
    while (!by_row_.empty() && (by_row_.begin()->second.second.received_at <= until || by_row_.size() > kMost)) {
      auto& [id, report] = by_row_.begin()->second;
      const auto [begin, end] = by_id_.equal_range(id);
      const auto at = std::find_if(begin, end, [&](const auto& one) { return one.second == report.row; });
      by_id_.erase(at);
      old.push_back(std::move(report));
      unknown.push_back(std::move(id));
      by_row_.erase(by_row_.begin());
    }
    count_.store(by_row_.size(), std::memory_order_release);
    if (!by_row_.empty()) next = by_row_.begin()->second.second.received_at + kKept;
  }
  // They report what we never sent, or whose resource was dropped: asking the carrier again would not help.
  for (const Id& id : unknown)
    context_.log.warning("services", "a report for an unknown message was dropped",
                         {{"kind", kind_}, {"provider", id.provider}, {"provider_message_id", id.provider_message_id}});
  if (!old.empty()) {
    dropped_.add(static_cast<double>(old.size()));
    spawn(forget(std::move(old)), [this](Result<void> result) {
      if (!result) context_.log.error("services", "dropping reports failed", {{"error", result.error().message}});
    });
  }
  if (next) arm(*next);
}

void EarlyReports::arm(Time at) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || timer_ != 0) return;
  timer_ = context_.clock.schedule_at(at, [this] {
    {
      const std::lock_guard inner(mutex_);
      timer_ = 0;
    }
    drop(context_.clock.now() - kKept);
  });
}

void EarlyReports::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (timer_ != 0) context_.clock.cancel(timer_);
  timer_ = 0;
}

}  // namespace trunkline
