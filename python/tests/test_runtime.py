"""Opening, configuring and closing runtimes; resources."""

from __future__ import annotations

import asyncio
import gc
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import OURS, PHONE
from trunkline._config import render
from trunkline.sms import SmsProvider


def test_defaults_are_enough() -> None:
    with trunkline.Runtime() as rt:
        assert rt.version == trunkline.__version__
        assert rt.sms.send(from_=OURS, to=[PHONE], message="hello")[0].successful
        assert "open" in repr(rt)


def test_two_at_once_share_nothing(config: dict[str, Any]) -> None:
    with trunkline.Runtime(config) as one, trunkline.Runtime(config) as two:
        one.sms.send(from_=OURS, to=[PHONE], message="hello")
        assert len(one.sms.list().items) == 1
        assert two.sms.list().items == []


def test_the_clock_can_be_chosen() -> None:
    with trunkline.Runtime(clock="virtual") as rt:
        first = rt.clock.now()
        assert rt.clock.now() == first
    with pytest.raises(trunkline.InvalidArgumentError, match="'real' or 'virtual', found 'slow'"):
        trunkline.Runtime(clock="slow")  # type: ignore[arg-type]


def test_a_closed_runtime_says_so(config: dict[str, Any]) -> None:
    rt = trunkline.Runtime(config)
    sms, provider = rt.sms, rt.provider("script", SmsProvider)
    rt.close()
    rt.close()
    assert rt.closed
    calls = [sms.list, rt.clock.now, provider.capabilities, lambda: rt.resource("main"), lambda: rt.events.subscribe()]
    for call in calls:
        with pytest.raises(trunkline.FailedPreconditionError, match="closed"):
            call()  # type: ignore[operator]


def test_a_service_keeps_its_runtime(config: dict[str, Any]) -> None:
    sms = trunkline.Runtime(config).sms
    gc.collect()
    assert sms.list().items == []


def test_every_problem_of_a_config_is_told() -> None:
    text = "runtime: {clock: sundial, threds: 2}\nstore: {mode: 3}\n"
    with pytest.raises(trunkline.InvalidArgumentError) as caught:
        trunkline.Runtime(text)
    for word in ("sundial", "threds", "store.mode"):
        assert word in str(caught.value)


def test_a_missing_plugin(config: dict[str, Any]) -> None:
    config["providers"].append({"name": "gone", "plugin": "no-such-plugin"})
    with pytest.raises(trunkline.TrunklineError, match="no-such-plugin"):
        trunkline.Runtime(config)


def test_missing_things_are_named(rt: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.NotFoundError, match="nobody"):
        rt.provider("nobody", SmsProvider)
    with pytest.raises(trunkline.NotFoundError, match="nowhere"):
        rt.resource("nowhere")
    with pytest.raises(trunkline.NotFoundError, match=r"trunkline\.sandbox"):
        rt.provider("script", trunkline.sandbox.SandboxProvider)


def test_config_files(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.yaml"
    file.write_text("runtime:\n  clock: virtual\nlog: {level: 'off'}\n")
    with trunkline.Runtime(config_file=file) as rt:
        assert rt.clock.now() == rt.clock.now()
    with pytest.raises(trunkline.NotFoundError, match=r"none\.yaml"):
        trunkline.Runtime(config_file=tmp_path / "none.yaml")
    with pytest.raises(trunkline.InvalidArgumentError, match="not both"):
        trunkline.Runtime("", config_file=file)


def test_relative_paths_of_a_file_start_at_its_directory(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.yaml"
    file.write_text("store: {mode: file, path: data}\nlog: {level: 'off'}\nresources: [{name: here}]\n")
    with trunkline.Runtime(config_file=file):
        assert (tmp_path / "data").is_dir()
    shutil.rmtree(tmp_path / "data")

    async def open_aio() -> None:
        async with trunkline.aio.Runtime(config_file=str(file), seed=7):
            assert (tmp_path / "data").is_dir()

    asyncio.run(open_aio())


def test_mistakes_in_a_file_name_it(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.yaml"
    file.write_text("store:\n  mod: file\n")
    with pytest.raises(trunkline.InvalidArgumentError, match=re.escape(f"{file}:2:3: store.mod")):
        trunkline.Runtime(config_file=file)


def test_overrides_of_a_text_in_flow_form() -> None:
    with trunkline.Runtime('{"resources": [{"name": "shop"}], "runtime": {"clock": "real"}}', clock="virtual") as rt:
        assert [resource.name for resource in rt.resources] == ["shop"]
        rt.clock.advance(1)
    with pytest.raises(trunkline.InvalidArgumentError, match="set clock in the configuration itself"):
        trunkline.Runtime("{resources: [{name: shop}]}", clock="virtual")


def test_overrides_keep_the_rest_of_a_text() -> None:
    text = "# mine\nruntime:   # how\n    seed: 3\n    clock: real\n    threads: 2\nstore: {mode: memory}\n"
    assert render(text, None, "virtual", None) == (
        '# mine\nruntime:   # how\n    clock: "virtual"\n    seed: 3\n    threads: 2\nstore: {mode: memory}\n'
    )
    assert (
        render("store: {mode: memory}", None, "virtual", 5) == 'store: {mode: memory}\nruntime: {"clock": "virtual", "seed": 5}\n'
    )
    assert render({"store": {}}, None, "real", None) == '{"store": {}, "runtime": {"clock": "real"}}'
    with pytest.raises(trunkline.InvalidArgumentError, match="block form"):
        render("runtime: {seed: 1}", None, "virtual", None)
    with pytest.raises(trunkline.InvalidArgumentError, match="JSON"):
        render({"store": object()}, None, None, None)


def test_resources(rt: trunkline.Runtime) -> None:
    rt.sms.send(from_=OURS, to=[PHONE], message="hello")
    made = rt.resources.create("other", "Europe")
    assert (made.name, made.data_location) == ("other", "Europe")
    copy = rt.resources.fork("main", "copy")
    assert copy.resource_id != rt.resources.get("main").resource_id
    assert {info.name for info in rt.resources} == {"main", "other", "copy"}
    assert len(rt.resource("copy").sms.list().items) == 1
    assert rt.resource("other").sms.list().items == []
    dropped = rt.resource("copy")
    rt.resources.drop("copy")
    with pytest.raises(trunkline.NotFoundError):
        dropped.sms.list()
    with pytest.raises(trunkline.AlreadyExistsError):
        rt.resources.create("other")


def test_snapshots_bring_everything_back(rt: trunkline.Runtime) -> None:
    rt.resources.snapshot("main", "clean")
    rt.sms.send(from_=OURS, to=[PHONE], message="hello")
    assert [snapshot.name for snapshot in rt.resources.snapshots("main")] == ["clean"]
    before = rt.resources.get("main")
    after = rt.resources.restore("MAIN", "clean")
    assert (after.resource_id, after.primary_key) == (before.resource_id, before.primary_key)
    assert rt.sms.list().items == []
    rt.resources.drop_snapshot("main", "clean")
    with pytest.raises(trunkline.NotFoundError):
        rt.resources.restore("main", "clean")


def test_settings_of_resources(rt: trunkline.Runtime) -> None:
    made = rt.resources.create("other", tags={"stage": "test"})
    assert (made.tags, made.local_auth, made.lineage) == ({"stage": "test"}, True, [])
    assert rt.resources.set_tags("other", {"a": "b"}).tags == {"a": "b"}
    assert not rt.resources.set_local_auth("other", False).local_auth
    changed = rt.resources.regenerate_key("other", trunkline.service.KeyKind.SECONDARY)
    assert changed.primary_key == made.primary_key
    assert changed.secondary_key != made.secondary_key
    assert rt.resources.fork("other", "child").lineage == [made.resource_id]
    with pytest.raises(trunkline.InvalidArgumentError):
        rt.resources.create("bad", tags={"": "x"})


def test_what_the_runtime_tells_about_itself(rt: trunkline.Runtime) -> None:
    assert {"sms-sandbox", "test-script"} <= {plugin.id for plugin in rt.plugins()}
    assert "trunkline" in rt.metrics()
    rt.settle()
