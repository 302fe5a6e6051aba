"""Futures of native calls."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from .. import _native
from .._errors import DeadlineExceededError

T = TypeVar("T")


class CallFuture(asyncio.Future):  # type: ignore[type-arg]
    """A future whose cancellation reaches the plugin. The native side makes it and sets `_call`."""

    __slots__ = ("_call",)
    _call: Any

    def cancel(self, msg: Any | None = None) -> bool:
        if not self.done():
            _native.cancel(self._call)
        return super().cancel(msg)


def within(future: asyncio.Future[T], timeout: float) -> asyncio.Future[T]:
    """Fails the call once `timeout` seconds have passed, and cancels it."""

    def expire() -> None:
        if not future.done():
            _native.cancel(future._call)  # type: ignore[attr-defined]
            future.set_exception(DeadlineExceededError(f"no answer came within {timeout:g} s"))

    timer = future.get_loop().call_later(timeout, expire)
    future.add_done_callback(lambda _: timer.cancel())
    return future


_native.set_future_type(CallFuture)
