"""Mail of a resource, with addresses as plain text where no name is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ._checks import wrong
from .email import EmailAttachment, Mailbox
from .service import EmailMessage, EmailOperation, EmailService

Addresses = str | Mailbox | Sequence[str | Mailbox]
"""One address or several; a name is shown for a `Mailbox` that has one."""


def mailboxes(addresses: Addresses, name: str) -> list[Mailbox]:
    """The addresses as mailboxes."""
    several = [addresses] if isinstance(addresses, (str, Mailbox)) else addresses
    if isinstance(several, (bytes, Mapping)) or not isinstance(several, Iterable):
        raise wrong(name, "str, Mailbox or list of them", several)
    return [Mailbox(address=one) if isinstance(one, str) else one for one in several]


def message_of(
    sender_address: str,
    to: Addresses,
    subject: str,
    plain_text: str | None,
    html: str | None,
    cc: Addresses,
    bcc: Addresses,
    reply_to: Addresses,
    headers: Mapping[str, str] | None,
    attachments: Sequence[EmailAttachment],
    disable_tracking: bool,
    unsubscribe: bool,
    operation_id: str | None,
) -> EmailMessage:
    """What `EmailService.send` takes."""
    return EmailMessage(
        sender_address=sender_address,
        subject=subject,
        plain_text=plain_text,
        html=html,
        to=mailboxes(to, "to"),
        cc=mailboxes(cc, "cc"),
        bcc=mailboxes(bcc, "bcc"),
        reply_to=mailboxes(reply_to, "reply_to"),
        headers=dict(headers or {}),
        attachments=list(attachments),
        disable_tracking=disable_tracking,
        unsubscribe=unsubscribe,
        operation_id=operation_id,
    )


class Email(EmailService):
    """Mail of one resource."""

    __slots__ = ()

    def send_to(
        self,
        to: Addresses,
        subject: str,
        plain_text: str | None = None,
        *,
        sender_address: str,
        html: str | None = None,
        cc: Addresses = (),
        bcc: Addresses = (),
        reply_to: Addresses = (),
        headers: Mapping[str, str] | None = None,
        attachments: Sequence[EmailAttachment] = (),
        disable_tracking: bool = False,
        unsubscribe: bool = False,
        operation_id: str | None = None,
        timeout: float | None = None,
    ) -> EmailOperation:
        """`send`, with addresses as text.

        Args:
            to: One address or several.
            subject: Subject.
            plain_text: Plain text; this or `html` must be there.
            sender_address: `username@domain` of a domain that is linked to the resource.
            html: HTML.
            cc: Cc.
            bcc: Bcc.
            reply_to: Where answers go.
            headers: Further headers.
            attachments: Files; one with a `content_id` can be shown in `html` as `cid:…`.
            disable_tracking: Do not track openings and clicks, though the domain is set to.
            unsubscribe: Offer one-click unsubscribing.
            operation_id: A GUID that names the operation; the same one with the same mail is sent once.
            timeout: Seconds to wait; then the call is cancelled and `DeadlineExceededError` is raised.

        Returns:
            The operation; `get` says what became of it.
        """
        message = message_of(
            sender_address,
            to,
            subject,
            plain_text,
            html,
            cc,
            bcc,
            reply_to,
            headers,
            attachments,
            disable_tracking,
            unsubscribe,
            operation_id,
        )
        return self.send(message, timeout=timeout)

    def operations(self, *, page_size: int = 100) -> Iterator[EmailOperation]:
        """All sends, newest first."""
        continuation: str | None = None
        while True:
            page = self.list(page_size, continuation)
            yield from page.items
            continuation = page.continuation
            if continuation is None:
                return
