"""Benchmarks of exam questions through the real runner: halves of a benchmark apart, from one evaluation."""

from pathlib import Path

import pytest

from xling_bench import evaluate, load_results
from xling_bench.catalog import get_benchmark
from xling_bench.cli.main import main
from xling_bench.core.errors import DeclarationError, UsageError
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
