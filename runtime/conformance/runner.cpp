#include "runtime/conformance/runner.h"

#include <algorithm>

#include "trunkline/interfaces.hpp"
#include "trunkline/media_client.hpp"

namespace trunkline::conformance {
namespace {

// The first operation that may wait, for interfaces without a part of their own.
NormalCall first_operation(const std::string& interface_id) {
  for (const OperationInfo& operation : all_operations())
    if (operation.interface_id == interface_id && !operation.synchronous)
      return [&operation](CheckContext&, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
        operation.start(instance.interface(operation.interface_id), instance.calls(), std::move(options), std::move(done));
      };
  return {};
}

std::vector<Check> interface_checks(const std::string& interface_id) {
  std::vector<Check> all;
  const auto add = [&](std::vector<Check> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  NormalCall normal = first_operation(interface_id);
  std::vector<Check> own;
  const auto add_own = [&](std::vector<Check> more) {
    own.insert(own.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  if (interface_id == sms::SmsProviderClient::kInterfaceId) {
    own = sms_checks(normal);
    add_own(receipt_checks());
  }
  if (interface_id == identity::IdentityProviderClient::kInterfaceId) own = identity_checks(normal);
  if (interface_id == chat::ChatProviderClient::kInterfaceId) {
    own = chat_checks(normal);
    add_own(chat_list_checks());
  }
  if (interface_id == email::EmailProviderClient::kInterfaceId) {
    own = email_checks(normal);
    add_own(email_report_checks());
  }
  if (interface_id == pstn::PstnProviderClient::kInterfaceId) own = pstn_checks(normal);
  if (interface_id == pstn::PstnAudioProviderClient::kInterfaceId) own = pstn_audio_checks(normal);
  if (interface_id == media::MediaProviderClient::kInterfaceId) own = media_checks(normal);
  const bool general = own.empty();
  if (normal) {
    std::vector<Check> calls = call_checks(interface_id, std::move(normal));
    // What empty arguments end in says nothing of how it works.
    if (general) std::erase_if(calls, [](const Check& check) { return check.name.ends_with(".normal"); });
    add(std::move(calls));
  }
  add(std::move(own));
  add(operation_checks(interface_id));
  add(struct_checks(interface_id));
  return all;
}

}  // namespace

std::vector<Check> checks_for(const KitInput& input) {
  std::vector<Check> all = lifecycle_checks(input);
  for (const std::string& id : input.interfaces.empty() ? input.plugin->manifest.interfaces : input.interfaces)
    for (Check& check : interface_checks(id)) all.push_back(std::move(check));
  return all;
}

CheckResult run_check(const Check& check, const KitInput& input) {
  CheckResult result;
  result.name = check.name;
  const auto begun = std::chrono::steady_clock::now();
  const auto end = [&](Outcome outcome, const std::string& why) {
    result.outcome = outcome;
    result.detail = why + (why.empty() || result.detail.empty() ? "" : "\n") + result.detail;
  };
  if (const std::string* why = input.quirks.skipped(check.name)) {
    end(Outcome::kSkipped, "quirks: " + *why);
    return result;
  }
  try {
    CheckContext context(input, result);
    check.run(context);
  } catch (const CheckSkipped& skipped) {
    end(Outcome::kSkipped, skipped.why);
  } catch (const CheckFailed& failed) {
    end(Outcome::kFailed, failed.why);
  } catch (const Error& error) {
    end(Outcome::kFailed, error_name(error.code) + ": " + error.message);
  } catch (const std::exception& error) {
    end(Outcome::kFailed, error.what());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return result;
}

Report run(const KitInput& input, const std::function<bool(std::string_view)>& wanted,
           const std::function<void(const std::string&)>& started, const std::function<void(const CheckResult&)>& ended) {
  Report report;
  report.plugin = input.plugin->manifest.id;
  report.version = input.plugin->manifest.version;
  report.interfaces = input.interfaces.empty() ? input.plugin->manifest.interfaces : input.interfaces;
  for (const Check& check : checks_for(input)) {
    if (wanted && !wanted(check.name)) continue;
    if (started) started(check.name);
    report.results.push_back(run_check(check, input));
    if (ended) ended(report.results.back());
  }
  return report;
}

}  // namespace trunkline::conformance
