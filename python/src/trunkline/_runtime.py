"""The runtime: the object that a script opens."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from . import _native
from ._chat import Chat
from ._checks import as_duration, check_callable, check_seconds, check_type, texts, wrong
from ._config import Clock as ClockMode
from ._config import Config, render
from ._email import Email
from ._errors import DeadlineExceededError
from ._eventing import EventConsumers, EventHistory, EventSubscriptions, EventTopics
from ._objects import Provider
from ._provider import app_plugins, registration
from ._providers import Providers
from ._stream import Stream
from ._workflows import Workflows
from .calling import CallsService, SandboxPhonesService
from .service import (
    Event,
    EventFilter,
    EventsService,
    IdentityService,
    NewTopicEvent,
    NumbersService,
    PluginInfo,
    ResourceInfo,
    ResourcesService,
    RoomsService,
    RuntimeService,
    SandboxMailService,
    SandboxService,
    SipRoutingService,
    SmsConsentService,
    SmsService,
)

__all__ = ["Clock", "Events", "Resource", "Resources", "Runtime", "Topic"]

P = TypeVar("P", bound=Provider)


def event_filter(types: Sequence[str] | str, subject_begins_with: str | None, after: int | None) -> EventFilter:
    return EventFilter(types=texts("types", types), subject_begins_with=subject_begins_with, after=after)


def interface_of(interface: type[P], base: type[Any]) -> type[P]:
    """The interface of a provider, which is a class of the package."""
    if not (isinstance(interface, type) and issubclass(interface, base)):
        raise wrong("interface", f"class like {base.__module__.removesuffix('._objects')}.sms.SmsProvider", interface)
    return interface


class Events:
    """The events of a resource."""

    __slots__ = ("_service",)

    def __init__(self, service: EventsService) -> None:
        self._service = service

    def subscribe(
        self,
        types: Sequence[str] | str = (),
        *,
        subject_begins_with: str | None = None,
        after: int | None = None,
        timeout: float | None = None,
    ) -> Stream[Event]:
        """Events as they happen.

        Args:
            types: Types to include, such as `Microsoft.Communication.SMSReceived`; empty: all.
            subject_begins_with: Only subjects that begin so.
            after: Events after this position, none left out; 0: from the beginning; None: from now on.
            timeout: Seconds that iterating waits for an event; then `DeadlineExceededError` is raised.

        Returns:
            An iterator. Close it, or use it in a `with` block.
        """
        return self._service.subscribe(event_filter(types, subject_begins_with, after), timeout=timeout)

    def list(
        self,
        types: Sequence[str] | str = (),
        *,
        subject_begins_with: str | None = None,
        after: int | None = 0,
        limit: int = 100,
        timeout: float | None = None,
    ) -> list[Event]:
        """Events that have happened, oldest first. The arguments are those of `subscribe`."""
        return self._service.list(event_filter(types, subject_begins_with, after), limit, timeout=timeout)

    def wait_for(
        self,
        types: Sequence[str] | str,
        where: Callable[[Event], bool] | None = None,
        *,
        after: int = 0,
        timeout: float | None = None,
    ) -> Event:
        """The first event that fits, of those that have happened and those that will.

        Args:
            types: Its type, or several.
            where: What else must hold; None: nothing.
            after: Only events after this position. Give it the `sequence` of the last one to wait for the next.
            timeout: Seconds to wait; None: for ever. This is time of the wall, also when the runtime's clock is virtual.

        Raises:
            DeadlineExceededError: None came in time.
        """
        check_callable("where", where, optional=True)
        check_seconds("timeout", timeout)
        until = None if timeout is None else time.monotonic() + timeout
        with self.subscribe(types, after=after) as events:
            while True:
                left = None if until is None else max(0.0, until - time.monotonic())
                try:
                    event = events.next(left)
                except DeadlineExceededError:
                    raise DeadlineExceededError(f"no event {types!r} that fits came within {timeout} s") from None
                if where is None or where(event):
                    return event


class Resource(EventConsumers):
    """A communication resource: its services. Nothing is shared between two resources."""

    __slots__ = (
        "_native",
        "calls",
        "chat",
        "email",
        "event_history",
        "event_subscriptions",
        "events",
        "identity",
        "name",
        "numbers",
        "rooms",
        "sandbox",
        "sandbox_mail",
        "sandbox_phones",
        "sip_routing",
        "sms",
        "sms_consent",
    )

    name: str
    """Its name; empty for the default resource."""
    sms: SmsService
    sms_consent: SmsConsentService
    identity: IdentityService
    chat: Chat
    numbers: NumbersService
    sip_routing: SipRoutingService
    rooms: RoomsService
    calls: CallsService
    events: Events
    event_subscriptions: EventSubscriptions
    event_history: EventHistory
    sandbox: SandboxService
    email: Email
    sandbox_mail: SandboxMailService
    sandbox_phones: SandboxPhonesService

    def __init__(self, native: _native.Runtime, name: str) -> None:
        self._native = native
        self.name = name
        self.sms = SmsService._open(native, name)
        self.sms_consent = SmsConsentService._open(native, name)
        self.identity = IdentityService._open(native, name)
        self.chat = Chat._open(native, name)
        self.numbers = NumbersService._open(native, name)
        self.sip_routing = SipRoutingService._open(native, name)
        self.rooms = RoomsService._open(native, name)
        self.calls = CallsService._open(native, name)
        self.events = Events(EventsService._open(native, name))
        self.event_subscriptions = EventSubscriptions._open(native, name)
        self.event_history = EventHistory._open(native, name)
        self.sandbox = SandboxService._open(native, name)
        self.email = Email._open(native, name)
        self.sandbox_mail = SandboxMailService._open(native, name)
        self.sandbox_phones = SandboxPhonesService._open(native, name)

    def __repr__(self) -> str:
        return f"<trunkline.Resource {self.name or '(default)'}>"


class Topic(EventConsumers):
    """A custom topic: the events that an application publishes by itself."""

    __slots__ = ("_native", "_topics", "event_history", "event_subscriptions", "events", "name")

    name: str
    events: Events
    event_subscriptions: EventSubscriptions
    event_history: EventHistory

    def __init__(self, native: _native.Runtime, name: str) -> None:
        source = f"topic:{name}"
        self._native = native
        self.name = name
        self.events = Events(EventsService._open(native, source))
        self.event_subscriptions = EventSubscriptions._open(native, source)
        self.event_history = EventHistory._open(native, source)
        self._topics = EventTopics._open(native, "")

    def publish(
        self,
        type: str,
        subject: str,
        data: object = None,
        *,
        id: str | None = None,
        time: datetime.datetime | None = None,
        data_version: str = "1.0",
    ) -> str:
        """Publishes an event; durable when it returns.

        Args:
            type: Such as `Orders.Created`.
            subject: What it is about.
            data: What happened, as JSON can say it.
            id: Unique; None: random.
            time: When it happened; None: now.
            data_version: Version of the data's shape.

        Returns:
            Its id.
        """
        event = NewTopicEvent(type=type, subject=subject, data=data, id=id, time=time, data_version=data_version)
        return self._topics.publish(self.name, [event])[0]

    def publish_all(self, events: Sequence[NewTopicEvent]) -> list[str]:
        """Publishes events, all or none. Returns their ids."""
        return self._topics.publish(self.name, events)

    def __repr__(self) -> str:
        return f"<trunkline.Topic {self.name}>"


class Resources(ResourcesService):
    """The resources of a runtime. Iterating gives all of them, by name."""

    __slots__ = ()

    def __iter__(self) -> Iterator[ResourceInfo]:
        return iter(self.list())


class Clock:
    """The clock of a runtime."""

    __slots__ = ("_service",)

    def __init__(self, service: RuntimeService) -> None:
        self._service = service

    def now(self) -> datetime.datetime:
        """The time on it, in UTC."""
        return self._service.now()

    def advance(self, by: datetime.timedelta | float) -> datetime.datetime:
        """Moves it forward and returns once everything that became due has happened.

        Args:
            by: How far; a number is seconds.

        Returns:
            The new time.
        """
        return self._service.advance(as_duration(by, "by"))


class Runtime(EventConsumers):
    """A Trunkline runtime in this process. Several can be open at once; nothing is shared between them.

    Without arguments it runs on the built-in defaults: a store in memory, sandbox carriers and one resource with numbers.
    Close it, or use it in a `with` block. One that was forgotten is closed when the process ends.

    Args:
        config: The configuration, as YAML text or as a mapping of the same shape.
        config_file: The same from a file, in whose directory its relative paths start.
        clock: "virtual" stands still until `clock.advance`; "real" follows the system. None: as configured.
        seed: Makes identifiers and the sandbox repeatable. None: as configured.
        plugins: Providers of this program, by the ids under which the configuration's `providers` name them as their `plugin`. A
            provider class, an object of one, or a function that makes one; see `register_provider`.

    Raises:
        InvalidArgumentError: The configuration is wrong; its message lists every problem.
        NotFoundError: The configuration file or a plugin does not exist.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        config_file: str | os.PathLike[str] | None = None,
        clock: ClockMode | None = None,
        seed: int | None = None,
        plugins: Mapping[str, object] | None = None,
    ) -> None:
        text = render(config, config_file, clock, seed)
        self._native = _native.Runtime(text, os.fspath(config_file or ""), app_plugins(plugins))
        self._service = RuntimeService._open(self._native, "")
        self._default: Resource | None = None
        self.clock = Clock(self._service)
        """Its clock."""
        self.providers = Providers(self._native, self._service)
        """Its providers."""
        self.resources = Resources._open(self._native, "")
        """Its resources."""
        self.topics = EventTopics._open(self._native, "")
        """Its custom topics."""
        self.workflows = Workflows._open(self._native, "")
        """Its workflows."""

    # ---- the default resource: the first one that was created ----
    @property
    def _resource(self) -> Resource:
        if self._default is None:
            self._default = Resource(self._native, "")
        return self._default

    @property
    def sms(self) -> SmsService:
        """Text messages of the default resource."""
        return self._resource.sms

    @property
    def sms_consent(self) -> SmsConsentService:
        """Who does not want to hear from the default resource."""
        return self._resource.sms_consent

    @property
    def identity(self) -> IdentityService:
        """Users and tokens of the default resource."""
        return self._resource.identity

    @property
    def chat(self) -> Chat:
        """Chat of the default resource."""
        return self._resource.chat

    @property
    def numbers(self) -> NumbersService:
        """Numbers of the default resource."""
        return self._resource.numbers

    @property
    def sip_routing(self) -> SipRoutingService:
        """SIP trunks and routes of the default resource."""
        return self._resource.sip_routing

    @property
    def rooms(self) -> RoomsService:
        """Rooms of the default resource."""
        return self._resource.rooms

    @property
    def calls(self) -> CallsService:
        """Calls of the default resource."""
        return self._resource.calls

    @property
    def events(self) -> Events:
        """Events of the default resource."""
        return self._resource.events

    @property
    def sandbox(self) -> SandboxService:
        """Virtual phones of the default resource."""
        return self._resource.sandbox

    @property
    def email(self) -> Email:
        """Mail of the default resource."""
        return self._resource.email

    @property
    def sandbox_mail(self) -> SandboxMailService:
        """What the sandbox caught of the mail of the default resource."""
        return self._resource.sandbox_mail

    @property
    def sandbox_phones(self) -> SandboxPhonesService:
        """Virtual phones that take part in calls of the default resource."""
        return self._resource.sandbox_phones

    @property
    def event_subscriptions(self) -> EventSubscriptions:
        """Event subscriptions of the default resource."""
        return self._resource.event_subscriptions

    @property
    def event_history(self) -> EventHistory:
        """What became of the events of the default resource."""
        return self._resource.event_history

    def wait_for(
        self,
        types: Sequence[str] | str,
        where: Callable[[Event], bool] | None = None,
        *,
        after: int = 0,
        timeout: float | None = None,
    ) -> Event:
        """The first event of the default resource that fits; see `Events.wait_for`."""
        return self.events.wait_for(types, where, after=after, timeout=timeout)

    # ---- everything else ----
    def resource(self, name: str) -> Resource:
        """The services of a resource.

        Raises:
            NotFoundError: There is none of that name.
        """
        return Resource(self._native, name)

    def topic(self, name: str) -> Topic:
        """A custom topic.

        Raises:
            NotFoundError: There is none of that name.
        """
        check_type("name", name, str, "str")
        return Topic(self._native, name)

    def provider(self, name: str, interface: type[P]) -> P:
        """An interface of a configured provider, without the services' rules and records.

        Args:
            name: The provider's name in the configuration.
            interface: A class of `trunkline`, such as `trunkline.sms.SmsProvider`.

        Raises:
            NotFoundError: There is no such provider, or it does not offer the interface.
        """
        return interface_of(interface, Provider)._open(self._native, name)

    def register_provider(
        self,
        name: str,
        provider: object,
        *,
        interface: object = None,
        config: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        timeout: float | None = None,
        settings: Mapping[str, Any] | None = None,
        first: bool = True,
        workers: int = 8,
    ) -> None:
        """Adds a provider that is written in Python, under the same rules as one that is a library.

        Coroutine methods run on an event loop that belongs to the provider, on a thread of its own; plain ones on worker threads.
        Neither holds up anybody else. It ends with the runtime, or with `providers.remove`.

        Args:
            name: Its name, and that of its plugin; lower-case letters, digits and dashes.
            provider: An object of a class such as `trunkline.SmsProvider`; the class, or a function that makes one; or, with
                `interface`, any object that has the methods.
            interface: What it offers, where no base class says so: `"sms"`, an id such as `"trunkline.sms/1"`, or several.
            config: Its configuration, which `host.config` gives it. Checked against its `config_schema`.
            secrets: Its secrets by name, which `host.secrets.get` gives it.
            timeout: Seconds that one call may take; None: 30.
            settings: What else the configuration's `providers` may say of one: `breaker`, `prices`, `rate`.
            first: It is asked before the providers that are there, whatever the routes say, and they stand in for it. Else it is
                asked after them, where no route decides; `plugins=` lets routes name it.
            workers: Threads at most for plain methods.

        Raises:
            TypeError: It lacks the methods, or it is not said what it offers.
            InvalidArgumentError: Its configuration is wrong.
            AlreadyExistsError: There is a provider or a plugin of this name.
        """
        plugin, item = registration(name, provider, interface, config, secrets, timeout, settings, workers)
        self._native.add_provider(plugin, item, first)

    @property
    def version(self) -> str:
        """Version of the runtime."""
        return self._service.version()

    def settle(self, *, timeout: float | None = None) -> None:
        """Returns once nothing is left to do without the clock moving.

        Args:
            timeout: Seconds to wait; None: for ever.
        """
        self._service.settle(timeout=timeout)

    def plugins(self) -> list[PluginInfo]:
        """The plugins that were found, with what became of them."""
        return self._service.list_plugins()

    def metrics(self) -> str:
        """Metrics in the Prometheus text format."""
        return self._service.metrics()

    @property
    def closed(self) -> bool:
        """True once it is closed; then every call fails with `FailedPreconditionError`."""
        return self._native.closed

    def close(self) -> None:
        """Ends all calls, stops the providers and flushes the store. May be called again."""
        self._native.close()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        # One that could not be opened is shown in tracebacks.
        return f"<trunkline.Runtime {'open' if hasattr(self, '_native') and not self.closed else 'closed'}>"
