"""Chance where items differ in their number of candidates: the mean over the items scored, kept with the result."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import write_run

from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.results.baseline import write_baseline
from xling_bench.results.chance import chance_by_item, chance_in
from xling_bench.results.frame import load_results
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.uncertainty import cell_intervals, chance_flags

BY_ITEM = {"chance": "items"}


@given(st.lists(st.integers(2, 10), min_size=1))
def test_it_is_the_mean_of_the_items_own(widths: list[int]) -> None:
    varied, fixed = get_benchmark("mlama").model_copy(update=BY_ITEM), get_benchmark("xcopa")
    found = chance_by_item(varied, widths)
    assert found == pytest.approx(sum(1 / w for w in widths) / len(widths))
    assert 1 / max(widths) <= found + 1e-12
    assert found - 1e-12 <= 1 / min(widths)
    assert chance_by_item(fixed, widths) is None  # it is declared


def test_results_keep_it_and_everything_that_asks_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two languages of one benchmark, at 45 % each, where guessing gets 45 % in one and 12 % in the other."""
    monkeypatch.setitem(benchmarks(), "xcopa", get_benchmark("xcopa").model_copy(update=BY_ITEM))
    scores = {unit: (np.arange(400) % 20 < 9).astype(float) for unit in ("et", "sw")}
    for unit, chance in (("et", 0.45), ("sw", 0.12)):
        write_run(tmp_path / "run", {unit: scores[unit]}, benchmark="xcopa", chance=chance)
    frame = load_results(tmp_path / "run")
    write_baseline(frame, tmp_path / "base.parquet")
    for read in (frame, load_results(tmp_path / "base.parquet")):
        cells = cell_intervals(read, draws=200).set_index("language")
        assert cells["chance"].to_dict() == {"et": 45.0, "sw": 12.0}
        assert cells["at_chance"].to_dict() == {"et": True, "sw": False}
        assert list(chance_flags(read, draws=200).values()) == [{"et": True, "sw": False}]
        assert chance_in(read) == pytest.approx(0.285)
        row = overview(read).iloc[0]
        assert row["chance_corrected"] == pytest.approx(100 * (row["mean"] / 100 - 0.285) / 0.715)
    old = frame.assign(chance=None)
    assert chance_in(old) is None
    assert cell_intervals(old, draws=50)["at_chance"].isna().all(), "nobody knows, and nothing is made up"


def test_a_declared_level_needs_no_record(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"et": np.ones(20)}, benchmark="xcopa")
    assert chance_in(load_results(tmp_path / "run")) == 0.5
