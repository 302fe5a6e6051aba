// A carrier that sins as its configuration says, {"sin": "answers_twice"}; without a sin it is good. It answers on the host's
// clock, so that calls are in flight for a while. tests/integration/test_plugin_kit.py checks that the conformance kit finds each
// sin.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "trunkline/host.h"
#include "trunkline/sms.h"

namespace {

constexpr int kOutOfMemory = TL_ERROR_CODE_RESOURCE_EXHAUSTED;
constexpr std::int64_t kAnswerAfterNs = 10'000'000;

tl_str text(std::string_view s) { return {s.data(), s.size()}; }
std::string_view view(tl_str s) { return {s.data ? s.data : "", s.size}; }
void drop(const tl_host* host, tl_error* error) { host->error_free(host->ctx, error); }

std::atomic<bool> g_stopped_once{false};                      // of the sin "global_state"
std::vector<void*>* const g_leaked = new std::vector<void*>;  // reachable, so that leak checkers leave the sins to the kit

}  // namespace

struct tl_plugin {
  const tl_host* host = nullptr;
  std::string sin;
  tl_iface clock{}, events{};
  std::atomic<int> users{1};
  std::atomic<int> capability_calls{0};
  std::atomic<bool> stopping{false}, has_stopped{false};
  void (*stopped)(void*) = nullptr;
  void* stopped_user = nullptr;
  std::mutex mutex;
  std::vector<std::pair<tl_sms_provider_send_done, void*>> kept;  // guarded by mutex: what is answered after stop, or never

  bool sins(std::string_view which) const { return sin == which; }
  tl_error* error(int code, std::string_view message) const { return host->error_new(host->ctx, code, text(message)); }
  void leave() {
    if (users.fetch_sub(1) == 1 && !has_stopped.exchange(true)) finish_stop();
  }
  void finish_stop() {
    g_stopped_once = true;
    auto* done = stopped;
    auto* user = stopped_user;
    if (sins("stop_never")) return;
    const bool twice = sins("stop_twice");
    done(user);
    if (twice) done(user);
  }
};

namespace {

/// One send that waits for the clock.
struct Exchange {
  tl_plugin* self;
  tl_list recipients;
  tl_sms_provider_send_done done;
  void* user;
};

void no_matter(void* user, tl_error* error) { drop(static_cast<tl_plugin*>(user)->host, error); }

void report(tl_plugin* self, tl_str message_id, tl_sms_message_state state) {
  if (!self->events.vtbl) return;
  tl_sms_delivery_report report{};
  report.struct_size = sizeof report;
  report.message_id = message_id;
  report.state = state;
  static_cast<const tl_sms_events*>(self->events.vtbl)->delivery_report(self->events.self, nullptr, &report, no_matter, self);
}

void answer(Exchange* exchange) {
  tl_plugin* const self = exchange->self;
  std::vector<tl_sms_send_result> results(exchange->recipients.count);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t stride = self->sins("ignores_stride") ? sizeof(tl_sms_recipient) : exchange->recipients.stride;
    const auto* recipient =
        reinterpret_cast<const tl_sms_recipient*>(static_cast<const char*>(exchange->recipients.data) + i * stride);
    tl_sms_send_result& result = results[i];
    result.struct_size = sizeof result;
    result.message_id = recipient->message_id;
    if (self->sins("takes_c_strings")) result.message_id.size = std::strlen(result.message_id.data);
    result.accepted = 1;
    result.segments = 1;
    if (self->sins("contradicts_itself") || self->sins("reports_strangers")) {
      report(self, self->sins("reports_strangers") ? text("somebody-else") : recipient->message_id,
             TL_SMS_MESSAGE_STATE_DELIVERED);
      if (self->sins("contradicts_itself")) report(self, recipient->message_id, TL_SMS_MESSAGE_STATE_FAILED);
    }
  }
  if (self->sins("swaps_results") && results.size() > 1) std::swap(results.front(), results.back());
  std::size_t count = results.size();
  if (self->sins("forgets_a_result") && count > 1) --count;
  const tl_list list{results.data(), count, sizeof(tl_sms_send_result)};
  exchange->done(exchange->user, &list, nullptr);
  if (self->sins("answers_twice")) exchange->done(exchange->user, &list, nullptr);
}

void waited(void* user, tl_error* error) {
  auto* exchange = static_cast<Exchange*>(user);
  tl_plugin* const self = exchange->self;
  const bool gone = error != nullptr && !self->stopping && self->sins("forgets_cancelled");
  if (error) drop(self->host, error);
  if (!gone) answer(exchange);
  delete exchange;
  self->leave();
}

void refuse(tl_plugin* self, int code, std::string_view why, tl_sms_provider_send_done done, void* user) {
  done(user, nullptr, self->error(code, why));
  self->leave();
}

void send(void* object, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done, void* user) {
  auto* self = static_cast<tl_plugin*>(object);
  self->users.fetch_add(1);
  if (self->stopping) return refuse(self, TL_ERROR_CODE_UNAVAILABLE, "stopping", done, user);
  if (request->recipients.count == 0)
    return refuse(self, self->sins("undeclared_error") ? TL_ERROR_CODE_DATA_LOSS : TL_ERROR_CODE_INVALID_ARGUMENT,
                  "recipients: found none", done, user);
  if (self->sins("global_state") && g_stopped_once) return refuse(self, TL_ERROR_CODE_UNAVAILABLE, "closed", done, user);
  if (self->sins("crashes")) std::raise(SIGSEGV);
  if (self->sins("exits")) std::_Exit(7);
  if (self->sins("hangs"))
    for (volatile bool on = true; on;) {
    }
  if (self->sins("throws")) throw std::bad_alloc();
  if (self->sins("crashes_on_unknown_enum") && TL_HAS(request, encoding) && request->encoding > TL_SMS_ENCODING_UCS2)
    std::abort();
  if (self->sins("internal_on_odd_text") && request->text.size == 0)
    return refuse(self, TL_ERROR_CODE_INTERNAL, "assert", done, user);
  if (self->sins("ignores_size") && call && call->idempotency_key.size > 1000) std::abort();
  if (self->sins("leaks_calls")) g_leaked->push_back(std::calloc(1, 200));
  if (self->sins("never_answers") || self->sins("open_calls") || self->sins("answers_after_stop")) {
    const std::lock_guard lock(self->mutex);
    self->kept.emplace_back(done, user);
    return self->leave();
  }
  auto* exchange = new Exchange{self, request->recipients, done, user};
  static_cast<const tl_host_clock*>(self->clock.vtbl)->sleep(self->clock.self, call, kAnswerAfterNs, waited, exchange);
}

void capabilities(void* object, const tl_call*, tl_sms_provider_capabilities_done done, void* user) {
  auto* self = static_cast<tl_plugin*>(object);
  if (self->sins("capabilities_never")) return;
  tl_sms_capabilities out{};
  out.struct_size = sizeof out;
  out.max_recipients = self->sins("changes_capabilities") ? 100 + self->capability_calls.fetch_add(1) : 100;
  out.max_segments = 10;
  out.delivery_reports = self->sins("contradicts_itself") || self->sins("reports_strangers");
  out.countries.stride = sizeof(tl_str);
  done(user, &out, nullptr);
}

const tl_sms_provider kSms{sizeof(tl_sms_provider), 0, send, capabilities};

std::int32_t create(const tl_host* host, tl_str config, tl_plugin** out, tl_error**) {
  auto* self = new (std::nothrow) tl_plugin;
  if (!self) return kOutOfMemory;
  self->host = host;
  const std::string_view json = view(config);
  constexpr std::string_view kKey = "\"sin\":\"";
  const std::size_t at = json.find(kKey);
  if (at != std::string_view::npos)
    self->sin = json.substr(at + kKey.size(), json.find('"', at + kKey.size()) - at - kKey.size());
  self->clock = host->get_interface(host->ctx, text(TL_HOST_CLOCK_ID));
  self->events = host->get_interface(host->ctx, text(TL_SMS_EVENTS_ID));
  if (self->sins("owns_a_thread")) std::thread([] { std::atomic<int>(0).wait(0); }).detach();
  if (self->sins("leaks_instances")) g_leaked->push_back(std::calloc(1, 10'000));
  *out = self;
  return 0;
}

tl_iface get_interface(tl_plugin* self, tl_str id) {
  if (view(id) == TL_SMS_PROVIDER_ID) return {self, &kSms};
  return {nullptr, nullptr};
}

void stop(tl_plugin* self, void (*done)(void*), void* user) {
  self->stopped = done;
  self->stopped_user = user;
  self->stopping = true;
  self->leave();
}

void destroy(tl_plugin* self) {
  const tl_list none{nullptr, 0, sizeof(tl_sms_send_result)};
  if (self->sins("answers_after_stop"))
    for (const auto& [complete, call] : self->kept) complete(call, &none, nullptr);
  delete self;
}

}  // namespace

extern "C" TL_EXPORT const tl_plugin_entry trunkline_plugin_v1;
const tl_plugin_entry trunkline_plugin_v1 = {
    sizeof(tl_plugin_entry), TL_ABI_CURRENT, TL_ABI_VERSION(1, 0), 0, create, get_interface, stop, destroy};
