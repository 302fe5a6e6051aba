// A small homeserver behind the host's HTTP: rooms in memory, and answers by script where a test wants them.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/plugin/http_transport.h"

namespace trunkline::testing {

using nlohmann::json;

class FakeHomeserver final : public plugin::HttpTransport {
 public:
  static constexpr const char* kName = "matrix.test";
  static constexpr const char* kUrl = "https://matrix.test";
  static constexpr const char* kToken = "as-token-of-the-test";

  struct Event {
    std::string id, type, sender;
    std::optional<std::string> state_key;
    json content;
    std::int64_t position = 0;
    std::string redacted_by;
  };
  struct Room {
    std::vector<Event> events;
    std::map<std::string, std::string> membership;
    std::set<std::string> forgotten;  // users who asked for it after they left
    json receipts = json::object();
    std::vector<std::string> typing;
    std::int64_t ephemeral_at = 0;
  };

  Task<host::HttpResponse> send(Call call, host::HttpRequest request) override;

  // The Matrix side. [any-thread]
  std::string say(const std::string& room, const std::string& user, const std::string& text);
  std::string edit(const std::string& room, const std::string& user, const std::string& event, const std::string& text);
  void redact(const std::string& room, const std::string& user, const std::string& event);
  void member(const std::string& room, const std::string& user, const std::string& membership, const std::string& by = {});
  void set_topic(const std::string& room, const std::string& user, const std::string& topic);
  void read(const std::string& room, const std::string& user, const std::string& event);
  void type(const std::string& room, const std::string& user);

  /// Asked before each request (`METHOD /path`): an answer, or nothing to go the usual way.
  std::function<std::optional<std::pair<int, json>>(const std::string& request)> script;
  /// What was asked, `METHOD /path as user`.
  std::vector<std::string> log;
  std::size_t count(const std::string& part);
  Room& room(const std::string& id) { return rooms_.at(id); }
  std::size_t rooms() const { return rooms_.size(); }
  /// Contents of the room's messages, as text.
  std::vector<std::string> texts(const std::string& room);

 private:
  using Answer = std::pair<int, json>;
  struct Asked {
    std::string method, as;
    std::vector<std::string> path;
    std::map<std::string, std::string> query;
    json body;
  };
  Answer answer(const Asked& asked);
  Answer room_answer(const Asked& asked, Room& room, const std::string& action);
  Answer put(Room& room, const Asked& asked, const std::string& action);
  Answer create_room(const Asked& asked);
  Answer sync(const Asked& asked);
  Answer messages(const Asked& asked, const Room& room);
  std::string append(Room& room, std::string type, std::string sender, json content, std::optional<std::string> key = {});
  json shown(const Room& room, const Event& event) const;
  static Answer refused(int status, const char* code) { return {status, json{{"errcode", code}, {"error", "scripted"}}}; }

  std::mutex mutex_;
  std::map<std::string, Room> rooms_;
  std::map<std::string, std::string> aliases_, transactions_;
  std::set<std::string> users_;
  std::int64_t position_ = 0;
};

}  // namespace trunkline::testing
