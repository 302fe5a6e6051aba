// Call Automation: who calls whom, who is in, who leaves.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/calls/call_core.h"
#include "runtime/calls/call_media.h"
#include "runtime/calls/trunk_probe.h"
#include "runtime/services/resource_service.h"
#include "trunkline/pstn.hpp"

namespace trunkline::calls {

class CallRecordings;
class CallStreams;
class LegAudio;

/// Calls live in memory and on the runtime's clock; only what a restart needs to end them is written. Requests take effect at
/// once, and what follows comes as callbacks. [any-thread]
class CallService final : public ResourceParticipant {
 public:
  static constexpr Duration kRingTime = std::chrono::seconds{30};
  static constexpr std::size_t kMaxTargets = 50;
  static constexpr std::size_t kMaxCalls = 10'000;

  CallService(ServiceContext& context, ResourceService& resources, NumberService& numbers, RoomService& rooms,
              SipRoutingService& routing, net::HttpSender& http, SpeechSettings speech);
  ~CallService() override;

  /// What calls can do only once more is installed on this machine, for people.
  std::vector<std::string> missing() const;
  CallMedia& media() { return media_; }
  CallRecordings& recordings() { return *recordings_; }
  CallStreams& streams() { return *streams_; }
  CallbackSigner& signer() { return core_.signer; }
  /// What happens in the calls of a resource, for the application in this process; `connection_id` empty: in all.
  std::shared_ptr<CallListener> listen(const Resource& resource, std::string connection_id) {
    return core_.listeners.listen(core_.context.executor, core_.context.clock, resource.key, std::move(connection_id));
  }

  /// Tells the applications of an earlier process that their calls are over. [lifecycle]
  void recover();
  /// Ends every call and sends nothing more. [lifecycle]
  void stop();

  // --- set-up: call_setup.cpp. Errors beside those of the arguments (8523): kNotFound for a context that is not, or no more.
  ConnectionView create(const ResourcePtr& resource, NewCall call);
  ConnectionView answer(const ResourcePtr& resource, NewAnswer answer);
  void redirect(const Resource& resource, std::string_view incoming_call_context, const Party& target);
  void reject(const Resource& resource, std::string_view incoming_call_context, const std::string& reason);
  /// Errors: also those of RoomService::check_open.
  ConnectionView join(const ResourcePtr& resource, NewJoin join);

  // --- a connection. Errors: the refusals of calls::require.
  ConnectionView get(const Resource& resource, std::string_view connection_id);
  void hang_up(const Resource& resource, std::string_view connection_id, bool everyone);
  std::vector<ParticipantView> participants(const Resource& resource, std::string_view connection_id);
  /// Errors: kNotFound.
  ParticipantView participant(const Resource& resource, std::string_view connection_id, const Party& who);

  // --- participants: call_participants.cpp
  /// Returns the id of the invitation.
  std::string add(const ResourcePtr& resource, std::string_view connection_id, Invite invite);
  void cancel_add(const Resource& resource, std::string_view connection_id, std::string_view invitation_id, OperationTag tag);
  void remove(const Resource& resource, std::string_view connection_id, const Party& who, OperationTag tag);
  void mute(const Resource& resource, std::string_view connection_id, const std::vector<Party>& who);
  std::vector<ParticipantView> move_here(const Resource& resource, std::string_view connection_id,
                                         std::string_view from_connection_id, const std::vector<Party>& who, OperationTag tag);
  void transfer(const ResourcePtr& resource, std::string_view connection_id, Transfer transfer);

  // --- what providers tell: call_legs.cpp
  void on_incoming(std::string_view provider, std::string leg_id, std::string from, std::string to, const Properties& headers);
  /// A user of `resource` calls from a page: a number or a user of it, or joins `room:<id>` or `group:<guid>`. call_users.cpp
  void on_user_incoming(std::string_view provider, const std::string& resource, std::string leg_id, std::string from,
                        std::string to, const Properties& headers);
  void on_leg_changed(const std::string& leg_id, const pstn::LegChange& change);
  /// A frame of a leg's sound.
  void on_heard(std::string_view leg_id, std::int64_t position, std::span<const std::uint8_t> samples);
  void on_spoke(const std::string& leg_id, const std::string& text, Duration lasts);

  // --- transfers that the far end of a leg makes, or asks for: call_referrals.cpp
  /// A phone wants the others to talk to `to` in its place: a number, or those of another call of the phone (`leg:<id>`). Errors:
  /// kNotFound; kFailedPrecondition while it is being done already; those of a call that the application makes.
  void on_transfer_asked(const std::string& leg_id, const std::string& to);
  void on_transferred(const std::string& leg_id, const pstn::TransferOutcome& outcome);

  /// What a SIP trunk says when it is asked whether it is there. Errors and nullopt: as those of probe_trunk.
  Task<std::optional<pstn::TrunkProbe>> probe(pstn::DialTrunk trunk) { return probe_trunk(core_.context, std::move(trunk)); }

  /// What is under way in a resource, for people.
  std::vector<ConnectionView> list(const Resource& resource);

  void copy_rows(store::Session& session, const Resource& from, const Resource& to) override;
  void drop_rows(store::Session& session, const Resource& resource) override;
  void on_dropped(const ResourcePtr& resource) override;

 private:
  /// How somebody is reached. Made before the mutex is taken.
  struct Route {
    Party target;
    ResourcePtr resource;  // whose application learns of the call; null: a phone elsewhere
    bool takes_calls = true;
  };
  Route route_to(const ResourcePtr& resource, const Party& target, const std::optional<Party>& source_number,
                 const std::string& member);
  void check_connection(const ConnectionSpec& spec) const;
  /// Whom a room lets in: users who are invited, numbers where it dials out. `room_id` is empty for other calls. [mutex not held]
  void check_room(const Resource& resource, const std::string& room_id, const Party& who, const char* target) const;

  // With the mutex held, all of them.
  Call& new_call(const ResourcePtr& resource, const Party& started_by);
  Connection& new_connection(const ResourcePtr& resource, Call& call, Connection::Kind kind, ConnectionSpec spec);
  Participant& new_participant(Call& call, const Party& who, const ResourcePtr& resource);
  /// Adds somebody who rings, and makes it ring.
  Invitation& invite(Call& call, Invitation invitation, const Route& route, Duration timeout);
  void ring(Call& call, Invitation& invitation, const Route& route, Duration timeout);
  // call_users.cpp
  /// Beside the application, the user's own pages ring.
  void ring_user(Call& call, const Invitation& invitation, Participant& callee, Duration timeout);
  /// Somebody else takes the call, or nobody: the callee's own pages ring no more.
  void stop_ringing(Participant& callee, std::int32_t cause);
  void leg_failed(const std::string& leg_id, const Error& error);
  Invitation& pending(const Resource& resource, std::string_view incoming_call_context);
  void accepted(Call& call, const std::string& invitation_id);
  void refused(const std::string& invitation_id, const CallResult& result, std::int32_t cause);
  void drop_invitation(Invitation& invitation);
  void connected(Connection& connection);
  void joined(Call& call, Participant& participant);
  void enter(Connection& connection, CallInput input);
  void leave(Call& call, std::int64_t participant_id, const CallResult& result, bool hang_up_leg);
  void settle(Call& call, const CallResult& result, const Party& by);
  void end_call(Call& call, const CallResult& result, const Party& by);
  void end_connection(Connection& connection, const CallResult& result);
  void hand_over(Call& call, Connection& by, const Invitation& invitation);
  void bridge(Call& call, Connection& by, std::int64_t transferee_id, Transfer wanted, const Route& route);
  /// `to` empty: the number of the target; `leg:<id>`: the leg of somebody who is in the call.
  void refer(Connection& by, const Participant& transferee, Transfer wanted, std::string to);
  void join_calls(const std::string& leg_id, const std::string& other_leg_id);
  void referred(Call& call, Connection& by, const Referral& referral);
  void replaced(Call& call, const Invitation& invitation);
  void not_replaced(Call& call, const Invitation& invitation, const CallResult& result, const Party& target);
  /// The leg is over, and its far end has not said what became of the transfer.
  void drop_referral(const std::string& leg_id, const CallResult& result);
  void move(Call& from, std::int64_t participant_id, Call& to);
  ConnectionView view(const Connection& connection) const;
  Call* at_locator(const Resource& resource, const NewJoin& join);

  CallCore core_;
  CallMedia media_;
  std::unique_ptr<CallStreams> streams_;
  std::unique_ptr<CallRecordings> recordings_;
  std::unique_ptr<LegAudio> audio_;
  std::map<std::string, std::string, std::less<>> repeated_;  // connection by resource and request id; under the mutex
  std::deque<std::string> repeated_order_;
  std::map<std::string, Referral, std::less<>> referrals_;  // by leg; under the mutex
};

}  // namespace trunkline::calls
