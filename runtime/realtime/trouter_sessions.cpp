#include "runtime/realtime/trouter_sessions.h"

#include <algorithm>
#include <array>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/crypto/hash.h"

namespace trunkline::realtime {
namespace {

constexpr std::size_t kMaxSessions = 20'000;
constexpr Duration kKept = std::chrono::hours{1};  // without a connection
constexpr std::size_t kMaxUnanswered = 1024;

std::string random_text() {
  std::array<std::uint8_t, 16> bytes;
  random_bytes(bytes);
  return hex_encode(bytes);
}

}  // namespace

void TrouterSession::set_life(std::unique_ptr<TokenLife> life) {
  const std::lock_guard lock(mutex_);
  life_.swap(life);  // the old one goes after the lock
  ended_ = false;
}

void TrouterSession::end() {
  std::shared_ptr<net::WebSocket> socket;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    socket = socket_.lock();
  }
  if (socket) socket->close(kTokenEnded, "the token has ended");
}

bool TrouterSession::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void TrouterSession::attach(const std::shared_ptr<net::WebSocket>& socket) {
  std::shared_ptr<net::WebSocket> before;
  {
    const std::lock_guard lock(mutex_);
    before = socket_.lock();
    socket_ = socket;
    idle_since_.reset();
  }
  if (before) before->close(net::close_code::kPolicyViolation, "another connection took over");
}

void TrouterSession::detach(const std::shared_ptr<net::WebSocket>& socket, Time now) {
  const std::lock_guard lock(mutex_);
  if (socket_.lock() != socket) return;
  socket_.reset();
  idle_since_ = now;
}

std::optional<Time> TrouterSession::idle_since() const {
  const std::lock_guard lock(mutex_);
  return idle_since_;
}

std::optional<std::int64_t> TrouterSession::resume() {
  const std::lock_guard lock(mutex_);
  if (!unanswered_.empty()) cursor_ = unanswered_.front().before;
  unanswered_.clear();
  return cursor_;
}

void TrouterSession::skip(std::int64_t cursor) {
  const std::lock_guard lock(mutex_);
  cursor_ = cursor;
}

std::int64_t TrouterSession::next(std::int64_t cursor) {
  const std::lock_guard lock(mutex_);
  // A client that answers nothing is told nothing twice.
  if (unanswered_.size() == kMaxUnanswered) unanswered_.pop_front();
  unanswered_.push_back({++last_number_, cursor_.value_or(cursor - 1)});
  cursor_ = cursor;
  return last_number_;
}

void TrouterSession::answered(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(unanswered_.begin(), unanswered_.end(), [&](const Sent& sent) { return sent.number == number; });
  if (at != unanswered_.end()) unanswered_.erase(at);
}

void TrouterSession::set_registration(std::string registration_id, bool active) {
  const std::lock_guard lock(mutex_);
  registration_id_ = std::move(registration_id);
  muted_ = !active;
}

bool TrouterSession::muted() const {
  const std::lock_guard lock(mutex_);
  return muted_;
}

std::string TrouterSession::registration_id() const {
  const std::lock_guard lock(mutex_);
  return registration_id_;
}

TrouterSessionPtr TrouterSessions::create(ResourcePtr resource, std::string user_id, Time now) {
  auto session = std::make_shared<TrouterSession>(random_text(), Secret(random_text()), std::move(resource), std::move(user_id));
  session->detach(nullptr, now);  // the time without a connection begins
  const std::lock_guard lock(mutex_);
  make_room(now);
  sessions_.emplace(session->id, session);
  return session;
}

void TrouterSessions::make_room(Time now) {
  if (sessions_.size() < kMaxSessions && sessions_.size() % 64 != 0) return;
  std::erase_if(sessions_, [&](const auto& entry) {
    const auto since = entry.second->idle_since();
    return since && *since + kKept < now;
  });
  if (sessions_.size() < kMaxSessions) return;
  const auto oldest = std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
    return a.second->idle_since().value_or(Time::max()) < b.second->idle_since().value_or(Time::max());
  });
  if (!oldest->second->idle_since())
    throw Error(ErrorCode::kResourceExhausted, "There are too many connections for notifications.").with_http_status(503);
  sessions_.erase(oldest);
}

TrouterSessionPtr TrouterSessions::find(std::string_view id, std::string_view signature) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(std::string(id));
  if (found == sessions_.end() || !crypto::constant_time_equal(found->second->signature.reveal(), signature)) return nullptr;
  return found->second;
}

TrouterSessionPtr TrouterSessions::find_registration(std::string_view user_id, std::string_view registration_id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, session] : sessions_)
    if (session->user_id == user_id && session->registration_id() == registration_id) return session;
  return nullptr;
}

TrouterSessionPtr TrouterSessions::find_path(std::string_view user_id, std::string_view url) const {
  const std::lock_guard lock(mutex_);
  const auto at = url.find("/f/");
  if (at == std::string_view::npos) return nullptr;
  std::string_view id = url.substr(at + 3);
  id = id.substr(0, id.find('/'));
  const auto found = sessions_.find(std::string(id));
  return found != sessions_.end() && found->second->user_id == user_id ? found->second : nullptr;
}

std::size_t TrouterSessions::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace trunkline::realtime
