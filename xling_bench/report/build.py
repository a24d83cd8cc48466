"""`write_report`: from run folders to a folder with the page, the leaderboard and the figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError, OutputError, UsageError, did_you_mean
from xling_bench.core.files import write_bytes, write_text
from xling_bench.core.reading import read_object
from xling_bench.core.text import line
from xling_bench.report import alone, formats
from xling_bench.report.drill_down import Items, drill_down, within
from xling_bench.report.elsewhere import outside_rows
from xling_bench.report.figures import Figure, before_after, gap_bars, heat_map
from xling_bench.report.geometry import geometry_of
from xling_bench.report.leaderboard import Row, leaderboard
from xling_bench.report.measure import Measured, Step, measure, measures
from xling_bench.report.notes import notes_of
from xling_bench.report.page import Shown, render_page, shown
from xling_bench.report.payload import payload
from xling_bench.report.predicts import accuracy_figure, points_of
from xling_bench.report.published import PublishedCell, reference_notes, reference_rows
from xling_bench.report.sections import SECTIONS, Options, Report
from xling_bench.results.ancestry import trained_from
from xling_bench.results.frame import load_results
from xling_bench.results.given import Run
from xling_bench.results.mixing import accept_engines
from xling_bench.results.tables.compare import with_seeds

__all__ = ["MOST_BYTES", "Options", "write_report"]

MOST_BYTES = 4_800_000  # of index.html; what the rest leaves of it is for items
FIGURES = "figures"
# The names that our figures have.
OURS = re.compile(rf"((heatmap|gaps|before-after)-[a-z0-9-]+\.(png|svg))|{alone.OURS.pattern}")
SAMPLE = "Sample data: invented items that show how things work. These are not benchmark scores."


def write_report(
    runs: Sequence[Run], output: Path, options: Options | None = None, step: Step = lambda _: None
) -> Path:
    """Write `index.html`, `leaderboard.{csv,md,tex,json}` and `figures/*.{png,svg}` into `output`; returns the page.
    `runs` are given as for `load_results`.

    Same runs, same options, same versions: the same bytes. Figures of an earlier report in the folder that are none of
    this one's are removed. Raises UsageError for models that are not there, DataError for numbers measured differently.
    """
    options = options or Options()
    _check_place(output)
    step("reading")
    frame = with_seeds(load_results(list(runs)), options.seeds)
    accepted: list[str] = []
    if options.allow_engines:
        frame, accepted = accept_engines(frame)
    measured = measure(frame, draws=options.draws, step=step)
    pair = _pair(measured, options)
    benchmarks = sorted({str(key) for key in measured.lead["benchmark"]}, key=_accuracy_first)
    rows: list[Row] = []
    cells: list[PublishedCell] = []
    if options.reference:
        rows, cells = reference_rows(options.reference, benchmarks, measured.settings)
    notes = notes_of(measured.frame) + accepted + reference_notes(options.reference, rows, cells, frame)
    theirs, their_cells, said = outside_rows(options.beside, measured)
    rows, cells, notes = [*rows, *theirs], [*cells, *their_cells], [*notes, *said]
    board = sorted([*leaderboard(measured), *rows], key=lambda row: (row.setting.shots, row.setting.demos))
    step("figures")
    heat, gaps, change = _figures(measured, pair)
    geometry = geometry_of(options.represent)
    report = Report(measured, runs, options, benchmarks, board, pair, gaps, change, geometry)
    step("sections")
    sections = shown(SECTIONS, report)
    step("items")
    items = drill_down(measured.lead, measured.models, measured.settings, options.items)
    step("page")
    page = _page(report, notes, sections, cells, items)
    step("writing")
    scatter = accuracy_figure(points_of(geometry.folders, measured)[0])
    drawn = [*heat, *gaps, *change, *geometry.figures, *([] if scatter is None else [scatter])]
    _write(output, page, report, drawn, notes)
    return output / "index.html"


def _check_place(output: Path) -> None:
    """Refuse, before anything is computed, a place whose files are not ours to replace."""
    if (output / "run.json").exists():
        raise UsageError(f"{output} is a run: write the report into a folder of its own.")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; -o takes a folder, which is made where there is none.")
    if (output / "index.html").exists() and not (output / "leaderboard.json").exists():
        raise UsageError(f"{output} has an index.html that is no report of ours; choose another folder.")


def _accuracy_first(key: str) -> tuple[bool, str]:
    return (get_benchmark(key).chance is None, key)


def _pair(measured: Measured, options: Options) -> tuple[str, str] | None:
    """The two models held against each other; None where there is one only. Where they are not named, a model and what
    was trained from it, of several such pairs the last; else the first and the last."""
    models, bases = measured.models, trained_from(measured.frame)
    before = _named(options.before, models) if options.before else ""
    after = _named(options.after, models) if options.after else ""
    if before and before == after:
        raise UsageError(f"--before and --after are both {before!r}: expected two models.")
    found = [(bases[name], name) for name in models if name in bases]
    pair = next((pair for pair in reversed(found) if pair[0] == (before or pair[0]) and pair[1] == (after or pair[1])),
                ("", ""))  # fmt: skip
    before = before or pair[0] or next((name for name in models if name != after), "")
    after = after or pair[1] or next((name for name in reversed(models) if name != before), "")
    return (before, after) if before and after else None


def _named(name: str, models: list[str]) -> str:
    """The model of this name, or the only one that ends as it does: `--before ./tuned` is `tuned`."""
    found = [model for model in models if model == name] or [m for m in models if Path(m).name == Path(name).name]
    if len(found) != 1:
        known = f"{did_you_mean(name, models)} There are {', '.join(map(line, models))}."
        raise UsageError(f"{'several models end in' if found else 'no results of model'} {name!r}.{known}")
    return found[0]


def _figures(measured: Measured, pair: tuple[str, str] | None) -> tuple[list[Figure], list[Figure], list[Figure]]:
    """Heat maps, gaps to English, the pair before and after."""
    cells = measured.cells[measured.cells["leading"]]
    maps = [figure for model in measured.models if (figure := heat_map(cells, model)) is not None]
    gaps = gap_bars(measured.spread) if measured.spread is not None else []
    return maps, gaps, before_after(cells, *pair) if pair else []


def _page(
    report: Report, notes: list[str], sections: list[Shown], cells: list[PublishedCell], items: dict[str, Items]
) -> str:
    """The page with as many items as its size leaves room for."""
    names = report.measured.models
    opened = [names.index(name) for name in report.pair or names[:1] * 2]

    def rendered(shown: dict[str, Items]) -> str:
        data = payload(report.measured, report.benchmarks, cells, shown, opened)
        return render_page(report, notes, sections, data)

    room = MOST_BYTES - len(rendered(within(items, 0)).encode())
    return rendered(within(items, max(0, room)))


def _write(output: Path, page: str, report: Report, figures: list[Figure], notes: list[str]) -> None:
    measured, board, benchmarks = report.measured, report.board, report.benchmarks
    notes = [SAMPLE, *notes] if (measured.frame["source"] == "sample").any() else notes
    names = sorted(f"{figure.name}.{form}" for figure in figures for form in ("png", "svg"))
    named = measures(measured, benchmarks)
    old = _listed(output / "leaderboard.json")
    for figure in figures:
        write_bytes(output / FIGURES / f"{figure.name}.svg", figure.svg)
        write_bytes(output / FIGURES / f"{figure.name}.png", figure.png)
    write_text(output / "leaderboard.csv", formats.as_csv(board, benchmarks))
    write_text(output / "leaderboard.md", formats.as_markdown(board, named, notes))
    write_text(output / "leaderboard.tex", formats.as_latex(board, named, notes))
    facts = {"notes": notes, "unit": "percent, or points of 100 (chrF++, BLEU)", "figures": names}
    write_text(output / "leaderboard.json", formats.as_json(board, measured.cells, facts))
    write_text(output / "index.html", page)
    for name in old - set(names):
        _remove(output / FIGURES / name)


def _listed(path: Path) -> set[str]:
    """Figures that an earlier report of ours wrote here: nothing else is ever removed."""
    if not path.is_file():
        return set()
    try:
        names = read_object(path)["figures"]
        return {str(name) for name in names if OURS.fullmatch(str(name))}
    except (DataError, KeyError, TypeError) as error:
        raise OutputError(f"{path} is no leaderboard of ours ({error!r}): choose another folder.") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot remove {path}, a figure of an earlier report: {error.strerror}") from error
