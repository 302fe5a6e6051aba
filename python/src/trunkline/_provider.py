"""Providers that are written in Python: what the native side drives. One instance has a thread with an event loop of its own."""

from __future__ import annotations

import contextvars
import copy
import datetime
import importlib
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

from . import _native

if TYPE_CHECKING:
    from .providers import ProviderHost

__all__ = ["ProviderCall", "current_call"]

_DRAFT = "0.1.0"

Explained: TypeAlias = tuple[int, str, str, bool, float | None, str, int, str, dict[str, str]]


class ProviderCall(NamedTuple):
    """The operation that a provider is serving."""

    deadline: datetime.datetime | None
    """When the caller stops waiting, on the clock of the runtime."""
    idempotency_key: str
    """The same for a call that is made again because its answer was lost; empty when there is none."""
    traceparent: str
    """W3C trace context; empty when there is none."""
    resource: str
    """Name of the communication resource on whose behalf; empty when there is none."""


current: contextvars.ContextVar[tuple[datetime.datetime | None, str, str, str]] = contextvars.ContextVar("trunkline_call")


def current_call() -> ProviderCall:
    """What the caller said about the operation that is being served.

    Raises:
        LookupError: No provider's method is being called here.
    """
    return ProviderCall(*current.get())


class ProviderBase:
    """What base classes of providers have in common. What a class says about itself stands in its attributes."""

    interface_id: ClassVar[str]
    """Id of the interface, such as `trunkline.sms/1`."""
    version: ClassVar[str] = _DRAFT
    """Version of the provider, MAJOR.MINOR.PATCH."""
    config_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """What its configuration may say, in the JSON Schema subset of plugin.json."""
    secrets: ClassVar[Sequence[str]] = ()
    """Names of secrets that must be configured."""
    optional_secrets: ClassVar[Sequence[str]] = ()
    """Names of secrets that may be configured."""

    host: ProviderHost
    """What it gets of its runtime. There from `start` on."""

    def start(self, host: ProviderHost) -> Awaitable[None] | None:
        """Called before the first operation. What it raises fails the registration. May be a coroutine function."""
        return None

    def stop(self) -> Awaitable[None] | None:
        """Called when the provider is to end, before those under way are waited for. May be a coroutine function."""
        return None


class HostBase:
    """What a provider gets of its runtime."""

    __slots__ = ("_clients", "_native", "config", "name")

    name: str
    """Name of the plugin."""
    config: dict[str, Any]
    """Its configuration, with defaults filled in."""

    def __init__(self, native: _native.ProviderInstance, name: str, config: dict[str, Any]) -> None:
        self._native = native
        self._clients: dict[str, Any] = {}
        self.name = name
        self.config = config

    def _client(self, module: str, name: str) -> Any:
        found = self._clients.get(name)
        if found is None:
            cls = getattr(importlib.import_module(module), name)
            found = self._clients[name] = cls(self._native.client(cls.interface_id))
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self.name}>"


class Plugin:
    """A provider object, or what makes one for each instance, as a plugin of the application.

    Args:
        provider: An object, or a class or function that makes one.
        id: Id of the plugin.
        interfaces: Ids, short names or classes of what it offers; None: those of its base classes.
        config_schema, secrets, optional_secrets: As in plugin.json; None: as its class says.
        most_workers: Threads for methods that are plain functions.
        stop_grace: Seconds for what is under way when the provider is to end; then it is cancelled.
    """

    def __init__(
        self,
        provider: object,
        *,
        id: str,
        interfaces: object = None,
        config_schema: Mapping[str, Any] | None = None,
        secrets: Iterable[str] | None = None,
        optional_secrets: Iterable[str] | None = None,
        most_workers: int = 8,
        stop_grace: float = 2.0,
    ) -> None:
        if not isinstance(id, str):
            raise TypeError(f"id: expected str, found {type(id).__name__}")
        if provider is None:
            raise TypeError("provider: expected a provider, found None")
        self.id = id
        self.most_workers = most_workers
        self.stop_grace = stop_grace
        self._make = _maker(provider)
        self.interfaces = interface_ids(provider, interfaces)
        about = provider if _is_class(provider) or _offers(provider) else None
        if about is not None:
            for interface in self.interfaces:
                if _is_class(about) or isinstance(about, ProviderBase):
                    check_operations(about if isinstance(about, type) else type(about), interface)
                else:
                    operations(about, interface)
        self.manifest = json.dumps(
            {
                "id": id,
                "name": getattr(about, "__name__", None) or type(provider).__name__ if about is not None else id,
                "version": getattr(about, "version", _DRAFT),
                "abi_min": "1.0",
                "interfaces": list(self.interfaces),
                "config_schema": dict(_first(config_schema, getattr(about, "config_schema", None), {"type": "object"})),
                "secrets": list(_first(secrets, getattr(about, "secrets", None), ())),
                "optional_secrets": list(_first(optional_secrets, getattr(about, "optional_secrets", None), ())),
                "threads": True,
            }
        )

    def create(self, native: _native.ProviderInstance, config: str) -> None:
        """Makes an instance. [called by the native side]"""
        from ._provider_loop import Instance

        Instance(self, native, json.loads(config))

    def explain(self, error: BaseException) -> Explained:
        from ._provider_loop import explain

        return explain(error, self.id)

    def make(self) -> object:
        return self._make()


def _first(*choices: Any) -> Any:
    return next(choice for choice in choices if choice is not None)


def _is_class(provider: object) -> bool:
    return isinstance(provider, type)


def _offers(provider: object) -> bool:
    """It is a provider and not what makes one."""
    return isinstance(provider, ProviderBase) or not callable(provider)


def _maker(provider: object) -> Callable[[], object]:
    if _offers(provider) and not _is_class(provider):
        return lambda: provider
    assert callable(provider)
    return provider


def interface_ids(provider: object, wanted: object) -> tuple[str, ...]:
    """Ids of the interfaces that an object offers. `wanted` as in `Plugin`."""
    from .providers import INTERFACES

    if wanted is None:
        cls = provider if isinstance(provider, type) else type(provider)
        found = [
            base.__dict__["interface_id"]
            for base in cls.__mro__
            if base.__module__ == "trunkline.providers" and "interface_id" in base.__dict__
        ]
        if not found:
            raise TypeError(
                f"{cls.__name__} is no trunkline.SmsProvider or the like: say what it offers, such as interface='sms'"
            )
        return tuple(dict.fromkeys(found))
    items = [wanted] if isinstance(wanted, (str, type)) else list(wanted)  # type: ignore[call-overload]
    short = {id.split("/")[0].removeprefix("trunkline."): id for id in INTERFACES}
    ids = []
    for item in items:
        name = getattr(item, "interface_id", item)
        id = short.get(name, name) if isinstance(name, str) else ""
        if id not in INTERFACES:
            raise TypeError(f"interface: found {item!r}, wanted one of {', '.join(sorted(short))}")
        ids.append(id)
    if not ids:
        raise TypeError("interface: found none, wanted at least one")
    return tuple(dict.fromkeys(ids))


def operations(provider: object, interface_id: str) -> tuple[tuple[str, object, bool], ...]:
    """(name, function or value, is a coroutine function) of each operation; None where the object has none."""
    from . import providers

    base = next(cls for cls in vars(providers).values() if getattr(cls, "interface_id", None) == interface_id)
    rows = []
    for name, constant in providers.INTERFACES[interface_id]:
        method = getattr(provider, name, None)
        if constant:
            rows.append((name, method() if callable(method) else copy.copy(method), False))
        elif method is None or getattr(method, "__func__", None) is base.__dict__[name]:
            rows.append((name, None, False))
        elif not callable(method):
            raise TypeError(f"{type(provider).__name__}.{name}: expected a function, found {type(method).__name__}")
        else:
            rows.append((name, method, is_coroutine_function(method)))
    constants = [constant for _, constant in providers.INTERFACES[interface_id]]
    if all(row[1] is None for row, constant in zip(rows, constants, strict=True) if not constant):
        wanted = ", ".join(name for name, constant in providers.INTERFACES[interface_id] if not constant)
        raise TypeError(f"{type(provider).__name__} has no method of {interface_id}: wanted {wanted}")
    return tuple(rows)


def check_operations(cls: type, interface_id: str) -> None:
    """TypeError when a class has none of the methods of an interface that it is to offer."""
    from . import providers

    base = next(found for found in vars(providers).values() if getattr(found, "interface_id", None) == interface_id)
    wanted = [name for name, constant in providers.INTERFACES[interface_id] if not constant]
    if all(getattr(cls, name, None) in (None, base.__dict__[name]) for name in wanted):
        raise TypeError(f"{cls.__name__} has no method of {interface_id}: wanted {', '.join(wanted)}")


def app_plugins(plugins: Mapping[str, object] | None) -> list[Plugin]:
    """What `Runtime(plugins=…)` was given, by the ids that the configuration uses."""
    return [plugin if isinstance(plugin, Plugin) else Plugin(plugin, id=id) for id, plugin in (plugins or {}).items()]


def registration(
    name: str,
    provider: object,
    interface: object,
    config: Mapping[str, Any] | None,
    secrets: Mapping[str, str] | None,
    timeout: float | None,
    settings: Mapping[str, Any] | None,
    workers: int,
) -> tuple[Plugin, str]:
    """The plugin, and what the configuration would say of the provider, as JSON."""
    names = tuple(secrets) if secrets else None
    declared = getattr(provider, "secrets", None) if isinstance(provider, (type, ProviderBase)) else None
    plugin = Plugin(provider, id=name, interfaces=interface, secrets=declared or names, most_workers=workers)
    item: dict[str, Any] = {**(settings or {}), "name": name, "plugin": name, "config": dict(config or {})}
    if secrets:
        item["secrets"] = {key: {"value": value} for key, value in secrets.items()}
    if timeout is not None:
        item["timeout"] = f"{round(timeout * 1000)}ms"
    try:
        return plugin, json.dumps(item, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"the configuration of {name} cannot be written as JSON: {error}") from error


def is_coroutine_function(method: Any) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(getattr(method, "__call__", None))  # noqa: B004
