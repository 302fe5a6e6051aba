"""The runtime for asyncio."""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from .. import _native
from .._checks import as_duration, check_callable, check_seconds, check_type
from .._config import Clock as ClockMode
from .._config import Config, render
from .._errors import DeadlineExceededError, FailedPreconditionError
from .._objects import Provider
from .._provider import app_plugins, registration
from .._runtime import event_filter, interface_of
from ..service import Event, NewTopicEvent, PluginInfo
from ._chat import Chat
from ._email import Email
from ._eventing import EventConsumers, EventHistory, EventSubscriptions, EventTopics
from ._providers import Providers
from ._stream import AsyncStream
from ._workflows import Workflows
from .calling import CallsService, SandboxPhonesService
from .service import (
    EventsService,
    IdentityService,
    NumbersService,
    ResourcesService,
    RoomsService,
    RuntimeService,
    SandboxMailService,
    SandboxService,
    SipRoutingService,
    SmsConsentService,
    SmsService,
)

P = TypeVar("P", bound=Provider)


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
    ) -> AsyncStream[Event]:
        """Events as they happen.

        Args:
            types: Types to include, such as `Microsoft.Communication.SMSReceived`; empty: all.
            subject_begins_with: Only subjects that begin so.
            after: Events after this position, none left out; 0: from the beginning; None: from now on.
            timeout: Seconds that iterating waits for an event; then `DeadlineExceededError` is raised.

        Returns:
            An asynchronous iterator, open already. Close it, or use it in an `async with` block.
        """
        return self._service.subscribe(event_filter(types, subject_begins_with, after), timeout=timeout)

    async def list(
        self,
        types: Sequence[str] | str = (),
        *,
        subject_begins_with: str | None = None,
        after: int | None = 0,
        limit: int = 100,
        timeout: float | None = None,
    ) -> list[Event]:
        """Events that have happened, oldest first. The arguments are those of `subscribe`."""
        return await self._service.list(event_filter(types, subject_begins_with, after), limit, timeout=timeout)

    async def wait_for(
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

        async def search() -> Event:
            async with self.subscribe(types, after=after) as events:
                while True:
                    event = await events.next()
                    if where is None or where(event):
                        return event

        try:
            return await asyncio.wait_for(search(), timeout)
        except DeadlineExceededError:
            raise
        except TimeoutError:
            raise DeadlineExceededError(f"no event {types!r} that fits came within {timeout} s") from None


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

    @property
    def _opened_native(self) -> _native.Runtime:
        return self._native

    def __repr__(self) -> str:
        return f"<trunkline.aio.Resource {self.name or '(default)'}>"


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

    async def publish(
        self,
        type: str,
        subject: str,
        data: object = None,
        *,
        id: str | None = None,
        time: datetime.datetime | None = None,
        data_version: str = "1.0",
    ) -> str:
        """Publishes an event; durable when it completes. The arguments are those of `trunkline.Topic.publish`.

        Returns:
            Its id.
        """
        event = NewTopicEvent(type=type, subject=subject, data=data, id=id, time=time, data_version=data_version)
        return (await self._topics.publish(self.name, [event]))[0]

    async def publish_all(self, events: Sequence[NewTopicEvent]) -> list[str]:
        """Publishes events, all or none. Returns their ids."""
        return await self._topics.publish(self.name, events)

    @property
    def _opened_native(self) -> _native.Runtime:
        return self._native

    def __repr__(self) -> str:
        return f"<trunkline.aio.Topic {self.name}>"


class Resources(ResourcesService):
    """The resources of a runtime."""

    __slots__ = ()


class Clock:
    """The clock of a runtime."""

    __slots__ = ("_service",)

    def __init__(self, service: RuntimeService) -> None:
        self._service = service

    def now(self) -> datetime.datetime:
        """The time on it, in UTC."""
        return self._service.now()

    async def advance(self, by: datetime.timedelta | float) -> datetime.datetime:
        """Moves it forward and returns once everything that became due has happened.

        Args:
            by: How far; a number is seconds.

        Returns:
            The new time.
        """
        return await self._service.advance(as_duration(by, "by"))


class Runtime(EventConsumers):
    """A Trunkline runtime for asyncio. The arguments are those of `trunkline.Runtime`.

    Use it in an `async with` block, or `await` it and call `aclose`:

        async with trunkline.aio.Runtime() as rt:
            await rt.sms.send(from_="+14255550100", to=["+14255550123"], message="hello")

    It may be used from several event loops; a call completes on the loop that made it.
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
        self._plugins = app_plugins(plugins)
        self._render = partial(render, config, config_file, clock, seed)
        self._config_file = config_file
        self._opened: tuple[_native.Runtime, RuntimeService, Resource] | None = None

    async def open(self) -> Runtime:
        """Opens it. Does nothing when it is open already."""
        if self._opened is None:
            loop = asyncio.get_running_loop()
            # Opening reads files and loads plugins: not on the loop's thread.
            native = await loop.run_in_executor(None, self._open_native)
            self._opened = (native, RuntimeService._open(native, ""), Resource(native, ""))
        return self

    def _open_native(self) -> _native.Runtime:
        text = self._render()  # first: it says which argument is wrong
        return _native.Runtime(text, os.fspath(self._config_file or ""), self._plugins)

    def _parts(self) -> tuple[_native.Runtime, RuntimeService, Resource]:
        if self._opened is None:
            raise FailedPreconditionError("the runtime is not open; use `async with` or await it")
        return self._opened

    @property
    def sms(self) -> SmsService:
        """Text messages of the default resource."""
        return self._parts()[2].sms

    @property
    def sms_consent(self) -> SmsConsentService:
        """Who does not want to hear from the default resource."""
        return self._parts()[2].sms_consent

    @property
    def identity(self) -> IdentityService:
        """Users and tokens of the default resource."""
        return self._parts()[2].identity

    @property
    def chat(self) -> Chat:
        """Chat of the default resource."""
        return self._parts()[2].chat

    @property
    def numbers(self) -> NumbersService:
        """Numbers of the default resource."""
        return self._parts()[2].numbers

    @property
    def sip_routing(self) -> SipRoutingService:
        """SIP trunks and routes of the default resource."""
        return self._parts()[2].sip_routing

    @property
    def rooms(self) -> RoomsService:
        """Rooms of the default resource."""
        return self._parts()[2].rooms

    @property
    def calls(self) -> CallsService:
        """Calls of the default resource."""
        return self._parts()[2].calls

    @property
    def events(self) -> Events:
        """Events of the default resource."""
        return self._parts()[2].events

    @property
    def sandbox(self) -> SandboxService:
        """Virtual phones of the default resource."""
        return self._parts()[2].sandbox

    @property
    def email(self) -> Email:
        """Mail of the default resource."""
        return self._parts()[2].email

    @property
    def sandbox_mail(self) -> SandboxMailService:
        """What the sandbox caught of the mail of the default resource."""
        return self._parts()[2].sandbox_mail

    @property
    def sandbox_phones(self) -> SandboxPhonesService:
        """Virtual phones that take part in calls of the default resource."""
        return self._parts()[2].sandbox_phones

    @property
    def _opened_native(self) -> _native.Runtime:
        return self._parts()[0]

    @property
    def event_subscriptions(self) -> EventSubscriptions:
        """Event subscriptions of the default resource."""
        return self._parts()[2].event_subscriptions

    @property
    def event_history(self) -> EventHistory:
        """What became of the events of the default resource."""
        return self._parts()[2].event_history

    @property
    def providers(self) -> Providers:
        """Its providers."""
        return Providers(*self._parts()[:2])

    @property
    def topics(self) -> EventTopics:
        """Its custom topics."""
        return EventTopics._open(self._parts()[0], "")

    @property
    def workflows(self) -> Workflows:
        """Its workflows."""
        return Workflows._open(self._parts()[0], "")

    @property
    def clock(self) -> Clock:
        """Its clock."""
        return Clock(self._parts()[1])

    @property
    def resources(self) -> Resources:
        """Its resources."""
        return Resources._open(self._parts()[0], "")

    async def wait_for(
        self,
        types: Sequence[str] | str,
        where: Callable[[Event], bool] | None = None,
        *,
        after: int = 0,
        timeout: float | None = None,
    ) -> Event:
        """The first event of the default resource that fits; see `Events.wait_for`."""
        return await self.events.wait_for(types, where, after=after, timeout=timeout)

    def resource(self, name: str) -> Resource:
        """The services of a resource.

        Raises:
            NotFoundError: There is none of that name.
        """
        return Resource(self._parts()[0], name)

    def topic(self, name: str) -> Topic:
        """A custom topic.

        Raises:
            NotFoundError: There is none of that name.
        """
        check_type("name", name, str, "str")
        return Topic(self._parts()[0], name)

    def provider(self, name: str, interface: type[P]) -> P:
        """An interface of a configured provider, without the services' rules and records.

        Args:
            name: The provider's name in the configuration.
            interface: A class of `trunkline.aio`, such as `trunkline.aio.sms.SmsProvider`.

        Raises:
            NotFoundError: There is no such provider, or it does not offer the interface.
        """
        return interface_of(interface, Provider)._open(self._parts()[0], name)

    async def register_provider(
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
        """Adds a provider that is written in Python; the arguments are those of `trunkline.Runtime.register_provider`."""
        plugin, item = registration(name, provider, interface, config, secrets, timeout, settings, workers)
        native = self._parts()[0]
        await asyncio.get_running_loop().run_in_executor(None, native.add_provider, plugin, item, first)

    @property
    def version(self) -> str:
        """Version of the runtime."""
        return self._parts()[1].version()

    async def settle(self, *, timeout: float | None = None) -> None:
        """Completes once nothing is left to do without the clock moving.

        Args:
            timeout: Seconds to wait; None: for ever.
        """
        await self._parts()[1].settle(timeout=timeout)

    async def plugins(self) -> list[PluginInfo]:
        """The plugins that were found, with what became of them."""
        return await self._parts()[1].list_plugins()

    async def metrics(self) -> str:
        """Metrics in the Prometheus text format."""
        return await self._parts()[1].metrics()

    @property
    def closed(self) -> bool:
        """True when it is not open."""
        return self._opened is None or self._opened[0].closed

    async def aclose(self) -> None:
        """Ends all calls, stops the providers and flushes the store. May be called again."""
        if self._opened is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._opened[0].close)

    def __await__(self) -> Generator[object, None, Runtime]:
        return self.open().__await__()

    async def __aenter__(self) -> Runtime:
        return await self.open()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<trunkline.aio.Runtime {'closed' if self.closed else 'open'}>"
