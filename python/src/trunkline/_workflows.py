"""Workflows: what the generated interface has, from files, page by page, and with functions of one's own behind actions."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from . import _native
from ._checks import check_callable, check_type
from ._deliveries import reason_of
from ._errors import TrunklineError
from .workflows import (
    WorkflowFunctionCall,
    WorkflowInfo,
    WorkflowRunDetails,
    WorkflowRunInfo,
    WorkflowRunQuery,
    WorkflowSpec,
    WorkflowsService,
    WorkflowStatus,
)

R = TypeVar("R")
log = logging.getLogger("trunkline.workflows")
FAILED = "the function %r failed in run %s (attempt %d)"


class WorkflowFunctionError(Exception):
    """Raised by a function of a workflow to say how its action fails.

    Args:
        code: Code of the action's error.
        message: What is wrong.
        retry: Another attempt may help; the retry policy of the action decides.
    """

    def __init__(self, code: str, message: str = "", *, retry: bool = False) -> None:
        super().__init__(message or code)
        self.code = code
        self.retry = retry


def failure_of(error: BaseException) -> tuple[str, str, bool]:
    """Code, message, and whether another attempt may help: what nobody expected may be over next time."""
    if isinstance(error, WorkflowFunctionError):
        return error.code, str(error), error.retry
    return type(error).__name__, reason_of(error), True


def complete(service: Any, name: str, call: WorkflowFunctionCall, result: object) -> None:
    """Ends a call with what its function returned; with a failure when that is nothing JSON can say."""
    try:
        service.complete_call(call.id, result)
    except (TypeError, ValueError) as error:
        log.warning(FAILED, name, call.run, call.attempt, exc_info=True)
        service.fail_call(call.id, "InvalidResult", reason_of(error), False)


def workflow_file(
    file: str | os.PathLike[str], name: str | None, parameters: Mapping[str, Any] | None, stateless: bool
) -> WorkflowSpec:
    """What a file says to deploy."""
    path = Path(file)
    definition = json.loads(path.read_text(encoding="utf-8"))
    given = None if parameters is None else dict(parameters)
    return WorkflowSpec(name=name or path.stem, definition=definition, parameters=given, stateless=stateless)


def run_query(workflow: str, status: WorkflowStatus | None, client_tracking_id: str | None, page_size: int) -> WorkflowRunQuery:
    return WorkflowRunQuery(workflow=workflow, status=status, client_tracking_id=client_tracking_id, limit=page_size)


class WorkflowFunction(Generic[R]):
    """A function that performs actions of workflows, on threads of its own. Calling it calls the function.

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
        # Daemon: a program may end without closing them.
        self._threads = [
            threading.Thread(target=self._run, args=(stream,), name=f"trunkline-{name}", daemon=True) for stream in self._streams
        ]
        for thread in self._threads:
            thread.start()

    def __call__(self, call: WorkflowFunctionCall) -> R:
        return self._fn(call)

    def _run(self, stream: Any) -> None:
        try:
            for call in stream:
                self._deal_with(call)
        except TrunklineError:
            if not (self._closed or self._native.closed):
                log.exception("the function %r gets no more calls", self.name)

    def _deal_with(self, call: WorkflowFunctionCall) -> None:
        try:
            result = self._fn(call)
        except Exception as error:
            log.warning(FAILED, self.name, call.run, call.attempt, exc_info=True)
            code, message, retry = failure_of(error)
            self._service.fail_call(call.id, code, message, retry)
        else:
            complete(self._service, self.name, call, result)

    def close(self) -> None:
        """Takes no more calls. One that is under way fails; its action may be tried again. May be called again."""
        self._closed = True
        for stream in self._streams:
            stream.close()
        current = threading.current_thread()
        for thread in self._threads:
            if thread is not current:
                thread.join()

    def __enter__(self) -> WorkflowFunction[R]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<trunkline.WorkflowFunction {self.name} {'closed' if self._closed else 'open'}>"


class Workflows(WorkflowsService):
    """The workflows of a runtime. Iterating gives all of them, by name."""

    __slots__ = ("_native",)

    _native: _native.Runtime

    def __iter__(self) -> Iterator[WorkflowInfo]:
        return iter(self.list())

    def deploy_file(
        self,
        file: str | os.PathLike[str],
        *,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        stateless: bool = False,
    ) -> WorkflowInfo:
        """Deploys a definition from a file.

        Args:
            file: The definition, or a document that holds one, as a workflow is exported.
            name: Of the workflow; None: the name of the file.
            parameters: Values by parameter.
            stateless: Nothing of its runs is kept.

        Raises:
            InvalidArgumentError: The definition is wrong; the message has every problem with its place.
        """
        return self.deploy(workflow_file(file, name, parameters, stateless))

    def all_runs(
        self,
        workflow: str,
        *,
        status: WorkflowStatus | None = None,
        client_tracking_id: str | None = None,
        page_size: int = 100,
    ) -> Iterator[WorkflowRunInfo]:
        """Runs, newest first, however many there are.

        Args:
            workflow: Name of the workflow.
            status: Only these.
            client_tracking_id: Only runs with this tracking id.
            page_size: How many are asked for at a time.
        """
        query = run_query(workflow, status, client_tracking_id, page_size)
        while True:
            page = self.runs(query)
            yield from page.items
            if page.continuation is None:
                return
            query.continuation = page.continuation

    def run_to_end(
        self, workflow: str, body: Any = None, *, trigger: str | None = None, timeout: float | None = None
    ) -> WorkflowRunDetails:
        """Fires a trigger and waits until its run has ended.

        Args:
            workflow: Name of the workflow.
            body: What triggerBody() gives.
            trigger: None: the only one.
            timeout: Seconds to wait for the end.

        Returns:
            The run, step by step.
        """
        started = self.run(workflow=workflow, trigger=trigger, body=body, timeout=timeout)
        if started.run is None:
            raise ValueError("the trigger did not fire: its conditions do not hold")
        return self.wait(workflow, started.run, timeout=timeout)

    @overload
    def function(self, name: str, fn: Callable[[WorkflowFunctionCall], R], /, *, concurrency: int = 1) -> WorkflowFunction[R]: ...
    @overload
    def function(
        self, name: str, /, *, concurrency: int = 1
    ) -> Callable[[Callable[[WorkflowFunctionCall], R]], WorkflowFunction[R]]: ...
    def function(self, name: str, fn: Callable[[WorkflowFunctionCall], Any] | None = None, /, *, concurrency: int = 1) -> Any:
        """Performs actions of workflows: those whose connector, or function, `connections` maps to this name. What the function
        returns is the body of the action's outputs; it fails when the function raises.

            @rt.workflows.function("crm")
            def crm(call):
                return {"customer": call.inputs["path"]}

        Args:
            name: The name.
            fn: The function; left out: a decorator.
            concurrency: Threads that call it.

        Returns:
            What ends it: it ends with the runtime, or when it is closed.
        """
        if fn is None:
            return lambda fn: WorkflowFunction(self._native, self, name, fn, concurrency)
        return WorkflowFunction(self._native, self, name, fn, concurrency)

    @classmethod
    def _open(cls, runtime: _native.Runtime, name: str) -> Workflows:
        made = super()._open(runtime, name)
        made._native = runtime
        return made
