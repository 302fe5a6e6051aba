"""Clients that speak SMPP send through us: npm `smpp`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually
from smpp_gate import ADDRESSES, OURS, PASSWORD, PHONE, Gate
from smsc import Client


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    made = Gate(tmp_path_factory.mktemp("gate"))
    yield made
    made.server.stop()


def test_a_client_sends_and_gets_its_receipt(gate: Gate) -> None:
    with Client(gate.port, **PASSWORD) as client:
        assert client.wait("bound")["status"] == 0
        client.say(submit={**ADDRESSES, "short_message": "Hello €5"})
        sent = client.wait("submitted")
        assert sent["status"] == 0
        receipt = client.wait("deliver", esm_class=4)
        assert (receipt["id"], receipt["state"]) == (sent["id"], 2)
        assert f"id:{sent['id']} " in receipt["text"]
        assert "stat:DELIVRD" in receipt["text"]
        client.say(query={"message_id": sent["id"]})
        assert client.wait("queried")["state"] == 2
        client.say(unbind=True)
        assert client.wait("unbound")["status"] == 0
    assert ("Hello €5", PHONE) in gate.messages()


def test_parts_are_one_text(gate: Gate) -> None:
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(part={**ADDRESSES, "udh": "050003070202", "esm_class": 0x40, "text": "two of two"})
        second = client.wait("submitted")
        client.say(part={**ADDRESSES, "udh": "050003070201", "esm_class": 0x40, "text": "one of two, "})
        first = client.wait("submitted")
        assert (first["status"], second["status"]) == (0, 0)
        got = {client.wait("deliver", esm_class=4)["id"] for _ in range(2)}
        assert got == {first["id"], second["id"]}
    assert ("one of two, two of two", PHONE) in gate.messages()


def test_parts_beyond_a_page_of_the_storage_survive_a_restart(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    texts, parts, at_a_time = range(6), 201, 40  # all but the last part of each: more than the 1000 of a page

    def part(reference: int, number: int) -> dict[str, object]:
        return {**ADDRESSES, "udh": f"050003{reference:02x}{parts:02x}{number:02x}", "esm_class": 0x40, "text": "x"}

    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            kept = [part(reference, number) for reference in texts for number in range(1, parts)]
            for begin in range(0, len(kept), at_a_time):
                some = kept[begin : begin + at_a_time]
                for one in some:
                    client.say(part=one)
                assert {client.wait("submitted")["status"] for _ in some} == {0}
        gate.server.stop()
        gate.start()
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            for reference in texts:
                client.say(part=part(reference, parts))
            assert {client.wait("submitted")["status"] for _ in texts} == {0}
        assert gate.messages() == [("x" * parts, PHONE)] * len(texts)
    finally:
        gate.server.stop()


def test_parts_that_never_become_a_text_are_told(tmp_path: Path) -> None:
    gate = Gate(tmp_path, inbound_texts=1)

    def send(reference: int, number: int, registered: int) -> str:
        part = {**ADDRESSES, "udh": f"050003{reference:02x}02{number:02x}", "esm_class": 0x40, "registered_delivery": registered}
        client.say(part={**part, "text": "x"})
        sent = client.wait("submitted")
        assert sent["status"] == 0
        return str(sent["id"])

    def state(message_id: str) -> int:
        client.say(query={"message_id": message_id})
        return int(client.wait("queried")["state"])

    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(refuse=1)
            told, silent = send(1, 1, 2), send(2, 1, 0)
            last = send(3, 1, 1)
            receipt = client.wait("deliver", esm_class=4, refused=False)  # the first one was refused
            assert (receipt["id"], receipt["state"]) == (told, 5)
            assert [event["id"] for event in client.events if event["event"] == "deliver"] == [told, told]
            assert "stat:UNDELIV" in receipt["text"]
            assert (state(told), state(silent)) == (5, 5)
            send(3, 2, 1)
            assert client.wait("deliver", esm_class=4)["id"] == last
        assert gate.messages() == [("xx", PHONE)]
    finally:
        gate.server.stop()


def test_questions_are_answered_where_no_receipt_is_wanted(gate: Gate) -> None:
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(submit={**ADDRESSES, "registered_delivery": 0, "short_message": "no receipt"})
        silent = client.wait("submitted")["id"]

        def state() -> int:
            client.say(query={"message_id": silent})
            return int(client.wait("queried")["state"])

        assert eventually(state, lambda found: found != 1) == 2
        client.say(submit={**ADDRESSES, "short_message": "with a receipt"})
        sent = client.wait("submitted")["id"]
        client.wait("deliver", id=sent)
        assert silent not in [event["id"] for event in client.drain() if event["event"] == "deliver"]


def test_texts_to_the_clients_numbers_and_what_it_cannot_take_comes_again(gate: Gate) -> None:
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(refuse=1)
        gate.server.cli("phone", "send", PHONE, "--to", OURS, "Привет")
        assert client.wait("deliver", esm_class=0)["refused"] is True
        again = client.wait("deliver", esm_class=0)
        assert (again["from"], again["to"], again["text"]) == (PHONE[1:], OURS[1:], "Привет")


def test_refusals(gate: Gate) -> None:
    with Client(gate.port, system_id="shop", password="wrong") as client:
        assert client.wait("bound")["status"] == 0x0E
        client.wait("closed")
    with Client(gate.port, system_id="nobody", password="wrong") as client:
        assert client.wait("bound")["status"] == 0x0F
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(submit={**ADDRESSES, "source_addr": "19995550100", "short_message": "not mine"})
        assert client.wait("submitted")["status"] == 0x0A
        client.say(submit={**ADDRESSES, "destination_addr": "12", "short_message": "no number"})
        assert client.wait("submitted")["status"] == 0x0B
        client.say(query={"message_id": "unknown"})
        assert client.wait("queried")["status"] == 0x67
        client.say(enquire=True)
        assert client.wait("there")["status"] == 0
    with Client(gate.port, bind="bind_receiver", **PASSWORD) as client:
        client.wait("bound")
        client.say(submit={**ADDRESSES, "short_message": "from a receiver"})
        assert client.wait("submitted")["status"] == 0x04
    with Client(gate.port, **PASSWORD) as client:
        client.wait("bound")
        client.say(raw="7fffffff0000000400000000")
        client.wait("closed")
