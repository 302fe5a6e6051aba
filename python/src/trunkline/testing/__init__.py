"""Tests with pytest, or with whatever else runs functions.

The package brings a pytest plugin. A test that asks for `trunkline` gets a world of its own:

    def test_sign_up(trunkline):
        sign_up("ada", "+14255550123", sms=trunkline.sms, sender=trunkline.number)
        assert trunkline.phone("+14255550123").wait_code() == "123456"

`trunkline_aio` is the same with `await`. Elsewhere, `with Home().world() as trunkline:`.

Tests of workflows:

    from trunkline.testing import check_workflow

    def test_orders():
        check_workflow("tests/orders.workflow-test.json")

With `pytest_plugins = ["trunkline.testing"]` in a conftest.py, every file `*.workflow-test.json` is a test by itself.
"""

from ._carriers import AsyncCarrier, Carrier
from ._clock import AsyncVirtualClock, VirtualClock
from ._events import AsyncEventLog, DeadLetter, EventLog
from ._home import Home
from ._mail import AsyncMailbox, Mailbox
from ._phones import AsyncPhone, Phone
from ._workflows import check_workflow, pytest_collect_file, run_workflow_test
from ._world import AsyncTrunkline, Trunkline

for _class in (
    *(AsyncCarrier, AsyncEventLog, AsyncMailbox, AsyncPhone, AsyncTrunkline, AsyncVirtualClock),
    *(Carrier, DeadLetter, EventLog, Home, Mailbox, Phone, Trunkline, VirtualClock),
):
    _class.__module__ = __name__  # where people find it
del _class

__all__ = [
    "AsyncCarrier",
    "AsyncEventLog",
    "AsyncMailbox",
    "AsyncPhone",
    "AsyncTrunkline",
    "AsyncVirtualClock",
    "Carrier",
    "DeadLetter",
    "EventLog",
    "Home",
    "Mailbox",
    "Phone",
    "Trunkline",
    "VirtualClock",
    "check_workflow",
    "pytest_collect_file",
    "run_workflow_test",
]
