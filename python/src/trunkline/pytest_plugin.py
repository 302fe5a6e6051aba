"""The pytest plugin: fixtures `trunkline` and `trunkline_aio`. pytest finds it by itself once the package is installed.

What the tests run on is configured by overriding the fixture `trunkline_config`, or in the ini file:

    [tool.pytest.ini_options]
    trunkline_config = "tests/trunkline.yaml"
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._config import Config
    from .testing import AsyncTrunkline, Home, Trunkline


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("trunkline_config", "Configuration file of the runtime that tests with the fixture `trunkline` run on")


@pytest.fixture(scope="session")
def trunkline_config() -> Config | None:
    """The configuration of the runtime that tests run on, as for `trunkline.Runtime`. Override it in a conftest.py; None: that
    of the ini file, or the built-in defaults.
    """
    return None


@pytest.fixture(scope="session")
def trunkline_home(trunkline_config: Config | None, pytestconfig: pytest.Config) -> Iterator[Home]:
    """Where `trunkline` comes from: one runtime for the tests of this process."""
    from .testing import Home

    named = pytestconfig.getini("trunkline_config")
    file = pytestconfig.rootpath / named if named and trunkline_config is None else None
    home = Home(trunkline_config, config_file=file)
    yield home
    home.close()


@pytest.fixture
def trunkline(trunkline_home: Home) -> Iterator[Trunkline]:
    """A resource of its own with virtual phones and mailboxes, and a clock that stands still: `trunkline.testing.Trunkline`."""
    with trunkline_home.world() as world:
        yield world


@pytest.fixture
def trunkline_aio(trunkline: Trunkline) -> AsyncTrunkline:
    """The same world for asyncio: `trunkline.testing.AsyncTrunkline`."""
    return trunkline.aio


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """What `"code" in phone` found instead."""
    if op not in ("in", "not in") or not isinstance(left, str):
        return None
    from .testing._mail import Mailbox
    from .testing._mail import line_of as line_of_mail
    from .testing._phones import Phone, line_of

    if isinstance(right, Phone):
        lines = [line_of(message) for message in right.messages if not message.outbound]
    elif isinstance(right, Mailbox):
        lines = [line_of_mail(mail) for mail in right.mails]
    else:
        return None
    return [f"{left!r} {op} {right!r}", *(["it got:", *(f"  {line}" for line in lines)] if lines else ["it got nothing"])]
