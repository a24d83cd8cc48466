"""Does alignment predict accuracy? A model's MEXA of each language against its scores in that language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xling_bench.core.text import line
from xling_bench.core.unit import is_pair
from xling_bench.report.figures.cells import learnt_note
from xling_bench.report.figures.scatter import Dot, Plane, scatter
from xling_bench.report.labels import benchmark_label, labels, metric_label
from xling_bench.report.measure import Measured
from xling_bench.report.missing import missing
from xling_bench.report.printed import Cell, Column, Table
from xling_bench.report.setting import Setting
from xling_bench.results.marks import marked
from xling_bench.results.represented import Representation
from xling_bench.stats.correlation import Correlation, spearman

if TYPE_CHECKING:
    from xling_bench.report.figures import Figure

MEASURE = "mexa_mean"
ALL = "all models"
HEADS = ("Benchmark", "Setting", "Metric", "Model", "Languages", "At chance", "Spearman's rho", "95 %")


@dataclass(frozen=True, slots=True)
class Point:
    """A language of a model: its MEXA, the mean over layers and sentences, and its score in percent or points."""

    benchmark: str
    setting: Setting
    metric: str
    model: str
    language: str
    mexa: float
    score: float
    at_chance: bool
    contaminated: bool = False


def points_of(found: Sequence[Representation], measured: Measured) -> tuple[list[Point], list[str]]:
    """A point for each headline score in a language that is aligned with the pivot, and notes on models that only one
    side has. Models are matched by their content, not by name; scores of pairs of languages are left out."""
    frame = measured.frame
    names: dict[str, list[str]] = {}
    for mark, name in frame[["fingerprint", "model"]].drop_duplicates().itertuples(index=False):
        if mark:
            names.setdefault(str(mark), []).append(str(name))
    mexa: dict[tuple[str, str], float] = {}
    notes, seen = [], dict[str, str]()
    for each in found:
        for model in each.models:
            own = names.get(each.fingerprint(model), [])
            if not own:
                notes.append(f"{line(model)}: no run given is of this model, so its alignment stands beside no score")
            for called in own:
                if called in seen:
                    notes.append(f"{line(called)}: its alignment was given several times; the scatter has what was "
                                 f"given first ({seen[called]}), not {each.measured(model)}")  # fmt: skip
                    continue
                seen[called] = each.measured(model)
                mexa |= {(called, number.pair.target): number.value or 0.0 for number in each.of(MEASURE)
                         if (number.model, number.intervention) == (model, None) and number.pair}  # fmt: skip
    if len(set(seen.values())) > 1:
        ways = "; ".join(f"{line(name)}: {how}" for name, how in seen.items())
        notes.append(f"models whose alignment was measured in different ways stand in one scatter ({ways})")
    if seen:
        lacking = [name for name in measured.models if name not in seen]
        notes += [f"{line(name)}: its representations were not given" for name in lacking]
    cells = measured.cells[measured.cells["leading"]]
    points = []
    for cell in cells.itertuples(index=False):
        model, language = str(cell.model), str(cell.language)
        if not is_pair(language) and (model, language) in mexa:
            setting = Setting(int(str(cell.shots)), str(cell.demos))
            known = {
                "at_chance": not missing(cell.at_chance) and bool(cell.at_chance),
                "contaminated": bool(cell.contaminated),
            }
            points.append(Point(str(cell.benchmark), setting, str(cell.metric), model, language,
                                mexa[model, language], float(str(cell.value)), **known))  # fmt: skip
    return points, notes


def correlations(points: Sequence[Point]) -> list[tuple[Point, str, int, Correlation]]:
    """(A point of the task, the model, how many of its languages are at chance, rho) for each task and model of three
    languages or more; where several models are, of all of their points together, too, without an interval: a language
    stands in that once a model."""
    rows = []
    for task in _tasks(points).values():
        models = list(dict.fromkeys(point.model for point in task))
        rows += [_correlated(model, [point for point in task if point.model == model]) for model in models]
        if len(models) > 1:
            first, _, chance, rho = _correlated(ALL, task)
            rows.append((first, ALL, chance, Correlation(rho.rho, None, None, rho.n)))
    return [row for row in rows if row[3].n >= 3]


def _correlated(model: str, points: Sequence[Point]) -> tuple[Point, str, int, Correlation]:
    rho = spearman([point.mexa for point in points], [point.score for point in points])
    return points[0], model, sum(point.at_chance for point in points), rho


def _tasks(points: Iterable[Point]) -> dict[tuple[str, Setting, str], list[Point]]:
    found: dict[tuple[str, Setting, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.benchmark, point.setting, point.metric), []).append(point)
    return found


def accuracy_table(points: Sequence[Point]) -> Table | None:
    """`correlations` as the page prints them; None without any."""
    rows = []
    for point, model, chance, found in correlations(points):
        words = [benchmark_label(point.benchmark), point.setting.label, metric_label(point.metric), line(model)]
        interval = "" if found.low is None or found.high is None else f"[{found.low:.2f}, {found.high:.2f}]"
        rho = Cell("–", -1e9) if found.rho is None else Cell(f"{found.rho:.2f}", found.rho)
        rows.append([*map(Cell, words), Cell(str(found.n), found.n), Cell(str(chance), chance), rho, Cell(interval)])
    numeric = {"Languages", "At chance", "Spearman's rho"}
    return Table([Column(head, head in numeric) for head in HEADS], rows) if rows else None


def accuracy_figure(points: Sequence[Point]) -> Figure | None:
    """Scatter of MEXA and scores: a panel a task, a colour a model, a point a language."""
    tasks = {key: task for key, task in _tasks(points).items() if len(task) >= 3}
    if not tasks:
        return None
    names = labels(point.model for point in points)
    planes = [
        Plane(
            f"{benchmark_label(benchmark)}, {setting.label}, {metric_label(metric, unit=True)}",
            [Dot(names[p.model], marked(p.language, contaminated=p.contaminated), p.mexa, p.score) for p in task],
        )
        for (benchmark, setting, metric), task in tasks.items()
    ]
    caption = (
        "Scores against alignment: each point is a language of a model. MEXA is the mean over the layers measured of "
        "how often a sentence and its translation are each other's nearest; both axes are measured on items, and no "
        "interval is drawn. That two things go together over languages does not say that one makes the other: how much "
        "of a language a model has read makes both." + learnt_note(points)
    )
    axes = ("MEXA, mean over the layers measured", "score")
    return scatter("accuracy", "Does alignment predict accuracy?", caption, planes, axes)
