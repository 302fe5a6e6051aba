// A host for plugin instances: virtual clock, two threads, a log that can be read.
#pragma once
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "runtime/async/executor.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/diagnostics/metrics.h"
#include "runtime/plugin/host_context.h"
#include "runtime/plugin/loader.h"
#include "runtime/plugin/plugin_instance.h"
#include "tests/abi/test_plugins.h"
#include "trunkline/sms_client.hpp"

namespace trunkline::plugin {

class TestHost {
 public:
  TestHost()
      : log_file_(std::filesystem::temp_directory_path() / ("trunkline_abi_log_" + std::to_string(::getpid()))),
        executor(2),
        clock(executor, Clock::Mode::kVirtual) {
    std::filesystem::remove(log_file_);
    LogOptions options;
    options.level = LogLevel::kDebug;
    options.json = true;
    options.path = log_file_.string();
    log = std::make_unique<Log>(options);
    context.emplace(HostContext{executor, clock, *log, metrics, nullptr, nullptr, {}});
    LoaderOptions loader_options;
    loader_options.paths = {test_plugins_folder()};
    loader = std::make_unique<PluginLoader>(loader_options);
  }
  ~TestHost() {
    clock.stop();
    executor.stop();
    log.reset();
    std::filesystem::remove(log_file_);
  }

  std::unique_ptr<PluginInstance> create(const std::string& plugin, InstanceSettings settings = {}) {
    if (settings.provider.empty()) settings.provider = "carrier";
    return PluginInstance::create(loader->load(plugin), std::move(settings), *context);
  }
  /// Everything that was logged so far; ends the log.
  std::string logged() {
    log.reset();
    std::ifstream file(log_file_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Value of trunkline_plugin_misbehaviour_total for one kind; 0 when there is no such series.
  double misbehaviour(const std::string& kind) const {
    const std::string text = metrics.expose();
    const std::string wanted = "kind=\"" + kind + "\"";
    for (std::size_t at = text.find("trunkline_plugin_misbehaviour_total{"); at != std::string::npos;
         at = text.find("trunkline_plugin_misbehaviour_total{", at + 1)) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      if (line.find(wanted) != std::string::npos) return std::stod(line.substr(line.rfind(' ')));
    }
    return 0;
  }

 private:
  std::filesystem::path log_file_;

 public:
  Executor executor;
  Clock clock;
  std::unique_ptr<Log> log;
  Metrics metrics;
  std::optional<HostContext> context;
  std::unique_ptr<PluginLoader> loader;
};

inline sms::SmsProviderClient sms_of(const PluginInstance& instance) {
  return {instance.interface(sms::SmsProviderClient::kInterfaceId), instance.calls()};
}

inline sms::SmsSendRequest sms_to(std::vector<std::string> numbers, std::string text = "hello") {
  sms::SmsSendRequest request;
  request.from = "+14255550100";
  request.text = std::move(text);
  for (std::string& number : numbers) {
    sms::Recipient recipient;
    recipient.message_id = "id-of-" + number;
    recipient.to = std::move(number);
    request.recipients.push_back(std::move(recipient));
  }
  return request;
}

}  // namespace trunkline::plugin
