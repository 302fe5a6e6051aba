"""What every provider that is written in Python stands on."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

from . import _native

__all__ = ["Host", "ProviderBase"]

_LEVELS = {"debug": 1, "info": 2, "warning": 3, "error": 4}


class Host:
    """The runtime as a provider sees it. Usable from any thread while the provider lives."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.ProviderHost, /) -> None:
        self._native = native

    def secret(self, name: str) -> str:
        """A secret of the provider's configuration.

        Args:
            name: One of the class's `secrets` or `optional_secrets`.

        Raises:
            NotFoundError: It is not configured, or the class does not name it.
        """
        return self._native.secret(name)

    def log(self, level: str, message: str, **fields: object) -> None:
        """Writes to the runtime's log, which redacts secrets.

        Args:
            level: `debug`, `info`, `warning` or `error`.
            message: What happened.
            fields: What belongs to it.
        """
        if level not in _LEVELS:
            raise ValueError(f"level: found {level!r}, wanted one of {', '.join(_LEVELS)}")
        self._native.log(_LEVELS[level], message, {name: str(value) for name, value in fields.items()})

    def now(self) -> datetime.datetime:
        """The time on the runtime's clock, which tests move."""
        return self._native.now()

    def _emit(self, interface: str, operation: str, *arguments: object) -> None:
        self._native.emit(interface, operation, *arguments)

    async def _emit_async(self, interface: str, operation: str, *arguments: object) -> None:
        await asyncio.to_thread(self._native.emit, interface, operation, *arguments)


class ProviderBase:
    """Base of the classes in `trunkline.providers`.

    Give the class, or an object of it, as `plugin` of a provider in the configuration. The runtime makes an object for each
    provider that names the class, with what stands under `config`, checked against `config_schema`.

    Methods run on threads of the provider's own, at first one after the other; when they turn out to be slow, on up to
    `max_threads` at once. When one of them is a coroutine, all run on an event loop of the provider's own, and must not block it.
    """

    interface_id: ClassVar[str]
    id: ClassVar[str] = ""
    """Names it as a plugin; empty: after the class."""
    version: ClassVar[str] = "0.1.0"
    """MAJOR.MINOR.PATCH."""
    config_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """JSON Schema of its `config`; the runtime checks it, fills defaults in, and says which key is wrong."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets that must be configured."""
    optional_secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets that may be."""
    max_threads: ClassVar[int] = 8
    """Of methods that are no coroutines."""

    host: Host
    config: dict[str, Any]

    def __init__(self, host: Host | None = None, config: dict[str, Any] | None = None) -> None:
        # An object that is given itself gets both when its runtime opens.
        if host is not None:
            self.host = host
        self.config = {} if config is None else config

    def stop(self) -> None:
        """Called when the runtime closes, before the operations in flight have ended."""
