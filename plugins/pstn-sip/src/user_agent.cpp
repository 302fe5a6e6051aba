// How the user agent starts and stops, and what all calls have in common.
#include "user_agent.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "causes.h"
#include "sip_text.h"

namespace pstn_sip {

using trunkline::CallOptions;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::pstn::HangupCause;
using trunkline::pstn::LegChange;
using trunkline::pstn::LegState;
using trunkline::pstn::TransferOutcome;

namespace {

constexpr std::string_view kAllow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY";
constexpr unsigned kStopMs = 3000;  // that trunks have to answer when we stop

nua_hmagic_t* leg_magic(std::uint64_t number) { return reinterpret_cast<nua_hmagic_t*>(static_cast<std::uintptr_t>(number)); }

/// Looked up once: a name that moves needs a restart.
std::vector<IpAddress> resolve(const std::string& name, bool v6) {
  std::vector<IpAddress> found;
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = v6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return found;
  for (const addrinfo* one = list; one; one = one->ai_next)
    if (const auto address = IpAddress::of(one->ai_addr)) found.push_back(*address);
  freeaddrinfo(list);
  return found;
}

std::string hex_of(std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[c & 15]);
  }
  return text;
}

std::vector<Trunk> make_trunks(const Settings& settings, const trunkline::host::SecretsClient& secrets) {
  std::vector<Trunk> trunks;
  for (const TrunkSettings& one : settings.trunks) {
    Trunk& trunk = trunks.emplace_back();
    trunk.settings = one;
    if (one.username.empty()) continue;
    try {
      trunk.password = secrets.get(one.secret);
    } catch (const Error&) {
      throw Error(ErrorCode::kInvalidArgument,
                  "secrets." + one.secret + ": the trunk " + one.host + " has a username and no password",
                  "secrets." + one.secret);
    }
  }
  return trunks;
}

}  // namespace

UserAgent::UserAgent(const Settings& settings, trunkline::Host host, SipThread& thread, MediaEngine& engine)
    : settings_(settings),
      log_(host.log()),
      status_(host.status()),
      clock_(host.clock()),
      events_(host.pstn_events()),
      audio_events_(host.pstn_audio_events()),
      thread_(thread),
      engine_(engine),
      ports_(settings.address, settings.rtp_port_first, settings.rtp_port_last),
      trunks_(make_trunks(settings, host.secrets())),
      watch_(settings_, trunks_, thread, clock_, log_),
      id_prefix_("sip-" + hex_of(random_bytes(6)) + "-") {}

UserAgent::~UserAgent() = default;

void UserAgent::start() {
  if (!engine_.fast_srtp())
    log_.write(LogLevel::kWarning,
               "libsrtp2 refuses the ciphers of OpenSSL: with its own, secure sound costs several times as much");
  for (Trunk& trunk : trunks_) {
    trunk.addresses = resolve(trunk.settings.address, settings_.is_v6());
    if (trunk.addresses.empty())
      log_.write(LogLevel::kWarning, "the address of a trunk is not known",
                 Properties{{"trunk", trunk.settings.host}, {"address", trunk.settings.address}});
  }
  const std::string bind = settings_.advertise == settings_.address ? "" : ";maddr=" + uri_host(settings_.address);
  const std::string url =
      "sip:" + uri_host(settings_.advertise) + ":" + (settings_.port == 0 ? "*" : std::to_string(settings_.port)) + bind;
  const bool tls = !settings_.tls_certificate_dir.empty();
  // Phones offer a transfer where it is allowed.
  const bool refer = std::any_of(trunks_.begin(), trunks_.end(), [](const Trunk& one) { return one.settings.accepts_refer; });
  const std::string allow = std::string(kAllow) + (refer ? ", REFER" : "");
  const std::string secure = "sips:" + uri_host(settings_.advertise) + ":" + std::to_string(settings_.tls_port) + bind;
  nua_ = nua_create(
      thread_.root(), &UserAgent::on_event, reinterpret_cast<nua_magic_t*>(this), NUTAG_URL(url.c_str()),
      TAG_IF(tls, NUTAG_SIPS_URL(secure.c_str())), TAG_IF(tls, NUTAG_CERTIFICATE_DIR(settings_.tls_certificate_dir.c_str())),
      TAG_IF(tls, TPTAG_TLS_VERIFY_POLICY(TPTLS_VERIFY_OUT | TPTLS_VERIFY_SUBJECTS_OUT)), NUTAG_MEDIA_ENABLE(0), NUTAG_AUTOACK(1),
      NUTAG_AUTOALERT(0), NUTAG_AUTOANSWER(0), NUTAG_ENABLEMESSAGE(0), NUTAG_OUTBOUND("no-options-keepalive no-validate"),
      NUTAG_USER_AGENT("Trunkline"), SIPTAG_ALLOW_STR(allow.c_str()), NUTAG_APPL_METHOD("INFO, REFER"),
      TAG_IF(refer, SIPTAG_SUPPORTED_STR("timer, 100rel, replaces")),
      NUTAG_SESSION_TIMER(static_cast<unsigned>(settings_.session_seconds)), NUTAG_MIN_SE(90), NUTAG_UPDATE_REFRESH(1),
      NTATAG_MAXSIZE(65536), NTATAG_UDP_MTU(8192), TAG_END());
  if (!nua_)
    throw Error(
        ErrorCode::kUnavailable,
        "port: SIP cannot listen at " + settings_.address + ":" + std::to_string(settings_.port) +
            (tls ? " or, with the certificates in " + settings_.tls_certificate_dir + ", at " + std::to_string(settings_.tls_port)
                 : ""),
        "port");
  watch_.start(nua_);
  if (settings_.port != 0)
    listens_at(settings_.port);
  else
    nua_get_params(nua_, TAG_ANY(), TAG_END());  // tells where, soon
}

void UserAgent::listens_at(int port) {
  log_.write(LogLevel::kInfo, "trunks are heard", Properties{{"port", std::to_string(port)}});
  if (status_) status_.set("port", std::to_string(port));
}

void UserAgent::stop(std::function<void()> done) {
  if (!stopping_) {
    const MediaEngine::Counts counts = engine_.counts();
    log_.write(LogLevel::kInfo, "the sound of calls ends",
               Properties{{"frames", std::to_string(counts.frames)}, {"late", std::to_string(counts.late)}});
  }
  stopping_ = true;
  watch_.stop();
  std::vector<SipLegPtr> legs;
  for (const auto& [id, leg] : legs_) legs.push_back(leg);
  for (const SipLegPtr& leg : legs) hang_up(leg->id, kCauseTemporary);
  if (!nua_) return done();
  stopped_ = std::move(done);
  timer_ = su_timer_create(su_root_task(thread_.root()), kStopMs);
  // A trunk that does not answer holds nobody up.
  su_timer_set(
      timer_,
      [](su_root_magic_t*, su_timer_t*, su_timer_arg_t* self) {
        if (auto fn = std::exchange(reinterpret_cast<UserAgent*>(self)->stopped_, nullptr)) fn();
      },
      reinterpret_cast<su_timer_arg_t*>(this));
  nua_shutdown(nua_);
}

void UserAgent::finish() {
  // One that is still saying goodbye cannot be taken down: it stays with the process.
  if (nua_ && shut_) nua_destroy(nua_);
  nua_ = nullptr;
  // A timer that is left would keep the loop's sockets.
  if (timer_) su_timer_destroy(std::exchange(timer_, nullptr));
}

void UserAgent::on_event(nua_event_t event, int status, const char* phrase, nua_t*, nua_magic_t* magic, nua_handle_t* handle,
                         nua_hmagic_t* handle_magic, const sip_t* sip, tagi_t* tags) {
  UserAgent& self = *reinterpret_cast<UserAgent*>(magic);
  const auto number = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(handle_magic));
  if (event == nua_r_shutdown) {
    if (status < 200) return;
    self.shut_ = true;
    if (auto done = std::exchange(self.stopped_, nullptr)) done();
    return;
  }
  if (event == nua_r_get_params) {
    const sip_contact_t* here = nullptr;
    tl_gets(tags, NTATAG_CONTACT_REF(here), TAG_END());
    if (here && here->m_url->url_port) self.listens_at(std::atoi(here->m_url->url_port));
    return;
  }
  if (number == kFormerNumber) return self.former_event(handle, event);
  if (number >= TrunkWatch::kFirstNumber) return self.watch_.event(number, event, status, phrase, sip);
  const auto found = self.by_number_.find(number);
  if (found != self.by_number_.end() && found->second->handle == handle)
    return self.leg_event(SipLegPtr(found->second), event, status, phrase, sip);
  if (event == nua_i_invite && number == 0) return self.incoming(handle, sip);
  if (event == nua_i_refer && number == 0) {
    nua_respond(handle, SIP_403_FORBIDDEN, NUTAG_WITH_THIS(self.nua_), TAG_END());
    return nua_handle_destroy(handle);
  }
  // Requests outside of calls: what the stack has not answered itself is none of ours.
  if (event == nua_i_terminated ||
      (handle && number == 0 && event <= nua_i_method && event != nua_i_options && event != nua_i_state))
    nua_handle_destroy(handle);
}

void UserAgent::leg_event(const SipLegPtr& leg, nua_event_t event, int status, const char* phrase, const sip_t* sip) {
  switch (event) {
    case nua_r_invite:
      return invited(leg, status, phrase, sip);
    case nua_i_invite:
      return offered_again(leg, sip);
    case nua_i_ack:
      return acknowledged(leg, sip);
    case nua_i_info: {
      const char digit = sip ? digit_of_info(sip) : char{0};
      nua_respond(leg->handle, digit ? 200 : 415, digit ? "OK" : "Unsupported Media Type", NUTAG_WITH_THIS(nua_), TAG_END());
      const bool counts = leg->trunk->settings.dtmf == DtmfWay::kInfo || !leg->event_type;
      if (digit && counts && leg->state == SipLeg::State::kAnswered) {
        tell(leg, pressed(std::string(1, digit)));
      }
      return;
    }
    case nua_r_refer:
      return refer_answered(leg, status, phrase, sip);
    case nua_i_notify:
      return refer_notified(leg, sip);
    case nua_i_refer:
      return refer_asked(leg, sip);
    case nua_i_cancel:
      return end(leg, kCauseNormal, 487, "the caller gave up");
    case nua_i_bye: {
      std::optional<std::int32_t> cause;
      if (sip && sip->sip_reason && sip->sip_reason->re_cause && sip->sip_reason->re_protocol)
        cause = cause_of_reason(std::string(sip->sip_reason->re_protocol) + ";cause=" + sip->sip_reason->re_cause);
      // Some trunks take the request and go, without a word of what came of it.
      if (leg->referral == SipLeg::Referral::kAccepted) transferred(leg, true, 200, "the trunk took the transfer and hung up");
      return end(leg, cause.value_or(kCauseNormal), 0, "the far end hung up");
    }
    case nua_i_terminated:
      if (!leg->ended()) {
        // The session timer, or an answer that was never acknowledged.
        const bool timer = status == 408 || status == 0;
        end(leg, timer ? kCauseTimer : cause_of_status(status), status, phrase ? phrase : "");
      }
      return release(leg);
    default:
      return;
  }
}

SipLegPtr UserAgent::new_leg(std::string id, bool outbound) {
  if (stopping_) throw Error(ErrorCode::kUnavailable, "the provider is being stopped", "pstn-sip");
  if (legs_.size() >= settings_.max_calls)
    throw Error(ErrorCode::kUnavailable, "max_calls: " + std::to_string(settings_.max_calls) + " calls are under way",
                "max_calls");
  if (legs_.contains(id)) throw Error(ErrorCode::kInvalidArgument, "legId: there is a call with this id already", "legId");
  auto leg = std::make_shared<SipLeg>(id, ++last_number_, outbound);
  legs_.emplace(std::move(id), leg);
  by_number_.emplace(leg->number, leg);
  return leg;
}

SipLegPtr UserAgent::find(const std::string& leg_id) const {
  const auto found = legs_.find(leg_id);
  if (found == legs_.end()) throw Error(ErrorCode::kNotFound, "there is no call '" + leg_id.substr(0, 80) + "'", "legId");
  return found->second;
}

void UserAgent::bind(const SipLegPtr& leg, nua_handle_t* handle) {
  leg->handle = handle;
  nua_handle_bind(handle, leg_magic(leg->number));
}

std::string UserAgent::own_address(const Trunk& trunk, const std::string& number) const {
  const std::string& domain = trunk.settings.domain.empty() ? settings_.advertise : trunk.settings.domain;
  if (number.empty() || number == "anonymous") return "sip:anonymous@anonymous.invalid";
  const bool plus = number[0] == '+' && !trunk.settings.plus_sign;
  return "sip:" + number.substr(plus ? 1 : 0) + "@" + uri_host(domain);
}

void UserAgent::change_state(const SipLegPtr& leg, SipLeg::State state) {
  if (leg->ended() || leg->state == state || leg->state == SipLeg::State::kAnswered) return;
  leg->state = state;
  tell(leg, LegChange::of_state(state == SipLeg::State::kRinging ? LegState::kRinging : LegState::kAnswered));
}

/// Its timers and sockets go now, whoever still knows it.
void UserAgent::close(const SipLegPtr& leg) {
  leg->state = SipLeg::State::kEnded;
  legs_.erase(leg->id);
  leg->stop.request_stop();
  if (leg->media) engine_.remove(leg->media);
  leg->media.reset();
}

void UserAgent::end(const SipLegPtr& leg, std::int32_t q850, int status, std::string text) {
  if (leg->ended()) return;
  close(leg);
  HangupCause cause;
  cause.q850 = q850;
  if (status != 0) cause.sip_status = status;
  if (!text.empty()) cause.text = std::move(text);
  tell(leg, LegChange::of_ended(std::move(cause)));
}

void UserAgent::release(const SipLegPtr& leg) {
  if (leg->handle) {
    nua_handle_bind(leg->handle, nullptr);
    nua_handle_destroy(std::exchange(leg->handle, nullptr));
  }
  by_number_.erase(leg->number);
}

void UserAgent::tell(const SipLegPtr& leg, LegNews news) {
  leg->news.push_back(std::move(news));
  if (std::exchange(leg->telling, true)) return;
  tell_next(leg);
}

void UserAgent::tell_next(const SipLegPtr& leg) {
  if (leg->news.empty()) {
    leg->telling = false;
    return;
  }
  LegNews news = std::move(leg->news.front());
  leg->news.pop_front();
  const auto told = [this, leg](Result<void> result) {
    // What the host says of it comes on any thread, perhaps right here.
    thread_.post([this, leg, result = std::move(result)] {
      if (!result.ok())
        log_.write(LogLevel::kWarning, "the host did not take news of a call",
                   Properties{{"leg_id", leg->id}, {"error", result.error().message}});
      tell_next(leg);
    });
  };
  if (LegChange* change = std::get_if<LegChange>(&news))
    events_.start_changed(leg->id, std::move(*change), CallOptions{}, told);
  else
    events_.start_transferred(leg->id, std::get<TransferOutcome>(std::move(news)), CallOptions{}, told);
}

void UserAgent::after(const SipLegPtr& leg, Duration delay, std::function<void()> fn) {
  CallOptions options;
  options.stop = leg->stop.get_token();
  clock_.start_sleep(delay, std::move(options), [this, leg, fn = std::move(fn)](Result<void> slept) {
    if (!slept.ok()) return;
    thread_.post([leg, fn] {
      if (!leg->ended()) fn();
    });
  });
}

}  // namespace pstn_sip
