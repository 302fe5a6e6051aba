"""The providers of a runtime, for asyncio."""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import Mapping
from typing import Any

from .. import _native
from .._providers import _USUAL, change, find, nanoseconds, replacement
from ..service import ProviderInfo
from .service import RuntimeService

__all__ = ["Providers"]


class Providers:
    """The providers of a runtime; see `trunkline.Providers`."""

    __slots__ = ("_native", "_service")

    def __init__(self, native: _native.Runtime, service: RuntimeService) -> None:
        self._native = native
        self._service = service

    async def list(self) -> list[ProviderInfo]:
        """All of them, with the instances that serve them."""
        return await self._service.list_providers()

    async def get(self, name: str) -> ProviderInfo:
        """One of them.

        Raises:
            NotFoundError: There is none of that name.
        """
        return find(await self._service.list_providers(), name)

    async def reload(
        self,
        name: str,
        provider: object = None,
        *,
        library: str | os.PathLike[str] | None = None,
        config: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        interface: object = None,
        secrets: Mapping[str, str] | None = None,
        timeout: float | None = None,
        workers: int = 8,
        probation: datetime.timedelta | float = _USUAL,
        drain: datetime.timedelta | float = _USUAL,
    ) -> ProviderInfo:
        """Lets another instance of a provider take over; the arguments are those of `trunkline.Providers.reload`."""
        object_of = replacement(name, provider, library, interface, config, secrets, timeout, settings, workers)
        if object_of is None:
            return await self._service.reload_provider(name, change(library, config, settings, probation, drain))
        plugin, item = object_of
        times = nanoseconds(probation, "probation"), nanoseconds(drain, "drain")
        await asyncio.get_running_loop().run_in_executor(None, self._native.replace_provider, plugin, item, *times)
        return await self.get(name)

    async def wait(self, name: str, *, timeout: float | None = None) -> ProviderInfo:
        """Completes once a provider is not on probation; see `trunkline.Providers.wait`."""
        return await self._service.settle_provider(name, timeout=timeout)

    async def remove(self, name: str, *, timeout: float | None = None) -> None:
        """Takes away a provider that was added with `Runtime.register_provider`; see `trunkline.Providers.remove`."""
        await self._service.remove_provider(name, timeout=timeout)

    def __repr__(self) -> str:
        return "<trunkline.aio.Providers>"
