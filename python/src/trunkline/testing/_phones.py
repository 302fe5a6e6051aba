"""Virtual phones: the people on the other side."""

from __future__ import annotations

import datetime
import re
from typing import Any

from ..sandbox import PhoneMessage, PhoneRule
from ..service import SmsRecord
from ..sms import MessageState
from ._match import CODE, Match, Wanted, pattern_of, report, taken
from ._steps import Steps, arun, run, until


def text_of(message: PhoneMessage) -> str:
    return message.text


def line_of(message: PhoneMessage) -> str:
    return f"{message.at:%H:%M:%S.%f}  from {message.from_}  {message.text!r}"


def trouble_of(record: SmsRecord) -> str:
    state = getattr(record.state, "name", record.state)
    reason = getattr(record.reason, "name", record.reason)
    why = "" if reason == "NONE" else f" {reason}"
    return f"{record.message!r}  {state}{why}{f' by {record.provider}' if record.provider else ''}"


class PhoneSteps:
    """What a phone does, however calls are made. `world` is a Trunkline or an AsyncTrunkline."""

    def __init__(self, world: Any, number: str) -> None:
        if not isinstance(number, str):
            raise TypeError(f"number: expected str, found {type(number).__name__}")
        self._world = world
        self.number = number
        self._taken: set[tuple[str, datetime.datetime]] = set()

    def __repr__(self) -> str:
        return f"<phone {self.number}>"

    def _all(self) -> Steps[list[PhoneMessage]]:
        messages: list[PhoneMessage] = yield self._world.sandbox.messages(self.number)
        return messages

    def _received(self) -> Steps[list[PhoneMessage]]:
        messages = yield from self._all()
        return [message for message in messages if not message.outbound]

    def _texts(self) -> Steps[list[str]]:
        yield from self._world._rest()
        messages = yield from self._received()
        return [message.text for message in messages]

    def _wait_for(self, what: Wanted[PhoneMessage], from_: str | None, within: float) -> Steps[PhoneMessage]:
        match = Match("what", what, text_of)

        def look() -> Steps[PhoneMessage | None]:
            messages = yield from self._received()
            for message in messages:
                key = (message.message_id, message.at)
                if key not in self._taken and (from_ is None or message.from_ == from_) and match.fits(message):
                    self._taken.add(key)
                    return message
            return None

        found = yield from until(self._world, look, within)
        if found is None:
            yield from self._complain(match, within)
        assert found is not None
        return found

    def _complain(self, match: Match[PhoneMessage], within: float) -> Steps[None]:
        messages = yield from self._received()
        lines = [
            line_of(message) + ("  (an earlier wait took it)" if (message.message_id, message.at) in self._taken else "")
            for message in messages
        ]
        page = yield self._world.sms.list()
        lost = [record for record in page.items if record.to == self.number and record.state != MessageState.DELIVERED]
        more = ["sent to it and not delivered:", *(f"  {trouble_of(record)}" for record in lost)] if lost else []
        raise AssertionError(report(f"the phone {self.number}", match, within, messages, lines, more))

    def _wait_code(self, pattern: str | re.Pattern[str] | None, from_: str | None, within: float) -> Steps[str]:
        wanted = pattern_of(pattern, CODE)
        message = yield from self._wait_for(wanted, from_, within)
        found = wanted.search(message.text)
        assert found is not None
        return taken(found)

    def _send(self, text: str, to: str | None) -> Steps[str]:
        yield from self._world._rest()  # handlers that were just opened hear of it
        if to is None:
            to = yield from self._world._own_number()
        message_id: str = yield self._world.sandbox.send_from_phone(self.number, to, text)
        yield from self._world._rest()
        return message_id

    def _reply_with(self, text: str, times: int) -> Steps[None]:
        yield self._world.sandbox.add_rule(PhoneRule(match=self.number, reply=text, times=times))


class Phone(PhoneSteps):
    """One virtual phone. `"code" in phone` is true when it got a text with that in it.

    Attributes:
        number: E.164.
    """

    @property
    def messages(self) -> list[PhoneMessage]:
        """What it got and sent, oldest first."""
        return run(self._all())

    @property
    def texts(self) -> list[str]:
        """The texts that it got, oldest first."""
        return run(self._texts())

    def __contains__(self, text: str) -> bool:
        return any(text in got for got in self.texts)

    def wait_for(self, what: Wanted[PhoneMessage] = None, *, from_: str | None = None, within: float = 10.0) -> PhoneMessage:
        """The first message that fits and that no earlier wait has returned. The clock moves on until it comes.

        Args:
            what: Text that is in it, a pattern that is found in it, or a function that is true of it; None: any.
            from_: Its sender; None: any.
            within: Seconds of the test's clock.

        Raises:
            AssertionError: None came; its message says what did, and what became of the others.
        """
        return run(self._wait_for(what, from_, within))

    def wait_code(self, pattern: str | re.Pattern[str] | None = None, *, from_: str | None = None, within: float = 10.0) -> str:
        """The code in the next message that has one.

        Args:
            pattern: What a code looks like, its first group when it has one; None: 4 to 8 digits.
            from_: The message's sender; None: any.
            within: Seconds of the test's clock.
        """
        return run(self._wait_code(pattern, from_, within))

    def send(self, text: str, to: str | None = None) -> str:
        """Sends a text to a number of ours, and returns once it was dealt with.

        Args:
            text: The text.
            to: The number; None: the resource's first that takes texts.

        Returns:
            The carrier's id of the message.
        """
        return run(self._send(text, to))

    def reply_with(self, text: str, *, times: int = 0) -> None:
        """Answers every message from now on, or so many."""
        run(self._reply_with(text, times))


class AsyncPhone(PhoneSteps):
    """The same for asyncio: `await phone.texts`, `await phone.wait_for("code")`."""

    @property
    async def messages(self) -> list[PhoneMessage]:
        """What it got and sent, oldest first."""
        return await arun(self._all())

    @property
    async def texts(self) -> list[str]:
        """The texts that it got, oldest first."""
        return await arun(self._texts())

    async def wait_for(
        self, what: Wanted[PhoneMessage] = None, *, from_: str | None = None, within: float = 10.0
    ) -> PhoneMessage:
        """The first message that fits and that no earlier wait has returned; see `Phone.wait_for`."""
        return await arun(self._wait_for(what, from_, within))

    async def wait_code(
        self, pattern: str | re.Pattern[str] | None = None, *, from_: str | None = None, within: float = 10.0
    ) -> str:
        """The code in the next message that has one; see `Phone.wait_code`."""
        return await arun(self._wait_code(pattern, from_, within))

    async def send(self, text: str, to: str | None = None) -> str:
        """Sends a text to a number of ours; see `Phone.send`."""
        return await arun(self._send(text, to))

    async def reply_with(self, text: str, *, times: int = 0) -> None:
        """Answers every message from now on, or so many."""
        await arun(self._reply_with(text, times))
