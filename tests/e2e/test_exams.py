"""Benchmarks of exam questions through the real runner: halves of a benchmark apart, from one evaluation."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from exams import EXAMS
from fakehub import dataset, serve

from xling_bench import evaluate, load_results
from xling_bench.catalog import get_benchmark
from xling_bench.cli.main import main
from xling_bench.core.errors import DeclarationError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.harness.reported import pick_metrics
from xling_bench.metrics.metric import Metric
from xling_bench.metrics.ranking import rank, ties
from xling_bench.metrics.registry import METRICS

CULTURE = [METRICS[name] for name in ("acc", "acc_cs", "acc_ca")]


@pytest.mark.e2e
def test_sensitive_and_agnostic_questions_are_scored_apart(models, sample_data, tmp_path: Path, capsys) -> None:
    tasks = ["xling_global_mmlu_lite_de", "xling_global_mmlu_lite_en"]
    report = evaluate(f"hf:{models['llama']}", output=tmp_path / "run", tasks=tasks)
    assert not report.failed
    for _, rows in load_results(tmp_path / "run").groupby("language"):
        by_metric = rows.set_index("metric")
        items = {name: by_metric.loc[name, "items"] for name in ("acc", "acc_cs", "acc_ca")}
        assert set(items["acc_cs"].index) | set(items["acc_ca"].index) == set(items["acc"].index)
        assert not set(items["acc_cs"].index) & set(items["acc_ca"].index)
        for name in ("acc_cs", "acc_ca"):
            assert (items[name] == items["acc"][items[name].index]).all()
            assert by_metric.loc[name, "n"] == len(items[name]) > 0
    assert main(["table", str(tmp_path / "run")]) == 0
    assert "acc_cs" in capsys.readouterr().out


def test_an_item_counts_for_the_metrics_that_are_about_it() -> None:
    def scored(mark: str) -> dict[str, object]:
        return rank(CULTURE, {"id": "1", "gold": 1, "culture": mark, "texts": ["a", "b"]}, [-2.0, -1.0])

    assert scored("CS") == {"acc": 1.0, "acc_cs": 1.0}
    assert scored("CA") == {"acc": 1.0, "acc_ca": 1.0}
    assert scored("-") == {"acc": 1.0}
    assert ties(CULTURE, {"culture": "CA", "texts": ["a", "b"]}, [["-1"], ["-1"]]) == ["acc", "acc_ca"]


def test_a_metric_of_some_items_is_partial_and_ranks() -> None:
    with pytest.raises(DeclarationError, match="`among` is for metrics that rank"):
        Metric("some", "of some", "rule", compared=lambda doc, values: values, among=("a", "b"))
    assert all(metric.partial for metric in CULTURE[1:])


def test_it_cannot_stand_alone_and_is_refused_where_no_item_is_marked() -> None:
    for key in ("global_mmlu_lite", "belebele"):
        with pytest.raises(UsageError, match="acc"):
            pick_metrics(get_benchmark(key), "choose", "de", ["acc_cs"])
    assert pick_metrics(get_benchmark("global_mmlu_lite"), "choose", "de", None) == ("acc", "acc_cs", "acc_ca")


@pytest.mark.e2e
def test_what_the_hub_serves_is_what_the_official_files_hold(tmp_path: Path) -> None:
    """`data fetch` and `data check` of all nine, at the commits that they pin, from a hub on the loopback."""
    served, environment = {}, {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XLING_"))}
    for exam in EXAMS:
        hub, unit = get_benchmark(exam.key).hub, Unit(exam.unit)
        columns = {name: [record[name] for record in exam.records] for name in exam.records[0]}
        config = get_benchmark(exam.key).hub_config(unit, unit.languages)
        found = dataset({config: {hub.splits[exam.split]: columns}})
        served[hub.path] = replace(found, commit=hub.revision or found.commit)
        (tmp_path / "files" / exam.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / exam.file).write_bytes(exam.text.encode())
    with serve(served) as running:
        environment |= {"HF_ENDPOINT": running.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1",
                        "XLING_LOCK": str(tmp_path / "xling.lock")}  # fmt: skip

        def data(*arguments: str, **more: str) -> str:
            command = [sys.executable, "-m", "xling_bench", "data", *arguments]
            done = subprocess.run(command, env=environment | more, capture_output=True, text=True, timeout=300)
            assert "Traceback" not in done.stderr
            assert done.stdout, done.stderr
            return done.stdout

        keys = [exam.key for exam in EXAMS]
        fetch = [
            sys.executable,
            "-m",
            "xling_bench",
            "data",
            "fetch",
            *keys,
            "--langs",
            ",".join(e.unit for e in EXAMS),
        ]
        done = subprocess.run(fetch, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        hub_rows = json.loads(data("check", *keys, "--json", XLING_DATA="hub"))
    file_rows = json.loads(data("check", *keys, "--json", XLING_DATA="files", XLING_DATA_DIR=str(tmp_path / "files")))
    wanted = {(exam.key, exam.unit, exam.split) for exam in EXAMS}
    by_hub, by_file = (
        {place: (row["rows"], row["hash"], row["dropped"]) for row in rows
         if (place := (row["benchmark"], row["unit"], row["split"])) in wanted}
        for rows in (hub_rows, file_rows)
    )  # fmt: skip
    assert by_hub.keys() == wanted
    assert by_hub == by_file
    locked = json.loads((tmp_path / "xling.lock").read_text(encoding="utf-8"))
    for exam in EXAMS:
        assert locked[exam.key]["revision"] == served[get_benchmark(exam.key).hub.path].commit
