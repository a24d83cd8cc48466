"""`write_report`: from run folders to a folder with the page, the leaderboard and the figures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.catalog import get_benchmark
from xling_bench.errors import OutputError, UsageError, did_you_mean
from xling_bench.files import write_bytes, write_text
from xling_bench.report import context, formats, items
from xling_bench.report.figures import Figure, before_after, gap_bars, heat_map
from xling_bench.report.leaderboard import Row, leaderboard
from xling_bench.report.measure import Measured, Step, measure
from xling_bench.report.page import render_page
from xling_bench.report.payload import payload
from xling_bench.report.published import reference_rows
from xling_bench.results.compare import with_seeds
from xling_bench.results.load import load_results
from xling_bench.results.matrix import DRAWS

MOST_BYTES = 4_800_000  # of index.html; what the rest leaves of it is for items
FIGURES = "figures"
OURS = re.compile(r"(heatmap|gaps|before-after)-[a-z0-9-]+\.(png|svg)")  # the names that our figures have
SAMPLE = "Sample data: invented items that show how things work. These are not benchmark scores."


@dataclass(frozen=True, slots=True)
class Options:
    """What a report shows: at most `items` per benchmark in the drill-down; `before` and `after`, the models to hold
    against each other (default: the first and the last given); `reference`, a paper's numbers to add."""

    title: str = "Cross-lingual report"
    reference: str = ""
    items: int = 40
    before: str = ""
    after: str = ""
    seeds: tuple[int, ...] = ()
    draws: int = DRAWS


def write_report(
    runs: Sequence[Path], output: Path, options: Options | None = None, step: Step = lambda _: None
) -> Path:
    """Write `index.html`, `leaderboard.{csv,md,tex,json}` and `figures/*.{png,svg}` into `output`; returns the page.

    Same runs, same options, same versions: the same bytes. Figures of an earlier report in the folder that are none of
    this one's are removed. Raises UsageError for models that are not there, DataError for numbers measured differently.
    """
    options = options or Options()
    if (output / "run.json").exists():
        raise UsageError(f"{output} is a run: write the report into a folder of its own.")
    step("reading")
    frame = with_seeds(load_results(list(runs)), options.seeds)
    measured = measure(frame, draws=options.draws, step=step)
    pair = _pair(measured.models, options)
    benchmarks = sorted({str(key) for key in measured.lead["benchmark"]}, key=_accuracy_first)
    extra: list[Row] = []
    cells: list[dict[str, Any]] = []
    if options.reference:
        extra, cells = reference_rows(options.reference, benchmarks, measured.settings)
    board = sorted([*leaderboard(measured), *extra], key=lambda row: (row.setting.shots, row.setting.demos))
    step("two models")
    change = context.change(measured, pair, options.draws) if pair else None
    step("figures")
    figures = _figures(measured, pair)
    step("items")
    chosen = items.drill_down(measured.lead, measured.models, measured.settings, options.items)
    step("page")
    shown = context.page_context(measured, options.title, board, benchmarks, options.draws)
    shown |= context.variants(measured, options.draws) | context.rankc(runs, measured, options.seeds)
    shown |= {"gap_figures": figures["gaps"], "change": change and {**change, "figures": figures["change"]}}
    page = _page(measured, shown, benchmarks, cells, chosen)
    step("writing")
    _write(output, page, board, benchmarks, measured, figures)
    return output / "index.html"


def _accuracy_first(key: str) -> tuple[bool, str]:
    return (get_benchmark(key).chance is None, key)


def _pair(models: list[str], options: Options) -> tuple[str, str] | None:
    """The two models held against each other."""
    for name in filter(None, (options.before, options.after)):
        if name not in models:
            raise UsageError(
                f"no results of model {name!r}.{did_you_mean(name, models)} There are {', '.join(models)}."
            )
    before, after = options.before or models[0], options.after or models[-1]
    if before == after and (options.before or options.after) and len(models) > 1:
        if options.before and options.after:
            raise UsageError(f"--before and --after are both {before!r}: expected two models.")
        before, after = (before, next(m for m in models if m != before)) if options.before else (models[0], after)
    return (before, after) if before != after else None


def _figures(measured: Measured, pair: tuple[str, str] | None) -> dict[str, list[Figure]]:
    cells = measured.cells[measured.cells["leading"]]
    maps = [figure for model in measured.models if (figure := heat_map(cells, model)) is not None]
    gaps = gap_bars(measured.spread) if measured.spread is not None else []
    return {"heat": maps, "gaps": gaps, "change": before_after(cells, *pair) if pair else []}


def _page(
    measured: Measured, shown: dict[str, Any], benchmarks: list[str], cells: list[Any], chosen: dict[str, Any]
) -> str:
    """The page with as many items as its size leaves room for."""
    bare = render_page(shown, payload(measured, benchmarks, cells, items.within(chosen, 0)))
    room = MOST_BYTES - len(bare.encode())
    return render_page(shown, payload(measured, benchmarks, cells, items.within(chosen, max(0, room))))


def _write(
    output: Path, page: str, board: list[Row], benchmarks: list[str], measured: Measured, figures: dict[str, Any]
) -> None:
    note = SAMPLE if (measured.frame["source"] == "sample").any() else ""
    drawn = [figure for group in figures.values() for figure in group]
    names = sorted(f"{figure.name}.{form}" for figure in drawn for form in ("png", "svg"))
    old = _listed(output / "leaderboard.json")
    for figure in drawn:
        write_bytes(output / FIGURES / f"{figure.name}.svg", figure.svg)
        write_bytes(output / FIGURES / f"{figure.name}.png", figure.png)
    write_text(output / "leaderboard.csv", formats.as_csv(board, benchmarks))
    write_text(output / "leaderboard.md", formats.as_markdown(board, benchmarks, note))
    write_text(output / "leaderboard.tex", formats.as_latex(board, benchmarks, note))
    facts = {"note": note, "figures": names}
    write_text(output / "leaderboard.json", formats.as_json(board, measured.cells, facts))
    write_text(output / "index.html", page)
    for name in old - set(names):
        _remove(output / FIGURES / name)


def _listed(path: Path) -> set[str]:
    """Figures that an earlier report of ours wrote here: nothing else is ever removed."""
    if not path.is_file():
        return set()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return {str(name) for name in names if OURS.fullmatch(str(name))}
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise OutputError(f"{path} is no leaderboard of ours ({error!r}): choose another folder.") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot remove {path}, a figure of an earlier report: {error.strerror}") from error
