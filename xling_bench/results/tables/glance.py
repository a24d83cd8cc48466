"""What a person needs of a wide table, to be read in a terminal: `compare` and `table --beside`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xling_bench.metrics.registry import digits_of
from xling_bench.results.gaps import MEASURED
from xling_bench.results.marks import CONTAMINATED
from xling_bench.results.tables.compare import GAP
from xling_bench.results.tables.rendering import cell

if TYPE_CHECKING:
    import pandas as pd

DIFFERENCE = "difference (95 %)"  # with its interval
_MEANING = ("difference: B minus A, percentage points (where a metric is no share: points, or its unit). "
            "A smaller gap to English is a negative difference")  # fmt: skip
# What columns of a comparison say, of the short table and of the whole one.
COLUMNS = {
    "difference": f"{_MEANING}.",
    DIFFERENCE: f"{_MEANING}. In brackets its 95 % interval.",
    "clusters": "clusters: of items that share a premise, passage or article, which are resampled together.",
    "error": "error: standard error of the difference.",
    "p_holm": "p_holm: p adjusted over a benchmark's languages.",
    "mde": "mde: smallest difference that a test at 5 % finds in 80 % of cases; inf: so few items could show none.",
    "mde_holm": "mde_holm: the same of the adjusted test.",
    "measured": "p and mde of single languages are adjusted over a benchmark's languages (Holm).",
    "note": "≤ chance: languages of the row that are not above chance; differences among those mean nothing.",
    "at_chance_a": "at_chance_a, at_chance_b: languages not above chance; differences among those mean nothing.",
    "gap_is_a": "gap_is_a, gap_is_b: how each model's gap to English is to be read.",
}  # fmt: skip


def comparison(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of `compare_models` that a decision needs: what was measured, items (clusters, where items share
    something), difference with interval, p and mde (adjusted for several languages where they were), and in `note`
    which of A and B is not above chance, or how its gap is to be read. What is empty everywhere is left out."""
    import pandas as pd

    kept = [_compared(row) for row in table.to_dict(orient="records")]
    shown = pd.DataFrame(kept)
    if (table["clusters"] == table["items"]).all():
        shown = shown.drop(columns="clusters")
    return shown.drop(columns=[name for name in ("note", CONTAMINATED) if name in shown and not any(shown[name])])


def _compared(row: Mapping[Any, Any]) -> dict[str, Any]:
    digits = digits_of(str(row["metric"]))
    demos = "" if row["demos"] in ("none", "same") else f" {row['demos']}"
    value, low, high = (cell(name, row[name], digits) for name in ("difference", "low", "high"))
    return {
        "benchmark": row["benchmark"],
        "measured": f"{row['family']} {row['shots']}-shot{demos} {row['metric']}",
        "language": row["language"],
        "items": row["items"],
        "clusters": row["clusters"],
        DIFFERENCE: value if row["low"] == row["high"] else f"{value} ({low} to {high})",  # no interval is of no spread
        "p": cell("p", row["p"] if _missing(row["p_holm"]) else row["p_holm"], digits),
        "mde": cell("mde", row["mde"] if _missing(row["mde_holm"]) else row["mde_holm"], digits),
        "note": _both(_note(row, "a"), _note(row, "b")),
        CONTAMINATED: row.get(CONTAMINATED, ""),
    }


def _note(row: Mapping[Any, Any], side: str) -> str:
    """`≤ chance`, `2 ≤ chance` of several languages, `gap at least`; empty: nothing to mind."""
    number, gap = row[f"at_chance_{side}"], row[f"gap_is_{side}"]
    if row["language"] == GAP:
        return "" if _missing(gap) or gap == MEASURED else f"gap {gap}"
    if _missing(number) or not number:
        return ""
    return f"{'' if row['languages'] == 1 else f'{number} '}≤ chance"


def _both(a: str, b: str) -> str:
    if a == b:
        return a and f"A, B: {a}"
    return "; ".join(f"{side}: {note}" for side, note in (("A", a), ("B", b)) if note)


def elsewhere(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The columns of `exchange.beside.beside` that a person reads, and what its rows' `note` stand for: whose number it
    is, how ours was measured, in what the two differ."""
    shown = table.drop(columns=["low", "high", "ours", "differs", "from", "called"])
    notes: dict[str, int] = {}
    numbers = []
    for whose, ours, differs in zip(table["from"], table["ours"], table["differs"], strict=True):
        here = f"here {ours}" if ours else "nothing like it was measured here"
        said = "; ".join(filter(None, (whose, here, differs and f"differs in {differs}")))
        numbers.append(notes.setdefault(said, len(notes) + 1))
    return shown.assign(note=numbers), [f"{number}: {said}" for said, number in notes.items()]


def _missing(value: Any) -> bool:
    import pandas as pd

    return value is None or value == "" or bool(pd.isna(value))
