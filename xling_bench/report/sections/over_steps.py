"""Checkpoints of one training: curves over its steps, and which benchmarks and languages can steer it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark
from xling_bench.metrics.registry import METRICS, remarks
from xling_bench.report.figures.curves import MOST, Line, Panel, curves
from xling_bench.report.printed import HEAD as PRINTED
from xling_bench.report.printed import printed, titled
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.setting import Setting
from xling_bench.results.tables.compare import MEAN
from xling_bench.results.tables.steering import FEWEST, HEAD, mean_of, scores_of, steering, steps_of, with_steps

if TYPE_CHECKING:
    import pandas as pd

    from xling_bench.report.figures.drawing import Figure
    from xling_bench.report.measure import Measured

COLUMNS = {name: PRINTED[name] for name in PRINTED if name != "model"} | {
    "language": "Language",
    "steps": "Steps",
    "first": "First",
    "last": "Last",
    "monotonicity": "Monotonicity",
    "noise": "Noise",
    "signal": "Signal",
    "snr": "Signal to noise",
    "above_chance_from": "Above chance from",
    "stays_above": "Stays above",
}
SIZE = re.compile(r"\d ?[bm](?![^\W\d_])\D*$", re.IGNORECASE)
CAPTION = "Scores over the steps of the training, percent (points where a metric is no share), a line a language; grey: chance."


def context(report: Report) -> Context | None:
    """Curves and the table; None where the models are not the checkpoints of one training, by their names: those that
    end in sizes (7B, 270m) are models of several sizes."""
    models = report.measured.models
    steps = steps_of(models)
    if steps is None or len(steps) < FEWEST or all(SIZE.search(str(model)) for model in models):
        return None
    number = dict(zip(models, steps, strict=True))
    lead = _shown(report.measured)
    frame = with_steps(lead, [number[str(model)] for model in lead["model"]])
    table = steering(frame)
    drawn, left_out = _figures(frame)
    return {
        "curves": drawn,
        "left_out": left_out,
        "steps": ", ".join(f"{step:,}" for step in sorted(steps)),
        "remarks": remarks(frame["metric"]),
        "steering": printed(titled(table), COLUMNS),
    }


def _shown(measured: Measured) -> pd.DataFrame:
    """The leaderboard's rows, then those of the same prompts that say how likely the right answers are."""
    import pandas as pd

    likely = measured.frame["metric"].map(lambda name: name in METRICS and METRICS[name].likelihood is not None)
    main = measured.frame["family"] == measured.frame["benchmark"].map(measured.families)
    more = measured.frame[likely.astype(bool) & main & ~measured.frame.index.isin(measured.lead.index)]
    return pd.concat([measured.lead, more])


def _figures(frame: pd.DataFrame) -> tuple[list[Figure], list[str]]:
    """A figure per benchmark and setting, and the languages that are left out of them."""
    found, left_out = [], []
    for number, (key, group) in enumerate(frame.groupby(HEAD, sort=True)):
        scores = scores_of(group)
        benchmark, metric = get_benchmark(str(key[0])), str(key[-1])
        lines = lines_of(scores, metric, MOST)
        if not lines:
            continue
        if undrawn := [str(unit) for unit in _drawable(scores)[len(lines) - (lines[-1].label == MEAN) :]]:
            left_out.append(f"{benchmark.title}: {' '.join(undrawn)}")
        if (chance := benchmark.chance_of(metric)) is not None:
            ends = [float(scores.index.min()), float(scores.index.max())]
            lines.append(Line("chance", ends, [100 * chance] * 2, reference=True))
        setting = Setting(int(group["shots"].iloc[0]), str(key[3])).label
        title = f"{benchmark.title}, {setting}: {METRICS[metric].label or metric}"
        found.append(
            curves(
                f"steps-{number}-{key[0]}",
                title,
                " ".join([CAPTION, *remarks([metric])]),
                [Panel("", lines)],
                ("step", "score"),
            )
        )
    return found, left_out


def lines_of(scores: pd.DataFrame, metric: str, most: int) -> list[Line]:
    """A line for each language that two steps have, and for the mean: the first of them, `most` in all."""
    units, means = _drawable(scores), mean_of(scores, metric)
    averaged = [] if means is None or len(means) < 2 else [_line(MEAN, means)]
    return [*(_line(unit, scores[unit]) for unit in units[: most - len(averaged)]), *averaged]


def _drawable(scores: pd.DataFrame) -> list[str]:
    return [str(unit) for unit in scores.dropna(axis=1, thresh=2).columns]


def _line(label: str, scores: pd.Series[float]) -> Line:
    known = scores.dropna()
    return Line(label, [float(step) for step in known.index], [float(value) for value in known])


HTML = """
<p>The models are checkpoints of one training by their names: steps {{ steps }}. Monotonicity: Spearman’s correlation of step and score. Steps: how many were measured. Noise: the deviation of scores from the line between their neighbours, points. Signal: the last score above chance (where there is no chance level, above the lowest), over noise. Above chance from: the earliest step above it, at 5 % over all steps. What rises steadily, with little noise and early above chance, can steer a training.{% for said in remarks %} {{ said }}{% endfor %}</p>
{{ figures(curves) }}
{% if left_out %}<p class="files">Not drawn, for lines would look alike: {{ left_out|join("; ")|line(2000) }}.</p>{% endif %}
{{ plain_table("steering", steering) }}
"""

SECTION = Section("steps", "Steps", 35, HTML, context=context, heading="Over the steps of the training")
