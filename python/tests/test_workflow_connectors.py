"""The managed connectors of Azure Communication Services and SMTP, every operation, in the form in which Azure exports it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trunkline
from trunkline.workflows import WorkflowRunDetails, WorkflowStatus, WorkflowStep

SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
OURS = "+14255550100"
SENDER = "support@mail.test"
# Further connections to the same API have a number behind their names.
APIS = {"azurecommunicationservicessms": "", "acsidentity": "", "acschat": "-1", "acsemail": "-2", "smtp": ""}


@pytest.fixture
def rt() -> Iterator[trunkline.Runtime]:
    config = {
        "providers": [
            {"name": "sim", "plugin": "sms-sandbox"},
            {"name": "id", "plugin": "identity-local"},
            {"name": "talk", "plugin": "chat-local"},
            {"name": "mail", "plugin": "email-sandbox", "config": {"smtp_port": 0}},
        ],
        "resources": [
            {
                "name": "demo",
                "numbers": [{"number": OURS, "type": "geographic", "sms": "both", "calling": "none"}],
                "email_domains": [{"domain": "mail.test", "senders": [{"username": "support"}]}],
            }
        ],
    }
    with trunkline.Runtime(config, clock="virtual") as runtime:
        yield runtime


def acs(api: str, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    connection = f"@parameters('$connections')['{api}{APIS[api]}']['connectionId']"
    inputs = {"host": {"connection": {"name": connection}}, "method": method, "path": path, **more}
    if body is not None:
        inputs["body"] = body
    return {"type": "ApiConnection", "inputs": {**inputs, "retryPolicy": {"type": "none"}}}


def run(rt: trunkline.Runtime, actions: dict[str, Any], body: Any = None) -> WorkflowRunDetails:
    """The actions one after the other."""
    before = None
    for name, action in actions.items():
        action["runAfter"] = {} if before is None else {before: ["Succeeded"]}
        before = name
    place = "/subscriptions/0/resourceGroups/g/providers/Microsoft.Web/connections/"
    connections = {
        api + number: {
            "connectionId": place + api + number,
            "connectionName": api + number,
            "id": f"/subscriptions/0/providers/Microsoft.Web/locations/westeurope/managedApis/{api}",
        }
        for api, number in APIS.items()
    }
    definition = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"$connections": {"defaultValue": {}, "type": "Object"}},
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}},
        "actions": actions,
        "outputs": {},
    }
    rt.workflows.deploy(name="flow", definition=definition, parameters={"$connections": connections})
    return rt.workflows.run_to_end("flow", body, timeout=20)


def steps_of(details: WorkflowRunDetails) -> dict[str, WorkflowStep]:
    for step in details.steps:
        assert step.status == WorkflowStatus.SUCCEEDED, step
    return {step.name: step for step in details.steps}


def test_sms(rt: trunkline.Runtime) -> None:
    body = {
        "from": OURS,
        "smsRecipients": [{"to": "+14255550123"}, {"to": "+14255550124"}],
        "message": "@{concat('hel', 'lo')}",
        "smsSendOptions": {"enableDeliveryReport": True, "tag": "order"},
    }
    text = steps_of(run(rt, {"Send_SMS": acs("azurecommunicationservicessms", "post", "/v2/sms", body)}))["Send_SMS"]
    assert text.outputs["statusCode"] == 202
    assert [(one["to"], one["httpStatusCode"], one["successful"]) for one in text.outputs["body"]["value"]] == [
        ("+14255550123", 202, True),
        ("+14255550124", 202, True),
    ]
    rt.clock.advance(2)
    assert {event.data["tag"] for event in rt.events.list("Microsoft.Communication.SMSDeliveryReportReceived")} == {"order"}


def test_identity_and_chat(rt: trunkline.Runtime) -> None:
    def user(name: str) -> str:
        return f"@{{encodeURIComponent(body('{name}')['identity']['id'])}}"

    def person(name: str) -> dict[str, Any]:
        return {
            "communicationIdentifier": {"communicationUser": {"id": f"@body('{name}')['identity']['id']"}},
            "displayName": name,
        }

    identity = {"queries": {"api-version": "2021-03-07"}}
    chat: dict[str, Any] = {"queries": {"api-version": "2021-09-07"}, "headers": {"Access-Token": "@body('Token')['token']"}}
    thread = "/chat/threads/@{encodeURIComponent(body('Thread')?['chatThread']?['id'])}"
    pages = {**chat, "queries": {**chat["queries"], "maxPageSize": "10", "startTime": "2020-01-01T00:00:00Z"}}
    people = {**chat, "queries": {**chat["queries"], "maxPageSize": 10, "skip": 0}}
    patch = {**chat, "headers": {**chat["headers"], "content-type": "application/merge-patch+json"}}
    steps = steps_of(
        run(
            rt,
            {
                "Ann": acs("acsidentity", "post", "/identities", {"createTokenWithScopes": ["chat", "voip"]}, **identity),
                "Bob": acs("acsidentity", "post", "/identities", **identity),
                "Token": acs(
                    "acsidentity", "post", f"/identities/{user('Ann')}/:issueAccessToken", {"scopes": ["chat"]}, **identity
                ),
                "Thread": acs("acschat", "post", "/chat/threads", {"topic": "orders", "participants": [person("Ann")]}, **chat),
                "Add": acs("acschat", "post", thread + "/participants/:add", {"participants": [person("Bob")]}, **chat),
                "People": acs("acschat", "get", thread + "/participants", **people),
                "Say": acs("acschat", "post", thread + "/messages", {"content": "hello", "senderDisplayName": "Flow"}, **chat),
                "Messages": acs("acschat", "get", thread + "/messages", **pages),
                "Rename": acs("acschat", "patch", thread, {"topic": "shipped"}, **patch),
                "Properties": acs("acschat", "get", thread, **chat),
                "Threads": acs("acschat", "get", "/chat/threads", **pages),
                "Remove": acs(
                    "acschat",
                    "post",
                    thread + "/participants/:remove",
                    {"communicationUser": {"id": "@{body('Bob')?['identity']?['id']}"}},
                    **chat,
                ),
                "Fewer": acs("acschat", "get", thread + "/participants", **people),
                "Delete_thread": acs("acschat", "delete", thread, **chat),
                "Revoke": acs("acsidentity", "post", f"/identities/{user('Ann')}/:revokeAccessTokens", **identity),
                "Delete_user": acs("acsidentity", "delete", f"/identities/{user('Bob')}", **identity),
            },
        )
    )
    body = {name: step.outputs.get("body") for name, step in steps.items()}
    status = {name: step.outputs["statusCode"] for name, step in steps.items()}
    assert status == {
        **dict.fromkeys(("Ann", "Bob", "Thread", "Add", "Say"), 201),
        **dict.fromkeys(("Token", "People", "Messages", "Properties", "Threads", "Fewer"), 200),
        **dict.fromkeys(("Rename", "Remove", "Delete_thread", "Revoke", "Delete_user"), 204),
    }
    ann, bob = body["Ann"]["identity"]["id"], body["Bob"]["identity"]["id"]
    assert set(body["Ann"]["accessToken"]) == {"token", "expiresOn"}
    assert body["Thread"]["chatThread"]["createdByCommunicationIdentifier"]["communicationUser"]["id"] == ann
    ids = [one["communicationIdentifier"]["communicationUser"]["id"] for one in body["People"]["value"]]
    assert sorted(ids) == sorted([ann, bob])
    texts = [one for one in body["Messages"]["value"] if one["type"] == "text"]
    assert [(one["id"], one["content"]["message"], one["senderDisplayName"]) for one in texts] == [
        (body["Say"]["id"], "hello", "Flow")
    ]
    assert body["Properties"]["topic"] == "shipped"
    assert [one["id"] for one in body["Threads"]["value"]] == [body["Thread"]["chatThread"]["id"]]
    assert [one["communicationIdentifier"]["communicationUser"]["id"] for one in body["Fewer"]["value"]] == [ann]


def test_email(rt: trunkline.Runtime) -> None:
    mail = {
        "senderAddress": SENDER,
        "recipients": {
            "to": [{"address": "ann@example.com"}],
            "CC": [{"address": "bob@example.com"}],
            "bCC": [{"address": "eve@example.com"}],
        },
        "content": {"subject": "Order @{triggerBody()['id']}", "html": "<p>on its way</p>"},
        "importance": "High",
        "replyTo": [{"address": "orders@example.com"}],
        "headers": [{"name": "X-Team", "value": "orders"}],
        "attachments": [{"name": "a.txt", "contentType": "text/plain", "contentInBase64": "@{base64('hello')}"}],
        "userEngagementTrackingDisabled": True,
    }
    version = {"queries": {"api-version": "2023-03-31"}}
    sent = run(rt, {"Send_email": acs("acsemail", "post", "/emails:sendGAVersion", mail, **version)}, {"id": 7})
    operation = steps_of(sent)["Send_email"].outputs["body"]
    assert operation["status"] == "Running"
    path = "/emails/operations/@{encodeURIComponent(triggerBody())}"
    rt.clock.advance(1)
    status = steps_of(run(rt, {"Status": acs("acsemail", "get", path, **version)}, operation["id"]))["Status"]
    assert status.outputs["body"] == {"id": operation["id"], "status": "Succeeded"}
    unknown = run(rt, {"Status": acs("acsemail", "get", path, **version)}, "nobody").steps[0]
    assert (unknown.status, unknown.outputs["statusCode"]) == (WorkflowStatus.FAILED, 404)

    everybody = ["ann@example.com", "bob@example.com", "eve@example.com"]
    assert sorted(box.address for box in rt.sandbox_mail.mailboxes()) == everybody
    [caught] = rt.sandbox_mail.mails("bob@example.com")
    whole = rt.sandbox_mail.mail(caught.mail_id)
    assert whole.subject == "Order 7"
    assert {"x-priority: 1", "X-Team: orders"} <= set(whole.headers)
    assert [(file.name, file.size_bytes) for file in whole.files] == [("a.txt", 5)]
    raw = rt.sandbox_mail.raw_mail(caught.mail_id)
    assert b"Cc: bob@example.com" in raw
    assert b"Reply-To: orders@example.com" in raw
    assert b"eve@" not in raw

    mail["importance"] = "Urgent"
    wrong = run(rt, {"Send_email": acs("acsemail", "post", "/emails:sendGAVersion", mail, **version)}, {"id": 7}).steps[0]
    assert (wrong.outputs["statusCode"], wrong.outputs["body"]["error"]["target"]) == (400, "importance")


def test_smtp(rt: trunkline.Runtime) -> None:
    mail = {
        "From": SENDER,
        "To": "ann@example.com; bob@example.com",
        "CC": "cy@example.com",
        "Bcc": "eve@example.com",
        "Subject": "Report",
        "Body": "<p>all is well</p>",
        "Importance": "Low",
        "ReadReceipt": SENDER,
        "Attachments": [
            {"FileName": "r.csv", "ContentData": "@{base64('a,b')}"},
            {"FileName": "raw.bin", "ContentData": "@base64ToBinary(base64('bytes'))", "ContentType": "text/plain"},
        ],
    }
    steps_of(run(rt, {"Send_Email": acs("smtp", "post", "/SendEmailV3", mail)}))
    rt.clock.advance(1)
    assert len(rt.sandbox_mail.mailboxes()) == 4
    [caught] = rt.sandbox_mail.mails("cy@example.com")
    whole = rt.sandbox_mail.mail(caught.mail_id)
    assert (whole.subject, whole.html) == ("Report", "<p>all is well</p>")
    assert {"x-priority: 5", f"Disposition-Notification-To: {SENDER}"} <= set(whole.headers)
    assert [(file.name, file.size_bytes) for file in whole.files] == [("r.csv", 3), ("raw.bin", 5)]


def test_smtp_of_the_standard_edition(rt: trunkline.Runtime) -> None:
    def provider(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        of = {"connectionName": "Smtp-1", "operationId": operation, "serviceProviderId": "/serviceProviders/Smtp"}
        return {"type": "ServiceProvider", "inputs": {"parameters": parameters, "serviceProviderConfiguration": of}}

    mail = {"from": SENDER, "to": "ann@example.com", "cc": "bob@example.com", "subject": "Hello", "body": "plain words"}
    steps_of(run(rt, {"Send": provider("sendEmail", mail)}))
    rt.clock.advance(1)
    [caught] = rt.sandbox_mail.mails("bob@example.com")
    whole = rt.sandbox_mail.mail(caught.mail_id)
    assert (whole.subject, (whole.plain_text or "").strip(), whole.html) == ("Hello", "plain words", None)
    wrong = run(rt, {"Receive": provider("receiveEmail", {})}).steps[0]
    assert wrong.error["code"] == "ConnectorOperationNotFound"
    assert "'receiveEmail'" in wrong.error["message"]
