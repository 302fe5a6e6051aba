// What applications and Event Grid are told of calls.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/calls/call.h"
#include "runtime/calls/call_listeners.h"
#include "runtime/calls/callback_sender.h"
#include "runtime/calls/result.h"
#include "runtime/services/context.h"

namespace trunkline::calls {

/// Called with CallCore::mutex held, which is what keeps things in order; nothing here waits or calls back.
class CallNotices {
 public:
  CallNotices(ServiceContext& context, CallbackSender& sender, CallListeners& listeners)
      : context_(context), sender_(sender), listeners_(listeners) {}

  /// An event of a connection. `data`: what it has beyond the members that all have.
  void callback(const Connection& connection, std::string_view type, const OperationTag& tag, const CallResult& result,
                nlohmann::json data);
  void callback(const Connection& connection, std::string_view type, const OperationTag& tag, const CallResult& result);
  /// One with the context of the connection itself.
  void state(const Connection& connection, std::string_view type, const CallResult& result);
  /// Of an operation about one participant; `extra` as in the other form.
  void about(const Connection& connection, std::string_view type, const OperationTag& tag, const CallResult& result,
             const Party& participant, nlohmann::json extra);
  void added(const Connection& connection, const OperationTag& tag, const Participant& participant);
  void not_added(const Connection& connection, const OperationTag& tag, const Participant& participant, const CallResult& result);
  /// ParticipantsUpdated to one, or to all who are in.
  void roster(Connection& connection, const Call& call);
  void roster(CallBook& book, const Call& call);
  /// An event that belongs to no connection, such as those of recordings; an empty `url`: for listeners only.
  void loose(const ResourcePtr& resource, const std::string& url, const std::string& source, std::string_view type,
             nlohmann::json data);

  void incoming_call(const Call& call, const Invitation& invitation, const Participant& callee);
  void call_started(const Call& call);
  void call_ended(const Call& call, const CallResult& result, const Party& by);
  void participant(const Call& call, const Participant& participant, bool added);
  /// Any other, in a resource.
  void publish(const ResourcePtr& resource, std::string type, std::string subject, const nlohmann::json& data);

  /// Rows that a restart would find, see OpenCalls.
  void opened(const Connection& connection);
  void closed(const Connection& connection);

 private:
  ServiceContext& context_;
  CallbackSender& sender_;
  CallListeners& listeners_;
};

nlohmann::json roster_json(const Call& call);

}  // namespace trunkline::calls
