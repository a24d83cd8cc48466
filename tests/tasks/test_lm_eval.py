"""The compiled tasks under lm-eval itself: its index, its loader, its evaluator, in one process."""

from pathlib import Path

import pytest

from xling_bench.catalog import task_specs
from xling_bench.core import content
from xling_bench.core.lm_eval_versions import load_task
from xling_bench.data import sample
from xling_bench.metrics.registry import METRICS

pytestmark = pytest.mark.e2e
GROUPS = {"xlingbench"} | {f"xlingbench_{s.benchmark.key}" for s in task_specs().values()}
TAGS = {spec.tag for spec in task_specs().values()}


@pytest.fixture(scope="module")
def manager():
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(content.folder("tasks")), include_defaults=False)


def test_lm_evals_index_holds_exactly_the_declared_names(manager) -> None:
    assert set(manager.all_subtasks) == set(task_specs())
    assert set(manager.all_groups) == GROUPS
    assert set(manager.all_tags) == TAGS


def test_the_glob_gives_the_default_suite_once(manager) -> None:
    names = manager.match_tasks(["xling_*"])
    tasks = [name for name in names if name in task_specs()]
    assert sorted(tasks) == sorted(name for name, spec in task_specs().items() if spec.is_default)
    assert not GROUPS & set(names)


def covered(spec) -> bool:
    return set(spec.unit.split("-")) <= set(sample.languages(spec.benchmark.key))


def some(names: list[str]) -> list[str]:
    """Of each tag the first two tasks, of the default suite's four."""
    tags = [task_specs()[name].tag for name in names]
    return [n for i, n in enumerate(names) if tags[:i].count(tags[i]) < (4 if task_specs()[n].is_default else 2)]


@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_task_the_sample_covers_passes(models, sample_data, few: bool) -> None:
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    tasks, metadata = str(content.folder("tasks")), {"tokenizer": str(models["llama"])}  # p1 counts tokens
    manager = TaskManager(include_path=tasks, include_defaults=False, metadata=metadata)
    lm = HFLM(pretrained=str(models["llama"]), batch_size=64, max_length=1024, device="cpu")
    names = [name for name, spec in task_specs().items() if covered(spec)]
    assert {task_specs()[name].benchmark.key for name in names} == {s.benchmark.key for s in task_specs().values()}
    names = some(names) if few else names
    results = lm_eval.simple_evaluate(
        model=lm, tasks=names, task_manager=manager, limit=2, num_fewshot=1, bootstrap_iters=0,
        gen_kwargs={"max_gen_toks": 8},
    )  # fmt: skip
    for name in names:
        for metric in task_specs()[name].metrics:
            if metric == "spbleu" or METRICS[metric].partial:
                continue  # its file is not here; or none of two items may have it
            value = results["results"][name][f"{metric},none"]
            assert 0 <= value <= (1 if METRICS[metric].share else 100), (name, metric, value)
        assert results["n-samples"][name]["effective"] == 2


def test_groups_average_over_languages(manager, models, sample_data) -> None:
    import lm_eval
    from lm_eval.models.huggingface import HFLM

    lm = HFLM(pretrained=str(models["llama"]), batch_size=64, device="cpu")
    results = lm_eval.simple_evaluate(model=lm, tasks=["xlingbench_pawsx"], task_manager=manager)["results"]
    parts = [value["acc,none"] for name, value in results.items() if name.startswith("xling_pawsx_")]
    assert len(parts) == 7
    assert results["xlingbench_pawsx"]["acc,none"] == pytest.approx(sum(parts) / 7)


def test_a_task_without_data_says_where_data_can_come_from(manager, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))
    with pytest.raises(Exception, match=r"Get XNLI data: .*XLING_DATA_DIR.*data fetch xnli.*XLING_DATA=sample"):
        load_task(manager, "xling_xnli_de")


def test_an_item_is_never_its_own_demonstration(manager, sample_data) -> None:
    """Benchmarks without a development split: k+1 fixed items; an item among them gets the spare one."""
    task = load_task(manager, "xling_xwinograd_en")
    used = set()
    for doc in task.eval_docs:
        context = task.fewshot_context(doc, 5)
        own = doc["texts"][doc["gold"]]
        assert own not in context
        demos = [d["id"] for d in task.sampler.sample(5, eval_doc=doc)]
        used |= set(demos)
        assert len(set(demos)) == 5
    assert len(used) == 6


def test_demonstrations_are_the_same_items_in_every_language(manager, sample_data) -> None:
    def demos(name: str) -> list[str]:
        task = load_task(manager, name)
        return [d["id"] for d in task.sampler.sample(5, eval_doc=task.eval_docs[0])]

    assert demos("xling_xnli_en") == demos("xling_xnli_sw") == demos("xling_xnli_th")


def test_emitted_pairs_run_from_a_folder_of_ones_own(tmp_path: Path, sample_data) -> None:
    from lm_eval.tasks import TaskManager

    from xling_bench.cli.main import main

    assert main(["tasks", "emit", "flores", "--pairs", "deu_Latn-fra_Latn", "-o", str(tmp_path)]) == 0
    own = TaskManager(include_path=str(tmp_path), include_defaults=False)
    task = load_task(own, "xling_flores_de_fr")
    assert task.doc_to_text(task.eval_docs[0]).startswith("German: ")


def test_text_that_looks_like_code_stays_text() -> None:
    """lm-eval turns a rendered "7" into a number and "[1]" into a list; ours never goes through its templates."""
    from xling_bench.harness import adapter

    doc = {"prompt": "7", "texts": ["[1]", "8"], "gold": 0}
    assert (adapter.doc_to_text(doc), adapter.doc_to_choice(doc), adapter.doc_to_target(doc)) == ("7", ["[1]", "8"], 0)
    answer = {"prompt": "q", "golds": ["[1, 2]"], "shown_answer": "[1, 2]"}
    assert adapter.doc_to_target(answer) == "[1, 2]"


SHORTEST = 25  # characters of a benchmark's text that is looked for


def test_no_line_of_the_real_data_is_in_the_repository(real_data) -> None:
    """Benchmark text must not be published from here: look for test lines of several benchmarks in tracked files."""
    import subprocess

    root = Path(__file__).resolve().parents[2]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    tracked = "\n".join(
        path.read_text(encoding="utf-8", errors="ignore")
        for name in listed.decode().split("\0")
        if name and (path := root / name).is_file() and path.suffix not in {".png", ".parquet"}
    )
    from xling_bench.catalog import get_benchmark
    from xling_bench.data import load

    assert len(tracked) > 1_000_000
    begins: dict[str, list[str]] = {}  # of texts, by their first characters: one pass over the repository finds all
    searched = "xnli en de zh", "pawsx en ja", "xcopa en sw", "xwinograd en fr", "flores en-de zh-sw", "xquad en hi"
    for key, *units in map(str.split, searched):
        benchmark = get_benchmark(key)
        for unit in units:
            for row in load(benchmark, unit, benchmark.test_split).rows:
                for field, kind in benchmark.fields.items():
                    if kind == "text" and len(row[field]) >= SHORTEST:
                        begins.setdefault(row[field][:SHORTEST], []).append(row[field])
    assert sum(map(len, begins.values())) > 20_000
    found = [text for i in range(len(tracked)) for text in begins.get(tracked[i : i + SHORTEST], ()) if
             tracked.startswith(text, i)]  # fmt: skip
    assert not found


def test_lm_eval_knows_the_engine_by_name() -> None:
    """Entry points are for lm-eval after 0.4.13; until then importing the module registers it, beside lm-eval's own."""
    from importlib.metadata import entry_points

    from lm_eval.api.registry import get_model
    from lm_eval.models.huggingface import HFLM

    (point,) = entry_points(group="lm_eval.models", name="xling-hf")
    model = point.load()
    assert get_model("xling-hf") is model
    assert get_model("hf") is HFLM
