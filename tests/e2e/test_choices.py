"""The candidate that is kept, shown and compared is the one its score was computed from, for every ranking metric."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from choices import contradictions, golds

from xling_bench import evaluate, load_results
from xling_bench.catalog import benchmarks, get_benchmark, task_specs
from xling_bench.data import sample
from xling_bench.evaluation.item_scores import write_items
from xling_bench.metrics.ranking import BY_SUMS
from xling_bench.metrics.registry import METRICS
from xling_bench.report.build import Options, write_report
from xling_bench.results.baseline import write_baseline
from xling_bench.results.items import digest_of
from xling_bench.results.seal import _of_result, sealed
from xling_bench.results.tables.uncertainty import cell_intervals, chance_flags

pytestmark = pytest.mark.e2e
RANKING = [name for name, metric in METRICS.items() if metric.ranks and not metric.needs_unconditional]
CHOOSE = [spec for spec in task_specs().values() if spec.kind == "choose"]


def posed() -> list[str]:
    """Tasks of every ranking benchmark in two of its languages, English among them where it has it: `xglm`'s form, or
    that of the default family."""
    found = []
    for key in {spec.benchmark.key for spec in CHOOSE}:
        specs = [spec for spec in CHOOSE if spec.benchmark.key == key]
        family = "xglm" if "xglm" in {spec.family.key for spec in specs} else specs[0].benchmark.family
        known = sample.languages(key)
        two = [unit for unit in ("en", "sw", "ru") if unit in known][:2] or known[:1]
        found += [spec.name for spec in specs if spec.family.key == family and spec.unit in two]
    return sorted(found)


@pytest.fixture(scope="module")
def runs(models, tmp_path_factory) -> list[Path]:
    """Every ranking benchmark in two languages with every metric it can report, in runs by the metric that leads."""
    names, found = posed(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLING_DATA", "sample")
        for lead in ("acc", "acc_token", "acc_byte", "acc_char"):
            folder = tmp_path_factory.mktemp("choices") / lead
            metrics = [lead, *(name for name in RANKING if name != lead)]
            report = evaluate(f"hf:{models['llama']}", output=folder, tasks=names, metrics=metrics, limit=12)
            assert not report.failed
            found.append(folder)
    return found


def test_no_choice_contradicts_its_score(runs, tmp_path) -> None:
    run, right = runs[0], golds(runs[0])
    frame = load_results(run)
    assert set(frame["metric"]) == set(RANKING)
    assert {spec.benchmark.key for spec in CHOOSE} == set(frame["benchmark"])
    assert contradictions(frame, right) == []
    differ = [
        one.ne(other).any()
        for _, rows in frame.groupby(["benchmark", "language"]) for each in rows["choices"]
        for one, other in [rows["choices"].iloc[0].align(each, join="inner")]  # some metrics are of some items only
    ]  # fmt: skip
    assert any(differ), "the metrics choose alike everywhere: nothing was tested"
    write_baseline(frame, tmp_path / "base.parquet")
    assert contradictions(load_results(tmp_path / "base.parquet"), right) == []
    (run / "items.parquet").rename(tmp_path / "items.parquet")
    assert contradictions(load_results(run), right) == []
    (tmp_path / "items.parquet").rename(run / "items.parquet")


def test_choices_of_an_older_version_are_taken_from_the_samples_or_not_at_all(runs, tmp_path) -> None:
    """It kept the choice by the sum of log-probabilities for every metric, and its checksum said so."""
    right, run = golds(runs[0]), shutil.copytree(runs[0], tmp_path / "run")
    items = pd.read_parquet(run / "items.parquet")
    sums = items[items["metric"] == "acc"].set_index(["unit", "item"])["choice"]
    items["choice"] = [sums[unit, item] for unit, item in zip(items["unit"], items["item"], strict=True)]
    items.to_parquet(run / "items.parquet", index=False)
    for path in run.glob("*/*/results.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        del result["xling"]["checksums"]
        samples = path.with_name("samples.jsonl").read_text(encoding="utf-8")
        unit = items[items["unit"] == path.parent.relative_to(run).as_posix()]
        result = sealed(result, samples, map(json.loads, samples.splitlines()), digest_of(unit))
        own = result["xling"]["checksums"]
        own = {("items" if name == "scores" else name): value for name, value in own.items() if name != "results"}
        result["xling"]["checksums"] = own
        own |= {"results": _of_result(result)}
        path.write_text(json.dumps(result), encoding="utf-8")
    assert contradictions(load_results(run), right) == []
    (run / "items.parquet").rename(tmp_path / "items.parquet")
    write_items(run)
    assert contradictions(load_results(run), right) == [], "what is made again is read again"
    (tmp_path / "items.parquet").rename(run / "items.parquet")
    for path in run.glob("*/*/samples.jsonl"):
        path.unlink()
    bare = load_results(run)
    for metric, rows in bare.groupby("metric"):
        known = all((choices >= 0).all() for choices in rows["choices"])
        assert known == (metric in BY_SUMS), metric
    assert len(cell_intervals(bare, draws=50)) > 0


@pytest.mark.parametrize("lead", range(4))
def test_the_page_shows_the_candidate_that_was_scored(runs, tmp_path, lead: int) -> None:
    page = write_report([runs[lead]], tmp_path / "site", Options(draws=50)).read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    seen = 0
    for key, entry in data["items"].items():
        for item in entry["items"]:
            for unit, answer in zip(entry["languages"], item["answers"][0][0], strict=True):
                if answer is not None:
                    seen += 1
                    assert (answer[0] == item["gold"][unit]) == (answer[1] == 100.0), (key, unit, item["id"])
    assert seen > 50


def test_chance_is_known_of_every_metric_that_guessing_has_a_level_for(runs) -> None:
    frame = load_results(runs[0])
    for key, benchmark in benchmarks().items():
        for metric in (name for kind in benchmark.metrics for name in benchmark.metrics_of(kind, benchmark.units()[0])):
            known = benchmark.chance_of(metric) is not None
            assert known == (METRICS[metric].ranks and isinstance(benchmark.chance, float)), (key, metric)
    cells = cell_intervals(frame, draws=100)
    levels = [get_benchmark(key).chance is not None for key in cells["benchmark"]]
    assert cells["at_chance"].notna().tolist() == levels, "whichever metric it is"
    assert {key[-1] for key in chance_flags(frame, draws=100)} >= {"acc", "acc_token", "acc_byte", "acc_char"}
