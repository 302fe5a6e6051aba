// The embedding API over services that do what a test asks for. The text of a message decides: "hang" is never answered,
// "inline" is answered inside the call, "error <code>" fails, and everything else is answered on another thread.
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "providers.hpp"
#include "services.hpp"
#include "trunkline/app_plugin.h"
#include "trunkline/errors.hpp"
#include "trunkline/runtime.h"

using namespace trunkline;

struct tl_runtime {
  tl_runtime() {
    services.emplace(service::SmsService::kInterfaceId, &sms);
    services.emplace(service::EventsService::kInterfaceId, &events);
    services.emplace(service::IdentityService::kInterfaceId, &identity);
    services.emplace(service::NumbersService::kInterfaceId, &numbers);
    services.emplace(service::RuntimeService::kInterfaceId, &runtime);
    services.emplace(service::ResourcesService::kInterfaceId, &resources);
    providers.emplace(sms::SmsProvider::kInterfaceId, &echo_sms);
    providers.emplace(identity::IdentityProvider::kInterfaceId, &echo_identity);
    providers.emplace(pstn::PstnProvider::kInterfaceId, &echo_pstn);
    providers.emplace(media::MediaProvider::kInterfaceId, &echo_media);
  }
  ~tl_runtime() {
    sms.close();
    log->end();
  }

  std::shared_ptr<fake::EventLog> log = std::make_shared<fake::EventLog>();
  fake::FakeSms sms{worker, log};
  fake::FakeEvents events{log};
  fake::FakeIdentity identity;
  fake::FakeNumbers numbers;
  fake::FakeRuntime runtime{log};
  fake::FakeResources resources;
  fake::EchoSms echo_sms;
  fake::EchoIdentity echo_identity;
  fake::EchoPstn echo_pstn;
  fake::EchoMedia echo_media;
  std::map<std::string_view, const Implementation*> services, providers;
  fake::Worker worker;  // last: it ends before what it works on
};

namespace {
std::string_view text(tl_str s) { return s.data ? std::string_view(s.data, s.size) : std::string_view(); }
tl_iface find(const std::map<std::string_view, const Implementation*>& in, tl_str id) {
  const auto found = in.find(text(id));
  return found == in.end() ? tl_iface{} : found->second->find(text(id));
}
}  // namespace

extern "C" {
int32_t tl_runtime_open(tl_str config_yaml, tl_str, tl_runtime** out, tl_error** error) {
  if (text(config_yaml).find("plugin_path") != std::string_view::npos) {
    *error = ErrorHost::make(
        Error(ErrorCode::kInvalidArgument, "trunkline.yaml:1:1: wanted a section, found plugin_path", "plugin_path"));
    return static_cast<int32_t>(ErrorCode::kInvalidArgument);
  }
  *out = new tl_runtime;
  return 0;
}
int32_t tl_runtime_open_with(tl_str config_yaml, tl_str config_file, const tl_app_plugin*, size_t, tl_runtime** out,
                             tl_error** error) {
  return tl_runtime_open(config_yaml, config_file, out, error);
}
int32_t tl_runtime_add_provider(tl_runtime*, const tl_app_plugin*, tl_str, tl_bool, tl_error** error) {
  *error = ErrorHost::make(Error(ErrorCode::kUnimplemented, "the stand-in has no providers of applications"));
  return static_cast<int32_t>(ErrorCode::kUnimplemented);
}
int32_t tl_runtime_replace_provider(tl_runtime* runtime, const tl_app_plugin* plugin, tl_str provider_json, int64_t, int64_t,
                                    tl_error** error) {
  return tl_runtime_add_provider(runtime, plugin, provider_json, true, error);
}
int32_t tl_conformance_run(const tl_app_plugin*, tl_str, tl_conformance_result, tl_conformance_done, void*, tl_error** error) {
  *error = ErrorHost::make(Error(ErrorCode::kUnimplemented, "the stand-in has no conformance kit"));
  return static_cast<int32_t>(ErrorCode::kUnimplemented);
}
void tl_runtime_close(tl_runtime* runtime) { delete runtime; }
tl_iface tl_runtime_service(tl_runtime* runtime, tl_str resource, tl_str id) {
  return text(resource).empty() || text(resource) == "other" ? find(runtime->services, id) : tl_iface{};
}
tl_iface tl_runtime_provider(tl_runtime* runtime, tl_str provider, tl_str id) {
  return text(provider) == "echo" ? find(runtime->providers, id) : tl_iface{};
}
tl_str tl_error_get(const tl_error* error, tl_str key) { return ErrorHost::error_get(nullptr, error, key); }
void tl_error_free(tl_error* error) { ErrorHost::error_free(nullptr, error); }
}
