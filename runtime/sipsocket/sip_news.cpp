// What the provider tells: how the calls of a page stand, and which ones ring there.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "runtime/diagnostics/log.h"
#include "runtime/sipsocket/sip_page.h"
#include "runtime/sipsocket/sip_words.h"

namespace trunkline::sipsocket {
namespace {

struct News {
  std::string state;
  int cause = 0;
  std::string text;
};

/// nullopt: the provider knows nothing of the call, or nobody knows what it says.
std::optional<News> news_of(const PageAnswer& answer) {
  if (answer.status != 200) return std::nullopt;
  try {
    const auto body = nlohmann::json::parse(answer.body);
    return News{body.at("state").get<std::string>(), body.value("cause", 16), body.value("text", "")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

bool SipPage::stands(const DialogPtr& dialog, const std::string& state, int cause, const std::string& text) {
  const Held held(*this);
  if (dialog->state == Dialog::State::kOver) return false;
  if (state == "ringing") {
    if (!dialog->to_page && dialog->state == Dialog::State::kTrying) {
      dialog->state = Dialog::State::kRinging;
      send(response_to(dialog->invite, 180, dialog));
    }
    return true;
  }
  if (state != "ended") {
    if (!dialog->to_page && dialog->state != Dialog::State::kUp) {
      SipMessage answer = response_to(dialog->invite, 200, dialog);
      answer.add("content-type", "application/sdp");
      answer.body = dialog->sdp;
      send(answer);
    }
    dialog->state = Dialog::State::kUp;
    return true;
  }
  const std::string reason =
      "Q.850;cause=" + std::to_string(cause) + (text.empty() ? "" : ";text=\"" + between_quotes(text) + "\"");
  SipMessage last;
  if (dialog->state == Dialog::State::kUp || dialog->to_page)
    last = request_of(*dialog, "BYE");
  else
    last = response_to(dialog->invite, status_of_cause(cause), dialog);
  last.add("reason", reason);
  send(last);
  dialog->state = Dialog::State::kOver;
  dialogs_.erase(dialog->call_id);
  return false;
}

/// Waits for news of a call, until it is over.
Task<void> SipPage::follow(std::shared_ptr<SipPage> self, DialogPtr dialog) {
  constexpr int kCauseTemporary = 41;
  std::string state;
  const std::stop_token stop = dialog->stop.get_token();
  while (!stop.stop_requested()) {
    std::string method = "GET", path = dialog->session + "/state?after=" + state, nothing;
    const PageAnswer answer = co_await self->door_->ask(std::move(method), std::move(path), std::move(nothing), stop);
    if (stop.stop_requested()) co_return;
    if (answer.status == 503) continue;  // too many waiting is no reason to end it
    const std::optional<News> news = news_of(answer);
    if (!news) {
      self->stands(dialog, "ended", kCauseTemporary, "");
      co_await leave(self, "DELETE", dialog->session);  // should there be something left of it
      co_return;
    }
    state = news->state;
    if (!self->stands(dialog, state, news->cause, news->text)) co_return;
  }
}

/// Waits for calls that ring.
Task<void> SipPage::watch(std::shared_ptr<SipPage> self, std::stop_token stop) {
  std::optional<std::string> why;
  try {
    std::string revision;
    while (!stop.stop_requested()) {
      std::string method = "GET", path = "/calls?after=" + revision, nothing;
      const PageAnswer answer = co_await self->door_->ask(std::move(method), std::move(path), std::move(nothing), stop);
      if (stop.stop_requested()) co_return;
      if (answer.status == 503) continue;  // too many wait; the door has waited a moment
      if (answer.status != 200)
        throw Error(ErrorCode::kUnavailable, "the provider answered " + std::to_string(answer.status) + " to a page that waits");
      std::string now = nlohmann::json::parse(answer.body).at("revision").get<std::string>();
      if (now == revision) continue;
      revision = std::move(now);
      self->ringing(answer.body);
    }
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (why) self->rings_no_more(stop, *why);
}

void SipPage::ringing(const std::string& text) {
  const auto body = nlohmann::json::parse(text);
  std::set<std::string> now;
  std::vector<std::array<std::string, 3>> fresh;
  const Held held(*this);
  if (closed_ || contact_.empty()) return;
  for (const auto& call : body.at("calls")) {
    const std::string id = call.value("id", "");
    now.insert(id);
    const bool known = std::any_of(dialogs_.begin(), dialogs_.end(), [&](const auto& one) { return one.second->ringing == id; });
    if (!known && dialogs_.size() < kMaxCalls) invite(id, call.value("from", ""), call.value("displayName", ""));
  }
  std::vector<DialogPtr> gone;
  for (const auto& [call_id, dialog] : dialogs_)
    if (dialog->rings() && !now.contains(dialog->ringing)) gone.push_back(dialog);
  for (const DialogPtr& dialog : gone) withdraw(dialog);
}

void SipPage::start_watching(bool on) {
  std::optional<std::stop_source> ended;
  std::stop_token begun;
  {
    const Held held(*this);
    if (on == watching_.has_value() || (on && closed_)) return;
    if (on)
      begun = watching_.emplace().get_token();
    else
      ended = stop_watching();
  }
  if (ended) ended->request_stop();
  if (on) start(watch(shared_from_this(), begun), "waiting for calls");
}

std::optional<std::stop_source> SipPage::stop_watching() {
  for (const auto& [id, dialog] : dialogs_)
    if (dialog->rings()) withdraw(dialog);
  return std::exchange(watching_, std::nullopt);
}

void SipPage::rings_no_more(const std::stop_token& watch, const std::string& why) {
  log_.warning("sip", "calls ring no more at a page", {{"user", user_}, {"reason", why}});
  bool idle = false;
  {
    const Held held(*this);
    if (!watching_ || watching_->get_token() != watch) return;  // taken back meanwhile
    contact_.clear();
    idle = std::all_of(dialogs_.begin(), dialogs_.end(), [](const auto& one) { return one.second->rings(); });
    stop_watching();
  }
  // It takes itself for registered: a page that opens its socket anew registers anew. One that talks does when it registers next.
  if (idle) socket_->close(net::close_code::kTryAgainLater, "no calls can ring here");
}

}  // namespace trunkline::sipsocket
