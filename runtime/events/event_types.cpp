#include "runtime/events/event_types.h"

#include "runtime/base/strings.h"

namespace trunkline::events {
namespace {

constexpr EventType kTypes[] = {
    {"Microsoft.Communication.AdvancedMessageDeliveryStatusUpdated", "advancedMessage/{messageId}/status/{status}"},
    {"Microsoft.Communication.AdvancedMessageReceived", "advancedMessage/sender/{senderId}/recipient/{channelRegistrationId}"},
    {"Microsoft.Communication.CallEnded", "call/{serverCallId}"},
    {"Microsoft.Communication.CallParticipantAdded", "call/{serverCallId}/participant/{rawId}"},
    {"Microsoft.Communication.CallParticipantRemoved", "call/{serverCallId}/participant/{rawId}"},
    {"Microsoft.Communication.CallStarted", "call/{serverCallId}/startedBy/{rawId}"},
    {"Microsoft.Communication.ChatAzureBotCommandReceivedInThread", "thread/{thread-id}/sender/{rawId}"},
    {"Microsoft.Communication.ChatMessageDeleted", "thread/{thread-id}/sender/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatMessageDeletedInThread", "thread/{thread-id}/sender/{rawId}"},
    {"Microsoft.Communication.ChatMessageEdited", "thread/{thread-id}/sender/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatMessageEditedInThread", "thread/{thread-id}/sender/{rawId}"},
    {"Microsoft.Communication.ChatMessageReceived", "thread/{thread-id}/sender/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatMessageReceivedInThread", "thread/{thread-id}/sender/{rawId}"},
    {"Microsoft.Communication.ChatParticipantAddedToThreadWithUser",
     "thread/{thread-id}/participantAdded/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser",
     "thread/{thread-id}/participantRemoved/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatThreadCreated", "thread/{thread-id}/createdBy/{rawId}"},
    {"Microsoft.Communication.ChatThreadCreatedWithUser", "thread/{thread-id}/createdBy/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatThreadDeleted", "thread/{thread-id}/deletedBy/{rawId}"},
    {"Microsoft.Communication.ChatThreadParticipantAdded", "thread/{thread-id}/participantadded/{rawId}"},
    {"Microsoft.Communication.ChatThreadParticipantRemoved", "thread/{thread-id}/participantremoved/{rawId}"},
    {"Microsoft.Communication.ChatThreadPropertiesUpdated", "thread/{thread-id}/editedBy/{rawId}"},
    {"Microsoft.Communication.ChatThreadPropertiesUpdatedPerUser", "thread/{thread-id}/editedBy/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatThreadWithUserDeleted", "thread/{thread-id}/deletedBy/{rawId}/recipient/{rawId}"},
    {"Microsoft.Communication.ChatTypingIndicatorReceivedInThread", "thread/{thread-id}/sender/{rawId}"},
    {"Microsoft.Communication.EmailDeliveryReportReceived", "sender/{senderAddress}/message/{messageId}"},
    {"Microsoft.Communication.EmailEngagementTrackingReportReceived", "sender/{senderAddress}/message/{messageId}"},
    {"Microsoft.Communication.IncomingCall", "/caller/{caller-id}/recipient/{recipient-id}"},
    {"Microsoft.Communication.RecordingFileStatusUpdated",
     "/recording/call/{call-id}/serverCallId/{server-call-id}/recordingId/{recording-id}"},
    {"Microsoft.Communication.RouterJobCancelled", "job/{job-id}/channel/{channel-id}/disposition/{disposition-code}"},
    {"Microsoft.Communication.RouterJobClassificationFailed",
     "job/{job-id}/channel/{channel-id}/classificationpolicy/{classificationpolicy-id}"},
    {"Microsoft.Communication.RouterJobClassified", "job/{job-id}/channel/{channel-id}/queue/{queue-id}"},
    {"Microsoft.Communication.RouterJobClosed", "job/{job-id}/channel/{channel-id}/assignment/{assignment-id}"},
    {"Microsoft.Communication.RouterJobCompleted", "job/{job-id}/channel/{channel-id}/assignment/{assignment-id}"},
    {"Microsoft.Communication.RouterJobDeleted", "job/{job-id}/channel/{channel-id}"},
    {"Microsoft.Communication.RouterJobExceptionTriggered", "job/{job-id}/channel/{channel-id}/exceptionrule/{rulekey}"},
    {"Microsoft.Communication.RouterJobQueued", "job/{job-id}/channel/{channel-id}/queue/{queue-id}"},
    {"Microsoft.Communication.RouterJobReceived", "job/{job-id}/channel/{channel-id}"},
    {"Microsoft.Communication.RouterJobSchedulingFailed", "job/{job-id}/channel/{channel-id}"},
    {"Microsoft.Communication.RouterJobUnassigned", "job/{job-id}/channel/{channel-id}/assignment/{assignment-id}"},
    {"Microsoft.Communication.RouterJobWaitingForActivation", "job/{job-id}/channel/{channel-id}"},
    {"Microsoft.Communication.RouterJobWorkerSelectorsExpire", ""},
    {"Microsoft.Communication.RouterJobWorkerSelectorsExpired", "job/{job-id}/channel/{channel-id}/queue/{queue-id}"},
    {"Microsoft.Communication.RouterWorkerDeleted", "worker/{worker-id}"},
    {"Microsoft.Communication.RouterWorkerDeregistered", "worker/{worker-id}"},
    {"Microsoft.Communication.RouterWorkerOfferAccepted", "worker/{worker-id}/job/{job-id}"},
    {"Microsoft.Communication.RouterWorkerOfferDeclined", "worker/{worker-id}/job/{job-id}"},
    {"Microsoft.Communication.RouterWorkerOfferExpired", "worker/{worker-id}/job/{job-id}"},
    {"Microsoft.Communication.RouterWorkerOfferIssued", "worker/{worker-id}/job/{job-id}"},
    {"Microsoft.Communication.RouterWorkerOfferRevoked", "worker/{worker-id}/job/{job-id}"},
    {"Microsoft.Communication.RouterWorkerRegistered", "worker/{worker-id}"},
    {"Microsoft.Communication.RouterWorkerUpdated", "worker/{worker-id}"},
    {"Microsoft.Communication.SMSDeliveryReportReceived", "/phonenumber/{senderNumber}"},
    {"Microsoft.Communication.SMSReceived", "/phonenumber/{recipientNumber}"},
    {"Microsoft.Communication.UserDisconnected", "user/{rawId}"},
};

}  // namespace

std::span<const EventType> communication_event_types() { return kTypes; }

const EventType* find_event_type(std::string_view name) {
  for (const EventType& type : kTypes)
    if (iequals(type.name, name)) return &type;
  return nullptr;
}

std::string full_event_type(std::string name) {
  const EventType* known = find_event_type(name);
  if (!known) known = find_event_type("Microsoft.Communication." + name);
  return known ? std::string(known->name) : name;
}

}  // namespace trunkline::events
