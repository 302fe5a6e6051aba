"""The thread and the event loop of a provider that is written in Python. Imported when the first one starts."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from . import _native
from ._errors import CancelledError, FailedPreconditionError, TrunklineError
from ._provider import Explained, Plugin, ProviderBase, current, is_coroutine_function, operations
from .common import ErrorCode

_log = logging.getLogger("trunkline.provider")
# For what a provider leaves behind: tasks, to see that they are cancelled, and threads.
_LAST_WAIT = 2.0


def explain(error: BaseException, where: str) -> Explained:
    """An exception as the host sees it: (code, message, target, retryable, retry after, provider code, HTTP status, service
    code, details)."""
    if isinstance(error, TrunklineError):
        try:
            details = {str(key): str(value) for key, value in error.details.items()}
            after = None if error.retry_after is None else float(error.retry_after)
            texts = str(error.message), str(error.target), str(error.provider_code), str(error.service_code)
            status, code = int(error.http_status), int(error.code)
            return code, texts[0], texts[1], bool(error.retryable), after, texts[2], status, texts[3], details
        except Exception as wrong:  # somebody wrote something else into its members
            _log.exception("%s raised an error that cannot be read", where)
            return _fault(f"{where}: {type(error).__name__} cannot be read: {wrong}", error)
    if isinstance(error, asyncio.CancelledError):
        return int(ErrorCode.CANCELLED), f"{where} was cancelled", "", False, None, "", 0, "", {}
    _log.error("%s raised %s", where, type(error).__name__, exc_info=error)
    text = str(error)
    return _fault(f"{where} raised {type(error).__name__}{': ' if text else ''}{text}", error)


def _fault(message: str, error: BaseException) -> Explained:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return int(ErrorCode.INTERNAL), message, "", False, None, "", 0, "", {"exception": name}


class Instance:
    """A provider that runs: its object, its thread and its loop. Kept by the hooks that the native side has."""

    def __init__(self, plugin: Plugin, native: _native.ProviderInstance, config: dict[str, Any]) -> None:
        from .providers import ProviderHost

        self._plugin = plugin
        self._native = native
        self._provider = plugin.make()
        seen: dict[str, str] = {}
        for id in plugin.interfaces:
            rows = operations(self._provider, id)
            for name, _, _ in rows:
                if name in seen:
                    raise TypeError(f"{name} is an operation of {seen[name]} and of {id}: give two providers")
                seen[name] = id
            native.offer(id, rows)
        self._host = ProviderHost(native, plugin.id, config)
        if isinstance(self._provider, ProviderBase):
            self._provider.host = self._host
        self._stopping: asyncio.Task[None] | None = None
        self._workers: list[threading.Thread] = []
        started = Outcome()
        self._thread = threading.Thread(target=self._run, args=(started,), name=f"trunkline-{plugin.id}", daemon=True)
        self._thread.start()
        started.wait()

    def _run(self, started: Outcome) -> None:
        try:
            loop = self._loop = asyncio.new_event_loop()
            loop.set_exception_handler(self._unhandled)
        except BaseException as error:
            started.fail(error)
            return
        try:
            first = loop.create_task(self._start())
            first.add_done_callback(lambda task: started.end(task))
            while True:
                try:
                    loop.run_forever()
                    return
                except (SystemExit, KeyboardInterrupt):
                    pass  # of a task, which has it: asyncio lets these through. The provider goes on
        finally:
            _close(loop)
            loop.set_exception_handler(None)
            self._native.ended()

    async def _start(self) -> None:
        try:
            hooks = (self._stop, self._end, self._join, self._spawn, self._settled, explain, current)
            self._native.attach(self._loop, hooks, self._plugin.most_workers)
        except BaseException:
            self._loop.call_soon(self._loop.stop)  # nobody else will
            raise
        hook = getattr(self._provider, "start", None)
        if hook is not None:
            await _called(hook, self._host)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self._stopping is not None and isinstance(error, (CancelledError, FailedPreconditionError)):
            return  # a task of the provider's own that was still using the host
        loop.default_exception_handler(context)

    # ---- hooks of the native side, on the loop's thread ----
    def _stop(self) -> None:
        self._stopping = self._loop.create_task(self._stop_all())

    async def _stop_all(self) -> None:
        try:
            hook = getattr(self._provider, "stop", None)
            if hook is not None:
                await asyncio.wait_for(_called(hook), self._plugin.stop_grace)
        except BaseException as error:
            _log.error("stop of provider %s failed", self._plugin.id, exc_info=error)
        self._native.drain()
        # The host waits for what is under way; what does not end by itself is cancelled.
        mine = asyncio.current_task()
        going = [task for task in asyncio.all_tasks() if task is not mine]
        if going:
            _, late = await asyncio.wait(going, timeout=self._plugin.stop_grace)
            for task in late:
                task.cancel()

    def _end(self) -> None:
        self._loop.call_soon(self._loop.stop)

    def _settled(self) -> None:
        """Tells the host when nothing is left to do until something comes from outside."""
        if getattr(self._loop, "_ready", None):
            self._loop.call_soon(self._settled)
        else:
            self._native.idle()

    def _spawn(self) -> None:
        worker = threading.Thread(target=self._native.work, name=f"trunkline-{self._plugin.id}-worker", daemon=True)
        self._workers.append(worker)
        worker.start()

    def _join(self) -> None:
        """Waits for the threads, on another one. [called by the native side]"""
        until = time.monotonic() + _LAST_WAIT
        for thread in (self._thread, *self._workers):
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))


async def _called(function: Callable[..., Any], *arguments: object) -> None:
    """Calls a hook: a coroutine function here, a plain one on a thread."""
    if getattr(function, "__func__", None) in (ProviderBase.start, ProviderBase.stop):
        return  # nobody overrode it
    if is_coroutine_function(function):
        await function(*arguments)
        return
    result = await asyncio.get_running_loop().run_in_executor(None, function, *arguments)
    if inspect.isawaitable(result):
        await result


def _close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_LAST_WAIT / 2))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except BaseException:  # the provider has ended; nobody could be told
        _log.debug("a provider's loop did not end cleanly", exc_info=True)
    finally:
        loop.close()


class Outcome:
    """How a start ended, for the thread that waits for it."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._error: BaseException | None = None

    def end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return self.fail(asyncio.CancelledError("start was cancelled"))
        self.fail(task.exception())

    def fail(self, error: BaseException | None) -> None:
        self._error = error
        self._ended.set()

    def wait(self) -> None:
        self._ended.wait()
        if self._error is not None:
            raise self._error
