// The calls of the embedding API, over calls::CallService; the virtual phones of a resource.
#pragma once
#include "runtime/core/object_scope.h"
#include "trunkline/calling_provider.hpp"

namespace trunkline {

/// Callers are trusted with raw ids: they are the process. [any-thread]
class CallsObject final : public calling::CallsService {
 public:
  explicit CallsObject(const Scope& scope) : scope_(scope) {}

  Task<calling::CallConnection> create(Call, calling::NewCall request) override;
  Task<calling::CallConnection> answer(Call, calling::CallAnswer answer) override;
  Task<void> redirect(Call, std::string incoming_call_context, std::string target) override;
  Task<void> reject(Call, std::string incoming_call_context, std::string reason) override;
  Task<calling::CallConnection> join(Call, calling::CallJoin join) override;
  Task<calling::CallConnection> get(Call, std::string connection_id) override;
  Task<std::vector<calling::CallConnection>> list(Call) override;
  Task<void> hang_up(Call, std::string connection_id, bool everyone) override;
  Task<std::vector<calling::CallParticipant>> participants(Call, std::string connection_id) override;
  Task<std::string> add_participant(Call, calling::CallInvitation invitation) override;
  Task<void> cancel_add(Call, std::string connection_id, std::string invitation_id,
                        std::optional<std::string> operation_context) override;
  Task<void> remove_participant(Call, std::string connection_id, std::string participant,
                                std::optional<std::string> operation_context) override;
  Task<void> mute(Call, std::string connection_id, std::string participant) override;
  Task<std::vector<calling::CallParticipant>> move_participants(Call, std::string connection_id, std::string from_connection_id,
                                                                std::vector<std::string> participants,
                                                                std::optional<std::string> operation_context) override;
  Task<void> transfer(Call, calling::CallTransfer transfer) override;
  Task<void> play(Call, calling::CallPlay play) override;
  Task<void> recognize(Call, calling::CallRecognize recognize) override;
  Task<void> cancel_media(Call, std::string connection_id) override;
  Task<void> send_tones(Call, std::string connection_id, std::string tones, std::string target,
                        std::optional<std::string> operation_context) override;
  Task<void> start_tones(Call, std::string connection_id, std::string target,
                         std::optional<std::string> operation_context) override;
  Task<void> stop_tones(Call, std::string connection_id, std::string target,
                        std::optional<std::string> operation_context) override;
  Task<void> hold(Call, std::string connection_id, std::string target, std::optional<calling::PlaySource> music,
                  std::optional<std::string> operation_context) override;
  Task<void> unhold(Call, std::string connection_id, std::string target) override;
  Task<calling::CallRecording> start_recording(Call, calling::NewCallRecording recording) override;
  Task<calling::CallRecording> get_recording(Call, std::string recording_id) override;
  Task<void> pause_recording(Call, std::string recording_id) override;
  Task<void> resume_recording(Call, std::string recording_id) override;
  Task<void> stop_recording(Call, std::string recording_id) override;
  Task<Bytes> read_recording(Call, std::string document_id, std::int64_t offset, std::int32_t length) override;
  Task<void> delete_recording(Call, std::string document_id) override;
  Task<std::unique_ptr<StreamSource<calling::CallEvent>>> events(Call, std::optional<std::string> connection_id) override;

 private:
  const Scope& scope_;
};

/// [any-thread]
class SandboxPhonesObject final : public calling::SandboxPhonesService {
 public:
  explicit SandboxPhonesObject(const Scope& scope) : scope_(scope) {}

  Task<void> add_persona(Call, pstnsandbox::Persona persona) override;
  Task<std::vector<pstnsandbox::Persona>> personas(Call) override;
  Task<std::string> call(Call, std::string from, std::string to) override;
  Task<void> press(Call, std::string leg_id, std::string digits) override;
  Task<void> speak(Call, std::string leg_id, std::string text) override;
  Task<void> hang_up(Call, std::string leg_id) override;
  Task<std::vector<pstnsandbox::PhoneCall>> calls(Call, std::optional<std::string> phone) override;
  Task<void> reset(Call) override;

 private:
  const Scope& scope_;
};

}  // namespace trunkline
