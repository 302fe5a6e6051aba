"""From classes and objects in a configuration to plugins of a runtime."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
import threading
import typing
from collections.abc import Callable, Mapping
from typing import Any

from . import _native, providers
from ._errors import InvalidArgumentError, TrunklineError
from ._provider_base import Host, ProviderBase
from .common import ErrorCode

_log = logging.getLogger("trunkline")

_BASES: dict[str, type[ProviderBase]] = {
    base.interface_id: base for base in (getattr(providers, name) for name in providers.__all__)
}
_SHORT = {id.removeprefix("trunkline.").split("/")[0]: id for id in _BASES}
_INTERFACES = {id: (operations, constants) for id, operations, constants in _native.provider_interfaces()}

# Built-in exceptions that say as much as an error of ours. Any other one is a fault of the provider.
_MEANINGS: tuple[tuple[type[BaseException], ErrorCode], ...] = (
    (asyncio.CancelledError, ErrorCode.CANCELLED),
    (TimeoutError, ErrorCode.DEADLINE_EXCEEDED),
    (NotImplementedError, ErrorCode.UNIMPLEMENTED),
    (PermissionError, ErrorCode.PERMISSION_DENIED),
    (ConnectionError, ErrorCode.UNAVAILABLE),
)


def describe(error: BaseException) -> tuple[int, str, str, bool, float | None, str, int, dict[str, str]]:
    """What the caller of an operation is told of an exception."""
    if isinstance(error, TrunklineError):
        return (
            int(error.code),
            error.message,
            error.target,
            error.retryable,
            error.retry_after,
            error.provider_code,
            error.http_status,
            {str(name): str(value) for name, value in error.details.items()},
        )
    for kind, code in _MEANINGS:
        if isinstance(error, kind):
            return (int(code), str(error) or kind.__name__, "", False, None, "", 0, {})
    _log.error("a provider raised %s", type(error).__name__, exc_info=error)
    return (int(ErrorCode.INTERNAL), f"{type(error).__name__}: {error}", "", False, None, "", 0, {})


def describe_text(error: BaseException) -> tuple[int, str]:
    """The same for what happens before there is an operation."""
    return describe(error)[:2]


class Binding:
    """One class or object, as a plugin. The runtime opens it for each provider that names it."""

    def __init__(self, target: object, interfaces: list[str]) -> None:
        self.target = target
        self.kind = target if inspect.isclass(target) else type(target)
        self.interfaces = interfaces
        self.id = getattr(target, "id", "") or _kebab(self.kind.__name__)

    def manifest(self) -> str:
        members: dict[str, Any] = {
            "id": self.id,
            "version": getattr(self.target, "version", "0.1.0"),
            "abi_min": "1.0",
            "interfaces": self.interfaces,
            "config_schema": _plain(getattr(self.target, "config_schema", {"type": "object"})),
            "secrets": list(getattr(self.target, "secrets", ())),
            "optional_secrets": list(getattr(self.target, "optional_secrets", ())),
            "threads": True,
        }
        return json.dumps(members)

    def plugin(self) -> _native.BuiltinPlugin:
        return _native.BuiltinPlugin(self.manifest(), self)

    # Called by the native part, on the thread that opens the runtime.
    def open(self, config: str, host: _native.ProviderHost, queue: _native.ProviderQueue) -> dict[str, Any]:
        instance = self._instance(Host(host), json.loads(config))
        methods: list[Callable[..., Any] | None] = []
        wants_call: list[bool] = []
        constants: dict[str, dict[str, Any]] = {}
        for id in self.interfaces:
            base = _BASES[id]
            operations, fixed = _INTERFACES[id]
            for name in operations:
                method = _overridden(instance, base, name)
                methods.append(method)
                wants_call.append(method is not None and _takes_call(method, base, name))
            constants[id] = {name: _constant(instance, base, name) for name in fixed}
        self._serve(instance, queue, methods, wants_call)
        return {"interfaces": constants, "stop": getattr(instance, "stop", None)}

    def _instance(self, host: Host, config: dict[str, Any]) -> object:
        if inspect.isclass(self.target):
            return self.target(host, config)
        if isinstance(self.target, ProviderBase):
            self.target.host = host
            self.target.config = config
        return self.target

    def _serve(
        self, instance: object, queue: _native.ProviderQueue, methods: list[Callable[..., Any] | None], wants_call: list[bool]
    ) -> None:
        def start(run: Callable[[], None]) -> None:
            # Daemons: the interpreter may end while its runtime is still open; closing that lets them go.
            threading.Thread(target=run, name=f"trunkline-{self.id}", daemon=True).start()

        if not any(inspect.iscoroutinefunction(method) for method in methods):
            queue.serve(methods, wants_call, None, lambda: start(queue.run), int(getattr(instance, "max_threads", 8)))
            start(queue.run)
            return
        loop = asyncio.new_event_loop()
        queue.serve(methods, wants_call, loop, None, 1)

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.add_reader(queue.descriptor(), queue.drain)
            try:
                loop.run_forever()
            finally:
                loop.close()

        start(run)


def _kebab(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-") or "provider"


def _plain(schema: object) -> object:
    return {name: _plain(value) for name, value in schema.items()} if isinstance(schema, Mapping) else schema


def _overridden(instance: object, base: type[ProviderBase], name: str) -> Callable[..., Any] | None:
    if getattr(type(instance), name, None) is getattr(base, name):
        return None
    method = getattr(instance, name, None)
    if method is None:
        return None
    if not callable(method):
        raise InvalidArgumentError(
            f"{type(instance).__name__}.{name}: found {type(method).__name__}, wanted a method", target=name
        )
    return typing.cast("Callable[..., Any]", method)


def _takes_call(method: Callable[..., Any], base: type[ProviderBase], name: str) -> bool:
    """Whether a method takes the call behind its arguments."""
    wanted = len(inspect.signature(getattr(base, name)).parameters) - 2  # self and call
    kinds = [parameter.kind for parameter in inspect.signature(method).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    positional = sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
    return positional > wanted


def _constant(instance: object, base: type[ProviderBase], name: str) -> object:
    method = _overridden(instance, base, name)
    if method is not None:
        return method()
    return typing.get_type_hints(getattr(base, name))["return"]()


def _interfaces_of(target: object, configured: object) -> list[str]:
    """The ids of what a class or an object offers."""
    kind = target if inspect.isclass(target) else type(target)
    inherited = [id for id, base in _BASES.items() if issubclass(kind, base)]
    if inherited:
        return inherited
    found = [_SHORT.get(name, name) for name in configured] if isinstance(configured, (list, tuple)) else []
    known = [name for name in found if name in _BASES]
    if not known or len(known) != len(found):
        raise InvalidArgumentError(
            f"plugin: {kind.__name__} is of no class of trunkline.providers; then `interfaces` must say what it offers: "
            + ", ".join(_SHORT),
            target="interfaces",
        )
    return known


def extract(config: Any) -> tuple[Any, list[Binding]]:
    """Takes classes and objects out of a configuration and puts the ids of their plugins in."""
    if not isinstance(config, Mapping) or not isinstance(config.get("providers"), (list, tuple)):
        return config, []
    bindings: list[Binding] = []
    entries: list[object] = []
    for entry in config["providers"]:
        if not isinstance(entry, Mapping) or "plugin" not in entry or isinstance(entry["plugin"], str):
            entries.append(entry)
            continue
        target = entry["plugin"]
        binding = next((one for one in bindings if one.target is target), None)
        if binding is None:
            binding = Binding(target, _interfaces_of(target, entry.get("interfaces")))
            taken = {one.id for one in bindings}
            first, number = binding.id, 2
            while binding.id in taken:
                binding.id, number = f"{first}-{number}", number + 1
            bindings.append(binding)
        entries.append({**entry, "plugin": binding.id})
    return ({**config, "providers": entries} if bindings else config), bindings


def run_kit(
    target: object,
    *,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    quirks: Mapping[str, Any] | None = None,
    only: typing.Sequence[str] = (),
    interfaces: typing.Sequence[str] = (),
) -> dict[str, Any]:
    """Runs the conformance kit on a provider class or object, in this process.

    Args:
        target: The class, or an object.
        config: What its `config` would be.
        secrets: Its secrets.
        quirks: How its carrier behaves; see docs/guide/conformance.md.
        only: Checks to run, with `*`; empty: all.
        interfaces: What an object offers that inherits from no class of `trunkline.providers`.

    Returns:
        The report: `passed`, `failed`, `skipped` and `checks`.
    """
    binding = Binding(target, _interfaces_of(target, list(interfaces)))
    report = _native.run_kit(
        binding.plugin(), json.dumps(dict(config or {})), dict(secrets or {}), json.dumps(dict(quirks or {})), list(only)
    )
    return typing.cast("dict[str, Any]", json.loads(report))


_native.set_describe(describe)
