"""What clients over SMPP may say to us, and what they get: npm `smpp` as the peer."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from smpp_gate import ADDRESSES, DEAD, OURS, PASSWORD, PHONE, Gate
from smsc import Client

THROTTLED = 0x58
TEMPORARY = 0x64
INVALID_DESTINATION = 0x0B
INVALID_BIND_STATUS = 0x04


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Of several tests: a receipt whose answer a client took along comes again to the next one."""
    made = Gate(tmp_path_factory.mktemp("gate"))
    yield made
    made.server.stop()


def test_tls(tmp_path: Path) -> None:
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=gate.test", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    gate = Gate(tmp_path, tls_certificate_file=cert, tls_key_file=key, bind_seconds=1)
    try:
        with Client(gate.port, tls=True, **PASSWORD) as client:
            assert client.wait("bound")["status"] == 0
            client.say(submit={**ADDRESSES, "short_message": "over TLS"})
            sent = client.wait("submitted")
            client.wait("deliver", esm_class=4, id=sent["id"])
        with Client(gate.port, **PASSWORD) as client:  # in the open: it is no handshake
            client.wait("closed")
            assert not [event for event in client.events if event["event"] == "bound"]
        assert gate.has("over TLS")
    finally:
        gate.server.stop()


@pytest.mark.parametrize("coding", [0, 3, 8])
def test_texts_as_data_sm(gate: Gate, coding: int) -> None:
    text = {0: "data {€}", 3: "data «ê»", 8: "данные 👋"}[coding]
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(data={**ADDRESSES, "data_coding": coding, "message_payload": text})
        sent = client.wait("submitted")
        assert sent["status"] == 0
        client.wait("deliver", esm_class=4, id=sent["id"])
    assert gate.has(text)


@pytest.mark.parametrize("coding", [0, 8])
def test_a_long_text_in_one_payload(gate: Gate, coding: int) -> None:
    text = {0: "payload " * 60, 8: "груз " * 60}[coding].strip()
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(submit={**ADDRESSES, "data_coding": coding, "short_message": "", "message_payload": text})
        sent = client.wait("submitted")
        assert sent["status"] == 0
        client.wait("deliver", esm_class=4, id=sent["id"])
        assert len([one for one in client.drain() if one["event"] == "deliver" and one["id"].startswith(sent["id"])]) == 1
    assert gate.has(text)


def test_parts_by_sar_in_ucs2(gate: Gate) -> None:
    parts = ["Часть первая, ", "часть вторая 👋, ", "часть третья"]
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        ids = set()
        for number in (3, 1, 2):
            sar = {"sar_msg_ref_num": 77, "sar_total_segments": 3, "sar_segment_seqnum": number}
            client.say(submit={**ADDRESSES, **sar, "data_coding": 8, "short_message": parts[number - 1]})
            sent = client.wait("submitted")
            assert sent["status"] == 0
            ids.add(sent["id"])
        got: set[str] = set()
        while not ids <= got:
            got.add(client.wait("deliver", esm_class=4)["id"])
    assert gate.has("".join(parts))


def test_a_character_that_is_cut_in_two_and_a_16_bit_reference(gate: Gate) -> None:
    octets = "wave 👋!".encode("utf-16-be")
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        for number, piece in ((1, octets[:12]), (2, octets[12:])):  # between the halves of a surrogate pair
            udh = f"0608041234{2:02x}{number:02x}"
            client.say(part={**ADDRESSES, "udh": udh, "esm_class": 0x40, "data_coding": 8, "octets": piece.hex()})
            assert client.wait("submitted")["status"] == 0
    assert gate.has("wave 👋!")


def test_receipts_of_failures_only(gate: Gate) -> None:
    """registered_delivery 2: nothing is told of what arrives."""
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(submit={**ADDRESSES, "registered_delivery": 2, "short_message": "arrives"})
        good = client.wait("submitted")["id"]
        client.say(submit={**ADDRESSES, "registered_delivery": 2, "destination_addr": DEAD[1:], "short_message": "does not"})
        bad = client.wait("submitted")["id"]
        receipt = client.wait("deliver", esm_class=4, id=bad)
        assert receipt["state"] == 5
        assert "stat:UNDELIV" in receipt["text"]
        client.say(query={"message_id": good})
        assert client.wait("queried")["state"] == 2
        assert good not in [one.get("id") for one in client.drain() if one["event"] == "deliver"]


def test_each_part_says_whether_it_wants_a_receipt(gate: Gate) -> None:
    """registered_delivery belongs to a PDU (SMPP 3.4, 5.2.17): clients that want one receipt a text ask for it with one part."""
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        ids = []
        for number, registered in ((1, 0), (2, 1), (3, 2)):
            udh = f"05000309{3:02x}{number:02x}"
            client.say(
                part={**ADDRESSES, "registered_delivery": registered, "udh": udh, "esm_class": 0x40, "text": f"part {number} "}
            )
            ids.append(client.wait("submitted")["id"])
        client.wait("deliver", esm_class=4, id=ids[1])
        client.say(submit={**ADDRESSES, "short_message": "afterwards"})
        client.wait("deliver", esm_class=4, id=client.wait("submitted")["id"])
        assert [one["id"] for one in client.events if one["event"] == "deliver" and one["id"] in ids] == [ids[1]]
    assert gate.has("part 1 part 2 part 3 ")


def test_more_than_the_window_is_throttled(tmp_path: Path) -> None:
    gate = Gate(tmp_path, window=2)
    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(burst=[{**ADDRESSES, "short_message": f"text {i}"} for i in range(5)])
            verdicts = [client.wait("submitted")["status"] for _ in range(5)]
            assert sorted(verdicts) == [0, 0, THROTTLED, THROTTLED, THROTTLED]
            client.say(submit={**ADDRESSES, "short_message": "again"})
            assert client.wait("submitted")["status"] == 0
        assert gate.has("again")
        assert len(gate.messages()) == 3
    finally:
        gate.server.stop()


class Busy(BaseHTTPRequestHandler):
    """SMS operations that have enough to do."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_client_is_throttled_as_the_service_is(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as busy:
        threading.Thread(target=busy.serve_forever, daemon=True).start()
        gate = Gate(tmp_path, endpoint=f"http://127.0.0.1:{busy.server_port}")
        try:
            with Client(gate.port, **PASSWORD) as client:
                client.wait("bound")
                client.say(submit={**ADDRESSES, "short_message": "too much"})
                assert client.wait("submitted")["status"] == THROTTLED
        finally:
            gate.server.stop()
            busy.shutdown()


def test_a_client_that_is_gone_does_not_hold_back_others(tmp_path: Path) -> None:
    """What is for it waits on disk, also over a kill, and the subscription that all share sees no failure."""
    gate = Gate(tmp_path, clients="shop:hunter2\ngone:p\n")
    gone = {"system_id": "gone", "password": "p"}

    def failed() -> float:
        connection = gate.server.connection()
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("trunkline_events_failed_total"))

    try:
        ids = []
        with Client(gate.port, bind="bind_transmitter", **gone) as client:
            client.wait("bound")
            for i in range(5):
                client.say(submit={**ADDRESSES, "short_message": f"receipt {i} waits"})
                ids.append(client.wait("submitted")["id"])
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(submit={**ADDRESSES, "short_message": "of another"})
            client.wait("deliver", esm_class=4, id=client.wait("submitted")["id"])
        assert failed() == 0
        gate.server.kill()
        gate.start()
        with Client(gate.port, **gone) as client:
            client.wait("bound")
            got = [client.wait("deliver", esm_class=4)["id"] for _ in ids]
            assert sorted(got) == sorted(ids)
            assert failed() == 0
    finally:
        gate.server.stop()


@pytest.mark.parametrize(("status", "kept"), [(TEMPORARY, 1), (INVALID_DESTINATION, 0)])
def test_a_receipt_that_is_never_taken_does_not_hold_back_others(tmp_path: Path, status: int, kept: int) -> None:
    """It is told again in growing intervals; when the client finds fault with it, not at all."""
    gate = Gate(tmp_path)
    try:
        ids = []
        with Client(gate.port, bind="bind_transmitter", **PASSWORD) as client:
            client.wait("bound")
            for i in range(4):
                client.say(submit={**ADDRESSES, "short_message": f"receipt {i} waits"})
                ids.append(client.wait("submitted")["id"])
        with Client(gate.port, refuse_id=ids[0], status=status, **PASSWORD) as client:
            client.wait("bound")
            wanted = set(ids)
            while wanted:
                wanted.discard(client.wait("deliver", esm_class=4)["id"])
            client.say(submit={**ADDRESSES, "short_message": "the next"})
            client.wait("deliver", id=client.wait("submitted")["id"], refused=False)
            if kept:
                client.wait("deliver", id=ids[0])
                client.wait("deliver", id=ids[0])
            told = [event["id"] for event in client.events if event["event"] == "deliver"]
            assert all(told.count(one) == 1 for one in ids[1:])
            assert (told.count(ids[0]) > 1) == bool(kept)
        gate.server.stop()
        assert len(gate.kept("waiting/")) == kept
    finally:
        gate.server.stop()


def test_more_connections_than_allowed_are_closed(tmp_path: Path) -> None:
    gate = Gate(tmp_path, max_connections=1)
    try:
        with Client(gate.port, **PASSWORD) as first:
            first.wait("bound")
            with Client(gate.port, **PASSWORD) as second:
                second.wait("closed")
                assert not [event for event in second.events if event["event"] == "bound"]
            first.say(unbind=True)
            first.wait("closed")
        with Client(gate.port, **PASSWORD) as third:
            assert third.wait("bound")["status"] == 0
    finally:
        gate.server.stop()


def test_silence(tmp_path: Path) -> None:
    """Who does not bind is closed, and who says nothing; who answers when asked stays."""
    gate = Gate(tmp_path, bind_seconds=1, enquire_link_seconds=1, idle_seconds=3)
    try:
        with (
            Client(gate.port, bind=False, **PASSWORD) as unbound,
            Client(gate.port, mute=True, **PASSWORD) as mute,
            Client(gate.port, **PASSWORD) as alive,
        ):
            for one in (mute, alive):
                assert one.wait("bound")["status"] == 0
            bound = time.monotonic()
            unbound.wait("closed")
            mute.wait("closed")
            assert len([event for event in mute.events if event["event"] == "asked"]) >= 1
            while time.monotonic() - bound < 5:
                alive.wait("asked")
            alive.say(submit={**ADDRESSES, "short_message": "still here"})
            assert alive.wait("submitted")["status"] == 0
    finally:
        gate.server.stop()


def test_a_pair_of_connections(gate: Gate) -> None:
    with (
        Client(gate.port, bind="bind_receiver", **PASSWORD) as receiver,
        Client(gate.port, bind="bind_transmitter", **PASSWORD) as sender,
    ):
        for one in (receiver, sender):
            assert one.wait("bound")["status"] == 0
        sender.say(submit={**ADDRESSES, "short_message": "by the transmitter"})
        sent = sender.wait("submitted")["id"]
        receiver.wait("deliver", esm_class=4, id=sent)
        gate.server.cli("phone", "send", PHONE, "--to", OURS, "to the receiver")
        assert receiver.wait("deliver", esm_class=0)["text"] == "to the receiver"
        receiver.say(submit={**ADDRESSES, "short_message": "by the receiver"})
        assert receiver.wait("submitted")["status"] == INVALID_BIND_STATUS
        sender.say(cancel={"message_id": sent, "source_addr": OURS[1:], "destination_addr": PHONE[1:]})
        assert sender.wait("cancelled")["status"] == 0x11
        assert not [event for event in sender.drain() if event["event"] == "deliver"]
