#include "runtime/script/script_host.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/beside.h"
#include "runtime/base/utf8.h"
#include "runtime/script/protocol.h"
#include "runtime/script/worker_process.h"

namespace trunkline::script {
namespace {

using nlohmann::json;

// The worker stops a script by itself; this is for one that cannot.
constexpr Duration kGrace = std::chrono::seconds(2);
constexpr std::size_t kAnswerOverhead = 4096;

}  // namespace

/// A worker while it is asked: stop() knows of it.
class ScriptHost::Busy {
 public:
  Busy(ScriptHost& host, Worker& worker) : host_(host), worker_(&worker) {
    const std::lock_guard lock(host_.mutex_);
    if (host_.stopped_) throw Failure(Failure::Reason::kWorker, "The runtime is stopping.");
    host_.busy_.push_back(worker_);
  }
  Busy(const Busy&) = delete;
  ~Busy() {
    const std::lock_guard lock(host_.mutex_);
    std::erase(host_.busy_, worker_);
  }

 private:
  ScriptHost& host_;
  Worker* worker_;
};

ScriptHost::ScriptHost(Options options) : options_(std::move(options)) {}
ScriptHost::~ScriptHost() = default;

void ScriptHost::stop() {
  std::vector<std::unique_ptr<Worker>> idle;
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  idle.swap(idle_);
  for (Worker* worker : busy_) worker->interrupt();
}

std::string ScriptHost::run(std::string_view code, std::string_view context_json, const Limits& limits) {
  if (utf16_length(code) > limits.max_code_length) {
    throw Failure(Failure::Reason::kTooLong,
                  "The code is longer than " + std::to_string(limits.max_code_length) + " characters.");
  }
  json request;
  request["code"] = utf8_sanitized(code);
  request["context"] = utf8_sanitized(context_json);
  request["timeMs"] = std::chrono::duration_cast<std::chrono::milliseconds>(limits.time).count();
  request["memoryBytes"] = limits.memory_bytes;
  request["maxResultBytes"] = limits.max_result_bytes;
  std::unique_ptr<Worker> worker = take();
  // The result comes as text inside JSON, which at most doubles it and more for control characters; the worker checks the real
  // size.
  std::string answer;
  {
    const Busy busy(*this, *worker);
    answer = worker->ask(request.dump(), limits.time + kGrace, limits.max_result_bytes * 6 + kAnswerOverhead);
  }
  json outcome = json::parse(answer, nullptr, false);
  give_back(std::move(worker));
  if (outcome.is_object() && outcome.contains("result")) return outcome["result"].get<std::string>();
  if (!outcome.is_object()) throw Failure(Failure::Reason::kWorker, "The process of the script gave no answer that can be read.");
  throw Failure(static_cast<Failure::Reason>(outcome.value("reason", 0)), outcome.value("message", "the script failed"),
                outcome.value("line", 0));
}

std::unique_ptr<Worker> ScriptHost::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Worker> out = std::move(idle_.back());
      idle_.pop_back();
      return out;
    }
  }
  return std::make_unique<Worker>(options_.worker);
}

void ScriptHost::give_back(std::unique_ptr<Worker> worker) {
  if (worker->broken() || worker->runs() >= options_.runs_of_a_worker) return;
  const std::lock_guard lock(mutex_);
  if (!stopped_ && idle_.size() < options_.max_idle) idle_.push_back(std::move(worker));
}

std::filesystem::path find_worker() { return find_beside("trunkline-script"); }

}  // namespace trunkline::script
