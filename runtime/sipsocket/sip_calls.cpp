// Calls of pages that speak SIP: those that they make, and those that ring there.
#include <nlohmann/json.hpp>

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/diagnostics/log.h"
#include "runtime/sipsocket/sip_page.h"
#include "runtime/sipsocket/sip_words.h"

namespace trunkline::sipsocket {

void SipPage::on_invite(const SipMessage& request) {
  const std::string where = where_of(user_of(request.uri));
  if (where.empty()) return refuse(request, 404, "wanted a number, a user, room:<id> or group:<id> before the @");
  if (request.body.empty()) return refuse(request, 488, "wanted a session description");
  if (!iequals(std::string_view(request.get("content-type")).substr(0, 15), "application/sdp")) return refuse(request, 415);
  const auto dialog = std::make_shared<Dialog>();
  dialog->call_id = request.get("call-id");
  dialog->ours = std::string(request.get("to")) + ";tag=" + ids_.uuid4().str();
  dialog->theirs = request.get("from");
  dialog->target = uri_of(request.get("contact"));
  dialog->invite = request;
  if (dialog->target.empty()) return refuse(request, 400, "Contact is missing");
  int refused = 0;
  {
    const std::lock_guard lock(mutex_);
    if (token_over_)
      refused = 401;
    else if (closed_ || dialogs_.size() >= kMaxCalls || asks_ >= kMaxAsks)
      refused = 503;
    else
      dialogs_.emplace(dialog->call_id, dialog);
  }
  if (refused != 0) return refuse(request, refused);
  send(response_to(request, 100));
  start(place(shared_from_this(), dialog, where), "a call");
}

/// A hold, or its end, in an INVITE or UPDATE within the call. What the provider makes of it is the answer.
void SipPage::on_another_offer(const DialogPtr& dialog, const SipMessage& request) {
  int refused = 0;
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    if (dialog->state != Dialog::State::kUp || dialog->changing)
      refused = 491;
    else if (request.body.empty())
      refused = 488;  // the page makes the offers
    else if (!iequals(std::string_view(request.get("content-type")).substr(0, 15), "application/sdp"))
      refused = 415;
    else if (asks_ >= kMaxAsks)
      refused = 503;
    if (refused == 0) {
      dialog->changing = true;
      path = dialog->session + "/offer";
    }
  }
  if (refused != 0) return refuse(request, refused);
  if (request.method == "INVITE") send(response_to(request, 100));
  start(change(shared_from_this(), dialog, request, std::move(path)), "a change within a call");
}

Task<void> SipPage::change(std::shared_ptr<SipPage> self, DialogPtr dialog, SipMessage request, std::string path) {
  std::string method = "POST", offer = request.body;
  PageAnswer answer;
  try {
    answer = co_await ask(self, std::move(method), std::move(path), std::move(offer));
  } catch (const Error& error) {
    answer.status = 503;
  }
  const Held held(*self);
  dialog->changing = false;
  if (self->closed_) co_return;
  const bool over = dialog->state == Dialog::State::kOver, agreed = answer.status == 200 && !over;
  // What is refused leaves the call as it was.
  const int refused = over ? 487 : answer.status == 422 ? 488 : status_of_answer(answer.status);
  SipMessage response = self->response_to(request, agreed ? 200 : refused, dialog);
  if (agreed) {
    if (const std::string contact = uri_of(request.get("contact")); !contact.empty()) dialog->target = contact;
    response.add("content-type", "application/sdp");
    response.body = answer.body;
  }
  self->send(response);
}

Task<void> SipPage::place(std::shared_ptr<SipPage> self, DialogPtr dialog, std::string where) {
  std::string method = "POST", offer = dialog->invite.body;
  PageAnswer answer;
  std::string failed;
  try {
    answer = co_await ask(self, std::move(method), std::move(where), std::move(offer));
  } catch (const Error& error) {
    failed = error.message;
  }
  bool unwanted = false;
  {
    const Held held(*self);
    unwanted = dialog->state == Dialog::State::kOver;
    if (answer.status == 201 && !unwanted) {
      dialog->session = answer.location;
      dialog->sdp = answer.body;
      // With the description, so that the sound is there when somebody answers.
      SipMessage progress = self->response_to(dialog->invite, 183, dialog);
      progress.add("content-type", "application/sdp");
      progress.body = dialog->sdp;
      self->send(progress);
    } else if (!unwanted) {
      dialog->state = Dialog::State::kOver;
      self->dialogs_.erase(dialog->call_id);
      SipMessage refused = self->response_to(dialog->invite, status_of_answer(answer.status), dialog);
      const auto body = nlohmann::json::parse(answer.body, nullptr, false);
      if (body.is_object() && body.contains("error") && body["error"].is_object()) failed = body["error"].value("message", "");
      if (!failed.empty()) refused.add("warning", "399 trunkline \"" + between_quotes(failed) + "\"");
      self->send(refused);
      co_return;
    }
  }
  if (unwanted) {
    if (answer.status == 201) co_await leave(self, "DELETE", answer.location);
    co_return;
  }
  co_await follow(self, dialog);
}

void SipPage::on_cancel(const SipMessage& request) {
  const DialogPtr dialog = find(request);
  if (!dialog || dialog->to_page) return refuse(request, 481);
  send(response_to(request, 200, dialog));
  over(dialog, /*of_cancel=*/true);
}

/// [mutex held]
void SipPage::invite(const std::string& id, const std::string& from, const std::string& name) {
  const auto dialog = std::make_shared<Dialog>();
  dialog->to_page = true;
  dialog->ringing = id;
  dialog->call_id = ids_.uuid4().str();
  dialog->target = contact_;
  const std::string caller = from.empty() ? "anonymous" : from.starts_with("4:") ? from.substr(2) : escaped_user(from);
  dialog->ours =
      (name.empty() ? "" : "\"" + between_quotes(name) + "\" ") + "<sip:" + caller + "@" + host_ + ">;tag=" + ids_.uuid4().str();
  dialog->theirs = "<" + address_ + ">";
  // Without a description: the page makes the offer, as it does when it calls (RFC 3261, 13.2.1).
  dialog->invite = request_of(*dialog, "INVITE");
  dialog->invite.add("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE");
  dialogs_.emplace(dialog->call_id, dialog);
  send(dialog->invite);
}

void SipPage::withdraw(const DialogPtr& dialog) {
  dialog->cancelled = true;
  if (!dialog->provisional) return;  // RFC 3261, 9.1: not before the page has said something
  SipMessage cancel = request_of(*dialog, "CANCEL");
  for (auto& [header, value] : cancel.headers)
    if (header == "via") value = dialog->invite.get("via");
  send(cancel);
}

void SipPage::on_response(const SipMessage& response) {
  const auto [number, method] = parse_cseq(response.get("cseq"));
  if (method != "INVITE") return;  // nothing depends on what it says to the others
  const DialogPtr dialog = find(response);
  if (!dialog || !dialog->to_page) return;
  std::string declined;
  {
    const Held held(*this);
    if (dialog->state != Dialog::State::kTrying && dialog->state != Dialog::State::kRinging) {
      if (response.status >= 200 && response.status < 300 && dialog->state == Dialog::State::kUp)
        send(request_of(*dialog, "ACK"));
      return;
    }
    if (response.status < 200) {
      const bool first = !std::exchange(dialog->provisional, true);
      if (response.status > 100) dialog->state = Dialog::State::kRinging;
      if (first && dialog->cancelled) withdraw(dialog);
      return;
    }
    dialog->theirs = response.get("to");
    if (response.status >= 300) {
      // Of the same transaction as the INVITE (RFC 3261, 17.1.1.3).
      SipMessage ack = request_of(*dialog, "ACK");
      ack.uri = dialog->invite.uri;
      for (auto& [header, value] : ack.headers)
        if (header == "via") value = dialog->invite.get("via");
      send(ack);
      if (!dialog->cancelled) declined = dialog->ringing;
      dialog->state = Dialog::State::kOver;
      dialogs_.erase(dialog->call_id);
    }
  }
  if (response.status < 300) return answered(dialog, response);
  if (!declined.empty()) start(leave(shared_from_this(), "DELETE", "/calls/" + declined), "a call that was declined");
}

/// The page takes a call: its answer brings the offer.
void SipPage::answered(const DialogPtr& dialog, const SipMessage& response) {
  {
    const Held held(*this);
    if (const std::string contact = uri_of(response.get("contact")); !contact.empty()) dialog->target = contact;
    if (dialog->cancelled || response.body.empty()) {
      // Somebody else was faster.
      send(request_of(*dialog, "ACK"));
      SipMessage bye = request_of(*dialog, "BYE");
      bye.add("reason", dialog->cancelled ? "SIP;cause=487" : "SIP;cause=488");
      send(bye);
      dialog->state = Dialog::State::kOver;
      dialogs_.erase(dialog->call_id);
      return;
    }
    dialog->state = Dialog::State::kAccepting;
  }
  start(accept(shared_from_this(), dialog, response.body), "the answer to a call");
}

Task<void> SipPage::accept(std::shared_ptr<SipPage> self, DialogPtr dialog, std::string offer) {
  std::string method = "POST", path = "/calls/" + dialog->ringing;
  PageAnswer answer;
  try {
    answer = co_await ask(self, std::move(method), std::move(path), std::move(offer));
  } catch (const Error& error) {
    answer.status = 503;
  }
  bool unwanted = false;
  {
    const Held held(*self);
    unwanted = dialog->state == Dialog::State::kOver;
    SipMessage ack = self->request_of(*dialog, "ACK");
    if (answer.status == 201 && !unwanted) {
      dialog->session = answer.location;
      dialog->state = Dialog::State::kUp;
      ack.add("content-type", "application/sdp");
      ack.body = answer.body;
      self->send(ack);
    } else if (!unwanted) {
      self->send(ack);
      SipMessage bye = self->request_of(*dialog, "BYE");
      bye.add("reason", "SIP;cause=" + std::to_string(status_of_answer(answer.status)));
      self->send(bye);
      dialog->state = Dialog::State::kOver;
      self->dialogs_.erase(dialog->call_id);
      co_return;
    }
  }
  if (unwanted) {
    if (answer.status == 201) co_await leave(self, "DELETE", answer.location);
    co_return;
  }
  co_await follow(self, dialog);
}

}  // namespace trunkline::sipsocket
