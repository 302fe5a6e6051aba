"""Trunkline: text messages, identities and more, in your process, through providers that are plugins.

    import trunkline

    with trunkline.Runtime() as rt:
        rt.sms.send(from_="+14255550100", to=["+14255550123"], message="hello")

`trunkline.aio` has the same for asyncio.
"""

from . import _main_interpreter as _main_interpreter  # before anything native
from . import _native
from ._errors import *  # noqa: F403
from ._errors import __all__ as _errors_all
from ._errors import make as _make

_native.set_error_factory(_make)

from . import chat, common, email, identity, sandbox, service, sms, workflows
from ._chat import Chat
from ._deliveries import Deliveries, Delivery
from ._eventing import EventHistory, EventSubscriptions, EventTopics
from ._expression import evaluate
from ._handlers import EventHandler
from ._runtime import Clock, Events, Resource, Resources, Runtime, Topic
from ._stream import Stream
from ._workflows import WorkflowFunction, WorkflowFunctionError, Workflows
from .common import DecisionRecord, DecisionStep, ErrorCode
from .service import Event, SmsMessage, SmsRecord, SmsSendOutcome

__version__ = _native.library_version

# Where people find them, in messages, documentation and pickles.
_written = [
    *["Chat", "Clock", "Deliveries", "Delivery", "EventHandler", "EventHistory", "EventSubscriptions", "EventTopics", "Events"],
    *["Resource", "Resources", "Runtime", "Stream", "Topic"],
    *["WorkflowFunction", "WorkflowFunctionError", "Workflows", "evaluate"],
]
for _name in [*_errors_all, *_written]:
    globals()[_name].__module__ = __name__
del _name, _written

__all__ = [
    *_errors_all,
    "Chat",
    "Clock",
    "DecisionRecord",
    "DecisionStep",
    "Deliveries",
    "Delivery",
    "ErrorCode",
    "Event",
    "EventHandler",
    "EventHistory",
    "EventSubscriptions",
    "EventTopics",
    "Events",
    "Resource",
    "Resources",
    "Runtime",
    "SmsMessage",
    "SmsRecord",
    "SmsSendOutcome",
    "Stream",
    "Topic",
    "WorkflowFunction",
    "WorkflowFunctionError",
    "Workflows",
    "chat",
    "common",
    "email",
    "evaluate",
    "identity",
    "sandbox",
    "service",
    "sms",
    "workflows",
]
