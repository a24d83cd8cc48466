"""The gate's alpha is the chance that the gate as a whole fails a candidate that is no worse."""

from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from gates import config_file, gate
from runs import outcomes, turned, write_run

from xling_bench.regress.family import over_gate
from xling_bench.regress.settings import GateConfig
from xling_bench.results.tables.compare import GAP, MEAN

BY_BENCHMARK = GateConfig(alpha_over="benchmark")


def rows(p_values: np.ndarray, means: np.ndarray) -> list[dict]:
    """Rows of as many benchmarks as there are means, each with a share of the cells."""
    cells = p_values.reshape(means.size, -1)
    head = {"family": "xglm", "shots": 0, "demos": "none", "metric": "acc"}
    return [
        {**head, "benchmark": str(number), "language": name, "p": p}
        for number, mean in enumerate(means)
        for name, p in [*((f"l{i}", p) for i, p in enumerate(cells[number])), (MEAN, mean)]
    ]


def test_p_is_adjusted_over_all_cells_and_all_means_of_the_gate() -> None:
    """22 groups of 15: a p of 0.002 is one of 15 of its group (0.03), and one of 330 of the gate (0.66)."""
    p_values, means = np.full(330, 0.9), np.full(22, 0.9)
    p_values[17], means[3] = 0.002, 0.001
    table = rows(p_values, means)
    cell = next(i for i, row in enumerate(table) if row["p"] == 0.002)
    mean = next(i for i, row in enumerate(table) if row["p"] == 0.001)
    whole, apart = over_gate(table, GateConfig()), over_gate(table, BY_BENCHMARK)
    assert (whole[cell].tests, whole[cell].p) == (330, pytest.approx(0.66))
    assert (apart[cell].tests, apart[cell].p) == (15, pytest.approx(0.03))
    assert (whole[mean].tests, whole[mean].p) == (22, pytest.approx(0.022))
    assert (apart[mean].tests, apart[mean].p) == (1, 0.001)


def test_averages_that_fail_nothing_take_nothing_from_those_that_do() -> None:
    table = rows(np.full(4, 0.5), np.array([0.02, 0.5]))
    table += [{**row, "language": GAP} for row in table if row["language"] == MEAN]
    tests = {action: [x.tests for x in over_gate(table, GateConfig(gap=action))][-2:] for action in ("gate", "report")}
    assert tests == {"gate": [4, 4], "report": [2, 2]}


def test_of_gates_over_22_groups_at_most_one_in_twenty_fails_by_chance() -> None:
    """p-values of equal models, half of them losses; by benchmark it is 1 - (1 - 0.025)^44 at most, two of three."""
    rng = np.random.default_rng(0)
    failed = {"gate": 0, "benchmark": 0}
    for _ in range(200):
        table = rows(rng.uniform(size=330), rng.uniform(size=22))
        lost = rng.integers(0, 2, len(table))
        for config in (GateConfig(), BY_BENCHMARK):
            failed[config.alpha_over] += any(
                x.p < 0.05 and y for x, y in zip(over_gate(table, config), lost, strict=True)
            )
    assert failed["gate"] / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    assert failed["benchmark"] / 200 > 0.5


def test_findings_and_files_say_over_how_many_tests(tmp_path: Path, capsys) -> None:
    """Two numbers of shots, three languages: 6 cells and 2 means. German loses 40 of 1,000 at 0 shots."""
    scores = outcomes(1000, ("en", "de", "sw"))
    worse = scores | {"de": turned(scores["de"], 0.04)}
    a = write_run(write_run(tmp_path / "a", scores), scores, shots=5)
    b = write_run(write_run(tmp_path / "b", worse), scores, shots=5)
    files = [tmp_path / "gate.md", tmp_path / "gate.xml"]
    code, found = gate(tmp_path, a, b, "--markdown", str(files[0]), "--junit", str(files[1]))
    assert code == 1
    assert found["format"] == 2
    assert [row["tests"] for row in found["cells"]] == [6] * 6
    assert [row["tests"] for row in found["averages"] if row["language"] == MEAN] == [2, 2]
    told = "6 of cells and 2 of means and gaps that can fail it: a candidate that is no worse fails in at most 5 %"
    markdown, suites = files[0].read_text(encoding="utf-8"), fromstring(files[1].read_text(encoding="utf-8"))
    out = capsys.readouterr().out
    assert all(told in text for text in (out, markdown, found["tests"]))
    assert told in suites[0].find("properties/property").get("value")
    assert "de: 4.0 points worse, p <0.001 over 6 tests" in out
    assert "over 6 tests" in suites[0].find("testcase/failure").text
    _, apart = gate(tmp_path, a, b, "--config", config_file(tmp_path, 'alpha_over = "benchmark"'))
    assert [row["tests"] for row in apart["cells"]] == [3] * 6
    assert "not for the gate" in apart["tests"]
    equal = [row["mde"] for row in apart["cells"] if row["language"] == "de"]
    assert all(x["mde"] > y for x, y in zip([r for r in found["cells"] if r["language"] == "de"], equal, strict=True))
