// What a page asks over HTTP: WHIP (RFC 9725) and, beside it, which calls are for it and how they stand.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace pstn_webrtc {

/// Who asks, as the host has found out.
struct Caller {
  std::string user;      // raw id
  std::string resource;  // name
  bool may_start = false;

  /// What a page of this user is known by.
  std::string key() const { return resource + " " + user; }
};

struct Ask {
  enum class What {
    kJoin,     // POST <base>?to=…, with a description: the page calls somebody, or enters a room or a group
    kListen,   // POST <base>/whep?…, with a description: the page only listens there, or to a call
    kTrickle,  // PATCH <base>/sessions/<id>
    kLeave,    // DELETE <base>/sessions/<id>
    kChange,   // POST <base>/sessions/<id>/offer, with another description: a hold
    kState,    // GET <base>/sessions/<id>/state?after=…: how the call stands, once it stands otherwise than that
    kPress,    // POST <base>/sessions/<id>/digits?digits=…: keys that the page has pressed
    kServers,  // GET <base>/ice-servers?ttl=…: servers that help the page to reach us
    kCalls,    // GET <base>/calls?after=…: the calls that ring at the page, once they are others
    kAccept,   // POST <base>/calls/<id>, with a description
    kDecline,  // DELETE <base>/calls/<id>
  };
  What what = What::kJoin;
  Caller caller;
  std::string base;   // path of the provider: /_webrtc/browser
  std::string id;     // of a session or a call
  std::string to;     // number, raw id, room:<id>, group:<id> or, to listen, call:<id>
  std::string after;  // what the page knows
  std::string digits;
  int seconds = 0;  // that credentials shall be good; 0: as configured
  std::string body;
  std::string entity_tag;  // If-Match
};

/// `headers` have names in lower case. Throws Error with the status of HTTP that it means: kUnauthenticated when the host has not
/// said who asks.
Ask parse_ask(std::string_view method, std::string_view url, const std::map<std::string, std::string>& headers, std::string body);

/// What a PATCH wants of a session whose ICE has this user name and tag. Returns when there is nothing to do: candidates of the
/// page are found by its own checks. Throws Error with the status that it means, 422 for a restart of ICE.
void check_trickle(const Ask& ask, std::string_view their_user, std::string_view entity_tag);

}  // namespace pstn_webrtc
