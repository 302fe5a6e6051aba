#include "link.h"

#include <algorithm>

namespace sms_smpp {

using trunkline::Error;

Link::Link(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> tls, const Settings& settings, Timers& timers,
           SessionOwner& owner, Role role, std::function<std::string()> password)
    : io_(io),
      tls_(std::move(tls)),
      settings_(settings),
      timers_(timers),
      owner_(owner),
      role_(role),
      password_(std::move(password)) {}

void Link::start() { connect(); }

void Link::connect() {
  if (stopped_) return;
  smpp::Bind bind;
  bind.system_id = settings_.system_id;
  bind.system_type = settings_.system_type;
  bind.address_range = settings_.address_range;
  try {
    bind.password = password_();
    std::string probe;
    smpp::encode(probe, smpp::command::kBindTransceiver, 0, 0, bind);  // a password that is too long is known before connecting
  } catch (const Error& error) {
    trouble_ = error;
    trouble_->code = trunkline::ErrorCode::kUnauthenticated;
    return;  // nothing but a new configuration can help
  }
  session_ = std::make_shared<Session>(io_, tls_, settings_, timers_, owner_, role_);
  session_->open(std::move(bind));
}

void Link::bound() {
  trouble_.reset();
  wait_ = {};
}

void Link::ended(const Error& why) {
  session_.reset();
  if (stopped_) return;
  trouble_ = why;
  wait_ = std::clamp(wait_ * 2, settings_.reconnect_first, settings_.reconnect_longest);
  next_attempt_ = timers_.now() + wait_;
  timers_.at(next_attempt_, [this] { connect(); });
}

void Link::stop() {
  stopped_ = true;
  if (session_) session_->finish();
}

}  // namespace sms_smpp
