"""Blocking calls: errors, timeouts, Ctrl-C, threads and the end of the process."""

from __future__ import annotations

import asyncio
import pickle
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import DELIVERED, OURS, PHONE, request
from trunkline.sms import SmsProvider

Python = Callable[..., "subprocess.CompletedProcess[str]"]


def test_results_from_a_thread_of_the_host(script: SmsProvider) -> None:
    assert script.send(request("pool")) == script.send(request("hello"))


def test_errors_have_every_member(script: SmsProvider) -> None:
    with pytest.raises(trunkline.ResourceExhaustedError, match="too fast") as caught:
        script.send(request("refuse"))
    error = caught.value
    assert isinstance(error, trunkline.TrunklineError)
    assert error.code is trunkline.ErrorCode.RESOURCE_EXHAUSTED
    assert (error.message, error.target, error.provider_code) == ("too fast", "text", "429")
    assert error.retryable
    assert error.retry_after == 1.5
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)


def test_errors_are_what_python_people_expect() -> None:
    assert issubclass(trunkline.InvalidArgumentError, ValueError)
    assert issubclass(trunkline.NotFoundError, LookupError)
    assert issubclass(trunkline.DeadlineExceededError, TimeoutError)
    assert issubclass(trunkline.UnimplementedError, NotImplementedError)
    codes = {error.default_code for error in trunkline.TrunklineError.__subclasses__()}
    assert codes == set(trunkline.ErrorCode)


def test_a_timeout_cancels_the_call(script: SmsProvider) -> None:
    with pytest.raises(trunkline.DeadlineExceededError):
        script.send(request("hang"), timeout=0.01)
    assert script.capabilities().max_recipients == 1
    with pytest.raises(trunkline.InvalidArgumentError, match="timeout"):
        script.send(request("hello"), timeout=-1)
    with pytest.raises(TypeError, match="timeout"):
        script.send(request("hello"), timeout="soon")  # type: ignore[call-overload]


def test_many_threads(script: SmsProvider) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = ["pool", "hello"] * 200
        assert all(result[0].accepted for result in pool.map(lambda text: script.send(request(text)), texts))


def test_closing_ends_a_blocking_call_of_another_thread(rt: trunkline.Runtime, script: SmsProvider) -> None:
    def call() -> BaseException | None:
        try:
            script.send(request("hang"))
        except trunkline.TrunklineError as error:
            return error
        return None

    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(call)
        while script.capabilities().max_segments == 0:
            pass
        rt.close()
        assert isinstance(outcome.result(30), trunkline.CancelledError)


def test_ctrl_c_ends_a_call_and_cancels_it(python: Python) -> None:
    done = python(
        """
rt = trunkline.Runtime(make_config())
script = rt.provider("script", trunkline.sms.SmsProvider)
def tell():
    while script.capabilities().max_segments == 0:
        pass
    print("ready", flush=True)
threading.Thread(target=tell).start()
try:
    script.send(request("hang"))
except KeyboardInterrupt:
    print("interrupted", script.capabilities().max_recipients)
""",
        ready=lambda process: process.send_signal(signal.SIGINT),
    )
    assert done.stdout.split() == ["interrupted", "1"], done.stderr
    assert done.returncode == 0


def test_a_forgotten_runtime_does_not_keep_the_process(python: Python) -> None:
    done = python("""
rt = trunkline.Runtime(make_config())
events = rt.events.subscribe()
provider = rt.provider("script", trunkline.sms.SmsProvider)
thread = threading.Thread(target=lambda: provider.send(request("hang")), daemon=True)
thread.start()
print("done")
""")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_an_error_at_the_end_is_shown_and_not_more(python: Python) -> None:
    done = python("""
rt = trunkline.Runtime(make_config())
raise SystemExit(7)
""")
    assert (done.returncode, done.stderr) == (7, "")


def test_a_forked_child_ends_and_says_why_it_cannot_call(python: Python) -> None:
    done = python("""
rt = trunkline.Runtime(make_config())
child = os.fork()
if child == 0:
    try:
        rt.sms.list()
    except trunkline.FailedPreconditionError as error:
        print(error)
    rt.close()
    sys.exit(3)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), len(rt.sms.list().items))
""")
    assert "process that forked" in done.stdout, done.stderr
    assert done.stdout.endswith("3 0\n")
    assert done.returncode == 0


def test_a_forked_child_may_open_a_runtime_of_its_own(python: Python) -> None:
    done = python("""
import asyncio, trunkline.aio
rt = trunkline.Runtime(make_config())
child = os.fork()
if child == 0:
    async def refused():
        try:
            await trunkline.aio.sms.SmsProvider._open(rt._native, "sim").send(request("hello"))
        except trunkline.FailedPreconditionError as error:
            print("process that forked" in str(error))
    asyncio.run(refused())
    with trunkline.Runtime(make_config()) as own:
        print(own.provider("sim", trunkline.sms.SmsProvider).send(request("hello"))[0].accepted)
    sys.exit(0)
os.waitpid(child, 0)
""")
    assert (done.returncode, done.stdout) == (0, "True\nTrue\n"), done.stderr


def test_a_subinterpreter_is_told_why_not(python: Python) -> None:
    done = python("""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
lines = [f"import sys; sys.path[:0] = {sys.path!r}"]
lines += ["try: import trunkline", "except ImportError as error: print(error, flush=True)"]
code = chr(10).join(lines)
interpreters.run_string(other, code)
interpreters.destroy(other)
with trunkline.Runtime(make_config()) as rt:
    print(len(rt.sms.list().items))
""")
    assert done.stdout.startswith("trunkline works in the main interpreter only"), done.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0"), done.stderr


def test_threads_that_outlive_the_interpreter_do_no_harm(python: Python) -> None:
    """Streams, handlers and calls of daemon threads, while everything is taken down."""
    done = python("""
rt = trunkline.Runtime(make_config())
started = threading.Barrier(4)
def forever(work):
    started.wait()
    while True:
        try:
            work()
        except trunkline.TrunklineError:
            pass
events = rt.events.subscribe(after=0)
for work in (lambda: rt.sms.send(from_=OURS, to=[PHONE], message="hi"), lambda: events.next(0.001), lambda: rt.sms.list()):
    threading.Thread(target=forever, args=(work,), daemon=True).start()
rt.on_event("handler", lambda event: None)
started.wait()
print("end")
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_an_import_starts_nothing(python: Python) -> None:
    done = python("""
import trunkline.aio
print(len(os.listdir("/proc/self/task")))
""")
    assert done.stdout == "1\n", done.stderr


def test_send_through_the_service(rt: trunkline.Runtime) -> None:
    (outcome,) = rt.sms.send(from_=OURS, to=[PHONE], message="hi", delivery_report=True, tag="first")
    assert outcome.successful
    assert outcome.http_status == 202
    assert outcome.message_id
    record = rt.sms.get(outcome.message_id)
    assert (record.from_, record.to, record.message, record.tag) == (OURS, PHONE, "hi", "first")
    assert rt.sms.explain(outcome.message_id).steps
    with pytest.raises(trunkline.NotFoundError):
        rt.sms.get("nothing")
    with pytest.raises(trunkline.InvalidArgumentError):
        rt.sms.send(from_=OURS, to=[], message="hi")


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_calls_carry_an_idempotency_key(rt: trunkline.Runtime) -> None:
    carrier = rt.provider("sim", SmsProvider)
    once = carrier.with_options(idempotency_key="order-7")
    first = once.send(request("hello"))
    assert [result.provider_message_id for result in once.send(request("hello"))] == [first[0].provider_message_id]
    assert carrier.send(request("hello"))[0].provider_message_id != first[0].provider_message_id
    other = once.with_options(idempotency_key="order-8").send(request("hello"))
    assert other[0].provider_message_id != first[0].provider_message_id
    assert type(once) is SmsProvider


def test_calls_carry_a_trace(rt: trunkline.Runtime) -> None:
    traced = rt.sms.with_options(traceparent=TRACE).with_options(idempotency_key="of another call")
    sent = traced.send(from_=OURS, to=[PHONE], message="hello", delivery_report=True)
    assert sent[0].successful
    rt.clock.advance(1)
    assert [event.traceparent for event in rt.events.list(DELIVERED)] == [TRACE]


def test_a_service_honours_the_key_of_the_call(rt: trunkline.Runtime) -> None:
    once = rt.sms.with_options(idempotency_key="order-7")
    ids = [once.send(from_=OURS, to=[PHONE], message="hello")[0].message_id for _ in range(2)]
    assert ids[0] == ids[1] is not None
    assert rt.sms.send(from_=OURS, to=[PHONE], message="hello")[0].message_id != ids[0]


def test_options_are_text(rt: trunkline.Runtime) -> None:
    with pytest.raises(TypeError, match="traceparent"):
        rt.sms.with_options(traceparent=7)  # type: ignore[arg-type]


def test_awaited_calls_carry_options(config: dict[str, Any]) -> None:
    async def twice() -> list[str | None]:
        async with trunkline.aio.Runtime(config) as rt:
            carrier = rt.provider("sim", trunkline.aio.sms.SmsProvider).with_options(idempotency_key="order-7")
            return [(await carrier.send(request("hello")))[0].provider_message_id for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first == second is not None
