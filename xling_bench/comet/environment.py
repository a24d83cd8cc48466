"""COMET's own environment: made from a lock that comes with us, found, and compared with that lock.

It stands where `XLING_COMET_DIR` says, else in the user's cache. It is made beside its place and renamed when it is
whole, so that what stands there is whole: a kill, a full disk, no network leave nothing of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from filelock import FileLock

from xling_bench.comet.program import versions_of
from xling_bench.core.errors import MissingPackageError, OutputError, UsageError, XlingError
from xling_bench.core.files import TEMPORARY, sync_folder, temporary_of

VARIABLE = "XLING_COMET_DIR"
PACKAGE = Path(__file__).resolve().parents[1]
SIZE = 1.3  # GB, with a CPU build of torch
NEEDED = 1.8  # GB: what is downloaded lies there for a while, too
LATEST = (3, 12)  # of the Pythons that COMET's numpy has wheels for
MARK = "made-by-xling-bench"  # a file in every environment that was made here
AGAIN = "`xling-bench comet install` makes it anew."
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
Say = Callable[[str], None]


def place() -> Path:
    """`$XLING_COMET_DIR`, else `xling-bench/comet` in the user's cache; it need not be there."""
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "xling-bench" / "comet"


def python_in(folder: Path) -> Path:
    """The environment's Python. Raises MissingPackageError where there is none."""
    program = folder / "bin" / "python"
    if not program.is_file():
        raise MissingPackageError(
            f"COMET is not installed: there is no environment at {folder}. `xling-bench comet install` makes one "
            f"({SIZE} GB); {VARIABLE} says where one is."
        )
    return program


def check_versions(found: Mapping[str, str], folder: Path) -> None:
    """Raise MissingPackageError unless the environment has the versions that our lock names."""
    have = {_plain(name): version for name, version in found.items()}
    for name, versions in pins().items():
        here = have.get(name)
        if here is None or (here.partition("+")[0] if name == "torch" else here) not in versions:
            raise MissingPackageError(
                f"{folder} is not the environment that this xling-bench scores COMET in: it has "
                f"{f'{name} {here}' if here else f'no {name}'}, expected {' or '.join(versions)}. {AGAIN}"
            )


def pins() -> dict[str, list[str]]:
    """{distribution: its version, or those for different Pythons}, torch included, as our lock has them."""
    found: dict[str, list[str]] = {}
    for name in ("comet", "torch"):
        for package, version in PIN.findall(lock(name).read_text(encoding="utf-8")):
            found.setdefault(_plain(package), []).append(version)
    return found


def lock(name: str) -> Path:
    """requirements/NAME.txt: in a wheel among its content, in a checkout beside the package."""
    for root in (PACKAGE / "_content", PACKAGE.parent):
        if (path := root / "requirements" / f"{name}.txt").is_file():
            return path
    raise MissingPackageError(f"requirements/{name}.txt is not in this installation. Reinstall xling-bench.")


def install(into: Path, python: str, say: Say) -> dict[str, str]:
    """Make the environment at `into` by `python`'s venv and pip, unless the right one is there; returns its versions.

    An environment of ours with other versions is replaced when the new one is whole. Raises UsageError for a Python
    that COMET's packages are not made for, or a folder of something else, OutputError where there is no room,
    MissingPackageError with pip's reason where packages cannot be had.
    """
    into = into.absolute()
    _check_python(python)
    _check_place(into)
    with FileLock(str(into.with_name(f".{into.name}.lock"))), _ending():
        for left in into.parent.glob(f"{TEMPORARY}*-{into.name}"):  # of a try that was killed
            shutil.rmtree(left, ignore_errors=True)
        with contextlib.suppress(XlingError):
            versions = versions_of(python_in(into))
            check_versions(versions, into)
            say(f"{into} is what it should be already")
            return versions
        free = shutil.disk_usage(into.parent).free / 1e9
        if free < NEEDED:
            raise OutputError(f"{into.parent} has {free:.1f} GB left; COMET's environment needs {NEEDED} to be made.")
        say(f"making COMET's environment at {into}: about {SIZE} GB (several more where pip finds torch for CUDA only)")
        made, old = temporary_of(into), into.with_name(f"{TEMPORARY}{os.getpid()}-old-{into.name}")
        try:
            _make(made, python, say)
            (made / MARK).touch()
            versions = versions_of(python_in(made), load=True)
            check_versions(versions, made)
            if into.exists():
                into.rename(old)
            made.rename(into)
            sync_folder(into.parent)
        finally:
            for folder in (made, old):
                shutil.rmtree(folder, ignore_errors=True)
    return versions


def _make(folder: Path, python: str, say: Say) -> None:
    """The environment at `folder`, whose programs but Python itself are left out: they would name the wrong place."""
    _run([python, "-m", "venv", str(folder)], "venv")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile",
           "--disable-pip-version-check"]  # fmt: skip
    exact = ["--no-deps", "--no-build-isolation", "--require-hashes"]
    say("  packages")
    _run([*pip, *exact, "-r", str(lock("comet"))], "pip")
    say("  torch")
    _run([*pip, "-r", str(lock("torch"))], "pip")
    for program in (folder / "bin").iterdir():
        if not program.name.startswith("python"):
            program.unlink()


def _run(command: list[str], what: str) -> None:
    """Run a command that must succeed. Raises MissingPackageError with the last thing it says."""
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    process = subprocess.Popen(command, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, errors="replace")  # fmt: skip
    try:
        _, said = process.communicate()
    finally:
        if process.poll() is None:  # interrupted
            process.kill()
            process.wait()
    if process.returncode:
        lines = [line for line in said.splitlines() if line.startswith("ERROR:")] or said.splitlines() or ["no reason"]
        raise MissingPackageError(
            f"COMET's environment cannot be made: {what} says {lines[-1].removeprefix('ERROR: ')!r}. Is there a "
            "package index, and network? Nothing was left behind; the same command tries again."
        )


def _check_python(python: str) -> None:
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        version = tuple(map(int, done.stdout.split()))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UsageError(f"--python {python}: expected a Python program ({error})") from error
    if not (3, 11) <= version <= LATEST:
        raise UsageError(
            f"COMET's packages are made for Python 3.11 and 3.12; {python} is {'.'.join(map(str, version))}. Name one "
            "of those: --python python3.12"
        )


def _check_place(into: Path) -> None:
    """Raise UsageError for a folder that is not an environment of ours, OutputError where none can be made."""
    if into.exists() and not (into / MARK).is_file() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(
            f"--into {into}: it is there and no environment that `comet install` made. Name a folder that is not there."
        )
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {into.parent}: {error.strerror or error}. Name another: --into DIR") from error


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """Being asked to end (SIGTERM) is an interruption within it, so that what is half made is removed."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
