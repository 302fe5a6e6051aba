"""The asyncio side of Trunkline: the same classes with awaitable operations and asynchronous iterators.

    import trunkline.aio

    async with trunkline.aio.Runtime() as rt:
        await rt.sms.send(from_="+14255550100", to=["+14255550123"], message="hello")

Values and errors are those of `trunkline`. Cancelling a task cancels its call in the provider.
"""

from .. import _errors as _errors  # the error classes are registered by the package
from . import identity, sandbox, service, sms
from ._runtime import Clock, Events, Resource, Resources, Runtime
from ._stream import AsyncStream

for _class in (AsyncStream, Clock, Events, Resource, Resources, Runtime):
    _class.__module__ = __name__  # where people find it
del _class

__all__ = ["AsyncStream", "Clock", "Events", "Resource", "Resources", "Runtime", "identity", "sandbox", "service", "sms"]
