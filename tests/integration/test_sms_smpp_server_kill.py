"""What clients over SMPP were answered is not lost when the server ends."""

from __future__ import annotations

from pathlib import Path

from smpp_gate import ADDRESSES, PASSWORD, PHONE, Gate
from smsc import Client

KILL_AFTER = 150


def part(reference: int, number: int, total: int, text: str) -> dict[str, object]:
    return {**ADDRESSES, "udh": f"050003{reference:02x}{total:02x}{number:02x}", "esm_class": 0x40, "text": text}


def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Whole texts, and texts in three parts of which a client that saw no answer sends what was not answered again."""
    gate = Gate(tmp_path, window=1000)
    texts = [f"text {i}" for i in range(400)]
    answered: set[str] = set()
    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            for i, text in enumerate(texts):
                if i % 4:
                    client.say(submit={**ADDRESSES, "short_message": text}, tag=text)
                else:
                    for number in (1, 2, 3):
                        piece = part(i // 4, number, 3, f"{text}/{number} ")
                        client.say(part=piece, tag=f"{text}/{number} ")
            while len(answered) < KILL_AFTER:
                told = client.wait("submitted")
                if told["status"] == 0:
                    answered.add(told["tag"])
            gate.server.kill()
            client.wait("closed")
            for told in client.events:
                if told["event"] == "submitted" and told["status"] == 0:
                    answered.add(told["tag"])
        gate.start()
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            begun = [i for i in range(0, len(texts), 4) if any(f"{texts[i]}/{number} " in answered for number in (1, 2, 3))]
            for i in begun:
                for number in (1, 2, 3):
                    name = f"{texts[i]}/{number} "
                    if name not in answered:
                        client.say(part=part(i // 4, number, 3, name), tag=name)
                        assert client.wait("submitted")["status"] == 0
        sent = [text for text, to in gate.messages()]
        wholes = {f"{texts[i]}/1 {texts[i]}/2 {texts[i]}/3 " for i in begun}
        singles = {tag for tag in answered if "/" not in tag}
        assert begun
        assert singles
        assert singles | wholes <= set(sent)
        assert len(set(sent)) == len(sent), "nothing was sent twice"
    finally:
        gate.server.stop()


def test_a_text_whose_parts_were_all_answered_goes_after_a_restart(tmp_path: Path) -> None:
    """Nobody sends a part of it again. The second part gets onto the disk by hand: the gate keeps it in memory only."""
    gate = Gate(tmp_path)
    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(part=part(7, 1, 2, "one/"))
            assert client.wait("submitted")["status"] == 0
        gate.server.stop()
        with gate.stored() as rows:
            [(key, value)] = rows.execute("SELECT key, value FROM plugin_kv WHERE provider = 'gate'").fetchall()
            second = value.replace(bytes.fromhex("0500030702") + b"\x01one/", bytes.fromhex("0500030702") + b"\x02two/")
            assert second != value
            rows.execute("INSERT INTO plugin_kv VALUES ('gate', ?, ?)", (key.removesuffix("1") + "2", second))
        gate.start()
        assert gate.has("one/two/")
        with Client(gate.port, **PASSWORD) as client:
            got = {client.wait("deliver", esm_class=4)["id"] for _ in range(2)}
            assert len(got) == 2
            assert gate.keeps_nothing()  # while the client is there: a receipt that it has not answered waits for it
        gate.server.stop()
        gate.start()
        assert gate.messages() == [("one/two/", PHONE)]
    finally:
        gate.server.stop()


def test_texts_with_one_reference_are_not_mixed_after_a_restart(tmp_path: Path) -> None:
    """What an earlier text left on the disk is told as lost; the part that comes is of the later one."""
    gate = Gate(tmp_path)
    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(part=part(7, 1, 2, "new/"))
            assert client.wait("submitted")["status"] == 0
        gate.server.stop()
        with gate.stored() as rows:
            [(key, value)] = rows.execute("SELECT key, value FROM plugin_kv WHERE provider = 'gate'").fetchall()
            later = key.split("/")[1]
            earlier = "0" + later[1:]
            row = (key.replace(later, earlier), value.replace(b"new/", b"old/"))
            rows.execute("INSERT INTO plugin_kv VALUES ('gate', ?, ?)", row)
        gate.start()
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            assert client.wait("deliver", esm_class=4, id=f"{earlier}-1")["state"] == 5
            client.say(part=part(7, 2, 2, "two"))
            assert client.wait("submitted")["id"] == f"{later}-2"
        assert gate.messages() == [("new/two", PHONE)]
    finally:
        gate.server.stop()


def test_a_part_that_comes_again_while_its_text_goes_is_of_that_text(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    try:
        with Client(gate.port, **PASSWORD) as client:
            client.wait("bound")
            client.say(part=part(9, 1, 2, "first, "))
            assert client.wait("submitted")["status"] == 0
            client.say(parts=[part(9, 2, 2, "second"), part(9, 2, 2, "second"), part(9, 1, 2, "first, ")])
            told = [client.wait("submitted") for _ in range(3)]
            assert [one["status"] for one in told] == [0, 0, 0]
            assert len({one["id"] for one in told}) == 2
        assert gate.has("first, second")
        gate.server.stop()
        assert gate.kept() == []
        gate.start()
        assert gate.messages() == [("first, second", PHONE)]
    finally:
        gate.server.stop()
