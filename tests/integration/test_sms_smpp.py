"""Texts over SMPP to a carrier that is not ours: npm `smpp`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server, sms_body
from smsc import Smsc

OURS = "+14255550100"
PHONE = "+14255550123"
SENDS = "/sms?api-version=2026-01-23"
FINAL = {"delivered", "failed", "expired", "uncertain"}


def configuration(folder: Path, port: int, *more: dict[str, Any], **config: Any) -> list[str]:
    """Arguments of a server that sends over SMPP; `more` are further providers."""
    smpp = {"host": "127.0.0.1", "port": port, "system_id": "trunk", "reconnect_first_ms": 50, **config}
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "warning"},
        "store": {"mode": "file", "path": str(folder / "data")},
        "providers": [
            {"name": "smpp", "plugin": "sms-smpp", "config": smpp, "secrets": {"password": {"value": "hunter2"}}},
            *more,
        ],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "sms": "both"}]}],
    }
    (folder / "trunkline.yaml").write_text(json.dumps(whole))
    return ["--config", str(folder / "trunkline.yaml")]


def send(server: Server, text: str, to: str = PHONE) -> str:
    status, answer, _ = server.request("POST", SENDS, sms_body([to], text))
    assert status == 202, answer
    return str(answer["value"][0]["messageId"])


def record_when(server: Server, message_id: str, states: set[str]) -> dict[str, Any]:
    """The message once it is in one of these states."""
    connection = server.connection()
    path = f"/_control/messages/{message_id}"
    record = eventually(lambda: server.request("GET", path, connection=connection)[1], lambda found: found["state"] in states)
    return dict(record)


def state_when_asked(server: Server, message_id: str) -> str:
    """Its state. Without an answer it is uncertain until the plugin was asked what it knows: that is waited for."""
    connection = server.connection()

    def asked() -> tuple[str, int]:
        state = str(record_when(server, message_id, FINAL | {"sent"})["state"])
        _, why, _ = server.request("GET", f"/_control/messages/{message_id}/explain", connection=connection)
        return state, sum(step["rule"] == "inquiry" for step in why["steps"])

    return eventually(asked, lambda found: found[0] != "uncertain" or found[1] > 1)[0]


def test_every_alphabet_arrives_whole_and_is_reported(tmp_path: Path) -> None:
    long_gsm = "Line {€} [x] @home " * 30
    texts = ["Hello €5 [x] @home", "Привет, мир 👋 — 你好", long_gsm, "я" * 200]
    with Smsc(password="hunter2", receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port), command="serve") as server:
        ids = [send(server, text) for text in texts]
        for message_id in ids:
            assert record_when(server, message_id, FINAL)["state"] == "delivered"
        parts = smsc.submits()
        assert [part["text"] for part in parts if not part["udh"]] == texts[:2]
        joined: dict[str, str] = {}
        for part in parts:
            for element in part["udh"]:
                assert element.startswith("0003"), "an 8-bit reference"
                joined[element[4:6]] = joined.get(element[4:6], "") + part["text"]
        assert sorted(joined.values()) == sorted(texts[2:])
        assert all(part["from"] == OURS[1:] and part["to"] == PHONE[1:] for part in parts)


@pytest.mark.parametrize("way", ["udh16", "sar", "payload"])
def test_other_ways_of_long_texts(tmp_path: Path, way: str) -> None:
    text = "0123456789" * 40
    with Smsc(receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port, long_text=way), command="serve") as server:
        assert record_when(server, send(server, text), FINAL)["state"] == "delivered"
        parts = smsc.submits()
        assert "".join(part["text"] for part in parts) == text
        assert len(parts) == (1 if way == "payload" else 3)


def test_latin_1_where_it_takes_fewer_parts(tmp_path: Path) -> None:
    text = "«C'était déjà l'été», ê"  # in Latin-1 and not in GSM 7-bit
    with Smsc(receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port, latin1=True), command="serve") as server:
        assert record_when(server, send(server, text), FINAL)["state"] == "delivered"
        assert record_when(server, send(server, text * 10), FINAL)["state"] == "delivered"
        assert record_when(server, send(server, "Привет"), FINAL)["state"] == "delivered"
        first, *parts, last = smsc.submits()
        assert (first["data_coding"], first["text"]) == (3, text)
        assert {part["data_coding"] for part in parts} == {3}
        assert "".join(part["text"] for part in parts) == text * 10
        assert (last["data_coding"], last["text"]) == (8, "Привет")


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("turkish", 1, "Çabuk kağıda şöyle yazın: İğne, ıspanak"),  # noqa: RUF001
        ("spanish", 2, "El niño comió maíz en Cádiz, ¿sí?"),
        ("portuguese", 3, "Não há açúcar em São João, irmã"),
    ],
)
def test_national_tables(tmp_path: Path, language: str, number: int, text: str) -> None:
    """The SMSC decodes them by its own tables (3GPP TS 23.038, A)."""
    with (
        Smsc(receipts=0) as smsc,
        Server(*configuration(tmp_path, smsc.port, national_languages=[language]), command="serve") as server,
    ):
        for wanted in (text, (text + " ") * 5):
            assert record_when(server, send(server, wanted), FINAL)["state"] == "delivered"
        first, *parts = smsc.submits()
        tables = [element for element in first["udh"] if element[:2] in ("24", "25")]
        assert tables
        assert {int(element[4:6], 16) for element in tables} == {number}
        assert (first["data_coding"], first["text"]) == (0, text)
        assert len(parts) == 2
        assert "".join(part["text"] for part in parts) == (text + " ") * 5


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
def test_binds(tmp_path: Path, bind: str) -> None:
    with Smsc(receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port, bind=bind), command="serve") as server:
        assert record_when(server, send(server, "hello"), FINAL)["state"] == "delivered"
        smsc.drain()
        kinds = sorted(event["kind"] for event in smsc.events if event["event"] == "bind")
        assert kinds == (["bind_transceiver"] if bind == "transceiver" else ["bind_receiver", "bind_transmitter"])


def test_parts_of_a_text_that_is_refused_are_cancelled(tmp_path: Path) -> None:
    with Smsc(refuse=3) as smsc, Server(*configuration(tmp_path, smsc.port, window=1), command="serve") as server:
        record = record_when(server, send(server, "0123456789" * 40), FINAL)
        assert record["state"] == "failed"
        parts = smsc.submits()
        assert [part["answer"] for part in parts] == ["taken", "taken", "refused"]
        cancelled = [event for event in smsc.events if event["event"] == "cancel"]
        while len(cancelled) < 2:
            cancelled.append(smsc.wait("cancel"))
        assert [one["id"] for one in cancelled] == [part["id"] for part in parts[:2]]
        assert {(one["from"], one["to"]) for one in cancelled} == {(OURS[1:], PHONE[1:])}


def test_texts_as_data_sm(tmp_path: Path) -> None:
    text = "Привет, " * 20
    with Smsc(receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port, message_pdu="data_sm"), command="serve") as server:
        assert record_when(server, send(server, text), FINAL)["state"] == "delivered"
        parts = smsc.submits()
        assert "".join(part["text"] for part in parts) == text
        assert [part["pdu"] for part in parts] == ["data_sm"] * len(parts)


def test_texts_from_phones(tmp_path: Path) -> None:
    with Smsc() as smsc, Server(*configuration(tmp_path, smsc.port), command="serve") as server:
        smsc.wait("bind", accepted=True)
        smsc.say(
            deliver={
                "source_addr": PHONE[1:],
                "source_addr_ton": 1,
                "destination_addr": OURS[1:],
                "destination_addr_ton": 1,
                "data_coding": 8,
                "short_message": "Привет",
            }
        )
        assert smsc.wait("deliver_answered")["status"] == 0
        found = json.loads(
            server.cli("wait", "event", "--type", "Microsoft.Communication.SMSReceived", "--after", "0", "--json").stdout
        )
        assert (found["data"]["from"], found["data"]["to"], found["data"]["message"]) == (PHONE, OURS, "Привет")
        smsc.say(deliver={"source_addr": PHONE[1:], "destination_addr": "19995550100", "short_message": "wrong number"})
        assert smsc.wait("deliver_answered")["status"] == 0x65, "nobody has it: do not try again"


def test_wrong_credentials_leave_the_message_to_the_next_carrier(tmp_path: Path) -> None:
    spare = {"name": "spare", "plugin": "sms-sandbox"}
    with Smsc(password="other") as smsc, Server(*configuration(tmp_path, smsc.port, spare), command="serve") as server:
        assert smsc.wait("bind")["accepted"] is False
        record = record_when(server, send(server, "hello"), FINAL)
        assert (record["state"], record["provider"]) == ("delivered", "spare")
        assert not smsc.submits()


def test_throttling_is_waited_out(tmp_path: Path) -> None:
    with (
        Smsc(throttle=2, receipts=0) as smsc,
        Server(*configuration(tmp_path, smsc.port, throttle_pause_ms=20), command="serve") as server,
    ):
        assert record_when(server, send(server, "hello"), FINAL)["state"] == "delivered"
        assert [part["answer"] for part in smsc.submits()] == ["throttled", "throttled", "taken"]


def test_a_carrier_that_never_reports_is_asked(tmp_path: Path) -> None:
    with Smsc() as smsc, Server(*configuration(tmp_path, smsc.port, query_after_seconds=1), command="serve") as server:
        message_id = send(server, "hello")
        taken = smsc.wait("submit", answer="taken")
        smsc.say(state={"id": taken["id"], "state": 5})
        record = record_when(server, message_id, FINAL)
        assert (record["state"], record["provider_code"]) == ("failed", "UNDELIV")


def test_a_connection_that_ends_within_the_window_sends_nothing_twice(tmp_path: Path) -> None:
    with Smsc(hang_up_after=20, receipts=0) as smsc, Server(*configuration(tmp_path, smsc.port), command="serve") as server:
        ids = [send(server, f"text {i}") for i in range(60)]
        states = [record_when(server, message_id, FINAL)["state"] for message_id in ids]
        assert set(states) <= {"delivered", "uncertain"}
        assert 1 <= states.count("uncertain") <= 10, "at most the window"
        texts = [part["text"] for part in smsc.submits()]
        assert len(set(texts)) == len(texts), "nothing was sent twice"
        assert len(texts) >= 50


def test_tls(tmp_path: Path) -> None:
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=smsc.test", "-addext", "subjectAltName=DNS:smsc.test", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    with Smsc(key=key, cert=cert, receipts=0) as smsc:
        good = {"tls": True, "tls_ca_file": cert, "tls_server_name": "smsc.test"}
        with Server(*configuration(tmp_path, smsc.port, **good), command="serve") as server:
            assert record_when(server, send(server, "hello"), FINAL)["state"] == "delivered"
        other = tmp_path / "other"
        other.mkdir()
        spare = {"name": "spare", "plugin": "sms-sandbox"}
        wrong = {**good, "tls_server_name": "elsewhere.test"}
        with Server(*configuration(other, smsc.port, spare, **wrong), command="serve") as server:
            assert record_when(server, send(server, "not for them"), FINAL)["provider"] == "spare"
        assert [part["text"] for part in smsc.submits()] == ["hello"]


def test_kill_9_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    with Smsc(receipts=0) as smsc:
        arguments = configuration(tmp_path, smsc.port, window=10)
        ids: dict[str, str] = {}
        with Server(*arguments, command="serve") as server:
            connection = server.connection()
            for i in range(300):
                status, answer, _ = server.request("POST", SENDS, sms_body([PHONE], f"text {i}"), connection=connection)
                assert status == 202
                ids[answer["value"][0]["messageId"]] = f"text {i}"
            server.kill()
        with Server(*arguments, command="serve") as server:
            states = {message_id: state_when_asked(server, message_id) for message_id in ids}
            sent = [part["text"] for part in smsc.submits()]
            assert len(set(sent)) == len(sent), "nothing was sent twice"
            for message_id, text in ids.items():
                if states[message_id] in ("sent", "delivered"):
                    assert text in sent, f"{message_id} is said to be sent and was not"
            uncertain = [message_id for message_id, state in states.items() if state == "uncertain"]
            assert len(uncertain) <= 40, "no more than was being written"
            assert not [message_id for message_id, state in states.items() if state == "failed"]
