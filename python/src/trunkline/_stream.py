"""Streams as iterators."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, TypeVar

from . import _native

T = TypeVar("T")
BATCH = 64
"""Items that are asked for at once. The producer waits until they are taken, so memory is bounded."""


class Stream(Iterator[T], Generic[T]):
    """Values as they come. Iterate over it; close it, or leave its `with` block, to stop.

    One thread may iterate at a time; `close` may be called from any.
    """

    def __init__(self, native: _native.Stream[T], timeout: float | None = None) -> None:
        self._native = native
        self._ready: deque[T] = deque()
        self._ended = False
        self.timeout = timeout
        """Seconds that iterating waits for an item; None: for ever."""

    def next(self, timeout: float | None = None) -> T:
        """The next value.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            StopIteration: There is none any more.
            DeadlineExceededError: None came in time; the stream stays usable and has lost nothing.
        """
        if not self._ready:
            if self._ended:
                raise StopIteration
            self._ready.extend(self._native.next(BATCH, timeout))
            if not self._ready:
                self.close()
                raise StopIteration
        return self._ready.popleft()

    def __next__(self) -> T:
        return self.next(self.timeout)

    def __iter__(self) -> Stream[T]:
        return self

    def close(self) -> None:
        """Stops the stream. May be called again."""
        self._ended = True
        self._native.close()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
