"""vLLM in processes of its own, each perhaps with an environment of its own, on the run's folder.

`python -m xling_bench.evaluation.apart` is such a process. It reads what to do from its input, one line of JSON, and
writes lines of JSON: what it says, and at last its report, or what went wrong. When its input ends, the run that
started it is gone, and it ends, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xling_bench.core import errors
from xling_bench.core.errors import ModelError, UsageError, XlingError
from xling_bench.core.version import VERSION
from xling_bench.data import Source, current_source
from xling_bench.data.source import using
from xling_bench.evaluation.code import code_hash
from xling_bench.evaluation.configure import options_of, run_config
from xling_bench.evaluation.plan import RunConfig, make_plan
from xling_bench.evaluation.run_report import RunReport
from xling_bench.evaluation.runner import Runner
from xling_bench.models.config import ModelConfig

MODULE = "xling_bench.evaluation.apart"
PATIENCE = 20.0  # seconds that an interrupted process may take to end
Say = Callable[[str], None]


def generate_apart(config: RunConfig, say: Say) -> RunReport:
    """Do the tasks of `config` that generate, in as many processes as its model says; returns what they did.

    Each unit is done by one of them, under the folder's locks. Raises what one of them raised, or ModelError when one
    ended without a word.
    """
    specs = tuple(spec for spec in config.specs if spec.kind == "generate")
    model = replace(config.model, vllm_python=None, data_parallel=1)
    config = replace(config, specs=specs)
    order = asked(replace(config, model=model), current_source())
    count, python = config.model.data_parallel, config.model.vllm_python or sys.executable
    devices = devices_of(count, config.model.tensor_parallel)
    helpers = [Helper(python, order, config.output, share, say, number if count > 1 else None)
               for number, share in enumerate(devices, start=1)]  # fmt: skip
    reports: list[RunReport] = []
    dead: ModelError | None = None
    try:
        for helper in helpers:
            try:
                reports.append(helper.report())
            except DiedError as error:  # the others may do its part
                dead = error
                say(f"warning: {error}")
    finally:
        for helper in helpers:
            helper.end()
    found = RunReport(config.output)
    for report in reports:
        found.add(report)
    made = sum(len(report.finished) - report.reused for report in reports)  # each of them by one process
    found.reused = max(0, len(found.finished) - made)
    if dead is not None:
        units = [unit for unit, _ in make_plan(config, current_source()).units if str(unit) not in found.failed]
        if not {config.output / unit.folder for unit in units} <= set(found.finished):
            raise dead
    return found


def asked(config: RunConfig, source: Source) -> dict[str, object]:
    """What a process is told to do."""
    where = {"kind": source.kind, "root": None if source.root is None else str(source.root)}
    order = {"model": asdict(config.model), "options": options_of(config), "source": where, "alike": alike()}
    return json.loads(json.dumps(order, default=_plain))  # type: ignore[no-any-return]


def alike() -> dict[str, str]:
    """What two environments must have in common: the facts of a result that come from programs."""
    return {"xling-bench": VERSION, "code": code_hash(), "lm_eval": version("lm_eval")}


def _plain(value: Any) -> Any:
    """Numbers of numpy, and paths, as JSON has them."""
    return value.item() if hasattr(value, "item") else str(value)


def devices_of(processes: int, each: int) -> list[str | None]:
    """The GPUs of each process, as CUDA_VISIBLE_DEVICES has them: `each` of them, the next ones for the next.

    None where one process takes what it finds, and on a machine without GPUs. Raises UsageError for too few.
    """
    if processes == 1:
        return [None]
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not torch.cuda.is_available():
        return [None] * processes
    there = given.split(",") if given else [str(number) for number in range(torch.cuda.device_count())]
    if len(there) < processes * each:
        raise UsageError(
            f"--data-parallel {processes} of {each} GPUs each: expected {processes * each} GPUs, there are {len(there)}"
        )
    return [",".join(there[start : start + each]) for start in range(0, processes * each, each)]


class DiedError(ModelError):
    """A process ended without a word."""


class Helper:
    """One process, from here: started, listened to, ended."""

    def __init__(
        self, python: str, order: Mapping[str, object], output: Path, devices: str | None, say: Say, number: int | None
    ) -> None:
        self.python, self.output, self.say = python, output, say
        self.called = "vLLM" if number is None else f"vLLM {number}"
        environment = os.environ | ({} if devices is None else {"CUDA_VISIBLE_DEVICES": devices})
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the interpreter that the user named
                [python, "-P", "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
                encoding="utf-8",
            )  # fmt: skip
        except OSError as error:
            raise UsageError(f"--vllm-python {python}: {error.strerror or error}") from error
        assert self.process.stdin is not None  # noqa: S101 - a pipe
        with contextlib.suppress(OSError):  # it is gone, which is said when its report is asked for
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        self.told: dict[str, Any] = {}
        self.failed: Exception | None = None  # of what listens to it
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - a pipe
        for line in self.process.stdout:
            try:
                told = json.loads(line)
            except ValueError:  # of a library that writes where nothing but our lines belongs
                told = {"say": line.rstrip("\n")}
            if isinstance(told, dict) and "say" in told:
                self._relay(f"{self.called}: {told['say']}")
            elif isinstance(told, dict):
                self.told = told

    def _relay(self, line: str) -> None:
        if self.failed is None:
            try:
                self.say(line)
            except Exception as error:  # noqa: BLE001 - the user's own function; told when the process has ended
                self.failed = error

    def report(self) -> RunReport:
        """What it did, once it has ended. Raises what it raised."""
        code = self.process.wait()
        self.listener.join()
        if self.failed is not None:
            raise self.failed
        if "error" in self.told:
            kind = getattr(errors, self.told["error"], XlingError)
            where = f"{self.python}: " if kind is ModelError and self.python != sys.executable else ""
            raise kind(where + self.told["message"])
        if "report" not in self.told:
            asks = " Is xling-bench installed there?" if code > 0 else ""  # else a signal ended it
            raise DiedError(
                f"the process with vLLM ({self.python}) ended without a report, with exit code {code}; what it said "
                f"stands above.{asks}"
            )
        told = self.told["report"]
        finished = [self.output / Path(folder).relative_to(told["output"]) for folder in told["finished"]]
        return RunReport(**{**told, "output": self.output, "finished": finished})

    def end(self) -> None:
        """Let it know that nobody waits any more, and wait until it is gone."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe
        with contextlib.suppress(OSError):  # it is gone
            self.process.stdin.close()
        self.process.wait()


def main() -> int:
    """The process itself."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a script started the run in the background
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to the other stream

    def tell(**line: object) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    order = json.loads(sys.stdin.readline())
    if order["alike"] != (mine := alike()):
        differ = [f"{name} {mine[name]}, not {said}" for name, said in order["alike"].items() if mine.get(name) != said]
        tell(error="ModelError", message=f"its environment has {', '.join(differ)}: results could not be compared. "
             "Install the same xling-bench and lm-eval there.")  # fmt: skip
        return 2
    threading.Thread(target=_end_with_input, daemon=True).start()
    from xling_bench.core.chatter import quiet

    quiet()
    try:
        config = run_config(ModelConfig(**order["model"]), **order["options"])
        root = order["source"]["root"]
        with using(Source(order["source"]["kind"], None if root is None else Path(root))):
            report = Runner(config, lambda text: tell(say=text)).run()
    except XlingError as error:
        tell(error=type(error).__name__, message=str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    tell(report=json.loads(json.dumps(asdict(report), default=str)))
    return 0


def _end_with_input() -> None:
    """An interrupt, as by Ctrl-C, once the run that started this process is gone."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(PATIENCE)
    os._exit(130)  # what computes has not come back to Python


if __name__ == "__main__":
    sys.exit(main())
