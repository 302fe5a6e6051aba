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

from . import calling, chat, common, email, host, identity, pstn, pstnsandbox, sandbox, service, sms, workflows
from ._chat import Chat
from ._deliveries import Deliveries, Delivery
from ._eventing import EventHistory, EventSubscriptions, EventTopics
from ._expression import evaluate
from ._handlers import EventHandler
from ._provider import ProviderCall, current_call
from ._providers import Providers
from ._runtime import Clock, Events, Resource, Resources, Runtime, Topic
from ._stream import Stream
from ._workflows import WorkflowFunction, WorkflowFunctionError, Workflows
from .common import DecisionRecord, DecisionStep, ErrorCode
from .providers import (
    ChatProvider,
    EmailProvider,
    IdentityProvider,
    ProviderHost,
    PstnAudioProvider,
    PstnProvider,
    PstnSandboxProvider,
    PstnTrunkProvider,
    SandboxMailProvider,
    SandboxProvider,
    SmsProvider,
    SmsQueryProvider,
    WebhookReceiver,
)
from .service import Event, SmsMessage, SmsRecord, SmsSendOutcome

__version__ = _native.library_version

# Where people find them, in messages, documentation and pickles.
_written = [
    *["Chat", "Clock", "Deliveries", "Delivery", "EventHandler", "EventHistory", "EventSubscriptions", "EventTopics", "Events"],
    *["ProviderCall", "Providers", "Resource", "Resources", "Runtime", "Stream", "Topic", "current_call"],
    *["WorkflowFunction", "WorkflowFunctionError", "Workflows", "evaluate"],
]
for _name in [*_errors_all, *_written]:
    globals()[_name].__module__ = __name__
del _name, _written

__all__ = [
    *_errors_all,
    "Chat",
    "ChatProvider",
    "Clock",
    "DecisionRecord",
    "DecisionStep",
    "Deliveries",
    "Delivery",
    "EmailProvider",
    "ErrorCode",
    "Event",
    "EventHandler",
    "EventHistory",
    "EventSubscriptions",
    "EventTopics",
    "Events",
    "IdentityProvider",
    "ProviderCall",
    "ProviderHost",
    "Providers",
    "PstnAudioProvider",
    "PstnProvider",
    "PstnSandboxProvider",
    "PstnTrunkProvider",
    "Resource",
    "Resources",
    "Runtime",
    "SandboxMailProvider",
    "SandboxProvider",
    "SmsMessage",
    "SmsProvider",
    "SmsQueryProvider",
    "SmsRecord",
    "SmsSendOutcome",
    "Stream",
    "Topic",
    "WebhookReceiver",
    "WorkflowFunction",
    "WorkflowFunctionError",
    "Workflows",
    "calling",
    "chat",
    "common",
    "current_call",
    "email",
    "evaluate",
    "host",
    "identity",
    "pstn",
    "pstnsandbox",
    "sandbox",
    "service",
    "sms",
    "workflows",
]
