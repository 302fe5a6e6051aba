"""Where the worlds of tests come from."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .. import _native
from .._config import Config
from .._runtime import Runtime
from ._world import Trunkline


class Home:
    """One runtime for the tests of a process, one after the other. Each gets a copy of the configuration's first resource.

    Args:
        config: As for `trunkline.Runtime`; None: the built-in defaults.
        config_file: The same from a file.
    """

    def __init__(self, config: Config | None = None, *, config_file: str | os.PathLike[str] | None = None) -> None:
        self._config = config
        self._config_file = config_file
        self._runtime: Runtime | None = None
        self._base = ""
        self._numbers = itertools.count(1)

    def _open(self) -> Runtime:
        if self._runtime is None or self._runtime.closed:  # or of a process that forked
            config = self._config
            if config is None and self._config_file is None:
                # What one test leaves on its way, a later one hears of when it moves the clock: no reason to warn.
                config = _native.default_config().replace("level: warning", "level: error")
            self._runtime = Runtime(config, config_file=self._config_file, clock="virtual")
            self._base = next(iter(self._runtime.resources)).name
        return self._runtime

    @contextmanager
    def world(self) -> Iterator[Trunkline]:
        """A world for the length of a `with` block."""
        runtime = self._open()
        name = f"test-{next(self._numbers)}"
        runtime.resources.fork(self._base, name)
        world = Trunkline(runtime, name)
        try:
            yield world
        finally:
            world._close()
            if world._spoiled:
                # Breakers of carriers are the runtime's: the next test would find one open that this one made trip.
                runtime.close()
            else:
                runtime.resources.drop(name)

    def close(self) -> None:
        """Closes the runtime."""
        if self._runtime is not None:
            self._runtime.close()
