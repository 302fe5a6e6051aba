# The hand-written part of the native module.
import asyncio
import datetime
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from . import chat as chat
from . import common as common
from . import identity as identity
from . import sandbox as sandbox
from . import service as service
from . import sms as sms

T = TypeVar("T")

class Runtime:
    def __init__(self, config: str, config_file: str, plugins: list[BuiltinPlugin], /) -> None: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...

class Stream(Generic[T]):
    """Items come in batches; an empty one is the end."""

    def next(self, most: int, timeout: float | None, /) -> list[T]: ...
    def next_async(self, most: int, /) -> asyncio.Future[list[T]]: ...
    def close(self) -> None: ...

class Call:
    """The call that a method of a provider serves. Usable from any thread, also when it is over."""

    @property
    def cancelled(self) -> bool:
        """The caller does not want the result any more."""

    @property
    def deadline(self) -> datetime.datetime | None:
        """When the caller gives up, on the runtime's clock."""

    @property
    def idempotency_key(self) -> str:
        """The same key is the same intent; empty: none."""

    @property
    def traceparent(self) -> str:
        """W3C trace context; empty: none."""

    @property
    def resource(self) -> str:
        """Name of the communication resource on whose behalf; empty: the runtime itself."""

class ProviderHost:
    def secret(self, name: str, /) -> str: ...
    def log(self, level: int, message: str, fields: dict[str, str], /) -> None: ...
    def now(self) -> datetime.datetime: ...
    def emit(self, interface: str, operation: str, /, *arguments: object) -> None: ...

class ProviderQueue:
    def serve(
        self,
        methods: list[Callable[..., Any] | None],
        wants_call: list[bool],
        loop: asyncio.AbstractEventLoop | None,
        grow: Callable[[], None] | None,
        threads: int,
        /,
    ) -> None: ...
    def run(self) -> None: ...
    def drain(self) -> None: ...
    def descriptor(self) -> int: ...

class BuiltinPlugin:
    def __init__(self, manifest: str, binding: object) -> None: ...

library_version: str

def provider_interfaces() -> list[tuple[str, list[str], list[str]]]: ...
def set_describe(function: Callable[[BaseException], tuple[Any, ...]], /) -> None: ...
def run_kit(plugin: BuiltinPlugin, config: str, secrets: dict[str, str], quirks: str, only: list[str], /) -> str: ...
def set_error_factory(make: Callable[..., BaseException], /) -> None: ...
def set_future_type(future: type[Any], /) -> None: ...
def cancel(call: object, /) -> None: ...
def library_path() -> str: ...
def default_config() -> str: ...
def evaluate(template_json: str, context_json: str, /) -> str: ...
