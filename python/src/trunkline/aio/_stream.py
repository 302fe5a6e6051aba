"""Streams as asynchronous iterators."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, TypeVar

from .. import _native
from .._errors import DeadlineExceededError
from .._stream import BATCH

T = TypeVar("T")


class AsyncStream(AsyncIterator[T], Generic[T]):
    """Values as they come. Iterate over it with `async for`; `aclose` it, or leave its `async with` block, to stop.

    It is opened when it is made, so nothing that happens later is missed. One task may iterate at a time.
    """

    def __init__(self, opening: asyncio.Future[_native.Stream[T]], timeout: float | None = None) -> None:
        self._opening: asyncio.Future[_native.Stream[T]] | None = opening
        self._native: _native.Stream[T] | None = None
        # A fetch outlives the task that waits for it, so that cancelling a wait loses nothing.
        self._fetch: asyncio.Future[list[T]] | None = None
        self._ready: deque[T] = deque()
        self._ended = False
        self.timeout = timeout
        """Seconds that iterating waits for an item; None: for ever."""

    async def _open(self) -> _native.Stream[T]:
        if self._native is None:
            assert self._opening is not None
            self._native = await asyncio.shield(self._opening)
            self._opening = None
        return self._native

    async def _wait(self) -> list[T]:
        native = await self._open()
        if self._fetch is None:
            self._fetch = native.next_async(BATCH)
        batch = await asyncio.shield(self._fetch)
        self._fetch = None
        return batch

    async def next(self, timeout: float | None = None) -> T:
        """The next value.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            StopAsyncIteration: There is none any more.
            DeadlineExceededError: None came in time; the stream stays usable and has lost nothing.
        """
        if not self._ready:
            if self._ended:
                raise StopAsyncIteration
            try:
                self._ready.extend(await (self._wait() if timeout is None else asyncio.wait_for(self._wait(), timeout)))
            except TimeoutError:
                raise DeadlineExceededError(f"no item came within {timeout:g} s") from None
            if not self._ready:
                await self.aclose()
                raise StopAsyncIteration
        return self._ready.popleft()

    async def __anext__(self) -> T:
        return await self.next(self.timeout)

    def __aiter__(self) -> AsyncStream[T]:
        return self

    async def aclose(self) -> None:
        """Stops the stream. May be called again."""
        self._ended = True
        if self._opening is not None:
            try:
                await self._open()
            except Exception:
                return  # it was never open
        if self._native is not None:
            self._native.close()
        if self._fetch is not None:
            self._fetch.cancel()
            self._fetch = None

    async def __aenter__(self) -> AsyncStream[T]:
        await self._open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()
