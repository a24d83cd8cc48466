"""A model that answers with the gold scores 100 on every metric of every task; one in another language is caught."""

from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

import pytest
from official_files import write_belebele, write_lite
from oracle import Oracle

from xling_bench.catalog import TaskSpec, get_benchmark, task_specs
from xling_bench.core import content
from xling_bench.core.errors import DataError
from xling_bench.data import current_source, load, sample
from xling_bench.harness import adapter
from xling_bench.metrics.registry import METRICS

pytestmark = pytest.mark.e2e
LANGUAGE = {"right_language", "right_words", "reasoning_target", "reasoning_english", "reasoning_other"}
# (unit, metric, item) whose gold the official rule cannot give full marks, by benchmark.
# MLQA's Spanish rule leaves nothing of one gold of the development set, an article alone, and empty against empty is 0.
ARTICLE = "mlqa-60184cb268780854f89dc022bbf2ccf2c8eea2ac"
KNOWN = {"mlqa": {(unit, f1, ARTICLE) for unit in ("es", "es-ar", "es-en", "es-vi") for f1 in ("f1", "f1_unicode")}}


@cache
def manager(**metadata):
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(content.folder("tasks")), include_defaults=False, metadata=metadata)


@pytest.fixture(autouse=True)
def nothing_twice(monkeypatch) -> None:
    """What `have_data` reads tasks find read, and no result says what lm-eval makes out about the machine: 0.5 s."""
    monkeypatch.setattr(adapter, "_cached", lru_cache(maxsize=None)(adapter._cached.__wrapped__))
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda _: None)


def evaluated(models, names: Iterable[str], say=None, *, limit: int | None = None, **metadata) -> dict:
    import lm_eval

    known = manager(tokenizer=str(models["llama"]), **metadata)
    return lm_eval.simple_evaluate(
        model=Oracle(say), tasks=sorted(names), task_manager=known, limit=limit, num_fewshot=0, bootstrap_iters=0,
        log_samples=True, verbosity="ERROR",
    )  # fmt: skip


def have_data(benchmarks: Iterable[str], split: str = "test", *, default: bool = True) -> dict[str, TaskSpec]:
    found = {}
    for name, spec in task_specs().items():
        if spec.benchmark.key in benchmarks and spec.is_default == default:
            try:
                adapter._cached(spec.benchmark.key, spec.unit, split, current_source())
            except DataError:
                continue
            found[name] = spec
    return found


def failures(results: dict) -> set[tuple[str, str, str, str]]:
    """(benchmark, unit, metric, item) of every item without full marks; every metric that exists is there."""
    failed = set()
    for name, samples in results["samples"].items():
        spec = task_specs()[name]
        available = samples[0]["doc"]["metrics"]
        missing = {m for m in available if f"{m},none" not in results["results"][name] and not METRICS[m].partial}
        assert not missing, (name, missing)
        for item in samples:
            for metric in available:
                if metric in item and metric not in LANGUAGE:
                    full = 1.0 if METRICS[metric].share else 100.0
                    if METRICS[metric].item_score(item[metric]) < full - 1e-9:
                        failed.add((spec.benchmark.key, spec.unit, metric, item["doc"]["id"]))
    return failed


@pytest.mark.parametrize("most", [3, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_gold_scores_full_marks_on_every_task_of_the_sample(models, sample_data, most: int) -> None:
    names = have_data({spec.benchmark.key for spec in task_specs().values()})
    assert {spec.benchmark.key for spec in names.values()} == {s.benchmark.key for s in task_specs().values()}
    keys = [spec.benchmark.key for spec in names.values()]
    results = evaluated(models, (name for i, name in enumerate(names) if keys[:i].count(keys[i]) < most))
    assert failures(results) == set()


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"])
def test_so_it_does_in_every_other_family(models, sample_data, every: bool) -> None:
    """Cloze and letter forms, native words, lm-eval's prompts, chains of thought: `some` is one task per form."""
    forms: dict[tuple[str, str], list[str]] = {}
    for name, spec in have_data({spec.benchmark.key for spec in task_specs().values()}, default=False).items():
        forms.setdefault((spec.family.key, spec.benchmark.key), []).append(name)
    assert set(forms) == {(s.family.key, s.benchmark.key) for s in task_specs().values() if not s.is_default}
    # Another place in the list for each form, so that the few walk many languages.
    few = [names[place % len(names)] for place, (_, names) in enumerate(sorted(forms.items()))]
    results = evaluated(models, chain(*forms.values()) if every else few, limit=None if every else 1)
    assert failures(results) == set()


@pytest.mark.slow
def test_so_it_does_in_languages_that_the_sample_lacks(models, sample_data, monkeypatch) -> None:
    """An item of another language is posed by the form and words of each: every task that there is but the sample's.

    The item is a German one where there is any: words between spaces, as BLEU counts them in most languages.
    """
    here = have_data({spec.benchmark.key for spec in task_specs().values()}).keys()
    here |= have_data({spec.benchmark.key for spec in task_specs().values()}, default=False).keys()
    last = sorted(here, key=lambda name: (name.endswith("_de"), name))
    lent = {task_specs()[name].benchmark.key: task_specs()[name].unit for name in last}
    load_rows = adapter._cached
    units = {(task_specs()[name].benchmark.key, task_specs()[name].unit) for name in here}
    monkeypatch.setattr(adapter, "_cached", lambda key, unit, split, source: load_rows(
        key, unit if (key, unit) in units else lent[key], split, source))  # fmt: skip
    lacking = task_specs().keys() - here
    assert {task_specs()[name].family.key for name in lacking} > {"cf", "mcf", "cf-native", "mcf-native", "lmeval"}
    results = evaluated(models, lacking, limit=1)
    assert results["samples"].keys() == lacking
    assert failures(results) == set()


REAL = ("xnli", "pawsx", "xcopa", "xwinograd", "xquad", "flores", "mlama", "mlqa", "mgsm", "afrimgsm", "afrixnli",
        "xnlieu", "xnlieu_native", "kornli", "myxnli", "afrimmlu")  # fmt: skip
WRITTEN = ("belebele", "global_mmlu_lite")  # from others' copies of the items


def check_real(models, benchmarks: Iterable[str], limit: int | None, *, default: bool = True) -> None:
    """Every task whose real data are there; MLQA on its complete development set."""
    for benchmark in benchmarks:
        adapter.forget_data()
        split = "dev" if benchmark == "mlqa" else "test"
        names = have_data([benchmark], split, default=default)
        assert names, benchmark
        found = failures(evaluated(models, names, limit=limit, split=split))
        unknown = {(unit, metric, item) for _, unit, metric, item in found} - KNOWN.get(benchmark, set())
        assert not unknown, (benchmark, sorted(unknown)[:20], len(unknown))


def test_the_gold_scores_full_marks_on_real_data(models, real_data) -> None:
    check_real(models, REAL, 10)


@pytest.fixture
def written_data(real_files: Path, tmp_path: Path, monkeypatch) -> None:
    """Belebele and Global-MMLU-Lite in their official layout."""
    write_belebele(real_files, tmp_path)
    write_lite(real_files, tmp_path)
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))


def test_the_gold_scores_full_marks_on_real_exam_questions(models, written_data) -> None:
    check_real(models, WRITTEN, 4)


@pytest.mark.slow
def test_the_gold_scores_full_marks_on_all_real_data(models, real_data) -> None:
    check_real(models, REAL, None)


@pytest.mark.slow
def test_the_gold_scores_full_marks_on_real_data_in_other_families(models, real_data) -> None:
    """The first 50 items: chains of thought, bare numbers, lm-eval's prompts; cloze and letter forms."""
    check_real(models, ("mgsm", "afrimgsm", "afrixnli", "afrimmlu"), 50, default=False)


@pytest.mark.slow
def test_the_gold_scores_full_marks_on_all_real_exam_questions(models, written_data) -> None:
    """In cloze form, native words and lm-eval's prompts too."""
    for default in (True, False):
        check_real(models, WRITTEN, None, default=default)


def test_ranking_tasks_too(models, sample_data) -> None:
    """mLAMA's typed querying is not of the default suite."""
    names = [name for name in task_specs() if name.startswith("xling-xglm_mlama_en")]
    results = evaluated(models, names)
    assert failures(results) == set()
    assert {results["results"][names[0]][f"{m},none"] for m in ("p1", "p1_sum", "acc")} == {1.0}


def test_the_wrong_language_is_found_wrong(models, real_data) -> None:
    """Into German, Hindi, Thai, Swahili, Turkish and Chinese, answered with the English source or in a neighbour."""
    wrong = {"de": "nl", "hi": "ne", "th": "en", "sw": "en", "tr": "az", "zh": "ja"}
    texts = {
        unit: {row["id"]: row["source"] for row in _rows(f"{unit}-en" if unit != "en" else "en-de")}
        for unit in {"en", *wrong, *wrong.values()}
    }
    for other in ("en", "neighbour"):
        caught = decided = 0
        for target, near in wrong.items():
            source = texts["en" if other == "en" else near]
            results = evaluated(models, [f"xling_flores_en_{target}"], lambda doc, s=source: s[doc["id"]], limit=100)
            samples = results["samples"][f"xling_flores_en_{target}"]
            verdicts = [sample["right_language"] for sample in samples if "right_language" in sample]
            decided += len(verdicts)
            caught += verdicts.count(0.0)
            assert not any("chrf_right" in s for s in samples if s.get("right_language") == 0.0)
        assert decided >= 0.9 * 600
        assert caught >= 0.99 * decided


def test_summaries_in_the_wrong_language_are_found_wrong(models, sample_data) -> None:
    """XL-Sum's sample: every language answered with the English summary, and English with the Russian one."""
    by_language = {unit: load(get_benchmark("xlsum"), unit, "test", current_source()).rows
                   for unit in sample.languages("xlsum")}  # fmt: skip
    caught = decided = right = 0
    for unit, rows in by_language.items():
        other = by_language["ru" if unit == "en" else "en"]
        wrong = {row["id"]: answer["summary"] for row, answer in zip(rows, other, strict=False)}
        name = f"xling_xlsum_{unit}"
        found = evaluated(models, [name], lambda doc, w=wrong: w[doc["id"]], limit=len(wrong))["samples"][name]
        verdicts = [s["right_language"] for s in found if "right_language" in s]
        decided, caught = decided + len(verdicts), caught + verdicts.count(0.0)
        right += sum("rougeL_right" in s for s in found)
    assert decided >= 60
    assert caught >= 0.99 * decided
    assert right <= 0.01 * decided


def _rows(unit: str) -> list[dict]:
    benchmark = get_benchmark("flores")
    return load(benchmark, unit, "test", current_source()).rows
