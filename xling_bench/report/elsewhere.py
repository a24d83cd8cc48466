"""Numbers from elsewhere on the page (`report --beside`): published rows, never mixed with measured ones or ranked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import line, number_of
from xling_bench.exchange.beside import UNSAID, differences, nearest, read_outside
from xling_bench.exchange.outside import Outside
from xling_bench.report.leaderboard import Row, Score
from xling_bench.report.measure import Measured
from xling_bench.report.published import PublishedCell
from xling_bench.report.setting import Setting
from xling_bench.results.foreign import PUBLISHED
from xling_bench.results.matrix import of_languages

if TYPE_CHECKING:
    import pandas as pd

Shown = tuple[str, Setting, str]  # model, setting, whose number it is and what differs


def outside_rows(paths: Sequence[Path], measured: Measured) -> tuple[list[Row], list[PublishedCell], list[str]]:
    """(leaderboard rows, cells of single languages, notes) of records and of results of lm-eval's own tasks.

    What is shown: numbers of a benchmark and language that was measured here, by its leading metric. A row says whose
    numbers they are and in what they were not measured alike; where nobody says with how many demonstrations, it stands
    with the fewest that there are here, and says so. A mean is over the languages that there are. The notes count what
    is not shown. Raises as `read_outside`.
    """
    if not paths:
        return [], [], []
    numbers = read_outside(paths)
    lead: pd.DataFrame = measured.lead
    here = set(zip(lead["benchmark"], lead["language"], lead["metric"], strict=True))
    fits = [(number.benchmark, number.language, number.metric) in here for number in numbers]
    shown = [number for number, fit in zip(numbers, fits, strict=True) if fit]
    fewest = min(measured.settings)
    groups: dict[Shown, dict[str, list[Outside]]] = {}
    cells: list[PublishedCell] = []
    for number in shown:
        setting, unsaid = _setting(number, fewest)
        source = line("; ".join(filter(None, (_whose(number), _differing(lead, number), unsaid))), 400)
        groups.setdefault((number.model, setting, source), {}).setdefault(number.benchmark, []).append(number)
        cells.append(
            PublishedCell(
                model=number.model, benchmark=number.benchmark, language=number.language, shots=setting.shots,
                value=number.value, source=source,
            )
        )  # fmt: skip
    rows = [
        Row(model, setting, published=source, scores={key: _mean(key, own) for key, own in scores.items()})
        for (model, setting, source), scores in groups.items()
    ]
    lacking = len(numbers) - len(shown)
    notes = []
    if shown:
        notes.append(f"{number_of(len(shown), 'number')} on this page: {PUBLISHED}. Nothing is tested with them.")
    if lacking:
        notes.append(
            f"{number_of(lacking, 'number')} from elsewhere not shown: of benchmarks, languages or metrics that do not "
            "lead here."
        )
    return rows, cells, notes


def _setting(number: Outside, fewest: Setting) -> tuple[Setting, str]:
    shots = number.settings.get("shots", "")
    if not shots.isdecimal() or len(shots) > 4:
        return fewest, "demonstrations not said"
    count = int(shots)
    return Setting(count, number.settings.get("demos") or ("same" if count else "none")), ""


def _whose(number: Outside) -> str:
    """Whose it is, and what must not be overlooked: its first items only, invented ones."""
    marks = [number.settings.get(name, "") for name in ("limit", "sample_data")]
    return "; ".join(filter(None, (number.origin.removeprefix(f"{PUBLISHED}: "), *marks)))


def _differing(lead: pd.DataFrame, number: Outside) -> str:
    """`differs: split, items; not said: prompt`: `table --beside` says how."""
    said = differences(number, nearest(lead, number).iloc[0])
    names = [each.partition(" (")[0] for each in said if not each.startswith(UNSAID)]
    unsaid = [each for each in said if each.startswith(UNSAID)]
    return "; ".join([*([f"differs: {', '.join(names)}"] if names else []), *unsaid])


def _mean(key: str, numbers: list[Outside]) -> Score:
    by_language: dict[str, list[float]] = {}
    for number in numbers:
        by_language.setdefault(number.language, []).append(number.value)
    declared = len(of_languages(get_benchmark(key).units()))
    return Score(
        fmean(map(fmean, by_language.values())), measured=len(by_language), of=len(by_language), declared=declared
    )
