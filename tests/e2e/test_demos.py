"""Demonstration policies, through the runner on the built-in sample."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from xling_bench import evaluate
from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import UsageError
from xling_bench.data import load
from xling_bench.harness.demos import demo_rank

pytestmark = pytest.mark.e2e


def samples(folder):
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]


def context(sample) -> str:
    return sample["arguments"]["gen_args_0"]["arg_0"]


def rows(key: str, language: str, split: str):
    return load(get_benchmark(key), language, split).rows


def text(row) -> str:
    return f"{row['premise']}, right? {('Yes', 'Also', 'No')[row['label']]}, {row['hypothesis']}"


class Nearest:
    """The definition, one text at a time: mean of the last layer's states over the text's own tokens, cosine."""

    def __init__(self, folder) -> None:
        self.body = AutoModelForCausalLM.from_pretrained(folder).base_model.eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def vector(self, row) -> np.ndarray:
        ids = self.tokenizer(f"{row['premise']} {row['hypothesis']}")["input_ids"]
        with torch.no_grad():
            states = self.body(torch.tensor([ids])).last_hidden_state[0]
        kept = [i for i, token in enumerate(ids) if token not in self.tokenizer.all_special_ids]
        mean = states[kept].mean(0).numpy()
        return mean / np.linalg.norm(mean)

    def ids(self, row, pool, n: int) -> list[str]:
        likeness = {d["id"]: float(self.vector(d) @ self.vector(row)) for d in pool if d["id"] != row["id"]}
        return sorted(likeness, key=lambda name: -likeness[name])[:n]


@pytest.mark.parametrize("architecture", ["xglm", "bloom"])
def test_semantic_demonstrations_are_the_nearest_english_items_nearest_first(
    architecture, models, sample_data, tmp_path
) -> None:
    model = models[architecture]
    report = evaluate(
        f"hf:{model}", output=tmp_path, tasks=["xling_xnli_de"], shots=(0, 2), seeds=(0, 1), demos="semantic"
    )
    assert not report.failed
    assert [folder.name for folder in report.finished] == ["0-0-none", "2-0-semantic-en"], "seeds change nothing here"
    nearest, pool = Nearest(model), rows("xnli", "en", "dev")
    english = {row["id"]: row for row in pool}
    german = {row["id"]: row for row in rows("xnli", "de", "test")}
    chosen = set()
    for sample in samples(report.finished[1]):
        expected = nearest.ids(german[sample["doc"]["id"]], pool, 2)
        assert sample["doc"]["demo_ids"] == expected
        assert context(sample) == "".join(text(english[name]) + "</s>" for name in expected)
        chosen.add(tuple(expected))
    assert len(chosen) > 1, "not the same for every item"


def test_an_encoder_of_its_own_and_the_aligners_sentence(models, sample_data, tmp_path) -> None:
    options = {"tasks": ["xling_xnli_de", "xling_xnli_en"], "shots": (2,), "demos": "semantic", "aligner": True}
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, demo_encoder=f"hf:{models['xglm']}", **options)
    assert not report.failed
    german, english = (samples(folder) for folder in report.finished)
    assert report.finished[0].name == "2-0-semantic-en-aligner"
    nearest, pool = Nearest(models["xglm"]), rows("xnli", "en", "dev")
    first = rows("xnli", "de", "test")[0]
    assert german[0]["doc"]["demo_ids"] == nearest.ids(first, pool, 2)
    assert all(context(sample).endswith("</s>The following post is in German.</s>") for sample in german)
    assert not any("following post" in context(sample) for sample in english)
    facts = report.results()[0]["xling"]["facts"]
    assert facts["aligner"] == "The following post is in German."
    other = evaluate(f"hf:{models['llama']}", output=tmp_path, **options)
    assert "made with another demo_encoder" in " ".join(other.failed.values())


def test_a_test_item_is_never_shown_its_own_translation(models, sample_data, tmp_path) -> None:
    """XWinograd has no development split: its pool is the scored items themselves."""
    report = evaluate(
        f"hf:{models['llama']}",
        output=tmp_path,
        tasks=["xling_xwinograd_ru"],
        shots=(2,),
        demos="semantic",
        demo_lang="ru",
    )
    for sample in samples(report.finished[0]):
        assert sample["doc"]["id"] not in sample["doc"]["demo_ids"]
        assert len(set(sample["doc"]["demo_ids"])) == 2


def test_aligned_demonstrations_are_the_same_items_in_every_language(
    models, sample_data, tmp_path, monkeypatch
) -> None:
    from xling_bench.data import source

    lost = min((row["id"] for row in rows("xnli", "de", "dev")), key=lambda name: demo_rank(name, 0))
    real = source.load

    def without(benchmark, unit, split, where):
        found = real(benchmark, unit, split, where)
        if (benchmark.key, unit, split) == ("xnli", "sw", "dev"):
            found.rows[:] = [row for row in found.rows if row["id"] != lost]
        return found

    for place in ("harness.adapter.load_rows", "harness.demos.load_rows", "evaluation.plan.load"):
        monkeypatch.setattr(f"xling_bench.{place}", without)
    shown = {}
    for policy in ("fixed", "aligned"):
        report = evaluate(
            f"hf:{models['llama']}", output=tmp_path / policy, tasks=["xling_xnli_de", "xling_xnli_sw"], shots=(2,),
            demos=policy, limit=1,
        )  # fmt: skip
        assert not report.failed
        shown[policy] = [context(samples(folder)[0]) for folder in report.finished]
    texts = {language: {row["id"]: text(row) for row in rows("xnli", language, "dev")} for language in ("de", "sw")}

    def ids(policy: str, place: int, language: str) -> list[str]:
        said = shown[policy][place].split("</s>")[:2]
        return [name for part in said for name, known in texts[language].items() if known == part]

    assert lost in ids("fixed", 0, "de")
    assert ids("fixed", 0, "de") != ids("fixed", 1, "sw")
    assert ids("aligned", 0, "de") == ids("aligned", 1, "sw")
    assert len(ids("aligned", 0, "de")) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"demos": "nearest"}, "expected one of fixed, aligned, semantic"),
        ({"demo_encoder": "hf:x"}, "only --demos semantic"),
        ({"aligner": True}, "needs English demonstrations"),
        ({"demos": "semantic", "demo_encoder": "./nowhere"}, "nowhere does not exist"),
    ],
)
def test_senseless_choices_are_refused_before_anything_is_loaded(options, said, models, sample_data, tmp_path) -> None:
    with pytest.raises(Exception, match=said) as caught:
        evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=["xling_xnli_de"], shots=(2,), **options)
    assert caught.value.exit_code == 2


def test_aligned_needs_a_parallel_benchmark(models, sample_data, tmp_path) -> None:
    report = evaluate(
        f"hf:{models['llama']}", output=tmp_path, tasks=["xling_xwinograd_ru"], shots=(2,), demos="aligned"
    )
    assert "does not have the same items in all its languages" in " ".join(report.failed.values())


def test_plain_lm_eval_cannot_choose_nearest_ones(sample_data) -> None:
    from xling_bench.catalog import select
    from xling_bench.evaluation.task import build

    (spec,) = select(["xling_xnli_de"])
    task = build(spec, {"demos": "semantic"}, None)
    task.set_config(key="num_fewshot", value=2)
    with pytest.raises(UsageError, match="xling-bench run"):
        task.build_all_requests(limit=1, rank=0, world_size=1)
