// What pages ask.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "sessions.h"

namespace pstn_webrtc {

using nlohmann::json;
using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::HttpResponse;
using trunkline::host::LogLevel;

namespace {

/// Between two requests of a page that waits for calls it is still there.
constexpr Duration kGrace = std::chrono::seconds{10};
constexpr std::size_t kMaxRinging = 16;  // calls at one user's pages
constexpr const char* kSdpType = "application/sdp";

HttpResponse response_of(int status, Properties headers = {}, std::string_view body = {}) {
  HttpResponse response;
  response.status = status;
  response.headers = std::move(headers);
  if (!body.empty()) response.body = trunkline::Bytes(body.begin(), body.end());
  return response;
}

HttpResponse json_of(const json& body) {
  // Ids and names come from elsewhere: what is no UTF-8 is replaced.
  return response_of(200, {{"content-type", "application/json"}, {"cache-control", "no-store"}},
                     body.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// A description that we cannot do anything with is not acceptable, one that is wrong is a bad request.
SdpAudio read_offer(std::string_view body) {
  try {
    return parse_webrtc_sdp(body);
  } catch (const Error& error) {
    if (error.code != ErrorCode::kFailedPrecondition) throw;
    throw Error(error).with_http_status(406).with_service_code("NotAcceptable");
  }
}

const char* word_of(Session::State state) {
  switch (state) {
    case Session::State::kRinging:
      return "ringing";
    case Session::State::kConnecting:
      return "connecting";
    case Session::State::kAnswered:
      return "answered";
    case Session::State::kEnded:
      return "ended";
  }
  return "ended";
}

HttpResponse render_state(const Session& session) {
  json body{{"state", word_of(session.state)}};
  if (session.cause) {
    body["cause"] = session.cause->q850;
    if (session.cause->text) body["text"] = *session.cause->text;
  }
  return json_of(body);
}

}  // namespace

void Sessions::ask(Ask ask, std::uint64_t ticket, bool cancelled, Answer answer) {
  switch (ask.what) {
    case Ask::What::kJoin:
      return join(std::move(ask), std::move(answer));
    case Ask::What::kListen:
      return join(std::move(ask), std::move(answer));
    case Ask::What::kPress:
      press(of_page(ask), ask.digits);
      return answer(response_of(204));
    case Ask::What::kAccept:
      return accept(ask, answer);
    case Ask::What::kChange:
      return answer(
          response_of(200, {{"content-type", kSdpType}, {"cache-control", "no-store"}}, change(of_page(ask), ask.body)));
    case Ask::What::kServers:
      return answer(render_servers(ask));
    case Ask::What::kState:
      return wait_state(ask, ticket, cancelled, std::move(answer));
    case Ask::What::kCalls:
      return wait_calls(ask, ticket, cancelled, std::move(answer));
    case Ask::What::kTrickle: {
      const SessionPtr session = of_page(ask);
      check_trickle(ask, session->theirs.user, session->entity_tag());
      return answer(response_of(204));
    }
    case Ask::What::kLeave: {
      const SessionPtr session = of_page(ask);
      const bool gives_up = session->state == Session::State::kRinging;
      end(session, kCauseNormal, gives_up ? "the caller gave up" : "the page left");
      return answer(response_of(200));
    }
    case Ask::What::kDecline: {
      const SessionPtr session = of_page(ask);
      if (!session->outbound || session->state != Session::State::kRinging)
        throw Error(ErrorCode::kAlreadyExists, "the call rings no more", "id");
      end(session, kCauseRejected, "the user declined");
      return answer(response_of(200));
    }
  }
}

/// One that has not ended, of this user.
SessionPtr Sessions::of_page(const Ask& ask) const {
  const auto found = sessions_.find(ask.id);
  // Whether there is one of somebody else is nobody's business.
  if (found == sessions_.end() || found->second->ended() || found->second->caller.key() != ask.caller.key())
    throw Error(ErrorCode::kNotFound, "there is no call '" + ask.id.substr(0, 80) + "' of this user", "id");
  return found->second;
}

void Sessions::join(Ask ask, Answer answer) {
  const SdpAudio offer = read_offer(ask.body);
  const SessionPtr session = new_session("web-" + random_text(16), false, ask.caller);
  session->listens = ask.what == Ask::What::kListen;
  std::string sdp;
  try {
    sdp = open_media(session, offer);
  } catch (const Error& error) {
    forget(session);
    if (error.code != ErrorCode::kFailedPrecondition) throw;
    throw Error(error).with_http_status(406).with_service_code("NotAcceptable");
  }
  session->telling = true;  // the host hears of the call first, then of what became of it
  CallOptions options;
  options.resource = ask.caller.resource;
  Properties facts;
  if (session->listens) facts.emplace("listens", "true");
  events_.start_incoming(session->id, ask.caller.user, ask.to, std::move(facts), std::move(options),
                         [this, session, base = ask.base, sdp, answer = std::move(answer)](Result<void> taken) {
                           thread_.post([this, session, base, sdp, answer, taken = std::move(taken)] {
                             offered(session, taken, base, sdp, answer);
                           });
                         });
}

void Sessions::offered(const SessionPtr& session, const Result<void>& taken, const std::string& base, const std::string& sdp,
                       const Answer& answer) {
  if (!taken.ok()) {
    log_.write(LogLevel::kInfo, "the host did not take a call",
               Properties{{"leg_id", session->id}, {"reason", taken.error().message}});
    forget(session);
    return answer(taken.error());
  }
  tell_next(session);
  answer(created(*session, base, sdp));
}

HttpResponse Sessions::created(const Session& session, const std::string& base, const std::string& sdp) const {
  Properties headers{{"content-type", kSdpType},
                     {"location", base + "/sessions/" + session.id},
                     {"etag", session.entity_tag()},
                     {"cache-control", "no-store"}};
  const Duration lasts = std::chrono::seconds{settings_.ice_seconds};
  if (!relays_.empty()) headers["link"] = relay_links(relays_for(session.caller.user, clock_.now() + lasts));
  return response_of(201, std::move(headers), sdp);
}

std::vector<RelayAccess> Sessions::relays_for(const std::string& user, trunkline::Time until) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
  std::vector<RelayAccess> all;
  for (const RelayServer& server : relays_) all.push_back(relay_access(server, user, seconds));
  return all;
}

/// What `new RTCPeerConnection` takes, and when it ends.
HttpResponse Sessions::render_servers(const Ask& ask) const {
  const int seconds = ask.seconds > 0 ? std::min(ask.seconds, settings_.ice_seconds) : settings_.ice_seconds;
  const trunkline::Time until = clock_.now() + std::chrono::seconds{seconds};
  json servers = json::array();
  for (const RelayAccess& one : relays_for(ask.caller.user, until)) {
    json server{{"urls", one.urls}};
    if (!one.username.empty()) {
      server["username"] = one.username;
      server["credential"] = one.credential;
    }
    servers.push_back(std::move(server));
  }
  const auto expires = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
  return json_of({{"iceServers", std::move(servers)}, {"expires", expires}});
}

/// What a page presses that has other means than telephone events.
void Sessions::press(const SessionPtr& session, const std::string& digits) {
  if (session->state != Session::State::kAnswered)
    throw Error(ErrorCode::kFailedPrecondition, "the call is not answered", "id").with_http_status(409);
  if (session->listens)
    throw Error(ErrorCode::kFailedPrecondition, "a page that listens presses no keys", "id").with_http_status(409);
  tell(session, pressed(digits));
}

void Sessions::accept(const Ask& ask, const Answer& answer) {
  const SessionPtr session = of_page(ask);
  if (!session->outbound || session->state != Session::State::kRinging)
    throw Error(ErrorCode::kAlreadyExists, "the call rings no more", "id");
  std::string sdp;
  try {
    sdp = open_media(session, read_offer(ask.body));
  } catch (const Error& error) {
    // It goes on ringing: another page, or the same one with another description, may do better.
    if (error.code != ErrorCode::kFailedPrecondition || error.http_status != 0) throw;
    throw Error(error).with_http_status(406).with_service_code("NotAcceptable");
  }
  session->state = Session::State::kConnecting;
  rings(session, false);
  waiting_.changed(session->id);
  answer(created(*session, ask.base, sdp));
}

std::string Sessions::change(const SessionPtr& session, const std::string& body) {
  const SdpAudio offer = read_offer(body);
  try {
    return change_media(session, offer);
  } catch (const Error& error) {
    // It goes on as it was.
    if (error.code != ErrorCode::kFailedPrecondition) throw;
    throw Error(error).with_http_status(session->media ? 406 : 409).with_service_code("NotAcceptable");
  }
}

void Sessions::wait(std::uint64_t ticket, bool cancelled, std::string topic, Waiting::Render render, Answer answer) {
  if (cancelled || stopping_) return answer(render());
  if (waiting_.size() >= settings_.max_waiting)
    throw Error(ErrorCode::kUnavailable, "max_waiting: " + std::to_string(settings_.max_waiting) + " requests wait",
                "max_waiting");
  waiting_.add(ticket, std::move(topic), std::move(render), std::move(answer));
  later(std::chrono::seconds{settings_.wait_seconds}, {}, [this, ticket] { waiting_.expire(ticket); });
}

void Sessions::wait_state(const Ask& ask, std::uint64_t ticket, bool cancelled, Answer answer) {
  const auto found = sessions_.find(ask.id);
  if (found == sessions_.end() || found->second->caller.key() != ask.caller.key())
    throw Error(ErrorCode::kNotFound, "there is no call '" + ask.id.substr(0, 80) + "' of this user", "id");
  const SessionPtr session = found->second;
  if (ask.after != word_of(session->state)) return answer(render_state(*session));
  wait(
      ticket, cancelled, session->id, [session] { return render_state(*session); }, std::move(answer));
}

void Sessions::wait_calls(const Ask& ask, std::uint64_t ticket, bool cancelled, Answer answer) {
  const std::string key = ask.caller.key();
  const Pages& pages = pages_of(key);
  if (ask.after != std::to_string(pages.revision)) return answer(render_calls(key));
  wait(
      ticket, cancelled, key, [this, key] { return render_calls(key); }, std::move(answer));
}

HttpResponse Sessions::render_calls(const std::string& key) {
  const Pages& pages = pages_of(key);
  json body{{"revision", std::to_string(pages.revision)}, {"calls", json::array()}};
  for (const SessionPtr& session : pages.calls) {
    json call{{"id", session->id}, {"from", session->from}};
    if (!session->from_name.empty()) call["displayName"] = session->from_name;
    body["calls"].push_back(std::move(call));
  }
  return json_of(body);
}

/// Its user was heard of just now. Those that went away are forgotten, now and then.
Sessions::Pages& Sessions::pages_of(const std::string& key) {
  Pages& pages = pages_[key];
  pages.last_seen = clock_.now();
  if (pages_.size() >= purge_at_) {
    std::erase_if(pages_, [&](const auto& one) { return one.first != key && one.second.calls.empty() && !is_there(one.first); });
    purge_at_ = std::max<std::size_t>(64, pages_.size() * 2);
  }
  return pages_.at(key);
}

bool Sessions::is_there(const std::string& key) const {
  if (waiting_.anybody(key)) return true;
  const auto found = pages_.find(key);
  return found != pages_.end() && clock_.now() - found->second.last_seen < kGrace;
}

void Sessions::rings(const SessionPtr& session, bool on) {
  if (!session->outbound) return;
  const std::string key = session->caller.key();
  Pages& pages = pages_[key];
  if (on) {
    if (pages.calls.size() >= kMaxRinging)
      throw Error(ErrorCode::kUnavailable, "as many calls ring at the user's pages as may: " + std::to_string(kMaxRinging), "to");
    pages.calls.push_back(session);
  } else if (std::erase(pages.calls, session) == 0) {
    return;
  }
  ++pages.revision;
  waiting_.changed(key);
}

}  // namespace pstn_webrtc
