"""Sandbox carriers, and what they do to messages of this test."""

from __future__ import annotations

import datetime
from typing import Any, TypeVar

from .._checks import as_duration
from .._errors import NotFoundError
from ..email import EmailState
from ..sandbox import MailRule, PhoneRule
from ..sms import FailureReason
from ._steps import Steps, arun, run

E = TypeVar("E", FailureReason, EmailState)
Reason = FailureReason | EmailState | str | None
LATENCY = datetime.timedelta(milliseconds=50)


def member(kind: type[E], reason: Reason, default: E) -> E:
    """A reason by its name, in either spelling."""
    if reason is None:
        return default
    if isinstance(reason, kind):
        return reason
    if not isinstance(reason, str):
        raise TypeError(f"reason: expected {kind.__name__} or its name, found {type(reason).__name__}")
    try:
        return kind[reason.upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(each.name.lower() for each in kind)
        raise ValueError(f"reason: found {reason!r}, wanted one of {names}") from None


class CarrierSteps:
    """What a carrier is told, however calls are made. `world` is a Trunkline or an AsyncTrunkline."""

    def __init__(self, world: Any, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name: expected str, found {type(name).__name__}")
        self.name = name
        self._world = world
        try:
            self._phones, self._mail = world._control(name, "SandboxProvider"), None
        except NotFoundError:
            self._phones, self._mail = None, world._control(name, "SandboxMailProvider")

    def __repr__(self) -> str:
        return f"<carrier {self.name}>"

    def _fail(self, reason: Reason, to: str, times: int, rate: float | None, refuse: bool) -> Steps[None]:
        if self._mail is not None:
            if refuse:
                if reason == "temporary":
                    self._world._spoil()
                rule = MailRule(match=to, refuse=True, temporary=reason == "temporary", times=times, rate=rate)
            else:
                rule = MailRule(match=to, outcome=member(EmailState, reason, EmailState.BOUNCED), times=times, rate=rate)
            yield self._mail.add_rule(rule)
        elif refuse:
            refusal = member(FailureReason, reason, FailureReason.BLOCKED)
            if refusal in (FailureReason.TEMPORARY, FailureReason.OVER_QUOTA):
                self._world._spoil()
            yield self._phones.add_rule(PhoneRule(match=to, refuse=refusal, times=times))
        else:
            failure = member(FailureReason, reason, FailureReason.UNREACHABLE)
            yield self._phones.add_rule(PhoneRule(match=to, failure=failure, times=times, failure_rate=rate))

    def _rule(self, to: str, times: int = 0, silent: bool = False, latency: datetime.timedelta = LATENCY) -> Steps[None]:
        control, kind = (self._phones, PhoneRule) if self._mail is None else (self._mail, MailRule)
        yield control.add_rule(kind(match=to, times=times, silent=silent, latency=latency))


class Carrier(CarrierSteps):
    """A sandbox carrier of the configuration. What it is told holds for messages of this test alone.

    Attributes:
        name: Its name in the configuration.
    """

    def fail(self, reason: Reason = None, *, to: str = "*", times: int = 0, rate: float | None = None) -> None:
        """Takes messages and reports that they failed.

        Args:
            reason: A `FailureReason` or its name, such as "unreachable", which None means; for mail an `EmailState`, "bounced".
            to: Numbers that begin so, one number, or "*"; for mail an address in which "*" stands for anything.
            times: So many messages; 0: all.
            rate: The share that fails, 0 to 1; None: all.
        """
        run(self._fail(reason, to, times, rate, False))

    def refuse(self, reason: Reason = None, *, to: str = "*", times: int = 0) -> None:
        """Refuses messages at once, so that another carrier may take them. The arguments are those of `fail`; None means
        "blocked". "temporary" may pass.
        """
        run(self._fail(reason, to, times, None, True))

    def be_silent(self, *, to: str = "*", times: int = 0) -> None:
        """Takes messages, delivers them and never says so."""
        run(self._rule(to, times, silent=True))

    def be_slow(self, latency: datetime.timedelta | float, *, to: str = "*", times: int = 0) -> None:
        """Delivers after so many seconds."""
        run(self._rule(to, times, latency=as_duration(latency, "latency")))

    def recover(self, *, to: str = "*") -> None:
        """Does its work again."""
        run(self._rule(to))


class AsyncCarrier(CarrierSteps):
    """The same for asyncio."""

    async def fail(self, reason: Reason = None, *, to: str = "*", times: int = 0, rate: float | None = None) -> None:
        """Takes messages and reports that they failed; see `Carrier.fail`."""
        await arun(self._fail(reason, to, times, rate, False))

    async def refuse(self, reason: Reason = None, *, to: str = "*", times: int = 0) -> None:
        """Refuses messages at once; see `Carrier.refuse`."""
        await arun(self._fail(reason, to, times, None, True))

    async def be_silent(self, *, to: str = "*", times: int = 0) -> None:
        """Takes messages, delivers them and never says so."""
        await arun(self._rule(to, times, silent=True))

    async def be_slow(self, latency: datetime.timedelta | float, *, to: str = "*", times: int = 0) -> None:
        """Delivers after so many seconds."""
        await arun(self._rule(to, times, latency=as_duration(latency, "latency")))

    async def recover(self, *, to: str = "*") -> None:
        """Does its work again."""
        await arun(self._rule(to))
