"""What a reader must know before any number: the notes at the head of page and leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.core.text import line, number_of
from xling_bench.report.select import resampleable
from xling_bench.results.clusters import too_few, unclustered
from xling_bench.results.doubts import doubtful
from xling_bench.results.marks import contaminated
from xling_bench.results.mixing import limits
from xling_bench.results.schema import ITEMS, NOTES, SAMPLES

if TYPE_CHECKING:
    import pandas as pd


def notes_of(frame: pd.DataFrame) -> list[str]:
    """What is contaminated, limits, other splits, results of plain lm_eval, texts that are gone, items of which nobody
    knows which belong together, items that were cut, and ties."""
    notes = [line(f"{said}.", 2000) for said in contaminated(frame)]
    limited = limits(frame)
    if limited:
        notes.append(f"Not the whole benchmarks (--limit): {limited}.")
    splits = sorted(set(frame["split"]) - {"test"})
    if splits:
        notes.append(f"Some numbers are of the split {', '.join(splits)}, not of test.")
    if (frame["harness"] == "lm_eval").any():
        notes.append("Some results come from plain lm_eval, whose signatures hold no dtype and no chat template.")
    notes += [line(note, 400) for note in frame.attrs.get(NOTES, [])]
    bare = int(((frame["harness"] == "xling-bench") & frame[ITEMS].notna() & frame[SAMPLES].isna()).sum())
    if bare:
        notes.append(f"{number_of(bare, 'number')} without samples.jsonl: items' texts and answers are not shown.")
    notes += too_few(resampleable(frame))
    return notes + unclustered(frame) + [line(f"{note}.", 400) for note in doubtful(frame)]
