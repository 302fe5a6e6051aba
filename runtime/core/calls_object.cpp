#include "runtime/core/calls_object.h"

#include <algorithm>

#include "runtime/async/executor.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/phone_sandbox.h"
#include "runtime/core/calls_values.h"

namespace trunkline {
namespace {

using namespace calls_values;

/// Pulls from a listener.
class CallEventStream final : public StreamSource<calling::CallEvent> {
 public:
  explicit CallEventStream(std::shared_ptr<calls::CallListener> listener) : listener_(std::move(listener)) {}
  Task<std::vector<calling::CallEvent>> next(std::uint32_t max) override { return calls::CallListener::next(listener_, max); }
  void close() override { listener_->close(); }

 private:
  const std::shared_ptr<calls::CallListener> listener_;
};

}  // namespace

Task<calling::CallConnection> CallsObject::create(Call call, calling::NewCall request) {
  calls::NewCall wanted;
  wanted.targets = parties_of(request.targets, "targets");
  wanted.source = user_of(request.source, "source");
  wanted.source_number = phone_of(request.source_number, "source_number");
  wanted.display_name = request.display_name.value_or("");
  wanted.custom = custom_of(request.sip_headers, request.voip_headers);
  wanted.repeatability_id = request.idempotency_key.value_or(std::string(call.idempotency_key()));
  if (wanted.repeatability_id.size() > kMaxKey) throw bad_member("idempotency_key", "is longer than 128 bytes");
  wanted.connection = connection_of(request.callback_uri, request.operation_context);
  co_return connection_of(scope_.runtime().calls().create(scope_.resource(), std::move(wanted)));
}

Task<calling::CallConnection> CallsObject::answer(Call, calling::CallAnswer answer) {
  calls::NewAnswer wanted;
  wanted.incoming_call_context = std::move(answer.incoming_call_context);
  wanted.answered_by = user_of(answer.answered_by, "answered_by");
  wanted.connection = connection_of(answer.callback_uri, answer.operation_context);
  co_return connection_of(scope_.runtime().calls().answer(scope_.resource(), std::move(wanted)));
}

Task<void> CallsObject::redirect(Call, std::string incoming_call_context, std::string target) {
  scope_.runtime().calls().redirect(*scope_.resource(), incoming_call_context, calls::party_of_text(target, "target"));
  co_return;
}

Task<void> CallsObject::reject(Call, std::string incoming_call_context, std::string reason) {
  if (reason != "none" && reason != "busy" && reason != "forbidden")
    throw bad_member("reason", "'" + reason.substr(0, 80) + "' is none of none, busy, forbidden");
  scope_.runtime().calls().reject(*scope_.resource(), incoming_call_context, reason);
  co_return;
}

Task<calling::CallConnection> CallsObject::join(Call, calling::CallJoin join) {
  if (join.room_id.has_value() + join.group_id.has_value() + join.server_call_id.has_value() != 1)
    throw bad_member("join", "wanted one of room_id, group_id and server_call_id");
  calls::NewJoin wanted;
  if (join.room_id) {
    wanted.locator = calls::NewJoin::Locator::kRoom;
    wanted.id = std::move(*join.room_id);
  } else if (join.group_id) {
    wanted.locator = calls::NewJoin::Locator::kGroup;
    wanted.id = std::move(*join.group_id);
  } else {
    wanted.id = std::move(*join.server_call_id);
  }
  wanted.connection = connection_of(join.callback_uri, join.operation_context);
  co_return connection_of(scope_.runtime().calls().join(scope_.resource(), std::move(wanted)));
}

Task<calling::CallConnection> CallsObject::get(Call, std::string connection_id) {
  co_return connection_of(scope_.runtime().calls().get(*scope_.resource(), connection_id));
}

Task<std::vector<calling::CallConnection>> CallsObject::list(Call) {
  std::vector<calling::CallConnection> all;
  for (const calls::ConnectionView& view : scope_.runtime().calls().list(*scope_.resource())) all.push_back(connection_of(view));
  co_return all;
}

Task<void> CallsObject::hang_up(Call, std::string connection_id, bool everyone) {
  scope_.runtime().calls().hang_up(*scope_.resource(), connection_id, everyone);
  co_return;
}

Task<std::vector<calling::CallParticipant>> CallsObject::participants(Call, std::string connection_id) {
  co_return people_of(scope_.runtime().calls().participants(*scope_.resource(), connection_id));
}

Task<std::string> CallsObject::add_participant(Call, calling::CallInvitation invitation) {
  calls::Invite wanted;
  wanted.target = calls::party_of_text(invitation.target, "target");
  wanted.source_number = phone_of(invitation.source_number, "source_number");
  wanted.display_name = invitation.display_name.value_or("");
  if (invitation.timeout <= Duration{0}) throw bad_member("timeout", "wanted more than 0");
  wanted.timeout = invitation.timeout;
  wanted.custom = custom_of(invitation.sip_headers, invitation.voip_headers);
  wanted.tag = tag_of(invitation.operation_context);
  co_return scope_.runtime().calls().add(scope_.resource(), invitation.connection_id, std::move(wanted));
}

Task<void> CallsObject::cancel_add(Call, std::string connection_id, std::string invitation_id,
                                   std::optional<std::string> operation_context) {
  scope_.runtime().calls().cancel_add(*scope_.resource(), connection_id, invitation_id, tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::remove_participant(Call, std::string connection_id, std::string participant,
                                           std::optional<std::string> operation_context) {
  scope_.runtime().calls().remove(*scope_.resource(), connection_id, calls::party_of_text(participant, "participant"),
                                  tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::mute(Call, std::string connection_id, std::string participant) {
  scope_.runtime().calls().mute(*scope_.resource(), connection_id, {calls::party_of_text(participant, "participant")});
  co_return;
}

Task<std::vector<calling::CallParticipant>> CallsObject::move_participants(Call, std::string connection_id,
                                                                           std::string from_connection_id,
                                                                           std::vector<std::string> participants,
                                                                           std::optional<std::string> operation_context) {
  co_return people_of(scope_.runtime().calls().move_here(*scope_.resource(), connection_id, from_connection_id,
                                                         parties_of(participants, "participants"), tag_of(operation_context)));
}

Task<void> CallsObject::transfer(Call, calling::CallTransfer transfer) {
  calls::Transfer wanted;
  wanted.target = calls::party_of_text(transfer.target, "target");
  if (transfer.transferee) wanted.transferee = calls::party_of_text(*transfer.transferee, "transferee");
  wanted.source_number = phone_of(transfer.source_number, "source_number");
  wanted.custom = custom_of(transfer.sip_headers, transfer.voip_headers);
  wanted.tag = tag_of(transfer.operation_context);
  scope_.runtime().calls().transfer(scope_.resource(), transfer.connection_id, std::move(wanted));
  co_return;
}

Task<void> CallsObject::play(Call, calling::CallPlay play) {
  calls::Play wanted;
  wanted.sources = sources_of(std::move(play.sources), "sources");
  if (play.to) wanted.to = parties_of(*play.to, "to");
  wanted.loop = play.loop;
  wanted.interrupt = play.interrupt;
  wanted.tag = tag_of(play.operation_context);
  scope_.runtime().calls().media().play(*scope_.resource(), play.connection_id, std::move(wanted));
  co_return;
}

Task<void> CallsObject::recognize(Call, calling::CallRecognize recognize) {
  calls::Recognize wanted;
  wanted.spec = spec_of(recognize);
  wanted.target = calls::party_of_text(recognize.target, "target");
  if (recognize.prompts) wanted.prompts = sources_of(std::move(*recognize.prompts), "prompts");
  wanted.interrupt = recognize.interrupt;
  wanted.tag = tag_of(recognize.operation_context);
  scope_.runtime().calls().media().recognize(*scope_.resource(), recognize.connection_id, std::move(wanted));
  co_return;
}

Task<void> CallsObject::cancel_media(Call, std::string connection_id) {
  scope_.runtime().calls().media().cancel_all(*scope_.resource(), connection_id);
  co_return;
}

Task<void> CallsObject::send_tones(Call, std::string connection_id, std::string tones, std::string target,
                                   std::optional<std::string> operation_context) {
  scope_.runtime().calls().media().send_tones(*scope_.resource(), connection_id, digits_of(tones, "tones"),
                                              calls::party_of_text(target, "target"), tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::start_tones(Call, std::string connection_id, std::string target,
                                    std::optional<std::string> operation_context) {
  scope_.runtime().calls().media().start_continuous(*scope_.resource(), connection_id, calls::party_of_text(target, "target"),
                                                    tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::stop_tones(Call, std::string connection_id, std::string target,
                                   std::optional<std::string> operation_context) {
  scope_.runtime().calls().media().stop_continuous(*scope_.resource(), connection_id, calls::party_of_text(target, "target"),
                                                   tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::hold(Call, std::string connection_id, std::string target, std::optional<calling::PlaySource> music,
                             std::optional<std::string> operation_context) {
  std::vector<calls::PlaySource> sources;
  if (music) sources.push_back(source_of(std::move(*music), "music"));
  scope_.runtime().calls().media().hold(*scope_.resource(), connection_id, calls::party_of_text(target, "target"),
                                        std::move(sources), tag_of(operation_context));
  co_return;
}

Task<void> CallsObject::unhold(Call, std::string connection_id, std::string target) {
  scope_.runtime().calls().media().unhold(*scope_.resource(), connection_id, calls::party_of_text(target, "target"));
  co_return;
}

Task<calling::CallRecording> CallsObject::start_recording(Call, calling::NewCallRecording recording) {
  if (recording.connection_id.has_value() == recording.server_call_id.has_value())
    throw bad_member("recording", "wanted one of connection_id and server_call_id");
  calls::NewRecording wanted;
  wanted.connection_id = recording.connection_id.value_or("");
  wanted.server_call_id = recording.server_call_id.value_or("");
  wanted.callback_uri = recording.callback_uri.value_or("");
  wanted.mixed = recording.mixed;
  wanted.paused = recording.paused;
  if (recording.channels) wanted.channels = parties_of(*recording.channels, "channels");
  switch (recording.format) {
    case calling::CallRecordingFormat::kWav:
      break;
    case calling::CallRecordingFormat::kMp3:
      if (!wanted.mixed) throw bad_member("format", "unmixed sound is recorded as wav only");
      wanted.format = calls::RecordingFormat::kMp3;
      break;
    default:
      throw bad_member("format", "wanted wav or mp3");
  }
  const calls::RecordingView view = scope_.runtime().calls().recordings().start(scope_.resource(), std::move(wanted));
  co_return calling::CallRecording{view.id, view.active};
}

Task<calling::CallRecording> CallsObject::get_recording(Call, std::string recording_id) {
  const calls::RecordingView view = scope_.runtime().calls().recordings().get(*scope_.resource(), recording_id);
  co_return calling::CallRecording{view.id, view.active};
}

Task<void> CallsObject::pause_recording(Call, std::string recording_id) {
  scope_.runtime().calls().recordings().pause(*scope_.resource(), recording_id);
  co_return;
}

Task<void> CallsObject::resume_recording(Call, std::string recording_id) {
  scope_.runtime().calls().recordings().resume(*scope_.resource(), recording_id);
  co_return;
}

Task<void> CallsObject::stop_recording(Call, std::string recording_id) {
  scope_.runtime().calls().recordings().stop(*scope_.resource(), recording_id);
  co_return;
}

Task<Bytes> CallsObject::read_recording(Call, std::string document_id, std::int64_t offset, std::int32_t length) {
  if (offset < 0) throw bad_member("offset", "wanted 0 or more");
  if (length < 0) throw bad_member("length", "wanted 0 or more");
  co_await scope_.runtime().executor().schedule();  // it reads a file
  const calls::RecordedFile file = scope_.runtime().calls().recordings().file(*scope_.resource(), document_id);
  const std::uint64_t at = std::min<std::uint64_t>(static_cast<std::uint64_t>(offset), file.size);
  std::uint64_t count = file.size - at;
  if (length > 0) count = std::min<std::uint64_t>(count, static_cast<std::uint64_t>(length));
  const std::string read = file.read(at, count);
  co_return Bytes(reinterpret_cast<const std::uint8_t*>(read.data()),
                  reinterpret_cast<const std::uint8_t*>(read.data()) + read.size());
}

Task<void> CallsObject::delete_recording(Call, std::string document_id) {
  co_await scope_.runtime().calls().recordings().drop(scope_.resource(), std::move(document_id));
}

Task<std::unique_ptr<StreamSource<calling::CallEvent>>> CallsObject::events(Call, std::optional<std::string> connection_id) {
  co_return std::make_unique<CallEventStream>(scope_.runtime().calls().listen(*scope_.resource(), connection_id.value_or("")));
}

Task<void> SandboxPhonesObject::add_persona(Call, pstnsandbox::Persona persona) {
  co_await scope_.runtime().phone_sandbox().add_persona(scope_.resource(), std::move(persona));
}

Task<std::vector<pstnsandbox::Persona>> SandboxPhonesObject::personas(Call) {
  co_return co_await scope_.runtime().phone_sandbox().personas(scope_.resource());
}

Task<std::string> SandboxPhonesObject::call(Call, std::string from, std::string to) {
  co_return co_await scope_.runtime().phone_sandbox().call(scope_.resource(), std::move(from), std::move(to));
}

Task<void> SandboxPhonesObject::press(Call, std::string leg_id, std::string digits) {
  co_await scope_.runtime().phone_sandbox().press(scope_.resource(), std::move(leg_id), std::move(digits));
}

Task<void> SandboxPhonesObject::speak(Call, std::string leg_id, std::string text) {
  co_await scope_.runtime().phone_sandbox().speak(scope_.resource(), std::move(leg_id), std::move(text));
}

Task<void> SandboxPhonesObject::hang_up(Call, std::string leg_id) {
  co_await scope_.runtime().phone_sandbox().hang_up(scope_.resource(), std::move(leg_id));
}

Task<std::vector<pstnsandbox::PhoneCall>> SandboxPhonesObject::calls(Call, std::optional<std::string> phone) {
  co_return co_await scope_.runtime().phone_sandbox().calls(scope_.resource(), std::move(phone));
}

Task<void> SandboxPhonesObject::reset(Call) { co_await scope_.runtime().phone_sandbox().reset(scope_.resource()); }

}  // namespace trunkline
