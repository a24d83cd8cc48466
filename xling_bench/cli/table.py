"""`xling-bench table`: results of several runs side by side, or exported; `xling-bench compare`: two models, paired."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from xling_bench.cli.common import RUNS, add_allow_engines, comma_numbers, show, tell
from xling_bench.core.errors import UsageError
from xling_bench.core.text import flat, markdown, number_of

WIDE = "of a comparison, or with --beside: every column, in md too"
OUTSIDE = "records of every_eval_ever, results of lm-eval's own tasks, or folders of them"


def add(commands: Any) -> None:
    """Register the commands."""
    parser = commands.add_parser("table", help="print runs side by side, or export every number with its signature")
    parser.add_argument("runs", nargs="+", metavar="[NAME=]RUN", help=RUNS)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the long table: .csv, .json, .parquet, .eee.json"
    )
    what.add_argument(
        "--layout", metavar="NAME", help="a paper's table: afp-1 to afp-13, extrapolating-2, commit-2, ..."
    )
    what.add_argument("--summary", action="store_true", help="spread over languages and gaps to English")
    what.add_argument("--intervals", action="store_true", help="95 %% intervals of every cell, at-chance flags")
    what.add_argument("--spread", action="store_true", help="95 %% intervals of mean, gap and std; consistency")
    what.add_argument("--ranks", action="store_true", help="models in order, rank intervals, ties, missing languages")
    what.add_argument("--rankc", action="store_true", help="consistency of mLAMA's rankings over pairs of languages")
    what.add_argument(
        "--beside", type=Path, nargs="+", metavar="FILE", help="numbers from elsewhere beside: " + OUTSIDE
    )
    what.add_argument("--reasoning", action="store_true", help="scores given the language that a model reasoned in")
    what.add_argument("--by", metavar="GROUP", help="averages by resource, script, family, seen:xglm, source, target")
    parser.add_argument(
        "--reference", action="store_true", help="with --layout: the published rows first, marked as such"
    )
    parser.add_argument("--allow-sample", action="store_true", help="with -o FILE.eee.json: sample data, marked")
    add_allow_engines(parser)
    _add_common(parser)
    parser.set_defaults(run=run)

    pair = commands.add_parser("compare", help="model B against model A on the same items: differences, intervals, p")
    pair.add_argument("a", metavar="[NAME=]A", help="folder of a run (or of lm_eval) of one model: the base")
    pair.add_argument("b", metavar="[NAME=]B", help="folder of the other model's run")
    add_allow_engines(pair)
    _add_common(pair)
    pair.set_defaults(run=compare)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=comma_numbers, default=[], metavar="N,...", help="only these (default: all)")
    parser.add_argument(
        "--format", choices=("md", "csv", "latex"), default="md", help="default md; csv and latex have every column"
    )
    parser.add_argument("--wide", action="store_true", help=WIDE)


def run(arguments: argparse.Namespace) -> int:
    """Print models side by side, or write the long table."""
    from xling_bench.results.frame import load_results
    from xling_bench.results.mixing import accept_engines
    from xling_bench.results.tables.compare import with_seeds

    if arguments.reference and arguments.layout is None:
        raise UsageError("--reference belongs to --layout NAME.")
    if arguments.allow_sample and not str(arguments.output).endswith(".eee.json"):
        raise UsageError("--allow-sample belongs to -o FILE.eee.json.")
    if arguments.wide and not arguments.beside:
        raise UsageError("--wide belongs to --beside FILE; the other tables have all their columns.")
    if arguments.output is not None and arguments.format != "md":
        raise UsageError("--format is for what is printed; -o writes the format its name ends in.")
    frame = with_seeds(load_results(arguments.runs), arguments.seeds)
    if arguments.allow_engines:
        frame, notes = accept_engines(frame)
        for note in notes:
            tell(f"note: {note}")
    if arguments.output is not None:
        _save(arguments, frame)
        show(f"{number_of(len(frame), 'number')} in {arguments.output}")
        _legend(frame, "csv")
        _warn_of_sample(frame)
        return 0
    show(_printed(arguments, frame), end="")
    _legend(frame, arguments.format)
    if arguments.intervals or arguments.spread or arguments.ranks:
        _note_omissions(frame)
        _note_clusters(frame)
        _note_few(frame)
    _warn_of_sample(frame)
    return 0


def _printed(arguments: argparse.Namespace, frame: Any) -> str:
    from xling_bench.results.marks import with_marks
    from xling_bench.results.mixing import refuse_mixed
    from xling_bench.results.tables import layouts, overview, pivot, rankc, ranks, reasoned, uncertainty
    from xling_bench.results.tables.reference import get_layout
    from xling_bench.results.tables.rendering import render_frame

    form, marks = arguments.format, True
    if arguments.layout is not None:
        layout = get_layout(arguments.layout)
        refuse_mixed(frame)
        text = layouts.render(layout, frame, form, reference=arguments.reference)
        for note in layouts.reference_notes(layout, frame) if arguments.reference and form == "csv" else []:
            tell(f"note: {note}")
        return text
    if arguments.beside:
        return _render_beside(arguments, frame, arguments.beside)
    if arguments.intervals:
        table = uncertainty.cell_intervals(frame)
    elif arguments.spread:
        table = uncertainty.spread_intervals(frame)
    elif arguments.summary:
        table = overview.overview(frame)
    elif arguments.ranks:
        table = ranks.rank_models(frame)
    elif arguments.rankc:
        table, marks = rankc.rankc_table(arguments.runs, arguments.seeds), False
    elif arguments.reasoning:
        table = reasoned.reasoned_scores(frame)
        for note in reasoned.too_few(table):
            tell(f"note: {note}")
    elif arguments.by:
        table = overview.group_averages(frame, arguments.by)
    else:
        marks = False  # models are columns there
        table = pivot.printable(pivot.side_by_side(frame), frame, numbers=form == "csv")
    _note_gaps(table, "gap_is")
    return render_frame(with_marks(table, frame) if marks else table, form)


def _save(arguments: argparse.Namespace, frame: Any) -> None:
    from xling_bench.exchange.eee import SUFFIX, Sender
    from xling_bench.exchange.send import export_results, written_at
    from xling_bench.results.long_table import save_results

    if arguments.output.name.endswith(SUFFIX):
        sender = Sender(written=written_at(arguments.runs))
        export_results(frame, "eee", arguments.output, sender, allow_sample=arguments.allow_sample)
    else:
        save_results(frame, arguments.output)


def _render_beside(arguments: argparse.Namespace, frame: Any, paths: list[Path]) -> str:
    """The table of numbers from elsewhere as text, whose remarks are told."""
    from xling_bench.exchange.beside import NOTHING_TESTED, beside, read_outside
    from xling_bench.results.tables.glance import elsewhere
    from xling_bench.results.tables.rendering import render_frame

    table = beside(frame, read_outside(paths))
    tell(f"note: {NOTHING_TESTED}")
    alone = int((table["ours"] == "").sum())
    if alone:
        tell(f"note: {number_of(alone, 'number')} of {len(table)} stand alone: nothing like them was measured here")
    if arguments.wide or arguments.format != "md":
        return render_frame(table, arguments.format)
    shown, notes = elsewhere(table)
    return render_frame(shown) + "".join(f"\n{markdown(note)}  " for note in notes) + "\n"


def compare(arguments: argparse.Namespace) -> int:
    """Print model B minus model A on the items both answered, or numbers from elsewhere beside A's."""
    from xling_bench.exchange.beside import holds_outside
    from xling_bench.results.given import given

    if holds_outside(given(arguments.b).path):
        return _compare_outside(arguments)
    return _compare_runs(arguments)


def _compare_outside(arguments: argparse.Namespace) -> int:
    from xling_bench.results.frame import load_results
    from xling_bench.results.given import given
    from xling_bench.results.tables.compare import with_seeds

    frame = with_seeds(load_results(arguments.a), arguments.seeds)
    show(_render_beside(arguments, frame, [given(arguments.b).path]), end="")
    _legend(frame, arguments.format)
    _warn_of_sample(frame)
    return 0


def _compare_runs(arguments: argparse.Namespace) -> int:
    from xling_bench.results.clusters import FEW_ITEMS, TOO_FEW
    from xling_bench.results.marks import with_marks
    from xling_bench.results.tables.compare import compare_runs, left_out
    from xling_bench.results.tables.glance import COLUMNS, comparison
    from xling_bench.results.tables.rendering import render_frame

    table, names, frame = compare_runs(arguments.a, arguments.b, arguments.seeds, allow_engines=arguments.allow_engines)
    shown = with_marks(table, frame, names)
    if arguments.format == "md" and not arguments.wide:
        shown = comparison(shown)
    show(render_frame(shown, arguments.format), end="")
    if arguments.format == "md":
        show(f"\nA: {markdown(names[0])}  \nB: {markdown(names[1])}  ")
        show("  \n".join(said for name, said in COLUMNS.items() if name in shown))
    _legend(frame, arguments.format)
    _note_gaps(table, "gap_is_a", "gap_is_b")
    _note_omissions(frame)
    _note_clusters(frame)
    notes = left_out(frame, *names)
    if (table["clusters"] < FEW_ITEMS).any():
        notes.append(f"{TOO_FEW}; go by p.")
    for note in notes:
        tell(f"note: {note}")
    _warn_of_sample(frame)
    return 0


def _legend(frame: Any, form: str) -> None:
    """Say how metrics are read, and what the mark of contaminated numbers means: beside the table, where it is no
    CSV."""
    from xling_bench.metrics.registry import remarks
    from xling_bench.results.marks import contaminated

    for sentence in [*remarks(frame["metric"]), *contaminated(frame)]:
        if form == "csv":
            tell(f"note: {sentence}")
        else:
            show(f"% {flat(sentence)}" if form == "latex" else f"  \n{markdown(sentence)}")


def _note_gaps(table: Any, *names: str) -> None:
    """Say what gaps are where languages are at chance."""
    from xling_bench.results.gaps import explained

    for sentence in explained(value for name in names if name in table.columns for value in table[name]):
        tell(f"note: {sentence}")


def _note_clusters(frame: Any) -> None:
    """Say which results do not know which items belong together."""
    from xling_bench.results.clusters import unclustered

    for sentence in unclustered(frame):
        tell(f"note: {sentence}")


def _note_few(frame: Any) -> None:
    """Say that intervals mean little where there are few items."""
    from xling_bench.results.clusters import too_few

    for sentence in too_few(frame):
        tell(f"note: {sentence}")


def _note_omissions(frame: Any) -> None:
    """Say which metrics are in the runs, but not in a table of intervals or ranks."""
    from xling_bench.metrics.registry import is_conditional, is_mean
    from xling_bench.results.marks import title_of

    apart = frame[~frame["metric"].map(is_mean) | frame["metric"].map(is_conditional)]
    if not apart.empty:
        found = {f"{title_of(b)} {m}" for b, m in zip(apart["benchmark"], apart["metric"], strict=True)}
        listed = ", ".join(sorted(found))
        tell(f"note: not here, for they are no means of all items' scores: {listed}")


def _warn_of_sample(frame: Any) -> None:
    from xling_bench.results.doubts import doubtful
    from xling_bench.results.mixing import limits
    from xling_bench.results.schema import NOTES

    for note in (*frame.attrs.get(NOTES, []), *doubtful(frame)):
        tell(f"note: {note}")
    limited = limits(frame)
    if limited:
        tell(f"note: not the whole benchmarks (--limit): {limited}")
    if (frame["source"] == "sample").any():
        tell("sample data: invented items that show how things work, not benchmark scores")
