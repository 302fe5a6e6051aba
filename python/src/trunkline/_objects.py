"""What every generated class stands on."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from . import _native

M = TypeVar("M")
A = TypeVar("A", bound="Api")


class Api:
    """An interface of a runtime. Objects of it are cheap, keep their runtime open while they live, and fail once it is closed."""

    __slots__ = ("_impl",)
    interface_id: ClassVar[str]
    _native_class: ClassVar[type[Any]]
    _impl: Any

    def __init__(self, impl: Any, /) -> None:
        self._impl = impl

    @classmethod
    def _open(cls: type[A], runtime: _native.Runtime, name: str) -> A:
        return cls(cls._native_class(runtime, name))

    def with_options(
        self: A, *, idempotency_key: str | None = None, traceparent: str | None = None, resource: str | None = None
    ) -> A:
        """The same interface, whose calls carry these to the other side. None leaves a part as it is.

        Args:
            idempotency_key: The same key on a call that is made again, because its answer was lost, does its work once, where the
                other side honours keys (`SmsCapabilities.idempotent`). Give each piece of work a key of its own.
            traceparent: W3C trace context; it comes back in the events that the call leads to.
            resource: Name of the resource on whose behalf a provider is called. Services have theirs already.
        """
        made = type(self)(self._impl.with_options(idempotency_key, traceparent, resource))
        # What a class of its own keeps besides, such as the runtime.
        for owner in type(self).__mro__:
            for slot in getattr(owner, "__slots__", ()):
                if slot != "_impl" and hasattr(self, slot):
                    setattr(made, slot, getattr(self, slot))
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} {self.interface_id}>"


class Provider(Api):
    """The interface of a configured provider, without the services' rules and records."""

    __slots__ = ()


class Service(Api):
    """The interface of a resource."""

    __slots__ = ()


class HostObject(Api):
    """What the host offers a provider. Its objects come from a `ProviderHost`."""

    __slots__ = ()


def model_of(cls: type[M], value: M | None, fields: dict[str, Any]) -> M:
    """The only argument of an operation, given as an object or by its fields."""
    if value is None:
        return cls(**fields)
    if fields:
        raise TypeError(f"give either a {cls.__name__} or its fields, not both: {', '.join(fields)}")
    return value
