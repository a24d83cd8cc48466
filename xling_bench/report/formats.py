"""The leaderboard as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xling_bench.catalog import get_benchmark
from xling_bench.core.text import flat, line, markdown
from xling_bench.report.labels import number
from xling_bench.report.leaderboard import Rank, Row, Score
from xling_bench.report.missing import missing
from xling_bench.report.select import PROMPTS
from xling_bench.results.marks import marked
from xling_bench.results.tables.rendering import aligned, latex, to_csv

if TYPE_CHECKING:
    import pandas as pd


def table_rows(rows: list[Row], benchmarks: dict[str, str]) -> list[list[str]]:
    """Header and printed rows of one setting, for Markdown and LaTeX. `benchmarks`: {key: metric and
    prompt family}."""
    heads = [f"{get_benchmark(key).title} ({measure})" for key, measure in benchmarks.items()]
    body = []
    for row in rows:
        rank = "-" if row.rank is None else _rank_text(row.rank)
        tied = f"tied with {line(row.rank.tied, 160)}" if row.rank and row.rank.tied else ""
        scores = [_score_text(row.scores.get(key)) for key in benchmarks]
        note = "; ".join(filter(None, [line(row.note, 300), tied]))
        body.append([rank, line(row.model), _score_text(row.overall), *scores, note])
    return [["rank", "model", "overall", *heads, "note"], *body]


def _rank_text(rank: Rank) -> str:
    return str(rank.place) if rank.best == rank.worst else f"{rank.place} ({rank.best}-{rank.worst})"


def _score_text(score: Score | None) -> str:
    if score is None:
        return "-"
    text = marked(number(score.value), contaminated=score.contaminated)
    if score.low is not None and score.high is not None:
        text += f" [{number(score.low)}, {number(score.high)}]"
    parts = [f"{score.measured}/{score.declared or score.of}"] if score.measured != (score.declared or score.of) else []
    parts += [f"{score.at_chance} at chance"] if score.at_chance else []
    return f"{text} ({', '.join(parts)})" if parts else text


NOTES = (
    "overall: mean over the accuracy benchmarks of (accuracy - chance) / (1 - chance), percent. rank (best-worst): "
    "central 95 % when items are drawn again. [low, high]: 95 % interval over items. (n/m): languages measured, of "
    "those it has. Languages count equally. A model with more than half of its cells at chance is not ranked. "
    f"In brackets the headline metric, and {PROMPTS}."
)


def as_markdown(rows: list[Row], benchmarks: dict[str, str], notes: list[str]) -> str:
    """One table per setting."""
    parts = ["# Leaderboard\n", *(f"{markdown(note)}  " for note in notes)]
    for setting in dict.fromkeys(row.setting for row in rows):
        table = table_rows([row for row in rows if row.setting == setting], benchmarks)
        parts += [f"## {markdown(setting.label)}\n", aligned(table)]
    return "\n".join([*filter(None, parts), NOTES]) + "\n"


def as_latex(rows: list[Row], benchmarks: dict[str, str], notes: list[str]) -> str:
    """One tabular per setting."""
    parts = [f"% {flat(note)}" for note in notes]
    for setting in dict.fromkeys(row.setting for row in rows):
        table = table_rows([row for row in rows if row.setting == setting], benchmarks)
        parts.append(latex(table, f"Leaderboard, {setting.label}. {NOTES}"))
    return "\n".join(parts)


PLACES = ("place", "best", "worst", "tied")
FIELDS = ("value", "low", "high", "measured", "of", "at_chance", "std", "gap", "gap_is", "contaminated")


def as_csv(rows: list[Row], benchmarks: Iterable[str]) -> str:
    """One line per model, setting and score (`overall` and each benchmark), numbers in full."""
    head = ["model", "shots", "demos", "published", "missing", "benchmark", *FIELDS]
    lines: list[list[Any]] = [[*head, "rank", "rank_best", "rank_worst", "tied_with", "family"]]
    for row in rows:
        known = [row.model, row.setting.shots, row.setting.demos, row.published, row.missing]
        for name, score in {"overall": row.overall, **{b: row.scores.get(b) for b in benchmarks}}.items():
            if score is not None:
                rank = row.rank if name == "overall" else score.rank
                values = [*(getattr(score, f) for f in FIELDS), *(_places(rank) or dict.fromkeys(PLACES)).values()]
                lines.append([*known, name, *("" if v is None else _tidy(v) for v in values), score.family])
    return to_csv(lines)


NUMBERS = ("model", "benchmark", "language", "family", "shots", "demos", "metric", "value", "low", "high", "n", "seeds",
           "at_chance", "contaminated", "signature")  # fmt: skip


def as_json(rows: list[Row], cells: pd.DataFrame, facts: Mapping[str, object]) -> str:
    """The rows, and every number with its interval and signature."""
    board = [
        {
            "model": row.model,
            "shots": row.setting.shots,
            "demos": row.setting.demos,
            "rank": _places(row.rank),
            "missing": row.missing,
            "published": row.published,
            "overall": _plain(row.overall),
            "scores": {b: _plain(score) for b, score in row.scores.items()},
        }
        for row in rows
    ]
    numbers = [
        {name: _jsonable(value) for name, value in zip(NUMBERS, values, strict=True)}
        for values in zip(*(cells[name] for name in NUMBERS), strict=True)
    ]
    return json.dumps({**facts, "leaderboard": board, "numbers": numbers}, ensure_ascii=False, indent=1) + "\n"


def _plain(score: Score | None) -> dict[str, object] | None:
    if score is None:
        return None
    numbers = {name: _tidy(getattr(score, name)) for name in FIELDS}
    return {**numbers, "rank": _places(score.rank), "family": score.family}


def _places(rank: Rank | None) -> dict[str, object] | None:
    return None if rank is None else {name: getattr(rank, name) for name in PLACES}


def _jsonable(value: Any) -> Any:
    if missing(value):
        return None
    return _tidy(value.item() if hasattr(value, "item") else value)


def _tidy(value: Any) -> Any:
    """Floats to six decimals: what is beyond is the order of additions; no minus before zero."""
    return round(value, 6) + 0.0 if isinstance(value, float) else value
