"""`dataclass` as the generated values use it: that of the standard library, at a third of what it costs to import.

The standard one compiles three methods for each class when it is defined, and there are hundreds. Here `__init__` is compiled
when it is first asked for, and the others are shared. Whoever looks sees what the standard one gives.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, slots: bool, kw_only: bool):
        def decorate(cls: type) -> type:
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            made.__init__ = FirstInit(made)
            made.__repr__ = show
            made.__eq__ = equal
            made.__hash__ = None
            return made

        return decorate


class FirstInit:
    """Stands for `__init__` until it is asked for."""

    __slots__ = ("_cls",)

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        made = compiled(self._cls)
        self._cls.__init__ = made
        return made if instance is None else made.__get__(instance, owner)


def compiled(cls: type[Any]) -> Any:
    """The `__init__` that the standard dataclass gives a class with these fields."""
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for each in dataclasses.fields(cls):
        namespace["__annotations__"][each.name] = each.type
        if each.default is not dataclasses.MISSING or each.default_factory is not dataclasses.MISSING:
            namespace[each.name] = field(default=each.default, default_factory=each.default_factory)  # type: ignore[call-overload]
    twin = dataclasses.dataclass(kw_only=True, repr=False, eq=False)(type(cls.__name__, (), namespace))
    return twin.__init__


@recursive_repr()
def show(self: Any) -> str:
    shown = [f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def equal(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    names = self.__dataclass_fields__
    return tuple(getattr(self, name) for name in names) == tuple(getattr(other, name) for name in names)


# As the methods that they stand for are called.
show.__name__, equal.__name__ = "__repr__", "__eq__"
