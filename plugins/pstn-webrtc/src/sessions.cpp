// What all sessions have in common: how they begin, and end.
#include "sessions.h"

#include <openssl/rand.h>

#include <algorithm>

namespace pstn_webrtc {

using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::pstn::HangupCause;
using trunkline::pstn::LegChange;
using trunkline::pstn::LegState;

namespace {

constexpr Duration kKeptEnded = std::chrono::seconds{60};  // so that pages can ask why it has ended

std::vector<RelayServer> with_secrets(std::vector<RelayServer> servers, const trunkline::host::SecretsClient& secrets) {
  for (RelayServer& server : servers) {
    if (server.secret.empty()) continue;
    const std::string target = "secrets." + server.secret;
    try {
      server.secret = secrets.get(server.secret);
    } catch (const Error&) {
      throw Error(ErrorCode::kInvalidArgument, target + ": " + server.urls.front() + " relays, and has no secret", target);
    }
    if (server.secret.empty()) throw Error(ErrorCode::kInvalidArgument, target + ": found nothing", target);
  }
  return servers;
}

std::unique_ptr<TcpGate> gate_of(const Settings& settings) {
  if (settings.ice_tcp_port == 0) return nullptr;
  std::vector<std::string> addresses{settings.address};
  if (!settings.second_address.empty()) addresses.push_back(settings.second_address);
  constexpr std::size_t kOfOnePage = 2;  // while it changes from one to the next
  return std::make_unique<TcpGate>(addresses, settings.ice_tcp_port, kOfOnePage * settings.max_sessions);
}

}  // namespace

std::string random_text(std::size_t bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    throw Error(ErrorCode::kInternal, "there are no random numbers", "pstn-webrtc");
  std::string text;
  for (const unsigned char byte : random) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Sessions::Sessions(const Settings& settings, trunkline::Host host, ControlThread& thread, MediaEngine& engine)
    : settings_(settings),
      log_(host.log()),
      clock_(host.clock()),
      events_(host.pstn_events()),
      audio_events_(host.pstn_audio_events()),
      thread_(thread),
      engine_(engine),
      ports_(settings.address, settings.rtp_port_first, settings.rtp_port_last),
      gate_(gate_of(settings)),
      relays_(with_secrets(settings.ice_servers, host.secrets())) {
  if (!engine_.fast_srtp())
    log_.write(LogLevel::kWarning,
               "libsrtp2 refuses the ciphers of OpenSSL: with its own, secure sound costs several times as much");
  if (gate_ && gate_->had_to_wait())
    log_.write(LogLevel::kWarning, "somebody else listens at the port for ICE over TCP: it is tried again until they have gone",
               Properties{{"port", std::to_string(settings_.ice_tcp_port)}});
}

Sessions::~Sessions() = default;

void Sessions::stop() {
  stopping_ = true;
  std::vector<SessionPtr> all;
  for (const auto& [id, session] : sessions_) all.push_back(session);
  for (const SessionPtr& session : all) end(session, kCauseTemporary, "the provider is being stopped");
  waiting_.expire_all();
}

SessionPtr Sessions::new_session(std::string id, bool outbound, Caller caller) {
  if (stopping_) throw Error(ErrorCode::kUnavailable, "the provider is being stopped", "pstn-webrtc");
  if (live_ >= settings_.max_sessions)
    throw Error(ErrorCode::kUnavailable, "max_sessions: " + std::to_string(settings_.max_sessions) + " pages are in calls",
                "max_sessions");
  if (sessions_.contains(id)) throw Error(ErrorCode::kInvalidArgument, "legId: there is a call with this id already", "legId");
  auto session = std::make_shared<Session>(id, ++last_number_, outbound, std::move(caller));
  sessions_.emplace(std::move(id), session);
  ++live_;
  return session;
}

SessionPtr Sessions::find(const std::string& leg_id) const {
  const auto found = sessions_.find(leg_id);
  if (found == sessions_.end() || found->second->ended())
    throw Error(ErrorCode::kNotFound, "there is no call '" + leg_id.substr(0, 80) + "'", "legId");
  return found->second;
}

SessionPtr Sessions::find_media(const std::string& leg_id) const {
  SessionPtr session = find(leg_id);
  if (!session->media)
    throw Error(ErrorCode::kNotFound, "the call '" + leg_id.substr(0, 80) + "' rings, and has no sound yet", "legId");
  return session;
}

void Sessions::answered(const SessionPtr& session) {
  session->state = Session::State::kAnswered;
  engine_.change(session->media, [](MediaLeg& media) { media.answered = true; });
  tell(session, LegChange::of_state(LegState::kAnswered));
  waiting_.changed(session->id);
}

void Sessions::close(Session& session) {
  session.state = Session::State::kEnded;
  --live_;
  session.stop.request_stop();
  by_number_.erase(session.number);
  if (session.dtls) session.dtls->close();
  session.dtls.reset();
  if (gate_ && session.media) gate_->forget(session.transport.user);
  if (session.media) engine_.remove(session.media);
  session.media.reset();
}

void Sessions::end(const SessionPtr& session, std::int32_t q850, std::string text) {
  if (session->ended()) return;
  rings(session, false);
  close(*session);
  HangupCause cause;
  cause.q850 = q850;
  if (!text.empty()) cause.text = std::move(text);
  session->cause = cause;
  tell(session, LegChange::of_ended(std::move(cause)));
  waiting_.changed(session->id);
  later(kKeptEnded, {}, [this, session] { sessions_.erase(session->id); });
}

void Sessions::forget(const SessionPtr& session) {
  session->news.clear();
  if (!session->ended()) close(*session);
  sessions_.erase(session->id);
  waiting_.changed(session->id);
}

void Sessions::tell(const SessionPtr& session, LegChange change) {
  session->news.push_back(std::move(change));
  if (std::exchange(session->telling, true)) return;
  tell_next(session);
}

void Sessions::tell_next(const SessionPtr& session) {
  if (session->news.empty()) {
    session->telling = false;
    return;
  }
  LegChange change = std::move(session->news.front());
  session->news.pop_front();
  events_.start_changed(session->id, std::move(change), CallOptions{}, [this, session](Result<void> told) {
    // What the host says of it comes on any thread, perhaps right here.
    thread_.post([this, session, told = std::move(told)] {
      if (!told.ok())
        log_.write(LogLevel::kWarning, "the host did not take news of a call",
                   Properties{{"leg_id", session->id}, {"error", told.error().message}});
      tell_next(session);
    });
  });
}

void Sessions::later(Duration delay, std::stop_token stop, std::function<void()> fn) {
  CallOptions options;
  options.stop = std::move(stop);
  clock_.start_sleep(delay, std::move(options), [this, fn = std::move(fn)](Result<void> slept) {
    if (slept.ok()) thread_.post(fn);
  });
}

void Sessions::after(const SessionPtr& session, Duration delay, std::function<void()> fn) {
  later(delay, session->stop.get_token(), [session, fn = std::move(fn)] {
    if (!session->ended()) fn();
  });
}

void Sessions::take_news() {
  NewsRing& ring = engine_.news();
  while (const MediaNews* news = ring.begin_take()) {
    const auto found = by_number_.find(news->leg);
    const SessionPtr session = found == by_number_.end() ? nullptr : found->second;
    if (session && news->kind == MediaNews::Kind::kHandshake) {
      shake_hands(session);
    } else if (session && news->kind == MediaNews::Kind::kConsentLost) {
      end(session, kCauseTemporary,
          "the page has not been heard of for " + std::to_string(settings_.consent_seconds) + " seconds");
    } else if (session && session->state == Session::State::kAnswered) {
      if (news->kind == MediaNews::Kind::kHeard)
        tell_heard(audio_events_, session->id, *news);
      else if (news->kind == MediaNews::Kind::kDigit)
        tell(session, pressed(std::string(1, news->digit)));
    }
    ring.end_take();
  }
}

}  // namespace pstn_webrtc
