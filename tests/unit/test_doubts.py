"""Items that were cut, and ties: from a result's facts into tables, files and the page."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from runs import write_run

from xling_bench import load_results
from xling_bench.evaluation.quality import name_near_ties
from xling_bench.report.notes import notes_of
from xling_bench.results.baseline import write_baseline
from xling_bench.results.doubts import doubtful
from xling_bench.results.long_table import save_results

SCORES = np.array([1.0, 0, 1, 0])
CUT = "XNLI acc: 3 of 4 items were longer than the model's context and lost their beginning (de 0-shot 3)"
TIED = "XNLI acc: 2 of 4 items are ties: their best candidates score the same, and the first was taken (de 0-shot 2)"


def counts(path: Path) -> list[list[int | None]]:
    frame = load_results(path)[["truncated", "ties"]]
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def test_counts_are_read_kept_and_said(tmp_path) -> None:
    run = write_run(tmp_path / "run", {"de": SCORES}, truncated=3, ties={"acc": 2})
    frame = load_results(run)
    assert counts(run) == [[3, 2]]
    assert doubtful(frame) == [CUT, TIED]
    assert [note for note in notes_of(frame) if note.startswith("XNLI")] == [f"{CUT}.", f"{TIED}."]
    write_baseline(frame, tmp_path / "baseline.parquet")
    assert counts(tmp_path / "baseline.parquet") == [[3, 2]]
    save_results(frame, tmp_path / "all.json")
    (row,) = json.loads((tmp_path / "all.json").read_text())
    assert (row["truncated"], row["ties"]) == (3, 2)


def test_what_nobody_counted_is_missing_not_none(tmp_path) -> None:
    run = write_run(tmp_path / "run", {"de": SCORES})  # of an older version
    frame = load_results(run)
    assert counts(run) == [[None, None]]
    assert doubtful(frame) == []
    save_results(frame, tmp_path / "all.json")
    (row,) = json.loads((tmp_path / "all.json").read_text())
    assert (row["truncated"], row["ties"]) == (None, None)
    write_baseline(frame, tmp_path / "new.parquet")
    table = pq.read_table(tmp_path / "new.parquet")
    old = table.drop_columns(["truncated", "ties", "clusters"])
    pq.write_table(
        old.replace_schema_metadata(table.schema.metadata | {b"xling_baseline": b"1"}), tmp_path / "old.parquet"
    )
    assert counts(tmp_path / "old.parquet") == counts(tmp_path / "new.parquet") == [[None, None]]


def test_models_and_seeds_are_told_apart_and_the_worst_units_come_first(tmp_path) -> None:
    units = ("ar", "bg", "de", "el", "es", "fr")
    for model in ("./one", "./other"):
        run = tmp_path / model
        for seed in (0, 1):
            write_run(run, dict.fromkeys(units, SCORES), model=model, shots=5, seed=seed, ties={"acc": 1})
        write_run(run, {"sw": SCORES}, model=model, shots=5, ties={"acc": 4})
    assert doubtful(load_results([tmp_path / "one", tmp_path / "other"])) == [
        f"XNLI acc, {model}: 16 of 52 items are ties: their best candidates score the same, and the first was taken "
        "(sw 5-shot 4, ar 5-shot 2, bg 5-shot 2, de 5-shot 2 and 3 more)"
        for model in ("one", "other")
    ]


def test_near_ties_are_warned_of_where_they_are_many_and_no_ties() -> None:
    def sample(number: int, *sums: float) -> dict:
        doc = {"id": f"item-{number}", "texts": ["a", "b"]}
        return {"doc_id": number, "doc": doc, "filtered_resps": [[str(s), "False"] for s in sums]}

    samples = [sample(0, -1.0, -1.0), sample(1, -2.0, -2.0001), sample(2, -3.0, -9.0)]
    how = {"near_ties": [0, 1], "self_check": {"noise": 1e-6}}
    (said,) = name_near_ties(how, samples)
    assert said.startswith("1 of 3 items are near-ties")
    assert how["near_ties"] == ["item-0", "item-1"]
    assert name_near_ties({"near_ties": [0], "self_check": {"noise": 1e-6}}, samples) == []
    assert name_near_ties({"backend": "lm-eval"}, samples) == []
