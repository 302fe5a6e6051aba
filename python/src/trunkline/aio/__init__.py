"""The asyncio side of Trunkline: the same classes with awaitable operations and asynchronous iterators.

    import trunkline.aio

    async with trunkline.aio.Runtime() as rt:
        await rt.sms.send(from_="+14255550100", to=["+14255550123"], message="hello")

Values and errors are those of `trunkline`. Cancelling a task cancels its call in the provider.
"""

from .. import _errors as _errors  # the error classes are registered by the package
from . import calling, chat, email, identity, sandbox, service, sms, workflows
from ._chat import Chat
from ._eventing import AsyncDeliveries, AsyncEventHandler, EventHistory, EventSubscriptions, EventTopics
from ._providers import Providers
from ._runtime import Clock, Events, Resource, Resources, Runtime, Topic
from ._stream import AsyncStream
from ._workflows import AsyncWorkflowFunction, Workflows

for _class in (
    *(AsyncDeliveries, AsyncEventHandler, AsyncStream, Chat, Clock, EventHistory, EventSubscriptions, EventTopics, Events),
    *(AsyncWorkflowFunction, Providers, Resource, Resources, Runtime, Topic, Workflows),
):
    _class.__module__ = __name__  # where people find it
del _class

__all__ = [
    "AsyncDeliveries",
    "AsyncEventHandler",
    "AsyncStream",
    "AsyncWorkflowFunction",
    "Chat",
    "Clock",
    "EventHistory",
    "EventSubscriptions",
    "EventTopics",
    "Events",
    "Providers",
    "Resource",
    "Resources",
    "Runtime",
    "Topic",
    "Workflows",
    "calling",
    "chat",
    "email",
    "identity",
    "sandbox",
    "service",
    "sms",
    "workflows",
]
