"""The worker as a process of COMET's environment: a JSON object goes in, one comes back."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from xling_bench.core.errors import MissingPackageError, ModelError

WORKER = Path(__file__).with_name("worker.py")
Segment = Mapping[str, str]  # src, mt, ref


class Program:
    """The worker, started; ended with the block. `versions` are those of the environment's distributions.

    Raises MissingPackageError where it does not start.
    """

    def __init__(self, python: Path) -> None:
        self.python = python
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        own = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
        settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            self.process = subprocess.Popen([python, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.errors, env=settings | own)  # fmt: skip
        except OSError as error:
            self.errors.close()
            raise MissingPackageError(f"{python} does not start: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        try:
            self.versions: dict[str, str] = self._answer()["versions"]
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def imports(self, module: str) -> None:
        """Import a module there. Raises ModelError with the reason why that fails."""
        self._ask({"import": module})

    def load(self, checkpoint: Path, encoder: Path, *, trust: bool) -> dict[str, Any]:
        """Load a checkpoint; returns its class and device. Raises ModelError with the worker's reason."""
        return self._ask({"load": str(checkpoint), "encoder": str(encoder), "trust": trust})

    def scores(self, segments: Sequence[Segment], batch: int) -> list[float]:
        """A score for each segment. Raises ModelError with the worker's reason."""
        found: list[float] = self._ask({"segments": list(segments), "batch": batch})["scores"]
        return found

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        entrance = cast("IO[bytes]", self.process.stdin)
        try:
            entrance.write(json.dumps(request).encode() + b"\n")
            entrance.flush()
        except BrokenPipeError:
            raise ModelError(self._ended()) from None
        answer = self._answer()
        if "error" in answer:
            raise ModelError(str(answer["error"]))
        return answer

    def _answer(self) -> dict[str, Any]:
        line = cast("IO[bytes]", self.process.stdout).readline()
        if not line.endswith(b"\n"):
            raise ModelError(self._ended())
        found: dict[str, Any] = json.loads(line)
        return found

    def _ended(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"COMET's program ended with code {code}: {said[-1]}"


def versions_of(python: Path, *, load: bool = False) -> dict[str, str]:
    """The distributions of an environment. Raises MissingPackageError where its Python does not start, ModelError where
    (with `load`) COMET cannot be imported there."""
    with Program(python) as program:
        if load:
            program.imports("comet")
        return program.versions
