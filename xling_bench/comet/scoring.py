"""COMET of kept translations: what is known is not computed again, what is computed is known at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from filelock import FileLock

from xling_bench.comet import environment
from xling_bench.comet.memory import Memory, digest_of
from xling_bench.comet.program import Program, Segment
from xling_bench.comet.weights import Checkpoint
from xling_bench.core.errors import ModelError, UnsupportedModelError, reason_of
from xling_bench.core.progress import progress
from xling_bench.metrics.comet import STAMP

if TYPE_CHECKING:
    from xling_bench.comet.fast import Fast

KEPT = ".comet.partial.jsonl"
BATCHES = 4  # computed before they are kept
WORTH = 256  # segments that are left, for which loading the model once more pays
EQUAL = 1e-6  # the largest difference between our own computation and the program's


class Comet:
    """One checkpoint's scores, as `evaluation.rescore` takes a given metric. A context: from the first segments on it
    holds the run's lock, and at its end the program has ended.

    Scores are float32's, of `batch` segments computed together. They are kept in `run` meanwhile, by content: after an
    interruption only what lacks is computed. The program starts when the first segment is not known. Where many are
    left after the first ones, `fast` takes over if it gives these the same scores to EQUAL.
    """

    metric = "comet"

    def __init__(
        self, checkpoint: Checkpoint, run: Path, say: Callable[[str], None], *, batch: int = 16, trust: bool = False
    ) -> None:
        self.checkpoint, self.say, self.batch, self.trust = checkpoint, say, batch, trust
        self.path = run / KEPT
        self.lock = FileLock(str(run / ".comet.lock"))
        self.memory: Memory | None = None
        self.program: Program | None = None
        self.fast: Fast | None = None
        self.tried = False

    @property
    def rule(self) -> str:
        """How the scores are made: program, checkpoint by name and content, precision, libraries."""
        pins = environment.pins()
        versions = [f"{name}={'/'.join(pins[name])}" for name in ("torch", "transformers")]
        stamp = [STAMP] if self.checkpoint.random else []
        return ",".join([f"unbabel-comet-{pins['unbabel-comet'][0]}", f"model={self.checkpoint.name}",
                         f"sha256={self.checkpoint.digest}", "fp32", *versions, *stamp])  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.program is not None:
            self.program.close()
        self.lock.release()

    def forget(self) -> None:
        """Remove what is kept: every result has it."""
        self.path.unlink(missing_ok=True)

    def scores(self, segments: Sequence[Segment], what: str) -> list[float]:
        """A score for each segment; `what` is what they are called where progress shows.

        Raises MissingPackageError where COMET is not installed or in other versions, ModelError where the checkpoint
        cannot be loaded, or gives what is no number.
        """
        if self.memory is None:
            self.lock.acquire()
            self.memory = Memory(self.path, self.rule)
        known = self.memory.known
        names = [digest_of(segment) for segment in segments]
        unknown = {name: each for name, each in zip(names, segments, strict=True) if name not in known}
        todo = sorted(unknown, key=lambda name: len(unknown[name]["src"]))
        if todo:
            with progress(len(set(names)), f"COMET {what}", done=len(set(names)) - len(todo)) as bar:
                for start in range(0, len(todo), BATCHES * self.batch):
                    chunk = todo[start : start + BATCHES * self.batch]
                    found = self._computed([unknown[name] for name in chunk], len(todo) - start - len(chunk))
                    if not all(map(math.isfinite, found)):
                        raise ModelError(f"{self.checkpoint.path}: a score of {what} is no number; is it damaged?")
                    self.memory.add(dict(zip(chunk, found, strict=True)))
                    bar.update(len(chunk))
        return [known[name] for name in names]

    def _computed(self, segments: Sequence[Segment], left: int) -> list[float]:
        """Scores by what computes now; `left` are to come of the same result."""
        if self.fast is not None:
            return self.fast.scores(segments, self.batch)
        program = self._started()
        found = program.scores(segments, self.batch)
        if left >= WORTH and not self.tried:
            self.tried = True
            self._compare(segments, found)
        return found

    def _compare(self, segments: Sequence[Segment], found: Sequence[float]) -> None:
        """Let our own computation take over where it is equal to the program's; say so, or why not."""
        from xling_bench.comet.fast import Fast

        try:
            fast = Fast(self.checkpoint, trust=self.trust)
            apart = max(abs(a - b) for a, b in zip(fast.scores(segments, self.batch), found, strict=True))
        except (UnsupportedModelError, RuntimeError, OSError, ValueError, TypeError, LookupError) as error:
            self.say(f"  COMET's program computes all of it, not ours: {reason_of(error)[:200]}")
            return
        same = f"{apart:.1e} apart on {len(segments)} segments"
        if apart > EQUAL:
            self.say(f"  COMET's program computes all of it: ours is {same}")
            return
        self.say(f"  computed here from now on: COMET's program and ours are {same} at most")
        self.fast = fast
        if self.program is not None:
            self.program.close()
            self.program = None

    def _started(self) -> Program:
        """The program with the checkpoint loaded."""
        if self.program is None:
            folder = environment.place()
            program = Program(environment.python_in(folder)).__enter__()
            try:
                environment.check_versions(program.versions, folder)
                self.say(f"loading the COMET checkpoint {self.checkpoint.name}")
                program.load(self.checkpoint.path, self.checkpoint.encoder, trust=self.trust)
            except BaseException as error:
                program.close()
                if isinstance(error, ModelError):
                    raise ModelError(self._not_loaded(str(error))) from error
                raise
            self.program = program
        return self.program

    def _not_loaded(self, reason: str) -> str:
        said = f"COMET's checkpoint {self.checkpoint.path} cannot be loaded: {reason[:300]}"
        if "weights_only" in reason or "Weights only" in reason:
            return (
                f"COMET's checkpoint {self.checkpoint.path} is a pickle that holds more than tensors and plain data; "
                "unpickling it could run code, and was not done. If you trust who made it: --trust-checkpoint"
            )
        return f"{said}. Is it damaged? Bring it back as it was published."
