"""Scores given the language of reasoning: which answers stand where, and what is made of them."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pandas as pd
import pytest
from test_overview import BASE

from xling_bench.core.errors import DataError
from xling_bench.evaluation.quality import undecidable
from xling_bench.report.sections import reasoning_language as section
from xling_bench.results.clusters import TOO_FEW
from xling_bench.results.doubts import doubtful
from xling_bench.results.schema import NAMES
from xling_bench.results.tables.reasoned import SHARES, reasoned_scores

IDS = [f"mgsm-test-{i:03d}" for i in range(60)]


def rows(language: str, right: list[float], *, seed: int = 0, **shares: list[float | None]) -> list[dict]:
    """A result's rows: whether each item is right, and the shares of its reasoning where there are any."""
    head = {**BASE, "model": "m", "benchmark": "mgsm", "family": "cot", "language": language, "shots": 8, "seed": seed,
            "demos": "same", "choices": None, "clusters": None}  # fmt: skip
    metrics = {"exact_number": right, **{f"reasoning_{name}": values for name, values in shares.items()}}
    found = []
    for metric, values in metrics.items():
        items = pd.Series(values, index=IDS[: len(values)], dtype="float64").dropna()
        found.append({**head, "metric": metric, "value": items.mean(), "n": len(items), "items": items})
    return found


def frame(*parts: list[dict]) -> pd.DataFrame:
    listed = [row for part in parts for row in part]
    return pd.DataFrame(listed, columns=[*NAMES, "items", "choices", "clusters"])


GERMAN = rows(
    "de", [1.0] * 30 + [0.0] * 10 + [1.0] * 5 + [0.0] * 15,
    target=[1.0] * 20 + [0.0] * 20 + [0.5] * 5 + [None] * 15,
    english=[0.0] * 20 + [1.0] * 20 + [0.5] * 5 + [None] * 15,
    other=[0.0] * 45 + [None] * 15,
)  # fmt: skip


def test_answers_stand_by_what_most_of_them_is_in() -> None:
    table = reasoned_scores(frame(GERMAN), draws=500).set_index("reasoned_in")
    assert table["items"].to_dict() == {"target": 20, "english": 20, "mixed": 5, "undecided": 15}
    assert table["value"].to_dict() == {"target": 100, "english": 50, "mixed": 100, "undecided": 0}
    assert table["share"].sum() == pytest.approx(100)
    assert table.loc["english", "low"] < 50 < table.loc["english", "high"]
    assert set(table["metric"]) == {"exact_number"}
    assert set(table["language"]) == {"de"}


def test_english_needs_no_other_share_and_unrecognised_languages_are_english_or_not() -> None:
    english = rows("en", [1.0] * 60, target=[1.0] * 40 + [0.0] * 20, other=[0.0] * 40 + [1.0] * 20)
    ewe = rows("ee", [1.0] * 60, english=[1.0] * 10 + [0.0] * 50)
    table = reasoned_scores(frame(english, ewe), draws=100)
    counts = {tuple(row) for row in table[["language", "reasoned_in", "items"]].itertuples(index=False)}
    assert counts == {("en", "target", 40), ("en", "other", 20), ("ee", "english", 10), ("ee", "not english", 50)}


def test_seeds_are_pooled_and_an_items_answers_drawn_together() -> None:
    """Three answers to each item, all right or all wrong: no more is known than of one."""
    right = [1.0] * 30 + [0.0] * 30
    one = reasoned_scores(frame(rows("de", right, target=[1.0] * 60)), draws=4000).iloc[0]
    seeds = (rows("de", right, seed=seed, target=[1.0] * 60) for seed in range(3))
    three = reasoned_scores(frame(*seeds), draws=4000).iloc[0]
    assert three["items"] == 180
    assert three["high"] - three["low"] == pytest.approx(one["high"] - one["low"], rel=0.1)


def test_a_language_without_any_decidable_text_is_there_as_undecided() -> None:
    table = reasoned_scores(frame(GERMAN, rows("zh", [0.0] * 60)), draws=50)
    assert table[table["language"] == "zh"]["reasoned_in"].tolist() == ["undecided"]


def test_a_run_of_which_no_answer_is_decidable_is_undecided_and_says_so() -> None:
    table = frame(rows("de", [0.0] * 60)).assign(absent=[tuple(SHARES.values())])
    assert reasoned_scores(table, draws=50)[["reasoned_in", "items"]].to_numpy().tolist() == [["undecided", 60]]
    assert section.context(SimpleNamespace(measured=SimpleNamespace(frame=table), options=SimpleNamespace(draws=50)))
    names = "reasoning_target, reasoning_english, reasoning_other"
    why = f"no {names}: all answers are undecidable (numbers, or too short)"
    assert doubtful(table) == [f"MGSM: {why} (de 8-shot)"]
    short, long = ({"exact_number": 0.0}, {"exact_number": 0.0, **dict.fromkeys(SHARES.values(), 0.5)})
    assert undecidable([short, short], ["exact_number", *SHARES.values()], "de") == [why]
    assert undecidable([short, long], ["exact_number", *SHARES.values()], "de") == []
    assert undecidable([short], ["exact_number"], "de") == []
    (other,) = undecidable([{"exact_number": 0.0, "reasoning_english": 1.0}], [*SHARES.values()], "ee")
    assert other == "no reasoning_target, reasoning_other: answers in it are not recognised"


def test_the_page_has_the_table_and_what_never_reasoned_is_said() -> None:
    def report(table: pd.DataFrame) -> SimpleNamespace:
        return SimpleNamespace(measured=SimpleNamespace(frame=table), options=SimpleNamespace(draws=50))

    shown = section.context(report(frame(GERMAN)))
    assert shown is not None
    assert shown["few"] == [f"{TOO_FEW}: 4 of 4 rows; all right or all wrong is no certainty."]
    printed = shown["reasoning"]
    place = [column.title for column in printed.columns].index("Reasoned in")
    assert [row[place].text for row in printed.rows] == ["target", "english", "mixed", "undecided"]
    numbers = frame(rows("de", [1.0] * 60))
    assert section.context(report(numbers)) is None
    cure = "pip install '.[langid]', then `xling-bench score RUN --metrics exact_number,reasoning_target,"
    with pytest.raises(DataError, match=re.escape(cure)):
        reasoned_scores(numbers)
    with pytest.raises(DataError, match="run MGSM or AfriMGSM with a chain of thought"):
        reasoned_scores(numbers.assign(metric="acc", benchmark="xnli"))


def test_rows_of_two_prompt_families_are_told_apart_on_the_page() -> None:
    direct = [{**row, "family": "direct"} for row in GERMAN]
    measured = SimpleNamespace(frame=frame(GERMAN, direct))
    table = section.context(SimpleNamespace(measured=measured, options=SimpleNamespace(draws=50)))["reasoning"]
    titles = [column.title for column in table.columns]
    keys = [tuple(cell.text for cell in row)[: titles.index("Items")] for row in table.rows]
    assert len(keys) == len(set(keys)) == 8
    assert {row[titles.index("Prompts")].text for row in table.rows} == {"cot", "direct"}
