#include "trunk_watch.h"

#include "sip_text.h"

namespace pstn_sip {

using trunkline::Duration;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::pstn::LadderStep;
using trunkline::pstn::TrunkProbe;

namespace {

constexpr Duration kAgain = std::chrono::seconds{30};    // after a registration that failed
constexpr Duration kPatience = std::chrono::seconds{4};  // with an answer to OPTIONS

nua_hmagic_t* magic_of(std::uint64_t number) { return reinterpret_cast<nua_hmagic_t*>(static_cast<std::uintptr_t>(number)); }

}  // namespace

std::string TrunkWatch::own_uri(const Trunk& trunk) const {
  const std::string& domain = trunk.settings.domain.empty() ? settings_.advertise : trunk.settings.domain;
  return "sip:" + (trunk.settings.username.empty() ? "trunkline" : trunk.settings.username) + "@" + uri_host(domain);
}

void TrunkWatch::start(nua_t* nua) {
  nua_ = nua;
  for (Trunk& trunk : trunks_)
    if (trunk.settings.registers) {
      trunk.registered = false;
      register_at(trunk);
    }
  if (settings_.options_seconds > 0) ask_all();
}

void TrunkWatch::stop() {
  stop_.request_stop();
  for (auto& [number, asking] : asking_) {
    nua_handle_bind(asking.handle, nullptr);
    // A registration is taken back by the stack itself when it shuts down.
    if (asking.use != Use::kRegister) nua_handle_destroy(asking.handle);
    if (asking.done) {
      asking.report.problem = "the provider is being stopped";
      asking.done(std::move(asking.report));
    }
  }
  asking_.clear();
}

void TrunkWatch::after(Duration delay, std::function<void()> fn) {
  trunkline::CallOptions options;
  options.stop = stop_.get_token();
  clock_.start_sleep(delay, std::move(options),
                     [&thread = thread_, stop = stop_.get_token(), fn = std::move(fn)](Result<void> slept) {
                       if (!slept.ok()) return;
                       thread.post([stop, fn] {
                         if (!stop.stop_requested()) fn();
                       });
                     });
}

TrunkWatch::Asking& TrunkWatch::ask(Use use, Trunk& trunk) {
  const std::uint64_t number = ++last_number_;
  Asking& asking = asking_[number];
  asking.use = use;
  asking.trunk = &trunk;
  asking.began = clock_.now();
  const std::string own = own_uri(trunk), to = use == Use::kRegister ? own : trunk.uri();
  asking.handle = nua_handle(nua_, magic_of(number), SIPTAG_TO_STR(to.c_str()), SIPTAG_FROM_STR(own.c_str()), TAG_END());
  return asking;
}

void TrunkWatch::drop(std::uint64_t number) {
  const auto found = asking_.find(number);
  if (found == asking_.end()) return;
  nua_handle_bind(found->second.handle, nullptr);
  nua_handle_destroy(found->second.handle);
  asking_.erase(found);
}

void TrunkWatch::register_at(Trunk& trunk) {
  Asking& asking = ask(Use::kRegister, trunk);
  const std::string seconds = std::to_string(trunk.settings.register_seconds), registrar = trunk.uri(), hop = trunk.next_hop();
  // The stack refreshes it in time.
  nua_register(asking.handle, NUTAG_REGISTRAR(registrar.c_str()), NUTAG_PROXY(hop.c_str()),
               NUTAG_M_USERNAME(trunk.settings.username.c_str()), SIPTAG_EXPIRES_STR(seconds.c_str()), TAG_END());
}

void TrunkWatch::ask_all() {
  for (Trunk& trunk : trunks_) send_options(ask(Use::kOptions, trunk));
  after(std::chrono::seconds{settings_.options_seconds}, [this] { ask_all(); });
}

void TrunkWatch::send_options(Asking& asking) {
  const std::string uri = asking.trunk->uri(), hop = asking.trunk->next_hop();
  nua_options(asking.handle, NUTAG_URL(uri.c_str()), NUTAG_PROXY(hop.c_str()), TAG_END());
  // The stack itself waits for half a minute.
  after(kPatience, [this, number = last_number_] {
    if (asking_.contains(number)) answered(number, SIP_408_REQUEST_TIMEOUT);
  });
}

void TrunkWatch::probe(const Trunk& trunk, Probed done) {
  Trunk& own = trunks_[static_cast<std::size_t>(&trunk - trunks_.data())];
  Asking& asking = ask(Use::kProbe, own);
  asking.done = std::move(done);
  asking.report.peer = trunk.peer();
  step(asking, true, "OPTIONS " + trunk.uri());
  send_options(asking);
}

void TrunkWatch::step(Asking& asking, bool sent, std::string message) {
  LadderStep line;
  line.sent = sent;
  line.message = std::move(message);
  line.after = clock_.now() - asking.began;
  asking.report.ladder.push_back(std::move(line));
}

bool TrunkWatch::authenticate(Asking& asking, int status, const sip_t* sip) {
  if ((status != 401 && status != 407) || !sip || asking.challenged || asking.trunk->settings.username.empty()) return false;
  const std::string digest = digest_of(sip, asking.trunk->settings.username, asking.trunk->password);
  if (digest.empty()) return false;
  asking.challenged = true;
  step(asking, true, "the same with the credentials of " + asking.trunk->settings.username);
  nua_authenticate(asking.handle, NUTAG_AUTH(digest.c_str()), TAG_END());
  return true;
}

void TrunkWatch::event(std::uint64_t number, nua_event_t event, int status, const char* phrase, const sip_t* sip) {
  const auto found = asking_.find(number);
  if (found == asking_.end()) return;
  Asking& asking = found->second;
  if (event != nua_r_register && event != nua_r_options) return;
  if (status < 200) return;
  step(asking, false, std::to_string(status) + " " + (phrase ? phrase : ""));
  if (authenticate(asking, status, sip)) return;
  if (asking.use == Use::kRegister) return registered(asking, status, phrase);
  answered(number, status, phrase);
}

void TrunkWatch::registered(Asking& asking, int status, const char* phrase) {
  Trunk& trunk = *asking.trunk;
  const bool fine = status < 300;
  const std::string why = std::to_string(status) + " " + (phrase ? phrase : "");
  asking.challenged = false;  // a refresh may be challenged again
  asking.report.ladder.clear();
  if (trunk.registered != fine || (!fine && trunk.problem != why)) {
    if (fine)
      log_.write(LogLevel::kInfo, "registered at a trunk", Properties{{"trunk", trunk.settings.host}});
    else
      log_.write(
          LogLevel::kWarning,
          status == 401 || status == 407 || status == 403 ? "a trunk refused our credentials" : "a trunk did not register us",
          Properties{{"trunk", trunk.settings.host}, {"username", trunk.settings.username}, {"answer", why}});
  }
  trunk.registered = fine;
  trunk.problem = fine ? "" : why;
  if (fine) return;
  for (const auto& [number, one] : asking_)
    if (&one == &asking) {
      drop(number);
      break;
    }
  after(kAgain, [this, &trunk] { register_at(trunk); });
}

void TrunkWatch::answered(std::uint64_t number, int status, const char* phrase) {
  Asking& asking = asking_.at(number);
  Trunk& trunk = *asking.trunk;
  // Whoever answers is there, be it with 404 or 405; 408 and 503 are the stack's own words for nobody and for no connection.
  const bool there = status < 500 && status != 408;
  const std::string why = std::to_string(status) + " " + (phrase ? phrase : "");
  if (trunk.up != there)
    log_.write(there ? LogLevel::kInfo : LogLevel::kWarning, there ? "a trunk is back" : "a trunk does not answer",
               Properties{{"trunk", trunk.settings.host}, {"peer", trunk.peer()}, {"answer", why}});
  trunk.up = there;
  if (asking.use == Use::kProbe) {
    TrunkProbe report = std::move(asking.report);
    const bool refused = status == 401 || status == 407 || status == 403;
    report.ok = there && !refused && trunk.registered.value_or(true);
    if (!there)
      report.problem = status == 408 ? "nobody answered at " + trunk.peer() : "no answer from " + trunk.peer() + ": " + why;
    else if (refused && asking.challenged)
      report.problem = "it refused the credentials of " + trunk.settings.username;
    else if (refused)
      report.problem =
          trunk.settings.username.empty() ? "it wants credentials, and no username is configured" : "it refused us: " + why;
    else if (trunk.registered == false)
      report.problem = "we are not registered there" + (trunk.problem.empty() ? "" : ": " + trunk.problem);
    const Probed done = std::move(asking.done);
    drop(number);
    done(std::move(report));
    return;
  }
  drop(number);
}

}  // namespace pstn_sip
