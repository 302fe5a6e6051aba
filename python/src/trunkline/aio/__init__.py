"""The asyncio side of Trunkline: the same classes with awaitable operations and asynchronous iterators.

    import trunkline.aio

    async with trunkline.aio.Runtime() as rt:
        await rt.sms.send(from_="+14255550100", to=["+14255550123"], message="hello")

Values and errors are those of `trunkline`. Cancelling a task cancels its call in the provider.
"""

from .. import _errors as _errors  # the error classes are registered by the package
from . import chat, identity, sandbox, service, sms
from ._chat import Chat
from ._runtime import Clock, Events, Resource, Resources, Runtime
from ._stream import AsyncStream

for _class in (AsyncStream, Chat, Clock, Events, Resource, Resources, Runtime):
    _class.__module__ = __name__  # where people find it
del _class

__all__ = [
    "AsyncStream",
    "Chat",
    "Clock",
    "Events",
    "Resource",
    "Resources",
    "Runtime",
    "chat",
    "identity",
    "sandbox",
    "service",
    "sms",
]
