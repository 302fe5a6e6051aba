"""What tests of applications stand on: the world of a test, its people, carriers, events and clock."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Iterator

import pytest
import trunkline as package
from trunkline.sandbox import PhoneMessage
from trunkline.sms import MessageState
from trunkline.testing import AsyncTrunkline, Home, Trunkline

ADA = "+14255550123"
BOB = "+14255550124"
SENDER = "support@sandbox.trunkline.test"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    home = Home()
    yield home
    home.close()


@pytest.fixture
def trunkline(home: Home) -> Iterator[Trunkline]:
    with home.world() as world:
        yield world


def text(trunkline: Trunkline, message: str, to: str = ADA) -> str:
    (sent,) = trunkline.sms.send(from_=trunkline.number, to=[to], message=message, delivery_report=True)
    assert sent.message_id
    return sent.message_id


def mail(trunkline: Trunkline, subject: str, body: str, to: str = "ada@example.com") -> None:
    trunkline.email.send_to(to, subject, body, sender_address=SENDER)


def test_worlds_share_nothing(home: Home) -> None:
    with home.world() as first:
        text(first, "hello")
        first.settle()
        first.carrier("sim-a").fail()
        assert first.phone(ADA).wait_for("hello")
        name = first.name
    with home.world() as second:
        assert second.name != name
        assert second.phone(ADA).messages == []
        assert second.sms.list().items == []
        assert second.events.of() == []
        assert not any(rule.failure for rule in second.sandbox.rules())


def test_the_clock_stands_still(trunkline: Trunkline) -> None:
    before = trunkline.clock.now()
    message = text(trunkline, "hello")
    trunkline.settle()
    assert trunkline.sms.get(message).state is MessageState.SENT
    assert trunkline.clock.now() == before
    assert trunkline.clock.advance(2) == before + datetime.timedelta(seconds=2)
    assert trunkline.sms.get(message).state is MessageState.DELIVERED


def test_waiting_moves_the_clock(trunkline: Trunkline) -> None:
    before = trunkline.clock.now()
    phone = trunkline.phone(ADA)
    text(trunkline, "Your code is 123456.")
    text(trunkline, "Your code is 654321.")
    assert phone.wait_code() == "123456"
    assert phone.wait_code() == "654321"
    assert trunkline.clock.now() - before < datetime.timedelta(seconds=1)
    assert phone.texts == ["Your code is 123456.", "Your code is 654321."]
    assert "654321" in phone
    assert "111111" not in phone


def test_a_wait_takes_text_patterns_and_functions(trunkline: Trunkline) -> None:
    phone = trunkline.phone(ADA)
    for message in ("one G-4711", "two", "three"):
        text(trunkline, message)
    assert phone.wait_for(lambda message: message.text.startswith("th")).text == "three"
    assert phone.wait_code(r"G-(\d+)") == "4711"
    found = phone.wait_for(re.compile("t.o"), from_=trunkline.number)
    assert isinstance(found, PhoneMessage)
    for wrong, error in (({"what": 7}, "what: expected str"), ({"within": "7"}, "within: expected seconds")):
        with pytest.raises(TypeError, match=error):
            phone.wait_for(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 or more"):
        phone.wait_for(within=-1)
    with pytest.raises(TypeError, match="number: expected str"):
        trunkline.phone(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pattern: expected"):
        phone.wait_code(7)  # type: ignore[arg-type]


def test_a_wait_in_vain_says_what_came_instead(trunkline: Trunkline) -> None:
    trunkline.carrier("sim-a").fail("unreachable", to=ADA, times=1)
    text(trunkline, "This is lost")
    text(trunkline, "Your code is 123456")
    phone = trunkline.phone(ADA)
    phone.wait_for("code")
    with pytest.raises(AssertionError) as caught:
        phone.wait_for("Your code was 123456", within=3)
    said = str(caught.value)
    assert said.startswith(
        f"the phone {ADA} got nothing new within 3 s of the clock; wanted anything with 'Your code was 123456' in it"
    )
    assert "'Your code is 123456'  (an earlier wait took it)" in said
    assert "  - Your code was 123456\n" in said
    assert "  + Your code is 123456\n" in said
    assert "'This is lost'  FAILED UNREACHABLE by sim-a" in said
    with pytest.raises(AssertionError, match="it got nothing at all"):
        trunkline.phone(BOB).wait_for(within=0)


def test_phones_write_and_answer(trunkline: Trunkline) -> None:
    phone = trunkline.phone(ADA)
    phone.send("START")
    received = trunkline.events.expect("SMSReceived")
    assert (received.data["from"], received.data["to"], received.data["message"]) == (ADA, trunkline.number, "START")
    phone.reply_with("Yes", times=1)
    text(trunkline, "Coffee?")
    answer = trunkline.events.expect("SMSReceived", lambda event: event.data["message"] == "Yes")
    assert answer.sequence > received.sequence
    assert [message.outbound for message in phone.messages] == [True, False, True]


def test_handlers_are_waited_for(trunkline: Trunkline) -> None:
    @trunkline.on_event("answers", types=["Microsoft.Communication.SMSReceived"])
    def answer(event: package.Event) -> None:
        trunkline.sms.send(from_=event.data["to"], to=[event.data["from"]], message=f"You said {event.data['message']}")

    trunkline.phone(ADA).send("hello")
    assert trunkline.phone(ADA).wait_for().text == "You said hello"


def test_carriers(trunkline: Trunkline) -> None:
    carrier = trunkline.carrier("sim-a")
    carrier.refuse(to=BOB)
    trunkline.carrier("sim-b").refuse("bad-destination", to=BOB)
    message = text(trunkline, "hello", BOB)
    trunkline.clock.advance(60)
    assert trunkline.sms.get(message).state is MessageState.FAILED
    carrier.be_slow(30)
    late = text(trunkline, "late")
    trunkline.clock.advance(29)
    assert trunkline.sms.get(late).state is MessageState.SENT
    trunkline.clock.advance(2)
    assert trunkline.sms.get(late).state is MessageState.DELIVERED
    carrier.be_silent()
    silent = text(trunkline, "silent")
    assert trunkline.phone(ADA).wait_for("silent")
    assert trunkline.sms.get(silent).state is MessageState.SENT
    carrier.recover()
    well = text(trunkline, "well")
    trunkline.clock.advance(1)
    assert trunkline.sms.get(well).state is MessageState.DELIVERED
    with pytest.raises(ValueError, match="reason: found 'bad luck', wanted one of none, bad_destination"):
        carrier.fail("bad luck")
    with pytest.raises(TypeError, match="reason: expected FailureReason or its name, found float"):
        carrier.fail(1.5)  # type: ignore[arg-type]
    with pytest.raises(package.NotFoundError, match="nobody"):
        trunkline.carrier("nobody")


def test_mail(trunkline: Trunkline) -> None:
    mail(trunkline, "Welcome", "Confirm at https://example.com/confirm?t=1 with 4711.")
    box = trunkline.mailbox("ada@example.com")
    assert box.wait_link(subject="Welcome") == "https://example.com/confirm?t=1"
    assert box.subjects == ["Welcome"]
    assert "Confirm" in box
    trunkline.carrier("sim-mail").fail("bounced", to="bob@*")
    mail(trunkline, "Invoice", "42", "bob@example.com")
    with pytest.raises(AssertionError, match=r"(?s)the mailbox bob@example.com got nothing.*not delivered:\n.*BOUNCED"):
        trunkline.mailbox("bob@example.com").wait_for(subject="Invoice")
    mail(trunkline, "Your code", "It is 987654")
    assert box.wait_code() == "987654"


def test_a_breaker_that_tripped_is_gone_with_its_test(home: Home) -> None:
    with home.world() as first:
        first.carrier("sim-a").refuse("temporary")
        for i in range(10):
            text(first, str(i))
        first.settle()
        runtime = first.runtime
    assert runtime.closed
    with home.world() as second:
        message = text(second, "hello")
        second.settle()
        assert second.sms.get(message).provider == "sim-a"


def test_mail_comes_in(trunkline: Trunkline) -> None:
    trunkline.mailbox("ada@example.com").send(SENDER, "Help", "It does not work. Grüße")
    (received,) = trunkline.email.received_mails()
    assert (received.subject, received.from_) == ("Help", "ada@example.com")


def test_events_that_nobody_took(trunkline: Trunkline) -> None:
    @trunkline.on_event("broken", types=["Microsoft.Communication.SMSReceived"], max_attempts=2)
    def broken(event: package.Event) -> None:
        raise RuntimeError("no database")

    trunkline.phone(ADA).send("hello")
    assert trunkline.events.dead_lettered == []
    trunkline.clock.advance(datetime.timedelta(hours=1))
    (letter,) = trunkline.events.dead_lettered
    assert (letter.subscription, letter.attempts, letter.event.data["message"]) == ("broken", 2, "hello")
    assert "no database" in str(letter)


def test_an_event_in_vain_says_which_came(trunkline: Trunkline) -> None:
    trunkline.phone(ADA).send("hello")
    with pytest.raises(AssertionError, match=r"(?s)no event Microsoft.Communication.Nothing.*these did:.*SMSReceived"):
        trunkline.events.expect("Nothing", within=1)


def test_all_of_it_with_await(trunkline: Trunkline) -> None:
    async def body(world: AsyncTrunkline) -> None:
        number = await world.number()

        @world.on_event("answers", types=["Microsoft.Communication.SMSReceived"])
        async def answer(event: package.Event) -> None:
            await world.sms.send(from_=number, to=[event.data["from"]], message="Your code is 4711")

        phone = world.phone(ADA)
        await phone.send("code")
        assert await phone.wait_code() == "4711"
        assert await phone.texts == ["Your code is 4711"]
        assert [message.outbound for message in await phone.messages] == [True, False]
        await world.email.send_to("ada@example.com", "Welcome", "https://example.com", sender_address=SENDER)
        box = world.mailbox("ada@example.com")
        assert await box.wait_link() == "https://example.com"
        assert await box.subjects == ["Welcome"]
        await world.carrier("sim-a").fail(to=BOB)
        await world.sms.send(from_=number, to=[BOB], message="lost", delivery_report=True)
        with pytest.raises(AssertionError, match="'lost'  FAILED UNREACHABLE by sim-a"):
            await world.phone(BOB).wait_for(within=2)
        assert await world.events.dead_lettered == []
        assert (await world.events.expect("SMSReceived")).data["from"] == ADA
        before = world.clock.now()
        assert await world.clock.advance(1) == before + datetime.timedelta(seconds=1)

    asyncio.run(body(trunkline.aio))
