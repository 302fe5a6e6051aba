"""Workflows, for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from .. import _native
from .._checks import check_callable, check_type
from .._errors import TrunklineError
from .._workflows import FAILED, complete, failure_of, log, run_query, workflow_file
from ..workflows import WorkflowFunctionCall, WorkflowInfo, WorkflowRunDetails, WorkflowRunInfo, WorkflowStatus
from .workflows import WorkflowsService

R = TypeVar("R")


class AsyncWorkflowFunction(Generic[R]):
    """A function that performs actions of workflows, in tasks of its own. Calling it calls the function.

    Attributes:
        name: The name that `connections` maps to.
    """

    def __init__(
        self,
        native: _native.Runtime,
        service: WorkflowsService,
        name: str,
        fn: Callable[[WorkflowFunctionCall], R],
        concurrency: int,
    ) -> None:
        check_callable("fn", fn)
        check_type("concurrency", concurrency, int, "int")
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        self._native = native
        self._service = service
        self._fn = fn
        self.name = name
        self._closed = False
        self._streams = [service.function_calls(name, 1) for _ in range(concurrency)]
        self._tasks = [asyncio.create_task(self._run(stream), name=f"trunkline-{name}") for stream in self._streams]

    def __call__(self, call: WorkflowFunctionCall) -> R:
        return self._fn(call)

    async def _run(self, stream: Any) -> None:
        try:
            async for call in stream:
                await self._deal_with(call)
        except TrunklineError:
            if not (self._closed or self._native.closed):
                log.exception("the function %r gets no more calls", self.name)

    async def _deal_with(self, call: WorkflowFunctionCall) -> None:
        try:
            result: Any = self._fn(call)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:
            log.warning(FAILED, self.name, call.run, call.attempt, exc_info=True)
            code, message, retry = failure_of(error)
            self._service.fail_call(call.id, code, message, retry)
        else:
            complete(self._service, self.name, call, result)

    async def aclose(self) -> None:
        """Takes no more calls. One that is under way fails; its action may be tried again. May be called again."""
        self._closed = True
        for stream in self._streams:
            await stream.aclose()
        current = asyncio.current_task()
        await asyncio.gather(*(task for task in self._tasks if task is not current), return_exceptions=True)

    async def __aenter__(self) -> AsyncWorkflowFunction[R]:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


class Workflows(WorkflowsService):
    """The workflows of a runtime. Iterating gives all of them, by name."""

    __slots__ = ("_native",)

    _native: _native.Runtime

    async def __aiter__(self) -> AsyncIterator[WorkflowInfo]:
        for workflow in await self.list():
            yield workflow

    async def deploy_file(
        self,
        file: str | os.PathLike[str],
        *,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        stateless: bool = False,
    ) -> WorkflowInfo:
        """Deploys a definition from a file. The arguments are those of `trunkline.Workflows.deploy_file`."""
        return await self.deploy(workflow_file(file, name, parameters, stateless))

    async def all_runs(
        self,
        workflow: str,
        *,
        status: WorkflowStatus | None = None,
        client_tracking_id: str | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[WorkflowRunInfo]:
        """Runs, newest first, however many there are. The arguments are those of `trunkline.Workflows.all_runs`."""
        query = run_query(workflow, status, client_tracking_id, page_size)
        while True:
            page = await self.runs(query)
            for run in page.items:
                yield run
            if page.continuation is None:
                return
            query.continuation = page.continuation

    async def run_to_end(
        self, workflow: str, body: Any = None, *, trigger: str | None = None, timeout: float | None = None
    ) -> WorkflowRunDetails:
        """Fires a trigger and waits until its run has ended. The arguments are those of `trunkline.Workflows.run_to_end`."""
        started = await self.run(workflow=workflow, trigger=trigger, body=body, timeout=timeout)
        if started.run is None:
            raise ValueError("the trigger did not fire: its conditions do not hold")
        return await self.wait(workflow, started.run, timeout=timeout)

    @overload
    def function(
        self, name: str, fn: Callable[[WorkflowFunctionCall], R], /, *, concurrency: int = 1
    ) -> AsyncWorkflowFunction[R]: ...
    @overload
    def function(
        self, name: str, /, *, concurrency: int = 1
    ) -> Callable[[Callable[[WorkflowFunctionCall], R]], AsyncWorkflowFunction[R]]: ...
    def function(self, name: str, fn: Callable[[WorkflowFunctionCall], Any] | None = None, /, *, concurrency: int = 1) -> Any:
        """Performs actions of workflows, as `trunkline.Workflows.function` does; the function may be a coroutine's, and
        `concurrency` is a number of tasks.
        """
        if fn is None:
            return lambda fn: AsyncWorkflowFunction(self._native, self, name, fn, concurrency)
        return AsyncWorkflowFunction(self._native, self, name, fn, concurrency)

    @classmethod
    def _open(cls, runtime: _native.Runtime, name: str) -> Workflows:
        made = super()._open(runtime, name)
        made._native = runtime
        return made
