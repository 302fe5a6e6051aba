"""What a call costs in Python, as ratios to floors measured in the same run.

    PYTHONPATH=build/release/python python tests/bench/bench_python.py [--build build/release] [--json]

Floors: a function of the C API with one argument for a blocking call, a future that the loop resolves for an awaited one. The
provider is the no-op plugin of tests/abi.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 1000


def best(call: Callable[[], object], count: int, rounds: int = 150) -> float:
    """Seconds of one call, the best of many short rounds: on a busy machine a long one never runs undisturbed."""
    found = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            call()
        found = min(found, (time.perf_counter() - start) / count)
    return found


async def in_flight(call: Callable[[], object], total: int) -> float:
    """Awaits in a second, with IN_FLIGHT workers."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await call()  # type: ignore[misc]

    start = time.perf_counter()
    await asyncio.gather(*[worker(total // IN_FLIGHT) for _ in range(IN_FLIGHT)])
    return total / (time.perf_counter() - start)


async def resolved_by_the_loop() -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


def carriers() -> dict[str, type]:
    """Providers that do nothing, by what their methods are."""
    import trunkline
    from trunkline.sms import SmsSendRequest, SmsSendResult

    class Coroutines(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return [SmsSendResult(message_id=recipient.message_id, accepted=True) for recipient in request.recipients]

    class Functions(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return [SmsSendResult(message_id=recipient.message_id, accepted=True) for recipient in request.recipients]

    return {"coroutines": Coroutines, "plain functions": Functions}


def provider_rate(carrier: type) -> float:
    """Sends in a second through the vtable of a provider in Python. The conformance kit calls, so no Python runs but its own."""
    from trunkline import conformance

    rates = []
    for _ in range(3):
        report = conformance.run(carrier, only="sms.load", quirks={"load": {"calls": 100_000, "in_flight": IN_FLIGHT}})
        rates.append(report.results[0].figures["calls_per_s"])
    return max(rates)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    sys.path.insert(0, str(build / "python"))

    import trunkline.aio
    from trunkline.sms import Recipient, SmsProvider, SmsSendRequest

    config = {
        "log": {"level": "off"},
        "plugins": {"paths": [str(build / "test_plugins"), str(build / "python" / "test_plugins")]},
        "providers": [{"name": "noop", "plugin": "test-noop"}, {"name": "script", "plugin": "test-script"}],
        "resources": [{"name": "bench"}],
    }

    def make(recipients: int) -> SmsSendRequest:
        to = [Recipient(to=f"+1425555{i:04}", message_id=f"m{i}") for i in range(recipients)]
        return SmsSendRequest(from_="+14255550100", recipients=to, text="Your code is 123456")

    rows: list[tuple[str, float, str, float | None, str]] = []
    missed: list[str] = []

    with trunkline.Runtime(config) as rt:
        noop = rt.provider("noop", SmsProvider)
        one, hundred = make(1), make(100)
        data = {}
        floor = best(lambda: data.get("x"), 20_000)
        rows.append(("floor: a function of the C API", floor * 1e9, "ns", None, ""))
        for name, call, count, target in (
            ("capabilities(), @sync", noop.capabilities, 3_000, None),
            ("send() of 1", lambda: noop.send(one), 3_000, 1.5e-6),
            ("send() of 100", lambda: noop.send(hundred), 100, None),
        ):
            took = best(call, count)
            rows.append((name, took * 1e9, "ns", took / floor, f"wanted < {target * 1e9:.0f}" if target else ""))
            if target and took > target:
                missed.append(name)

        async def awaits() -> None:
            total = 100_000
            base = max([await in_flight(resolved_by_the_loop, total) for _ in range(3)])
            rows.append(("floor: futures of asyncio", base, "awaits/s", None, ""))
            for name, provider, text, target in (
                (f"send() awaited, {IN_FLIGHT} in flight", "noop", "x", 150_000),
                (f"the same, completed by the host's threads, {IN_FLIGHT} in flight", "script", "pool", None),
            ):
                client = trunkline.aio.sms.SmsProvider._open(rt._native, provider)
                message = make(1)
                message.text = text
                rate = max([await in_flight(lambda c=client, m=message: c.send(m), total) for _ in range(3)])
                rows.append((name, rate, "awaits/s", rate / base, f"wanted > {target}" if target else ""))
                if target and rate < target:
                    missed.append(name)

        asyncio.run(awaits())

    for kind, carrier in carriers().items():
        rate = provider_rate(carrier)
        rows.append((f"a provider in Python, {kind}, {IN_FLIGHT} in flight", rate, "sends/s", None, "wanted > 50000"))
        if rate < 50_000:
            missed.append(kind)

    if arguments.json:
        print(json.dumps([{"name": n, "value": v, "unit": u, "ratio": r} for n, v, u, r, _ in rows]))
    else:
        for name, value, unit, ratio, note in rows:
            print(f"{name:66} {value:12,.0f} {unit:9} {'' if ratio is None else f'{ratio:8.2f} x floor':17} {note}")
    if missed:
        print("missed: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
