"""Demonstrations from the real files: no item sees its own content, and AFP's choice is what AFP's code would take."""

import csv
import json
import random

import pytest

from xling_bench import evaluate
from xling_bench.catalog import get_benchmark, select
from xling_bench.core.errors import UsageError
from xling_bench.data import Source, load
from xling_bench.evaluation.task import build
from xling_bench.harness.twins import content

pytestmark = pytest.mark.data
NS = ("keep", "drop")


def demos(name: str, shots: int, **metadata) -> list[tuple[dict, list[dict]]]:
    (spec,) = select([name])
    task = build(spec, metadata, None)
    task.set_config(key="num_fewshot", value=shots)
    return [(doc, task.sampler.sample(shots, eval_doc=doc)) for doc in task.eval_docs]


@pytest.mark.parametrize(
    ("name", "seed"), [("xling_xquad_zh", 7), ("xling_xquad_th", 0), ("xling_xwinograd_en", 3), ("xling_pawsx_zh", 0)]
)
def test_no_item_sees_its_own_content(real_data, name: str, seed: int) -> None:
    benchmark = get_benchmark(name.split("_")[1])
    twins = 0
    for doc, shown in demos(name, 5, demo_seed=seed):
        assert content(benchmark, doc) not in [content(benchmark, demo) for demo in shown]
        assert len({demo["id"] for demo in shown}) == 5
        twins += "twins" in doc
        if benchmark.telling:  # a twin differs in a word, and its answer tells this one's
            assert doc["cluster"] not in [demo["cluster"] for demo in shown]
    assert twins, "the files have such items: this test sees none"


def test_the_item_that_saw_its_own_answer_sees_another_one(real_data) -> None:
    """XQuAD zh, seed 7, 2 shots: the second demonstration was the item itself under another id."""
    shown = {doc["id"]: (doc, [demo["id"] for demo in found]) for doc, found in demos("xling_xquad_zh", 2, demo_seed=7)}
    doc, found = shown["xquad-56e0bb9f7aa994140058e6cc"]
    others = [ids for other, ids in shown.values() if not {other["id"], *other.get("twins", ())} & set(ids)]
    usual = max(others, key=others.count)
    assert set(doc["twins"]) & set(usual)
    assert [name for name in usual if name not in doc["twins"]] == found[:1]


@pytest.mark.parametrize("seed", [0, 3])
def test_afp_takes_the_first_of_all_english_development_rows_after_a_shuffle(real_data, seed: int) -> None:
    """Its code: random.seed(seed); random.shuffle(rows); rows[:n], the same for every item of every language."""
    with (real_data / "pawsx" / "x-final" / "en" / "dev_2k.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    random.seed(seed)
    random.shuffle(rows)
    expected = [(row["sentence1"], row["sentence2"], int(row["label"])) for row in rows[:5]]
    for _, shown in demos("xling_pawsx_zh", 5, demo_seed=seed, demos="afp", ns="keep")[:50]:
        assert [(demo["sentence1"], demo["sentence2"], demo["label"]) for demo in shown] == expected
        assert all(", right? " in demo["texts"][demo["gold"]] for demo in shown)


def test_untranslated_rows_are_kept_when_asked_for_and_said(real_data, models, tmp_path) -> None:
    for unit in ("de", "ja"):
        kept, dropped = (load(get_benchmark("pawsx"), unit, "test", Source("files", real_data, ns)) for ns in NS)
        assert len(kept.rows) == 2000
        assert [row for row in kept.rows if "NS" not in row.values()] == dropped.rows
        assert {row["label"] for row in kept.rows if "NS" in row.values()} == {0}
        assert kept.hash != dropped.hash
    first = next(i for i, row in enumerate(kept.rows) if "NS" in row.values())
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=["xling_pawsx_ja"], ns="keep", limit=first + 1)
    result = report.results()[0]
    assert "|ns:keep|" in result["xling"]["signature"]
    line = (report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()[first]
    assert "NS" in json.loads(line)["doc"].values()


@pytest.mark.parametrize(
    ("task", "options", "said"),
    [
        ("xling_xnli_de", {"demos": "afp", "shots": (2,)}, "names demonstrations for PAWS-X only, not for XNLI"),
        ("xling_pawsx_de", {"demos": "afp", "shots": (2,), "demo_lang": "de"}, "AFP's demonstrations are English"),
        ("xling_xnli_de", {"ns": "keep"}, "none of the chosen tasks has untranslated rows"),
        ("xling_pawsx_de", {"ns": "kept"}, "--ns 'kept': expected one of drop, keep"),
    ],
)
def test_what_has_no_meaning_is_refused(models, sample_data, tmp_path, task: str, options: dict, said: str) -> None:
    try:
        reasons = evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=[task], **options).failed.values()
    except UsageError as error:
        reasons = [str(error)]
    assert said in " ".join(reasons)
