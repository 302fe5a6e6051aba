// The registrar, the socket, and what both directions of calls have in common.
#include "runtime/sipsocket/sip_page.h"

#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/diagnostics/log.h"
#include "runtime/sipsocket/sip_words.h"

namespace trunkline::sipsocket {

SipPage::SipPage(std::shared_ptr<net::WebSocket> socket, std::shared_ptr<PageDoor> door, IdSource& ids, Log& log,
                 std::string user, bool may_be_called)
    : socket_(std::move(socket)),
      door_(std::move(door)),
      ids_(ids),
      log_(log),
      user_(std::move(user)),
      may_be_called_(may_be_called),
      host_(ids.uuid4().str() + ".invalid") {}

Task<void> SipPage::run(std::shared_ptr<SipPage> self) {
  for (;;) {
    const std::optional<net::WebSocketMessage> message = co_await self->socket_->receive();
    if (!message) break;
    self->receive(message->data);
  }
  std::vector<DialogPtr> left;
  {
    const std::lock_guard lock(self->mutex_);
    self->closed_ = true;
    for (const auto& [id, dialog] : self->dialogs_) left.push_back(dialog);
  }
  self->start_watching(false);
  for (const DialogPtr& dialog : left) self->over(dialog, /*of_cancel=*/false);
}

void SipPage::receive(const std::string& text) {
  // A sign of life (RFC 5626, 4.4.1), which wants one.
  if (text == "\r\n\r\n") return void(socket_->try_send(net::share(std::string("\r\n"))));
  if (text.find_first_not_of("\r\n") == text.npos) return;
  SipMessage message;
  try {
    message = parse_sip(text);
  } catch (const Error& error) {
    log_.info("sip", "a page sent what is no SIP", {{"user", user_}, {"reason", error.message}});
    return socket_->close(net::close_code::kPolicyViolation, error.message.substr(0, 120));
  }
  if (message.is_request())
    on_request(message);
  else
    on_response(message);
  close_unread();
}

void SipPage::token_ended() {
  {
    const std::lock_guard lock(mutex_);
    token_over_ = true;
    contact_.clear();
  }
  start_watching(false);
}

void SipPage::on_request(const SipMessage& request) {
  if (request.method == "ACK") return;
  if (request.method == "REGISTER") return on_register(request);
  if (request.method == "CANCEL") return on_cancel(request);
  const DialogPtr dialog = find(request);
  if (!dialog && parameter_of(request.get("to"), "tag")) return refuse(request, 481);
  if (request.method == "OPTIONS") return send(response_to(request, 200, dialog));
  if (request.method == "INVITE") {
    return dialog ? on_another_offer(dialog, request) : on_invite(request);
  }
  if (!dialog) return refuse(request, 405);
  if (request.method == "BYE") return on_bye(dialog, request);
  if (request.method == "INFO") return on_info(dialog, request);
  if (request.method == "UPDATE" && request.body.empty()) return send(response_to(request, 200, dialog));
  if (request.method == "UPDATE") return on_another_offer(dialog, request);
  refuse(request, 405);
}

void SipPage::on_register(const SipMessage& request) {
  const std::string_view contact = request.get("contact");
  std::string_view asked = request.get("expires");
  const std::optional<std::string> own = parameter_of(contact, "expires");
  if (own) asked = *own;
  std::uint32_t expires = kLongestRegistration;
  if (!asked.empty()) {
    const auto seconds = parse_number<std::uint32_t>(asked);
    if (!seconds) return refuse(request, 400, "Expires is no number");
    expires = std::min(*seconds, kLongestRegistration);
  }
  SipMessage answer = response_to(request, 200);
  {
    const std::unique_lock lock(mutex_);
    if (token_over_) {
      answer = response_to(request, 401);
      expires = 0;
    } else if (!may_be_called_) {
      answer = response_to(request, 403);
      expires = 0;
    } else if (!contact.empty() && expires > 0) {
      contact_ = uri_of(contact);
      address_ = uri_of(request.get("to"));
      answer.add("contact", without_parameter(contact, "expires") + ";expires=" + std::to_string(expires));
    } else if (!contact.empty()) {
      contact_.clear();
    }
  }
  send(answer);
  // The socket is the page: while it is open the page is there, and a registration that runs out means nothing more than that.
  if (!contact.empty()) start_watching(expires > 0);
}

void SipPage::on_bye(const DialogPtr& dialog, const SipMessage& request) {
  send(response_to(request, 200, dialog));
  over(dialog, /*of_cancel=*/false);
}

void SipPage::on_info(const DialogPtr& dialog, const SipMessage& request) {
  const std::optional<char> digit = digit_of_info(request.get("content-type"), request.body);
  if (!digit) return refuse(request, 415);
  std::string session;
  {
    const std::lock_guard lock(mutex_);
    session = dialog->session;
  }
  if (session.empty()) return refuse(request, 480);
  if (asks_ >= kMaxAsks) return refuse(request, 503, "as many requests of this page are under way as may be");
  const std::string key = *digit == '#' ? "%23" : std::string(1, *digit);
  start(press(shared_from_this(), request, session + "/digits?digits=" + key), "a key");
}

/// Presses a key; the page hears whether it was.
Task<void> SipPage::press(std::shared_ptr<SipPage> self, SipMessage request, std::string path) {
  std::string method = "POST", nothing;
  const PageAnswer answer = co_await ask(self, std::move(method), std::move(path), std::move(nothing));
  const bool pressed = answer.status >= 200 && answer.status < 300;
  self->send(self->response_to(request, pressed ? 200 : status_of_answer(answer.status)));
  self->close_unread();
}

/// Asks what has to be known to the end, whoever has gone meanwhile.
Task<PageAnswer> SipPage::ask(std::shared_ptr<SipPage> self, std::string method, std::string path, std::string body) {
  struct Counted {
    std::atomic<std::size_t>& count;
    explicit Counted(std::atomic<std::size_t>& counter) : count(counter) { ++count; }
    Counted(const Counted&) = delete;
    ~Counted() { --count; }
  };
  const Counted counted(self->asks_);
  std::stop_token never;
  PageAnswer answer = co_await self->door_->ask(std::move(method), std::move(path), std::move(body), std::move(never));
  co_return answer;
}

/// Asks something whose answer does not matter.
Task<void> SipPage::leave(std::shared_ptr<SipPage> self, std::string method, std::string path) {
  std::string nothing;
  co_await ask(self, std::move(method), std::move(path), std::move(nothing));
}

void SipPage::over(const DialogPtr& dialog, bool of_cancel) {
  std::string method = "DELETE", path;
  {
    const Held held(*this);
    if (dialog->state == Dialog::State::kOver) return;
    const bool unanswered = !dialog->to_page && dialog->state != Dialog::State::kUp;
    if (of_cancel && !unanswered) return;
    if (unanswered && !closed_) send(response_to(dialog->invite, 487, dialog));
    // A call that rings at other pages as well goes on without this one.
    path = dialog->session;
    dialog->state = Dialog::State::kOver;
    dialogs_.erase(dialog->call_id);
  }
  dialog->stop.request_stop();
  if (!path.empty()) start(leave(shared_from_this(), std::move(method), std::move(path)), "the end of a call");
}

SipPage::DialogPtr SipPage::find(const SipMessage& message) {
  const std::lock_guard lock(mutex_);
  const auto found = dialogs_.find(std::string(message.get("call-id")));
  return found == dialogs_.end() ? nullptr : found->second;
}

void SipPage::start(Task<void> task, const char* what) {
  spawn(std::move(task), [self = shared_from_this(), what](Result<void> result) {
    if (!result.ok())
      self->log_.warning("sip", "something failed at a page's socket", {{"what", what}, {"reason", result.error().message}});
  });
}

SipMessage SipPage::response_to(const SipMessage& request, int status, const DialogPtr& dialog) const {
  SipMessage out;
  out.status = status;
  out.phrase = phrase_of(status);
  for (const auto& [name, value] : request.headers)
    if (name == "via" || name == "from" || name == "call-id" || name == "cseq") out.add(name, value);
  std::string to(request.get("to"));
  if (dialog && !parameter_of(to, "tag")) to = dialog->ours;
  if (status > 100 && !parameter_of(to, "tag")) to += ";tag=" + ids_.uuid4().str();
  out.add("to", std::move(to));
  if (dialog) out.add("contact", "<sip:trunkline@" + host_ + ";transport=ws>");
  out.add("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE");
  if (status == 401) out.add("www-authenticate", "Bearer realm=\"trunkline\"");
  return out;
}

SipMessage SipPage::request_of(Dialog& dialog, const std::string& method) const {
  SipMessage out;
  out.method = method;
  out.uri = dialog.target;
  out.add("via", "SIP/2.0/WS " + host_ + ";branch=z9hG4bK" + ids_.uuid4().str());
  out.add("max-forwards", "70");
  out.add("from", dialog.ours);
  out.add("to", dialog.theirs);
  out.add("call-id", dialog.call_id);
  const bool of_invite = method == "ACK" || method == "CANCEL";
  out.add("cseq", std::to_string(of_invite ? parse_cseq(dialog.invite.get("cseq")).first : ++dialog.cseq) + " " + method);
  if (method == "INVITE") out.add("contact", "<sip:trunkline@" + host_ + ";transport=ws>");
  return out;
}

void SipPage::send(const SipMessage& message) {
  if (!socket_->try_send(net::share(message.text()))) unread_ = true;
}

void SipPage::close_unread() {
  // A page that does not read what it is sent is none that can be in a call.
  if (unread_.exchange(false)) socket_->close(net::close_code::kTryAgainLater, "the page does not read");
}

void SipPage::refuse(const SipMessage& request, int status, const std::string& why) {
  SipMessage answer = response_to(request, status);
  // RFC 3261, 21.4.13
  if (status == 415)
    answer.add("accept", request.method == "INFO" ? "application/dtmf-relay, application/dtmf" : "application/sdp");
  if (!why.empty()) answer.add("warning", "399 trunkline \"" + between_quotes(why) + "\"");
  send(answer);
}

}  // namespace trunkline::sipsocket
