"""The chance level, of items that differ in their number of candidates too, and what is at it or below."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import write_run

from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.cli.main import main
from xling_bench.exchange.card import card
from xling_bench.exchange.measured import measured
from xling_bench.report.build import Options, write_report
from xling_bench.results.baseline import write_baseline
from xling_bench.results.chance import chance_by_item, chance_in
from xling_bench.results.frame import load_results
from xling_bench.results.tables.overview import overview
from xling_bench.results.tables.uncertainty import BELOW, cell_intervals, chance_flags

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


def test_what_is_below_chance_is_called_that_and_is_not_above_it(tmp_path: Path, capsys) -> None:
    """XNLI (a third) at 80 %, 33.3 % and 20 %: three states in the table, the card and the page, two in every count."""
    shares = {"en": 0.8, "de": 1 / 3, "sw": 0.2}
    right = {unit: (np.arange(300) < 300 * share).astype(float) for unit, share in shares.items()}
    run = write_run(tmp_path / "run", right)
    frame = load_results(run)
    cells = cell_intervals(frame, draws=300).set_index("language")
    assert cells["at_chance"].to_dict() == {"en": False, "de": True, "sw": BELOW}
    assert list(chance_flags(frame, draws=300).values()) == [{"en": False, "de": True, "sw": True}]
    assert overview(frame).iloc[0]["at_chance"] == 2
    assert main(["table", str(run), "--intervals"]) == 0
    printed = {row.split("|")[7].strip(): row for row in capsys.readouterr().out.splitlines() if row.count("|") > 9}
    assert [word in printed[unit] for unit, word in (("en", " no "), ("de", " yes "), ("sw", " below "))] == [True] * 3
    said = {str(number.unit): number.interval.standing for number in measured(frame) if number.interval is not None}
    assert said == {"en": "", "de": "at chance", "sw": "below chance"}
    assert "| below chance |" in card(measured(frame))
    write_report([run], tmp_path / "site", Options(draws=300))
    assert "sw (below" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
