"""Mail of a resource, with addresses as plain text where no name is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from .._email import Addresses, message_of
from ..email import EmailAttachment
from ..service import EmailOperation
from .service import EmailService


class Email(EmailService):
    """Mail of one resource."""

    __slots__ = ()

    async def send_to(
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
        return await self.send(message, timeout=timeout)

    async def operations(self, *, page_size: int = 100) -> AsyncIterator[EmailOperation]:
        """All sends, newest first."""
        continuation: str | None = None
        while True:
            page = await self.list(page_size, continuation)
            for item in page.items:
                yield item
            continuation = page.continuation
            if continuation is None:
                return
