// Calls and connections as such: how they begin, change and end.
#include "runtime/calls/call_service.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/async/executor.h"
#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_streams.h"
#include "runtime/calls/leg_audio.h"
#include "runtime/calls/open_calls.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {

CallService::CallService(ServiceContext& context, ResourceService& resources, NumberService& numbers, RoomService& rooms,
                         SipRoutingService& routing, net::HttpSender& http, SpeechSettings speech)
    : core_(context, resources, numbers, rooms, routing, http, std::move(speech),
            [this](const std::string& leg_id, const Error& error) { leg_failed(leg_id, error); }),
      media_(core_),
      streams_(std::make_unique<CallStreams>(core_)),
      recordings_(std::make_unique<CallRecordings>(core_)),
      audio_(std::make_unique<LegAudio>(core_)) {
  core_.taps.add(*streams_);
  core_.taps.add(*recordings_);
  core_.taps.add(*audio_);
  core_.taps.add(media_);
}

CallService::~CallService() = default;

std::vector<std::string> CallService::missing() const {
  std::vector<std::string> out;
  if (core_.recognition != RecognitionMode::kWords)
    if (auto trouble = core_.ears.trouble()) out.push_back(std::move(*trouble));
  if (core_.speech_mode != SpeechMode::kTones)
    if (auto trouble = core_.speech.trouble()) out.push_back(std::move(*trouble));
  return out;
}

void CallService::recover() {
  std::set<store::Database*> databases;
  for (const ResourcePtr& resource : core_.resources.list()) databases.insert(resource->database);
  const CallResult result = failure(500, sub_code::kCallTerminated, "the server was restarted while the call was under way");
  for (store::Database* database : databases) {
    std::set<std::string> told;
    for (const LeftConnection& left : left_connections(*database)) {
      const ResourcePtr resource = core_.resources.find_by_key(left.resource_key);
      if (resource) {
        Connection connection;
        connection.id = left.id;
        connection.resource = resource;
        connection.server_call_id = left.server_call_id;
        connection.correlation_id = left.correlation_id;
        connection.callback_uri = left.callback_uri;
        connection.context = left.context;
        core_.notices.state(connection, "CallDisconnected", result);
        if (told.insert(left.server_call_id).second) {
          Call call;
          call.resource = resource;
          call.server_call_id = left.server_call_id;
          call.correlation_id = left.correlation_id;
          core_.notices.call_ended(call, result, {});
        }
      }
      database->write([left](store::Session& session) { forget_left(session, left); }, [](Result<void>) {});
    }
  }
  recordings_->recover();
}

void CallService::stop() {
  {
    // The rows of the connections stay: the next process says that these calls are over.
    const std::lock_guard lock(core_.mutex);
    for (Call* call : core_.book.all_calls()) recordings_->call_ends(*call);
  }
  recordings_->stop();
  core_.speech.stop();
  core_.ears.stop();
  streams_->stop();
  core_.sender.stop();
  core_.listeners.stop();
}

Call& CallService::new_call(const ResourcePtr& resource, const Party& started_by) {
  if (core_.book.all_calls().size() >= kMaxCalls)
    throw refusal(ErrorCode::kResourceExhausted, 429, 8530,
                  "as many calls are under way as are taken: " + std::to_string(kMaxCalls));
  auto call = std::make_unique<Call>();
  call->server_call_id = base64_encode("https://calls.trunkline.local/conv/" + core_.context.ids.uuid4().str());
  call->correlation_id = core_.context.ids.uuid4().str();
  call->resource = resource;
  call->started_by = started_by;
  call->created_at = core_.context.clock.now();
  return core_.book.add_call(std::move(call));
}

Participant& CallService::new_participant(Call& call, const Party& who, const ResourcePtr& resource) {
  Participant& participant = call.participants.emplace_back();
  participant.id = core_.book.next_id();
  participant.who = who;
  participant.resource = resource;
  return participant;
}

Connection& CallService::new_connection(const ResourcePtr& resource, Call& call, Connection::Kind kind, ConnectionSpec spec) {
  auto connection = std::make_unique<Connection>();
  connection->id = core_.context.ids.uuid7(core_.context.clock.now()).str();
  connection->kind = kind;
  connection->resource = resource;
  connection->server_call_id = call.server_call_id;
  connection->correlation_id = call.correlation_id;
  connection->callback_uri = std::move(spec.callback_uri);
  connection->context = std::move(spec.context);
  connection->streaming = std::move(spec.streaming);
  connection->transcription = std::move(spec.transcription);
  Connection& added = core_.book.add_connection(std::move(connection));
  core_.notices.opened(added);
  return added;
}

void CallService::enter(Connection& connection, CallInput input) {
  if (const auto state = next(connection.state, input)) connection.state = *state;
}

void CallService::connected(Connection& connection) {
  enter(connection, CallInput::kAnswered);
  core_.notices.state(connection, "CallConnected", success("the call was established"));
  if (connection.streaming && connection.streaming->start) streams_->start_audio(connection, {});
  if (connection.transcription && connection.transcription->start) streams_->start_transcript(connection, {}, "");
}

/// Somebody is in: what Event Grid hears of it, and of the call once two are there.
void CallService::joined(Call& call, Participant& participant) {
  participant.connected = true;
  core_.taps.rearranged(call);
  if (call.started_at) return core_.notices.participant(call, participant, true);
  if (call.connected() < 2 && !call.stays_open()) return;
  call.started_at = core_.context.clock.now();
  core_.notices.call_started(call);
  for (const Participant& one : call.participants)
    if (one.connected) core_.notices.participant(call, one, true);
}

void CallService::end_connection(Connection& connection, const CallResult& result) {
  media_.end_all(connection);
  streams_->end_all(connection);
  enter(connection, CallInput::kHangUp);
  enter(connection, CallInput::kGone);
  core_.notices.state(connection, "CallDisconnected", result);
  core_.notices.closed(connection);
  core_.book.drop_connection(connection.id);
}

/// One goes; whether the others stay is settle()'s to say.
void CallService::leave(Call& call, std::int64_t participant_id, const CallResult& result, bool hang_up_leg) {
  Participant* who = call.find(participant_id);
  if (!who) return;
  const Participant gone = *who;
  std::erase_if(call.participants, [&](const Participant& one) { return one.id == participant_id; });
  if (!gone.leg_id.empty()) {
    audio_->forget(gone.leg_id);
    if (hang_up_leg)
      core_.legs.hang_up(gone.leg_id, 16);
    else
      core_.legs.forget(gone.leg_id);
  }
  if (Connection* connection = gone.connection_id.empty() ? nullptr : core_.book.connection(gone.connection_id)) {
    for (Invitation* invitation : core_.book.invitations_by(*connection)) {
      const std::int64_t ringing = invitation->participant_id;
      drop_invitation(*invitation);
      leave(call, ringing, result, true);
    }
    end_connection(*connection, result);
  }
  if (gone.connected && call.started_at) core_.notices.participant(call, gone, false);
}

void CallService::settle(Call& call, const CallResult& result, const Party& by) {
  const std::size_t left = call.connected();
  // Whoever a phone handed the others to may still come.
  const std::vector<Invitation*> waiting = core_.book.invitations_of(call);
  const bool awaited = left > 0 && std::any_of(waiting.begin(), waiting.end(), [](const Invitation* one) {
                         return one->purpose == Invitation::Purpose::kReferred;
                       });
  if (awaited) return core_.notices.roster(core_.book, call);
  // In a room people wait for others, and listeners do, too.
  const bool over = call.stays_open() ? !call.anybody() : left < 2;
  if (over) return end_call(call, result, by);
  core_.notices.roster(core_.book, call);
}

void CallService::end_call(Call& call, const CallResult& result, const Party& by) {
  recordings_->call_ends(call);
  for (Invitation* invitation : core_.book.invitations_of(call)) drop_invitation(*invitation);
  while (!call.participants.empty()) leave(call, call.participants.front().id, result, true);
  if (call.started_at) core_.notices.call_ended(call, result, by);
  core_.book.drop_call(std::string(call.server_call_id));
}

/// It rings no more. The phone, or whoever was asked, is told; the participant stays in the list.
void CallService::drop_invitation(Invitation& invitation) {
  if (invitation.timer != 0) core_.context.clock.cancel(invitation.timer);
  core_.book.drop_invitation(std::string(invitation.id));
}

ConnectionView CallService::view(const Connection& connection) const {
  ConnectionView out;
  out.id = connection.id;
  out.server_call_id = connection.server_call_id;
  out.correlation_id = connection.correlation_id;
  out.state = connection.state;
  out.callback_uri = connection.callback_uri;
  out.targets = connection.targets;
  out.source = connection.source;
  out.source_number = connection.source_number;
  out.display_name = connection.display_name;
  out.answered_by = connection.answered_by;
  out.answered_for = connection.answered_for;
  out.streaming = connection.streaming.has_value();
  out.streaming_state = connection.streaming_active ? "active" : "inactive";
  out.transcription = connection.transcription.has_value();
  out.transcription_state = connection.transcription_active ? "active" : "inactive";
  if (connection.transcription) out.locale = connection.transcription->locale;
  return out;
}

ConnectionView CallService::get(const Resource& resource, std::string_view connection_id) {
  const std::lock_guard lock(core_.mutex);
  return view(core_.require(resource, connection_id, CallAction::kLook));
}

std::vector<ConnectionView> CallService::list(const Resource& resource) {
  std::vector<ConnectionView> views;
  const std::lock_guard lock(core_.mutex);
  for (Call* call : core_.book.all_calls())
    for (const Connection* connection : core_.book.connections_of(*call))
      if (connection->resource->key == resource.key) views.push_back(view(*connection));
  return views;
}

void CallService::hang_up(const Resource& resource, std::string_view connection_id, bool everyone) {
  const std::lock_guard lock(core_.mutex);
  Connection& connection = core_.require(resource, connection_id, CallAction::kHangUp);
  Call& call = core_.call_of(connection);
  const Participant* own = call.find(connection.participant_id);
  const Party by = own ? own->who : call.started_by;
  const bool unanswered = connection.state == CallState::kConnecting;
  enter(connection, CallInput::kHangUp);
  if (unanswered)
    return end_call(call, failure(487, sub_code::kCallCancelled, "the call was given up before it was answered"), by);
  CallResult result = success("the call ended normally");
  result.sub_code = sub_code::kGraceful;
  if (everyone) return end_call(call, result, by);
  leave(call, connection.participant_id, result, true);
  settle(call, result, by);
}

void CallService::copy_rows(store::Session& session, const Resource& from, const Resource& to) {
  copy_recordings(session, from, to);  // calls under way stay where they are
}

void CallService::drop_rows(store::Session& session, const Resource& resource) {
  drop_open_rows(session, resource);
  drop_recordings(session, resource);
}

void CallService::on_dropped(const ResourcePtr& resource) {
  const std::lock_guard lock(core_.mutex);
  for (Call* call : core_.book.calls_of(*resource)) {
    recordings_->discard(*call);
    end_call(*call, failure(500, sub_code::kCallTerminated, "the resource was deleted"), call->started_by);
  }
}

}  // namespace trunkline::calls
