"""Refuses to be imported in a subinterpreter, where the native module would wait for itself for ever."""

from __future__ import annotations

from typing import Any


def _is_main() -> bool:
    interpreters: Any
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found,unused-ignore]  # from 3.13 on
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found,no-redef,unused-ignore]
        except ImportError:
            return True
    return bool(interpreters.get_current() == interpreters.get_main())


if not _is_main():
    raise ImportError("trunkline works in the main interpreter only; use a thread or a process instead of a subinterpreter")
