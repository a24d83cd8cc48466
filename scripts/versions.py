"""`make latest` and `make oldest`: the tests with the newest versions of everything, or with the lowest we say we take.

`latest` lifts pyproject.toml's upper bounds, `oldest` takes the lower bounds of what pyproject.toml names (what those
need in turn is as new as they allow). torch stays at the lock's version in both: a newer one may come as a CUDA build
of several GB, an older one not as one for the CPU. TORCH=newest lets `latest` take the newest.
Each has an environment of its own, .venv-latest or .venv-oldest, and leaves report.md there. Exit code 1 when anything
broke.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from xml.etree import ElementTree

from declared import ROOT, environment, lifted, locked, name_of, requirements, uv

MARKS = "not slow and not real and not vllm and not comet"  # what `make test` runs
BUILD = ("hatchling", "editables")


def main(which: str, tests: list[str]) -> int:
    """Install, check, test, report."""
    home = ROOT / f".venv-{which}"
    wanted = install(home, which)
    started = time.monotonic()
    broken = [name for name, command in checks(home, which).items() if not passes(name, command)]
    failed, counts = test(home, tests)
    minutes = (time.monotonic() - started) / 60
    lines = [f"# {which}: Python {sys.version.split()[0]}", "", *table(home, wanted), ""]
    lines += [f"{' '.join(tests)}: {counts}, {minutes:.0f} minutes", ""]
    lines += [f"* broken: {name}" for name in [*broken, *failed]] or ["nothing broke"]
    report = "\n".join(lines) + "\n"
    (home / "report.md").write_text(report, encoding="utf-8")
    print(report)
    return 1 if broken or failed else 0


def install(home: Path, which: str) -> list[str]:
    """A fresh environment with ourselves and what we require: the requirements, as this run asks for them."""
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)  # a test builds the wheel with it
    pip = [str(uv()), "pip", "install", "--quiet", "--python", str(home / "bin" / "python")]
    free = which == "latest" and os.environ.get("TORCH") == "newest"
    run([*pip, "torch" if free else f"torch=={locked('torch')}"])  # first: only so is a CPU build preferred by both
    torch = f"torch=={versions(home)['torch']}"
    wanted = [torch if name_of(line) == "torch" else line for line in requirements("dev")]
    if which == "latest":
        wanted = [lifted(line) for line in wanted]
    run([*pip, "--resolution", "lowest-direct" if which == "oldest" else "highest", *wanted])
    run([*pip, *BUILD])
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."])
    return wanted


def run(command: list[str]) -> None:
    """A command that must succeed, told where pip finds packages."""
    subprocess.run(command, check=True, cwd=ROOT, env=environment())


def versions(home: Path) -> dict[str, str]:
    """What is installed there."""
    listing = [str(uv()), "pip", "list", "--quiet", "--format", "json", "--python", str(home / "bin" / "python")]
    done = subprocess.run(listing, capture_output=True, text=True, check=True)
    return {entry["name"]: entry["version"] for entry in json.loads(done.stdout)}


def checks(home: Path, which: str) -> dict[str, list[str]]:
    """What `make check` runs, in this environment. Types are those of the newest libraries: old ones lack some."""
    programs = {"ruff": ["check", "."], "lint-imports": [], "xling-bench": ["tasks", "check"]}
    programs |= {"mypy": []} if which == "latest" else {}
    return {" ".join([name, *rest]): [str(home / "bin" / name), *rest] for name, rest in programs.items()}


def passes(name: str, command: list[str]) -> bool:
    """Whether a command succeeds; says which."""
    print(f"== {name}", flush=True)
    return subprocess.run(command, check=False, cwd=ROOT).returncode == 0


def test(home: Path, tests: list[str]) -> tuple[list[str], str]:
    """(tests that failed, with the first line of why; counts). No test at all is a failure, too."""
    results = home / "results.xml"
    command = [str(home / "bin" / "python"), "-m", "pytest", "-n", "auto", "-m", MARKS, "--tb=short"]
    command.append(f"--junitxml={results}")
    code = subprocess.run([*command, *tests], check=False, cwd=ROOT).returncode
    if not results.exists():
        return [f"pytest: exit code {code}, no results"], "0 tests"
    suite = ElementTree.parse(results).getroot()[0]  # noqa: S314 - pytest wrote it just now
    failed = [
        f"{case.get('classname')}::{case.get('name')}: {(bad.get('message') or '').splitlines()[0][:200]}"
        for case in suite.iter("testcase")
        for bad in [*case.iter("failure"), *case.iter("error")]
    ]
    if code and not failed:
        failed.append(f"pytest: exit code {code}")
    number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    passed = number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return failed, f"{passed} passed, {number['failures'] + number['errors']} failed, {number['skipped']} skipped"


def table(home: Path, wanted: list[str]) -> list[str]:
    """What pyproject.toml names: as asked for, as locked, as it is here."""
    here = versions(home)
    rows = {name_of(line): line for line in wanted}
    return ["| asked for | locked | here |", "|---|---|---|"] + [
        f"| {line} | {locked(name)} | {here.get(name, '-')} |" for name, line in sorted(rows.items())
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["tests"]))
