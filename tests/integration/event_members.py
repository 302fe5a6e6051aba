"""What the data of each published event is made of: names, types and whether a member must be there.

Written from the facts of the published schemas, for the types that this runtime publishes. A type is followed by `?` where the
member may be missing. `DEVIATIONS` is the whole of what is otherwise here; docs/differs-from-azure.md says the same in words.
"""

from __future__ import annotations

import re
from typing import Any

Members = dict[str, Any]

PREFIX = "Microsoft.Communication."
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")

# ---- parts

IDENTIFIER: Members = {
    "rawId": "string?",
    "kind": "string?",
    "communicationUser": {"?": True, "id": "string"},
    "phoneNumber": {"?": True, "value": "string", "isAnonymous": "boolean?", "assertedId": "string?"},
}
PERSON: Members = {"displayName": "string?", "participantCommunicationIdentifier": IDENTIFIER, "metadata": "object?"}
CALLER: Members = {"communicationIdentifier": IDENTIFIER, "role": "string"}

IN_THREAD: Members = {"transactionId": "string", "threadId": "string"}
TO_USER: Members = {**IN_THREAD, "recipientCommunicationIdentifier": IDENTIFIER}
MESSAGE: Members = {
    "messageId": "string",
    "senderCommunicationIdentifier": IDENTIFIER,
    "senderDisplayName": "string?",
    "composeTime": "time?",
    "type": "string",
    "version": "integer?",
}
RECEIVED: Members = {"messageBody": "string", "metadata": "object?"}
EDITED: Members = {**RECEIVED, "editTime": "time?"}
DELETED: Members = {"deleteTime": "time"}
THREAD: Members = {"createTime": "time", "version": "integer"}
CREATED: Members = {
    "createdByCommunicationIdentifier": IDENTIFIER,
    "properties": "object",
    "metadata": "object?",
    "participants": [PERSON],
}
UPDATED: Members = {"editedByCommunicationIdentifier": IDENTIFIER, "editTime": "time?", "properties": "object"}
GONE: Members = {"deletedByCommunicationIdentifier": IDENTIFIER, "deleteTime": "time?"}
JOINED: Members = {"time": "time?", "addedByCommunicationIdentifier": IDENTIFIER, "participantAdded": PERSON}
LEFT: Members = {"time": "time?", "removedByCommunicationIdentifier": IDENTIFIER, "participantRemoved": PERSON}
SMS: Members = {"messageId": "string", "from": "string", "to": "string", "receivedTimestamp": "time?"}
CALL: Members = {
    "startedBy": CALLER,
    "serverCallId": "string",
    "group": {"?": True, "id": "string"},
    "room": {"?": True, "id": "string"},
    "isTwoParty": "boolean?",
    "correlationId": "string",
    "isRoomsCall": "boolean?",
}
IN_CALL: Members = {**CALL, "user": CALLER, "displayName": "string", "participantId": "string", "userAgent": "string"}
CHUNK: Members = {
    "documentId": "string",
    "index": "integer",
    "endReason": "string",
    "metadataLocation": "string",
    "contentLocation": "string",
    "deleteLocation": "string",
}

# ---- the types: the form of the subject, and the members of the data

USER = r"8:acs:[^/]+"
SENT, SENT_TO = rf"thread/[^/]+/sender/{USER}", rf"thread/[^/]+/sender/{USER}/recipient/{USER}"


def thread_subject(verb: str, user: bool = False) -> str:
    return rf"thread/[^/]+/{verb}/{USER}" + (rf"/recipient/{USER}" if user else "")


EVENTS: dict[str, tuple[str, Members]] = {
    "UserDisconnected": (r"user/8:acs:.+", {"userCommunicationIdentifier": IDENTIFIER}),
    "ChatMessageReceived": (SENT_TO, {**TO_USER, **MESSAGE, **RECEIVED, "metadata": "object"}),
    "ChatMessageReceivedInThread": (SENT, {**IN_THREAD, **MESSAGE, **RECEIVED}),
    "ChatMessageEdited": (SENT_TO, {**TO_USER, **MESSAGE, **EDITED}),
    "ChatMessageEditedInThread": (SENT, {**IN_THREAD, **MESSAGE, **EDITED}),
    "ChatMessageDeleted": (SENT_TO, {**TO_USER, **MESSAGE, **DELETED}),
    "ChatMessageDeletedInThread": (SENT, {**IN_THREAD, **MESSAGE, **DELETED}),
    "ChatTypingIndicatorReceivedInThread": (SENT, {**IN_THREAD, **MESSAGE, **RECEIVED}),
    "ChatThreadCreated": (thread_subject("createdBy"), {**IN_THREAD, **THREAD, **CREATED}),
    "ChatThreadCreatedWithUser": (thread_subject("createdBy", True), {**TO_USER, **THREAD, **CREATED}),
    "ChatThreadPropertiesUpdated": (thread_subject("editedBy"), {**IN_THREAD, **THREAD, **UPDATED, "metadata": "object"}),
    "ChatThreadPropertiesUpdatedPerUser": (
        thread_subject("editedBy", True),
        {**TO_USER, **THREAD, **UPDATED, "metadata": "object?"},
    ),
    "ChatThreadDeleted": (thread_subject("deletedBy"), {**IN_THREAD, **THREAD, **GONE}),
    "ChatThreadWithUserDeleted": (thread_subject("deletedBy", True), {**TO_USER, **THREAD, **GONE}),
    "ChatThreadParticipantAdded": (thread_subject("participantadded"), {**IN_THREAD, **JOINED, "version": "integer?"}),
    "ChatParticipantAddedToThreadWithUser": (thread_subject("participantAdded", True), {**TO_USER, **THREAD, **JOINED}),
    "ChatThreadParticipantRemoved": (thread_subject("participantremoved"), {**IN_THREAD, **LEFT, "version": "integer?"}),
    "ChatParticipantRemovedFromThreadWithUser": (thread_subject("participantRemoved", True), {**TO_USER, **THREAD, **LEFT}),
    "SMSReceived": (r"/phonenumber/\d+", {**SMS, "message": "string", "segmentCount": "integer"}),
    "SMSDeliveryReportReceived": (
        r"/phonenumber/\d+",
        {
            **SMS,
            "deliveryStatus": "string",
            "deliveryStatusDetails": "string",
            "deliveryAttempts": [{"timestamp": "time", "segmentsSucceeded": "integer", "segmentsFailed": "integer"}],
            "tag": "string?",
        },
    ),
    "EmailDeliveryReportReceived": (
        r"sender/[^/]+/message/[^/]+",
        {
            "sender": "string",
            "recipient": "string",
            "internetMessageId": "string",
            "messageId": "string?",
            "status": "string?",
            "deliveryStatusDetails": {"recipientMailServerHostName": "string", "statusMessage": "string"},
            "deliveryAttemptTimestamp": "time?",
        },
    ),
    "EmailEngagementTrackingReportReceived": (
        r"sender/[^/]+/message/[^/]+",
        {
            "sender": "string",
            "recipient": "string",
            "messageId": "string",
            "userActionTimestamp": "time",
            "engagementContext": "string",
            "userAgent": "string",
            "engagementType": "string",
        },
    ),
    "IncomingCall": (
        r"/caller/[^/]+/recipient/[^/]+",
        {
            "to": IDENTIFIER,
            "from": IDENTIFIER,
            "serverCallId": "string",
            "callerDisplayName": "string",
            "customContext": {"sipHeaders": "object", "voipHeaders": "object"},
            "incomingCallContext": "string",
            "onBehalfOfCallee": IDENTIFIER,
            "correlationId": "string",
        },
    ),
    "CallStarted": (r"call/[^/]+/startedBy/[^/]+", CALL),
    "CallEnded": (
        r"call/[^/]+",
        {
            **CALL,
            "endedBy": {"communicationIdentifier": IDENTIFIER, "type": "string", "name": "string"},
            "reason": {"code": "integer", "subCode": "integer", "phrase": "string"},
            "callDurationInSeconds": "number",
        },
    ),
    "CallParticipantAdded": (r"call/[^/]+/participant/[^/]+", IN_CALL),
    "CallParticipantRemoved": (r"call/[^/]+/participant/[^/]+", IN_CALL),
    "RecordingFileStatusUpdated": (
        r"/recording/call/[^/]+/serverCallId/[^/]+/recordingId/[^/]+",
        {
            "recordingStorageInfo": {"recordingChunks": [CHUNK]},
            "recordingStartTime": "time?",
            "recordingDurationMs": "integer?",
            "recordingContentType": "string?",
            "recordingChannelType": "string?",
            "recordingFormatType": "string?",
            "sessionEndReason": "string?",
        },
    ),
}

# ---- what is otherwise here: members that are there beside those (a type), or are not there (None)

_FILES = [{"id": "string", "attachmentType": "string", "name": "string?", "url": "string?", "previewUrl": "string?"}]
_SINCE = {"shareHistoryTime": "time?"}
_WHOLE: Members = {"properties": "object", "metadata": "object", "createdByCommunicationIdentifier": IDENTIFIER}
_LOGGED: Members = {"sequenceId": "integer"}
_CONTENT: Members = {**_LOGGED, "attachments": _FILES}
_CHANGED: Members = {"createdByCommunicationIdentifier": IDENTIFIER, "updatedByCommunicationIdentifier": IDENTIFIER}

DEVIATIONS: dict[str, Members] = {
    # Chat: the log keeps one event for each change, and everything that it takes to make the change of it again.
    "ChatMessageReceived": _CONTENT,
    "ChatMessageReceivedInThread": _CONTENT,
    "ChatMessageEdited": _CONTENT,
    "ChatMessageEditedInThread": _CONTENT,
    "ChatMessageDeleted": _LOGGED,
    "ChatMessageDeletedInThread": _LOGGED,
    "ChatThreadCreated": {"participants[]": _SINCE},
    "ChatThreadCreatedWithUser": {"participants[]": _SINCE},
    "ChatThreadPropertiesUpdated": _CHANGED,
    "ChatThreadPropertiesUpdatedPerUser": _CHANGED,
    "ChatThreadDeleted": _WHOLE,
    "ChatThreadWithUserDeleted": _WHOLE,
    "ChatThreadParticipantAdded": {"createTime": "time", "participantsAdded": [{**PERSON, **_SINCE}], "participantAdded": _SINCE},
    "ChatParticipantAddedToThreadWithUser": {"participantAdded": _SINCE},
    "ChatThreadParticipantRemoved": {
        "createTime": "time",
        "participantsRemoved": [{**PERSON, **_SINCE}],
        "participantRemoved": _SINCE,
    },
    "ChatParticipantRemovedFromThreadWithUser": {"participantRemoved": _SINCE},
    # Nobody is called on behalf of somebody else.
    "IncomingCall": {"onBehalfOfCallee": None},
    # Older receivers know it by this name.
    "CallEnded": {"durationOfCall": "number"},
}

# Types of our own: no schema but ours.
OWN: dict[str, Members] = {
    "Trunkline.Communication.ChatReadReceiptReceivedInThread": {
        "threadId": "string",
        "transactionId": "string",
        "senderCommunicationIdentifier": IDENTIFIER,
        "messageId": "string",
        "readOn": "time",
    },
    "Trunkline.EmailReceived": {
        "messageId": "string",
        "internetMessageId": "string",
        "from": "string",
        "envelopeFrom": "string",
        "recipients": ["string"],
        "to": ["string"],
        "cc": ["string"],
        "subject": "string",
        "inReplyTo": "string?",
        "plainText": "string?",
        "html": "string?",
        "attachments": [{"name": "string", "contentType": "string", "sizeInBytes": "integer", "contentId": "string?"}],
        "truncated": "boolean",
        "receivedTimestamp": "time",
    },
}

# Published types whose source this runtime does not have; docs/guide/events.md says so.
NOT_PUBLISHED = re.compile(r"AdvancedMessage|Router|ChatAzureBotCommand")


def members_of(kind: str) -> tuple[str, Members]:
    """The form of the subject and the members of a type as this runtime publishes it."""
    if kind in OWN:
        return r".+", OWN[kind]
    subject, published = EVENTS[kind.removeprefix(PREFIX)]
    members = dict(published)
    for name, change in DEVIATIONS.get(kind.removeprefix(PREFIX), {}).items():
        if change is None:
            del members[name]
        elif name.endswith("[]"):  # further members of what a list holds
            members[name[:-2]] = [{**members[name[:-2]][0], **change}]
        elif name in members:  # further members of an object
            members[name] = {**members[name], **change}
        else:  # a further member, which need not be there
            members[name] = change if isinstance(change, str) else {"?": True, "of": change}
    return subject, members


def faults(value: Any, wanted: Any, at: str = "data") -> list[str]:
    """What is wrong with `value`: missing, unknown and mistyped members, by their path."""
    if isinstance(wanted, str):
        return [] if _is(value, wanted.removesuffix("?")) else [f"{at} is {value!r}, wanted {wanted}"]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        return [fault for i, one in enumerate(value) for fault in faults(one, wanted[0], f"{at}[{i}]")]
    if not isinstance(value, dict):
        return [f"{at} is no object"]
    found = [f"{at}.{name} is unknown" for name in value if name not in wanted]
    for name, kind in wanted.items():
        if name == "?":
            continue
        optional = kind.endswith("?") if isinstance(kind, str) else isinstance(kind, dict) and "?" in kind
        if name in value:
            found += faults(value[name], kind["of"] if isinstance(kind, dict) and "of" in kind else kind, f"{at}.{name}")
        elif not optional:
            found.append(f"{at}.{name} is missing")
    return found


def _is(value: Any, kind: str) -> bool:
    if kind == "time":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    types: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "object": dict}
    return isinstance(value, types[kind])
