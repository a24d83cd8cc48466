"""A report of everything: 20 models, 11 benchmarks, 15 languages or pairs each, 0 and 5 shots, stays below 5 MB."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import outcomes, write_run

from xling_bench.catalog import benchmarks, get_family
from xling_bench.report.build import Options, write_report

pytestmark = pytest.mark.slow
MODELS, LANGUAGES, ITEMS = 20, 15, 60


def test_twenty_models_fit_into_five_megabytes(tmp_path: Path) -> None:
    runs = []
    for number in range(MODELS):
        run = tmp_path / f"model-{number:02d}"
        for key, benchmark in benchmarks().items():
            kind = get_family(benchmark.family).forms[key].kind
            scores = outcomes(ITEMS, benchmark.units()[:LANGUAGES], accuracy=0.4 + 0.02 * number, seed=number)
            for shots in (0, 5):
                write_run(run, scores, benchmark=key, metric=benchmark.metrics[kind][0], family=benchmark.family,
                          model=f"./models/{run.name}", shots=shots)  # fmt: skip
        runs.append(run)
    page = write_report(runs, tmp_path / "site", Options(draws=1000))
    assert page.stat().st_size < 5_000_000
    text = page.read_text(encoding="utf-8")
    data = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert len(data["cells"]) == 2 * MODELS * sum(len(b.units()[:LANGUAGES]) for b in benchmarks().values())
    assert all(entry["items"] for entry in data["items"].values())
