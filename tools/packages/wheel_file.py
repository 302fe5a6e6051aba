"""The wheel, from the stage and the metadata that pyproject.toml gives; and the source distribution."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import platform
import shutil
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stage import ROOT, Stage

# 1980 is the first year that zip files know; the same bytes from the same files.
WHEN = (1980, 1, 1, 0, 0, 0)


@contextlib.contextmanager
def in_root() -> Iterator[None]:
    """Build backends work in the current directory."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        yield
    finally:
        os.chdir(before)


def tag() -> str:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    machine = sysconfig.get_platform().removeprefix("linux-")
    _, glibc = platform.libc_ver()
    return f"{python}-{python}-manylinux_{glibc.replace('.', '_')}_{machine}"


def metadata(work: Path, wheel_tag: str) -> Path:
    """The folder *.dist-info, without RECORD."""
    from scikit_build_core.build import prepare_metadata_for_build_wheel

    shutil.rmtree(work, ignore_errors=True)  # the backend wants to make the folder itself
    work.mkdir(parents=True)
    with in_root(), contextlib.redirect_stdout(io.StringIO()):
        folder = work / prepare_metadata_for_build_wheel(str(work))
    wheel = folder / "WHEEL"
    lines = [line for line in wheel.read_text().splitlines() if line and not line.startswith("Tag:")]
    wheel.write_text("\n".join([*lines, f"Tag: {wheel_tag}", ""]))
    return folder


def make_wheel(stage: Stage, work: Path, dist: Path) -> Path:
    wheel_tag = tag()
    info = metadata(work / "metadata", wheel_tag)
    target = dist / f"{info.name.removesuffix('.dist-info')}-{wheel_tag}.whl"
    files = [(path, path.relative_to(stage.site)) for path in sorted(stage.site.rglob("*")) if path.is_file()]
    # The addon of Node.js is not for Python.
    files = [(path, name) for path, name in files if name.parts[:2] != ("trunkline", "node")]
    files += [(path, path.relative_to(info.parent)) for path in sorted(info.rglob("*")) if path.is_file()]
    files = [(path, name) for path, name in files if name.name != "RECORD"]
    record: list[str] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, name in files:
            add(archive, str(name), path.read_bytes(), path.stat().st_mode, record)
        record_name = f"{info.name}/RECORD"
        record.append(f"{record_name},,")
        add(archive, record_name, ("\n".join(record) + "\n").encode(), 0o644, [])
    return target


def add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int, record: list[str]) -> None:
    entry = zipfile.ZipInfo(name, WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100000 | (mode & 0o777)) << 16
    archive.writestr(entry, content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record.append(f"{name},sha256={digest},{len(content)}")


def make_sdist(dist: Path) -> Path:
    from scikit_build_core.build import build_sdist

    with in_root(), contextlib.redirect_stdout(io.StringIO()):
        return dist / build_sdist(str(dist))
