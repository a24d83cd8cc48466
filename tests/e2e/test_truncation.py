"""Texts longer than the model's context: their begin token stays, and the items are counted."""

import json
from pathlib import Path

import pytest
import torch
from architectures import random_model
from lm_eval.api.instance import Instance

from xling_bench import evaluate
from xling_bench.demo import make_tokenizer, training_text
from xling_bench.models.hf_model import WholeModel
from xling_bench.models.shared_prefix import SharedPrefixLM

pytestmark = pytest.mark.e2e
MOST = 24
LONG = "the dog sleeps in the house " * 6
TEXTS = [
    (LONG, "and the cat runs"),
    (LONG + "and", " the sun shines in the street"),
    ("the dog", " sleeps"),
    ("", "a cat"),
]


@pytest.fixture(scope="module")
def tokenizer():
    """One that begins texts with a token, as XGLM's and Gemma's do."""
    return make_tokenizer(training_text()[:400])


def fallback(*given, **settings):
    lm = SharedPrefixLM(*given, **settings)
    lm._give_up("told to")
    return lm


@pytest.mark.parametrize("make", [SharedPrefixLM, fallback, WholeModel])
def test_ranking_keeps_the_begin_token_and_the_end_of_the_context(make, tokenizer) -> None:
    network = random_model("llama", len(tokenizer))
    lm = make(network, tokenizer=tokenizer, max_length=MOST)
    asked = [Instance("loglikelihood", {}, text, i, metadata=("t", i, 1)) for i, text in enumerate(TEXTS)]
    found = lm.loglikelihood(asked, disable_tqdm=True)
    begin = tokenizer("a")["input_ids"][0]
    for (context, continuation), (value, _) in zip(TEXTS, found, strict=True):
        before, scored = lm._encode_pair(context, continuation) if context else ([lm.prefix_token_id], None)
        scored = scored or tokenizer(continuation, add_special_tokens=False)["input_ids"]
        tokens = before + scored
        if len(tokens) > MOST + 1:
            tokens = [begin, *tokens[-MOST:]]
        logits = network(torch.tensor([tokens[:-1]])).logits[0].detach().double().log_softmax(-1)
        wanted = logits[-len(scored) :].gather(1, torch.tensor(scored)[:, None]).sum()
        assert value == pytest.approx(float(wanted), abs=1e-3)
    assert lm.truncated == {0, 1}
    lm.start_afresh()
    assert not lm.truncated


def test_prompts_that_are_continued_keep_theirs_and_short_ones_are_as_they_were(tokenizer) -> None:
    lm = WholeModel(random_model("llama", len(tokenizer)), tokenizer=tokenizer)
    ids, mask = lm.tok_batch_encode([LONG, "the dog"], left_truncate_len=MOST)
    whole, short = (tokenizer(text)["input_ids"] for text in (LONG, "the dog"))
    assert ids[0].tolist() == [whole[0], *whole[1 - MOST :]]
    assert ids[1][mask[1].bool()].tolist() == short
    assert mask.shape == ids.shape == (2, MOST)


def lengths(folder: Path, tokenizer, scored: bool) -> list[int]:
    """Tokens of each item's longest request."""
    found = []
    for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines():
        asked = [each["arg_0"] + (each["arg_1"] if scored else "") for each in json.loads(line)["arguments"].values()]
        found.append(max(len(tokenizer(text)["input_ids"]) for text in asked))
    return found


@pytest.mark.parametrize(
    ("task", "kind"), [("xling_xnli_de", "hf"), ("xling_xnli_de", "lm-eval-hf"), ("xling_mlama_de", "hf")]
)
def test_items_that_were_cut_are_counted(task, kind, models, sample_data, tmp_path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models["xglm"])
    options = {"tasks": [task], "limit": 6, "shots": (1,)}
    whole = evaluate(f"{kind}:{models['xglm']}", output=tmp_path / "whole", **options)
    assert whole.results()[0]["xling"]["facts"]["truncated"] == 0
    assert not any("beginning" in warning for warning in whole.warnings.values())
    generated = 0 if "xnli" in task else 32
    sizes = sorted(lengths(whole.finished[0], tokenizer, scored=not generated))
    most = sizes[len(sizes) // 2] - (not generated) + generated  # the median fits exactly
    cut = evaluate(f"{kind}:{models['xglm']}", output=tmp_path / "cut", max_length=most, **options)
    longer = sum(size > sizes[len(sizes) // 2] for size in sizes)
    assert 0 < longer < len(sizes)
    assert cut.results()[0]["xling"]["facts"]["truncated"] == longer
    assert f"{longer} of {len(sizes)} items were longer" in next(iter(cut.warnings.values()))
