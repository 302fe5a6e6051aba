// A page that speaks SIP: what it says, told to a provider that carries the sound of pages, and what happens there, told to it.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/net/websocket.h"
#include "runtime/sipsocket/sip_message.h"
#include "trunkline/task.hpp"

namespace trunkline {
class IdSource;
class Log;
}  // namespace trunkline

namespace trunkline::sipsocket {

struct PageAnswer {
  int status = 0;
  std::string location;  // path of the session
  std::string body;
};

/// The requests of pages (docs/guide/browser-calls.md), asked on behalf of the user whose socket it is. [any-thread]
class PageDoor {
 public:
  virtual ~PageDoor() = default;
  /// `path` below that of the provider, with its query. Whatever fails is an answer as well: 410 is a provider that is gone, and
  /// all that there was of the page with it, 401 that the user is; after another 503 a GET may be made again at once.
  virtual Task<PageAnswer> ask(std::string method, std::string path, std::string body, std::stop_token stop) = 0;
};

/// One socket. Registrar and the other end of every call of the page; calls of the page end with it. Owned by the tasks that it
/// runs. [any-thread]
class SipPage : public std::enable_shared_from_this<SipPage> {
 public:
  static constexpr std::size_t kMaxCalls = 8;
  static constexpr std::size_t kMaxAsks = 32;  // requests of the page that the provider has not answered, beside those that wait
  static constexpr std::uint32_t kLongestRegistration = 600;  // seconds

  SipPage(std::shared_ptr<net::WebSocket> socket, std::shared_ptr<PageDoor> door, IdSource& ids, Log& log, std::string user,
          bool may_be_called);

  /// Serves the socket until it closes.
  static Task<void> run(std::shared_ptr<SipPage> self);
  /// The token has ended: nothing new begins. Calls go on.
  void token_ended();

 private:
  /// A call of this page.
  struct Dialog {
    enum class State {
      kTrying,     // nobody rings yet
      kRinging,    // the other side does
      kAccepting,  // the page has answered a call that came to it; its sound is being set up
      kUp,         // answered
      kOver,
    };
    State state = State::kTrying;
    bool to_page = false;    // we invited it
    std::string call_id;     // of SIP
    std::string ours;        // our side, as it stands in From or To
    std::string theirs;      // the page's, with its tag once known
    std::string target;      // where our requests go
    std::uint32_t cseq = 0;  // of our last request
    SipMessage invite;       // theirs, or ours
    std::string ringing;     // id of a call that rings at the page
    std::string session;     // path of the session, once there is one
    std::string sdp;         // our description
    bool provisional = false;
    bool changing = false;   // an offer of the page's within the call waits for its answer
    bool cancelled = false;  // ours, before the page had said anything
    std::stop_source stop;   // of what waits for news

    /// At the page, which has not answered. [mutex held]
    bool rings() const { return to_page && (state == State::kTrying || state == State::kRinging); }
  };
  using DialogPtr = std::shared_ptr<Dialog>;

  /// Holds the mutex where something may be sent. Closing a socket goes on with run() on the same stack, and that takes the
  /// mutex: a socket that took no more is closed once it is free.
  class Held {
   public:
    explicit Held(SipPage& page) : page_(page), lock_(page.mutex_) {}
    Held(const Held&) = delete;
    ~Held() {
      lock_.unlock();
      page_.close_unread();
    }

   private:
    SipPage& page_;
    std::unique_lock<std::mutex> lock_;
  };

  void receive(const std::string& text);
  void on_request(const SipMessage& request);
  void on_response(const SipMessage& response);
  void on_register(const SipMessage& request);
  void on_invite(const SipMessage& request);
  void on_another_offer(const DialogPtr& dialog, const SipMessage& request);
  void on_cancel(const SipMessage& request);
  void on_bye(const DialogPtr& dialog, const SipMessage& request);
  void on_info(const DialogPtr& dialog, const SipMessage& request);
  void answered(const DialogPtr& dialog, const SipMessage& response);

  static Task<void> place(std::shared_ptr<SipPage> self, DialogPtr dialog, std::string where);
  static Task<void> accept(std::shared_ptr<SipPage> self, DialogPtr dialog, std::string offer);
  static Task<void> follow(std::shared_ptr<SipPage> self, DialogPtr dialog);
  static Task<void> watch(std::shared_ptr<SipPage> self, std::stop_token stop);
  static Task<PageAnswer> ask(std::shared_ptr<SipPage> self, std::string method, std::string path, std::string body);
  static Task<void> change(std::shared_ptr<SipPage> self, DialogPtr dialog, SipMessage request, std::string path);
  static Task<void> press(std::shared_ptr<SipPage> self, SipMessage request, std::string path);
  static Task<void> leave(std::shared_ptr<SipPage> self, std::string method, std::string path);
  /// What rings at the user's pages now.
  void ringing(const std::string& calls);
  void invite(const std::string& id, const std::string& from, const std::string& name);
  /// [mutex held]
  void withdraw(const DialogPtr& dialog);
  /// News of a call, as the provider's word for its state. False: it is over.
  bool stands(const DialogPtr& dialog, const std::string& state, int cause, const std::string& text);
  /// The page ends a call: an INVITE of its that has no last answer gets 487. A CANCEL ends no call that is answered.
  void over(const DialogPtr& dialog, bool of_cancel);
  DialogPtr find(const SipMessage& message);
  void start(Task<void> task, const char* what);
  /// Calls ring here from now on, or do no more.
  void start_watching(bool on);
  /// What is to be told to stop. [mutex held]
  std::optional<std::stop_source> stop_watching();
  /// That watch failed.
  void rings_no_more(const std::stop_token& watch, const std::string& why);

  SipMessage response_to(const SipMessage& request, int status, const DialogPtr& dialog = nullptr) const;
  SipMessage request_of(Dialog& dialog, const std::string& method) const;
  /// Queues it. Within receive() or Held, or before close_unread(): they close a socket that took no more.
  void send(const SipMessage& message);
  /// [mutex not held]
  void close_unread();
  void refuse(const SipMessage& request, int status, const std::string& why = {});

  const std::shared_ptr<net::WebSocket> socket_;
  const std::shared_ptr<PageDoor> door_;
  IdSource& ids_;
  Log& log_;
  const std::string user_;
  const bool may_be_called_;
  const std::string host_;  // ours, in addresses: nobody asks for it anywhere

  std::atomic<std::size_t> asks_{0};
  std::atomic<bool> unread_{false};  // the socket took something no more, and is to be closed

  std::mutex mutex_;                          // guards what follows; sending is queueing
  std::map<std::string, DialogPtr> dialogs_;  // by Call-ID
  std::string contact_;                       // of the page, while it is registered
  std::string address_;                       // that it registered
  std::optional<std::stop_source> watching_;
  bool token_over_ = false;
  bool closed_ = false;
};

}  // namespace trunkline::sipsocket
