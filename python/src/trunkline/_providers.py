"""The providers of a runtime: what serves them, another build of one, and the end of one."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _native
from ._checks import as_duration, check_type
from ._errors import NotFoundError
from ._provider import Plugin, registration
from .service import ProviderChange, ProviderInfo, RuntimeService

__all__ = ["Providers"]

_USUAL = 10.0


def find(infos: list[ProviderInfo], name: str) -> ProviderInfo:
    for info in infos:
        if info.name == name:
            return info
    raise NotFoundError(f"provider {name}: there is none of this name")


def nanoseconds(value: datetime.timedelta | float, name: str) -> int:
    return round(as_duration(value, name).total_seconds() * 1e9)


def change(
    library: str | os.PathLike[str] | None,
    config: Mapping[str, Any] | None,
    settings: Mapping[str, Any] | None,
    probation: datetime.timedelta | float,
    drain: datetime.timedelta | float,
) -> ProviderChange:
    """What the service is told of a provider whose plugin has a library."""
    return ProviderChange(
        library=None if library is None else os.path.abspath(os.fspath(library)),
        config=None if config is None else json.dumps(config, allow_nan=False),
        settings=None if settings is None else json.dumps(settings, allow_nan=False),
        probation=as_duration(probation, "probation"),
        drain=as_duration(drain, "drain"),
    )


def replacement(
    name: str,
    provider: object,
    library: object,
    interface: object,
    config: Mapping[str, Any] | None,
    secrets: Mapping[str, str] | None,
    timeout: float | None,
    settings: Mapping[str, Any] | None,
    workers: int,
) -> tuple[Plugin, str] | None:
    """The object that takes over; None: it is not an object that does."""
    check_type("name", name, str, "str")
    if provider is not None:
        if library is not None:
            raise TypeError("found a provider and a library, wanted one of them")
        return registration(name, provider, interface, config, secrets, timeout, settings, workers)
    for argument, value in (("interface", interface), ("secrets", secrets), ("timeout", timeout)):
        if value is not None:
            raise TypeError(f"{argument}: is said of a provider object; of others `settings` says it")
    return None


class Providers:
    """The providers of a runtime. Iterating gives all of them, in the order in which they are asked."""

    __slots__ = ("_native", "_service")

    def __init__(self, native: _native.Runtime, service: RuntimeService) -> None:
        self._native = native
        self._service = service

    def list(self) -> list[ProviderInfo]:
        """All of them, with the instances that serve them."""
        return self._service.list_providers()

    def __iter__(self) -> Iterator[ProviderInfo]:
        return iter(self._service.list_providers())

    def get(self, name: str) -> ProviderInfo:
        """One of them.

        Raises:
            NotFoundError: There is none of that name.
        """
        return find(self._service.list_providers(), name)

    def reload(
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
        """Lets another instance of a provider take over, and returns once new calls go to it.

        It is made and checked beside the one that serves; when it cannot be made, that one goes on. Calls that are under way end
        where they are. Until the probation is over the instance before stands by, and serves again should the new one fail; then
        it drains.

        Args:
            name: Its name.
            provider: What takes over from a provider that is written in Python; as in `Runtime.register_provider`, and not the
                object that serves now.
            library: The new build of its plugin: a library, or the folder of its plugin.json. None: the file of the present one,
                as it is now.
            config: The configuration of its plugin from now on. None: of a library, the present one; of an object, an empty one.
            settings: All that the configuration says of it from now on: an item of `providers`. For an object, what else that
                says.
            interface, secrets, timeout, workers: Of a provider object, as in `Runtime.register_provider`.
            probation: How long the instance before stands by, on the runtime's clock; a number is seconds.
            drain: How long an instance that serves no more is still listened to, on the runtime's clock; a number is seconds.

        Raises:
            NotFoundError: There is no such provider, or no such library.
            InvalidArgumentError: Its configuration or its manifest is wrong.
            FailedPreconditionError: The library or the instance cannot be used, or its interfaces cannot change hands.
        """
        object_of = replacement(name, provider, library, interface, config, secrets, timeout, settings, workers)
        if object_of is None:
            return self._service.reload_provider(name, change(library, config, settings, probation, drain))
        self._native.replace_provider(*object_of, nanoseconds(probation, "probation"), nanoseconds(drain, "drain"))
        return self.get(name)

    def wait(self, name: str, *, timeout: float | None = None) -> ProviderInfo:
        """Returns once a provider is not on probation; `last_reload` says what came of it.

        Args:
            name: Its name.
            timeout: Seconds to wait; None: for ever.
        """
        return self._service.settle_provider(name, timeout=timeout)

    def remove(self, name: str, *, timeout: float | None = None) -> None:
        """Takes away a provider that was added with `Runtime.register_provider`. Returns once its calls have ended and it has
        stopped; nothing new is handed to it meanwhile, and its name is free.

        Args:
            name: Its name.
            timeout: Seconds to wait; None: for ever.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: It is one of the configuration.
        """
        self._service.remove_provider(name, timeout=timeout)

    def __repr__(self) -> str:
        return "<trunkline.Providers>"
