#include "runtime/services/arm_operations.h"

#include "runtime/base/ids.h"
#include "runtime/base/unix_time.h"
#include "runtime/clock/clock.h"
#include "runtime/store/database.h"

namespace trunkline {
namespace {

using store::Row;
using store::Session;
using store::Statement;

constexpr Duration kKept = std::chrono::hours{24};

const Statement kInsert{
    "INSERT INTO arm_operations (operation_id, target, status, error_code, error_message, started_us) VALUES (?, ?, ?, ?, ?, ?)"};
const Statement kForget{"DELETE FROM arm_operations WHERE started_us < ?"};
const Statement kFind{"SELECT target, status, error_code, error_message, started_us FROM arm_operations WHERE operation_id = ?"};

}  // namespace

Task<std::string> ArmOperations::record(std::string target) {
  std::string id = context_.ids.uuid4().str();
  const Time now = context_.clock.now();
  auto work = [id, target = std::move(target), now](Session& session) {
    session.execute(kForget, {unix_us(now - kKept)});
    session.execute(kInsert, {id, target, "Succeeded", "", "", unix_us(now)});
  };
  co_await context_.store.system().write(std::move(work));
  co_return id;
}

std::optional<ArmOperation> ArmOperations::find(std::string_view id) {
  std::optional<ArmOperation> found;
  context_.store.system().read([&](Session& session) {
    session.query(kFind, {id}, [&](const Row& row) {
      found.emplace();
      found->id = id;
      found->target = row.text(0);
      found->status = row.text(1);
      found->error_code = row.text(2);
      found->error_message = row.text(3);
      found->started_at = from_unix_us(row.integer(4));
    });
  });
  return found;
}

}  // namespace trunkline
