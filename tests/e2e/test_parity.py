"""The runner's numbers against an independent computation: plain torch, no lm-eval, no code of ours but the prompt.

AFP scores a candidate by the sum of log-probabilities of its whole string, demonstrations as context. The reference
below builds the strings from the raw files' rows itself and knows about XGLM's `</s>` in front of every text.
"""

import json

import pytest
from plain_torch import Reference

from xling_bench import evaluate
from xling_bench.catalog import get_benchmark
from xling_bench.data import load
from xling_bench.harness.demos import demo_rank

pytestmark = [pytest.mark.e2e, pytest.mark.data]
ITEMS = 6


def xnli(row: dict) -> list[str]:
    return [f"{row['premise']}, right? {w}, {row['hypothesis']}" for w in ("Yes", "Also", "No")]


def pawsx(row: dict) -> list[str]:
    return [f"{row['sentence1']}, right? {w}, {row['sentence2']}" for w in ("No", "Yes")]


def xcopa(row: dict) -> list[str]:
    word = {"cause": "because", "effect": "so"}[row["question"]]
    return [f"{row['question']}: {row['premise']} {word} {row[c]}" for c in ("choice1", "choice2")]


def xwinograd(row: dict) -> list[str]:
    return [row["before"] + row[o] + row["after"] for o in ("option1", "option2")]


FORMS = {"xnli": (xnli, "sw"), "pawsx": (pawsx, "ja"), "xcopa": (xcopa, "th"), "xwinograd": (xwinograd, "ru")}


@pytest.mark.parametrize("architecture", ["xglm", "bloom", "llama"])
def test_decisions_and_log_likelihoods_equal_plain_torch(architecture, models, real_data, tmp_path) -> None:
    names = [f"xling_{key}_{language}" for key, (_, language) in FORMS.items()]
    report = evaluate(f"hf:{models[architecture]}", output=tmp_path, tasks=names, shots=(0, 5), limit=ITEMS)
    assert not report.failed
    assert not report.missing
    reference = Reference(models[architecture])
    compared = 0
    for key, (candidates, language) in FORMS.items():
        benchmark = get_benchmark(key)
        rows = load(benchmark, language, "test").rows
        pool = load(benchmark, language, benchmark.demo_split or "test").rows
        pool = sorted(pool, key=lambda row: demo_rank(row["id"], 0))
        for shots, folder in ((0, "0-0-none"), (5, "5-0-same")):
            lines = (tmp_path / f"xling_{key}_{language}" / folder / "samples.jsonl").read_text(encoding="utf-8")
            for row, line in zip(rows, lines.splitlines(), strict=False):
                sample = json.loads(line)
                demos = [d for d in pool if d["id"] != row["id"]][:shots]
                context = "".join(candidates(d)[d["label"]] + "</s>" for d in demos)
                expected = [reference.score(context, text) for text in candidates(row)]
                found = [float(r[0]) for r in sample["filtered_resps"]]
                assert found == pytest.approx(expected, abs=1e-3, rel=1e-6), sample["doc"]["id"]
                assert sample["acc"] == float(expected.index(max(expected)) == row["label"])
                compared += 1
    assert compared == 2 * ITEMS * len(FORMS)


def test_xglms_empty_context_starts_from_its_own_token(models, real_data, tmp_path) -> None:
    """lm-eval alone conditions an empty context on `<s>`; few-shot contexts start with `</s>`. The runner uses one."""
    report = evaluate(f"hf:{models['xglm']}", output=tmp_path, tasks=["xling_xnli_en"], limit=2)
    reference = Reference(models["xglm"])
    assert reference.start == reference.tokenizer.eos_token_id
    line = (report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0]
    right = [float(r[0]) for r in json.loads(line)["filtered_resps"]]
    row = load(get_benchmark("xnli"), "en", "test").rows[0]
    reference.start = reference.tokenizer.bos_token_id
    wrong = [reference.score("", text) for text in xnli(row)]
    assert all(abs(a - b) > 1e-2 for a, b in zip(right, wrong, strict=True))
