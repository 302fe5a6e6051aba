"""Mailboxes of the people on the other side."""

from __future__ import annotations

import re
from email.message import EmailMessage
from typing import Any

from ..sandbox import CapturedMail
from ._match import CODE, LINK, Match, Wanted, pattern_of, report, taken
from ._steps import Steps, arun, run, until

ELSEWHERE = {"sent", "bounced", "failed", "quarantined", "suppressed"}
"""Outcomes of mail that the sandbox caught and that its recipient has not seen: it is on its way, or lost."""


def text_of(mail: CapturedMail) -> str:
    return "\n".join(part for part in (mail.subject, mail.plain_text, mail.html) if part)


def line_of(mail: CapturedMail) -> str:
    return f"{mail.at:%H:%M:%S.%f}  from {mail.from_}  {mail.subject!r}"


class MailboxSteps:
    """What a mailbox does, however calls are made. `world` is a Trunkline or an AsyncTrunkline."""

    def __init__(self, world: Any, address: str) -> None:
        if not isinstance(address, str):
            raise TypeError(f"address: expected str, found {type(address).__name__}")
        self._world = world
        self.address = address
        self._taken: set[str] = set()
        self._whole: dict[str, CapturedMail] = {}

    def __repr__(self) -> str:
        return f"<mailbox {self.address}>"

    def _mails(self) -> Steps[list[CapturedMail]]:
        """With their parts, which lists leave out."""
        listed: list[CapturedMail] = yield self._world.sandbox_mail.mails(self.address)
        for mail in listed:
            if mail.mail_id not in self._whole:
                self._whole[mail.mail_id] = yield self._world.sandbox_mail.mail(mail.mail_id)
        arrived = [mail for mail in listed if mail.outcomes.get(self.address.lower(), "") not in ELSEWHERE]
        return [self._whole[mail.mail_id] for mail in arrived]

    def _settled(self) -> Steps[list[CapturedMail]]:
        yield from self._world._rest()
        return (yield from self._mails())

    def _wait_for(self, what: Wanted[CapturedMail], subject: str | None, within: float) -> Steps[CapturedMail]:
        match = Match("what", what, text_of)

        def look() -> Steps[CapturedMail | None]:
            mails = yield from self._mails()
            for mail in mails:
                if mail.mail_id not in self._taken and (subject is None or subject in mail.subject) and match.fits(mail):
                    self._taken.add(mail.mail_id)
                    return mail
            return None

        found = yield from until(self._world, look, within)
        if found is None:
            yield from self._complain(match, subject, within)
        assert found is not None
        return found

    def _complain(self, match: Match[CapturedMail], subject: str | None, within: float) -> Steps[None]:
        mails = yield from self._mails()
        lines = [line_of(mail) + ("  (an earlier wait took it)" if mail.mail_id in self._taken else "") for mail in mails]
        lost: list[str] = []
        page = yield self._world.email.list()
        for operation in page.items:
            for recipient in operation.recipients:
                state = getattr(recipient.state, "name", str(recipient.state))
                if recipient.address.lower() == self.address.lower() and state != "DELIVERED":
                    lost.append(f"  {operation.operation_id}  {state}")
        more = ["sent to it and not delivered:", *lost] if lost else []
        if subject is not None:
            match.words += f" whose subject has {subject!r} in it"
        raise AssertionError(report(f"the mailbox {self.address}", match, within, mails, lines, more))

    def _wait_in(
        self, default: re.Pattern[str], pattern: str | re.Pattern[str] | None, subject: str | None, within: float
    ) -> Steps[str]:
        wanted = pattern_of(pattern, default)
        mail = yield from self._wait_for(wanted, subject, within)
        found = wanted.search(text_of(mail))
        assert found is not None
        return taken(found)

    def _send(self, to: str, subject: str, text: str) -> Steps[str]:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.address, to, subject
        message.set_content(text)
        yield from self._world._rest()  # handlers that were just opened hear of it
        mail_id: str = yield self._world.sandbox_mail.receive(self.address, [to], message.as_bytes())
        yield from self._world._rest()
        return mail_id


class Mailbox(MailboxSteps):
    """One mailbox. `"Welcome" in mailbox` is true when it got a mail with that in its subject or text.

    Attributes:
        address: Its address.
    """

    @property
    def mails(self) -> list[CapturedMail]:
        """What it got, oldest first, with texts and files."""
        return run(self._settled())

    @property
    def subjects(self) -> list[str]:
        """The subjects of what it got."""
        return [mail.subject for mail in self.mails]

    def __contains__(self, text: str) -> bool:
        return any(text in text_of(mail) for mail in self.mails)

    def wait_for(self, what: Wanted[CapturedMail] = None, *, subject: str | None = None, within: float = 10.0) -> CapturedMail:
        """The first mail that fits and that no earlier wait has returned. The clock moves on until it comes.

        Args:
            what: Text in its subject, text or HTML, a pattern that is found there, or a function that is true of it; None: any.
            subject: What its subject has in it; None: anything.
            within: Seconds of the test's clock.

        Raises:
            AssertionError: None came; its message says what did, and what became of the others.
        """
        return run(self._wait_for(what, subject, within))

    def wait_code(self, pattern: str | re.Pattern[str] | None = None, *, subject: str | None = None, within: float = 10.0) -> str:
        """The code in the next mail that has one; `pattern` is what it looks like, 4 to 8 digits when it is None."""
        return run(self._wait_in(CODE, pattern, subject, within))

    def wait_link(self, pattern: str | re.Pattern[str] | None = None, *, subject: str | None = None, within: float = 10.0) -> str:
        """The link in the next mail that has one; `pattern` is what it looks like."""
        return run(self._wait_in(LINK, pattern, subject, within))

    def send(self, to: str, subject: str, text: str) -> str:
        """Sends a mail to an address of ours, and returns once it was dealt with. Returns the sandbox's id of it."""
        return run(self._send(to, subject, text))


class AsyncMailbox(MailboxSteps):
    """The same for asyncio: `await mailbox.subjects`, `await mailbox.wait_for("Welcome")`."""

    @property
    async def mails(self) -> list[CapturedMail]:
        """What it got, oldest first, with texts and files."""
        return await arun(self._settled())

    @property
    async def subjects(self) -> list[str]:
        """The subjects of what it got."""
        return [mail.subject for mail in await self.mails]

    async def wait_for(
        self, what: Wanted[CapturedMail] = None, *, subject: str | None = None, within: float = 10.0
    ) -> CapturedMail:
        """The first mail that fits and that no earlier wait has returned; see `Mailbox.wait_for`."""
        return await arun(self._wait_for(what, subject, within))

    async def wait_code(
        self, pattern: str | re.Pattern[str] | None = None, *, subject: str | None = None, within: float = 10.0
    ) -> str:
        """The code in the next mail that has one; see `Mailbox.wait_code`."""
        return await arun(self._wait_in(CODE, pattern, subject, within))

    async def wait_link(
        self, pattern: str | re.Pattern[str] | None = None, *, subject: str | None = None, within: float = 10.0
    ) -> str:
        """The link in the next mail that has one; see `Mailbox.wait_link`."""
        return await arun(self._wait_in(LINK, pattern, subject, within))

    async def send(self, to: str, subject: str, text: str) -> str:
        """Sends a mail to an address of ours; see `Mailbox.send`."""
        return await arun(self._send(to, subject, text))
