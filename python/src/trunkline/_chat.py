"""The threads of a resource, with iterators over what comes in pages."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from .chat import ChatMessage, Participant, ReadReceipt, ThreadItem
from .service import ChatService


class Chat(ChatService):
    """Chat of one resource. `as_user` says on whose behalf: a raw id, or a user access token, which then must have the scope.

    `listen` gives what happens in a user's threads, from any position on.
    """

    __slots__ = ()

    def threads(self, as_user: str, *, start_time: datetime.datetime | None = None, page_size: int = 100) -> Iterator[ThreadItem]:
        """The threads that the user takes part in, the youngest first."""
        continuation: str | None = None
        while True:
            page = self.list_threads(as_user, page_size, continuation, start_time)
            yield from page.items
            continuation = page.cursor
            if continuation is None:
                return

    def messages(
        self, as_user: str, thread_id: str, *, start_time: datetime.datetime | None = None, page_size: int = 100
    ) -> Iterator[ChatMessage]:
        """The messages that the user may see, newest first."""
        continuation: str | None = None
        while True:
            page = self.list_messages(as_user, thread_id, page_size, continuation, start_time)
            yield from page.items
            continuation = page.cursor
            if continuation is None:
                return

    def participants(self, as_user: str, thread_id: str, *, page_size: int = 100) -> Iterator[Participant]:
        """Those who take part, in the order of adding."""
        continuation: str | None = None
        while True:
            page = self.list_participants(as_user, thread_id, page_size, continuation)
            yield from page.items
            continuation = page.cursor
            if continuation is None:
                return

    def read_receipts(self, as_user: str, thread_id: str, *, page_size: int = 100) -> Iterator[ReadReceipt]:
        """How far everybody has read."""
        continuation: str | None = None
        while True:
            page = self.list_read_receipts(as_user, thread_id, page_size, continuation)
            yield from page.items
            continuation = page.cursor
            if continuation is None:
                return
