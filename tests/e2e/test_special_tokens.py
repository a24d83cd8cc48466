"""Tokenizers that lack special tokens, or have words that their model does not know; candidates that tie."""

import json
import shutil
from pathlib import Path

import pytest
from test_runner import run
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xling_bench import evaluate
from xling_bench.core.errors import ModelError
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load

pytestmark = pytest.mark.e2e
FLORES, XNLI = "xling_flores_en_de", "xling_xnli_de"


def bare(folder: Path, source: Path, **tokens: str) -> Path:
    """The model with a tokenizer that names no special tokens but these."""
    shutil.copytree(source, folder)
    backend = AutoTokenizer.from_pretrained(source).backend_tokenizer
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", **tokens).save_pretrained(folder)  # noqa: S106
    return folder


def test_a_tokenizer_without_an_end_token_ranks_and_is_refused_for_generation(models, tmp_path) -> None:
    folder = bare(tmp_path / "model", models["llama"])
    ranked = run("run", "--model", f"hf:{folder}", "--tasks", XNLI, "--limit", "3", "-o", str(tmp_path / "ranked"))
    assert ranked.returncode == 0, ranked.stderr
    done = run("run", "--model", f"hf:{folder}", "--tasks", FLORES, "--limit", "3", "-o", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "no end token, so no generated text would end. Name it as eos_token" in done.stderr
    assert "(generation_config.json names '</s>')" in done.stderr
    assert not (tmp_path / "run" / "run.json").exists(), "refused at loading, nothing claimed"


def test_padding_that_the_model_has_no_row_for_changes_no_text(models, sample_data, tmp_path) -> None:
    options = {"tasks": [FLORES], "limit": 4, "batch_size": 4, "metrics": ["chrf"]}
    texts = []
    for number, tokens in enumerate(({"pad_token": "<pad>"}, {"pad_token": "[PAD]"}, {"unk_token": "[UNK]"})):
        folder = bare(tmp_path / str(number), models["llama"], eos_token="</s>", **tokens)  # noqa: S106
        report = evaluate(f"hf:{folder}", output=tmp_path / f"run {number}", **options)
        assert not report.failed
        lines = (report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()
        texts.append([json.loads(line)["filtered_resps"] for line in lines])
    assert texts[0] == texts[1] == texts[2]


def test_an_end_token_that_the_model_cannot_write_is_refused(models, sample_data, tmp_path) -> None:
    folder = bare(tmp_path / "model", models["llama"], eos_token="<|end|>", pad_token="<pad>")  # noqa: S106
    with pytest.raises(ModelError, match=r"its end token '<\|end\|>' is number \d+, but it has \d+ rows"):
        evaluate(f"hf:{folder}", output=tmp_path / "run", tasks=[FLORES], limit=2)


@pytest.mark.parametrize("kind", ["hf", "lm-eval-hf"])
def test_a_word_that_the_model_has_no_row_for_is_named(kind, models) -> None:
    from lm_eval.api.instance import Instance

    lm = load(ModelConfig(f"{kind}:{models['llama']}"))
    lm.tokenizer.add_tokens(["<image>"])
    with pytest.raises(ModelError, match=r"the token '<image>' \(number \d+\), but the model has \d+ rows"):
        lm.loglikelihood([Instance("loglikelihood", {}, ("a", " <image>"), 0)], disable_tqdm=True)


@pytest.fixture(scope="module")
def speechless(models, tmp_path_factory) -> Path:
    """A model whose tokenizer knows one Latin word: other scripts are a run of <unk>."""
    folder = tmp_path_factory.mktemp("speechless") / "unk-llama"
    shutil.copytree(models["llama"], folder)
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "the": 4}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["hf", "lm-eval-hf"])
def test_a_score_made_of_ties_says_so_wherever_it_stands(kind, speechless, models, tmp_path) -> None:
    output = tmp_path / "run"
    done = run("run", "--model", f"{kind}:{speechless}", "--tasks", "xling_xnli_th", "--limit", "5", "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert "5 of 5 items are ties: their best candidates score the same, and the first was taken" in done.stderr
    assert "near-ties" not in done.stderr, "ties are said once"
    facts = json.loads((output / "xling_xnli_th" / "0-0-none" / "results.json").read_text())["xling"]["facts"]
    assert (facts["ties"], facts["truncated"]) == ({"acc": 5}, 0)
    said = (
        "XNLI acc: 5 of 5 items are ties: their best candidates score the same, and the first was taken (th 0-shot 5)"
    )
    assert said in done.stdout
    assert said in (output / "table.md").read_text(encoding="utf-8")
    assert f"note: {said}" in run("table", str(output)).stderr
    told = run(
        "run", "--model", f"hf:{models['llama']}", "--tasks", XNLI, "--limit", "3", "-o", str(tmp_path / "other")
    )
    assert "are ties" not in told.stdout + told.stderr
