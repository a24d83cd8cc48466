"""Early stopping: a run ends where a development score has not risen for a while, and its best checkpoint is the model.

The scores are those that the run's own logs hold, so that a run that goes on after a kill decides as it would have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from tqdm import tqdm
from transformers import TrainerCallback

from xling_bench.core.reading import parse_json
from xling_bench.core.text import number_of
from xling_bench.training.claim import ALIGNMENT, LOG
from xling_bench.training.planned import Chosen
from xling_bench.training.recipe_parts import StopPart

By = Literal["accuracy", "retrieval"]
Score = tuple[int, float]  # of an update: 0 to 1


class Stopping(TrainerCallback):  # type: ignore[misc]
    """Keeps the best checkpoint so far, and ends the run after `patience` measurements without a better one.

    By `accuracy`: the mean over the tasks of early evaluation. By `retrieval`: the mean of `retrieval_weak` over pairs,
    both ways, and layers of `[alignment]`. The first of equal ones is the best; the base model is not among them.
    """

    def __init__(self, folder: Path, part: StopPart, total: Callable[[Sequence[int]], list[int]]) -> None:
        """total: sums over the processes."""
        self.folder, self.part, self.total = folder, part, total

    def scores(self, until: int) -> list[Score]:
        """Each measurement up to an update."""
        return [
            (step, score) for step, score in scores_in(self.folder, self.part.by or "accuracy") if 0 < step <= until
        ]

    def best(self, until: int) -> Score | None:
        """The best of them."""
        return max(self.scores(until), key=lambda each: (each[1], -each[0]), default=None)

    def over(self, until: int) -> bool:
        """Whether the run ends with this update, or has ended before."""
        best = self.best(until)
        return best is not None and sum(step > best[0] for step, _ in self.scores(until)) >= self.part.patience

    def chosen(self, ended: int) -> Chosen | None:
        """What is told of the end; None of a run that ended before it was measured."""
        best = self.best(ended)
        return None if best is None else {"by": self.part.by, "step": best[0], "score": best[1], "ended": ended}

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """What is measured at the end of a step has been logged by now: see `job` on the order of callbacks."""
        if self.part.by == "retrieval":
            self._decide(state, control)

    def on_log(self, _args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Accuracies come as a line of the log, after the losses of the same update."""
        if self.part.by == "accuracy" and logs and "dev/mean" in logs:
            self._decide(state, control)

    def _decide(self, state: Any, control: Any) -> None:
        """The first of several processes reads the logs, and all do as it says."""
        now = state.global_step
        scores = self.scores(now) if state.is_world_process_zero else []
        measured = bool(scores) and scores[-1][0] == now
        best = self.best(now) if measured else None
        better, over = self.total([best is not None and best[0] == now, measured and self.over(now)])
        if best is not None:
            self._tell(scores[-1], best)
        if over and now < state.max_steps:
            control.should_training_stop = True
            if best is not None:
                sys.stderr.write(
                    f"ends after update {now}: no {self.part.by} above {percent(best[1])}, that of update "
                    f"{best[0]}, whose weights model/ has, in {number_of(self.part.patience, 'measurement')}\n"
                )
        if better or over:
            control.should_save = True

    def _tell(self, last: Score, best: Score) -> None:
        """A measurement, and which is the best so far."""
        what = "the best so far" if last == best else f"the best so far is that of update {best[0]}, {percent(best[1])}"
        tqdm.write(f"update {last[0]}: {self.part.by} {percent(last[1])}; {what}", file=sys.stderr)


def scores_in(folder: Path, by: By) -> Iterator[Score]:
    """The measurements that a run's logs hold."""
    path = folder / (LOG if by == "accuracy" else ALIGNMENT)
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        entry = parse_json(line, path.name)
        if by == "accuracy":
            values = [entry["dev/mean"]] if "dev/mean" in entry else []
        else:
            values = [each["value"] for each in entry["records"] if each["measure"] == "retrieval_weak"]
        if values:
            yield entry["step"], fmean(values)


def percent(share: float) -> str:
    """`43.1 %`."""
    return f"{100 * share:.1f} %"
