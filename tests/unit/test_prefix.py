"""The token that an empty prompt begins with is one function's, for the runner and for evaluation in training."""

import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xling_bench.catalog import get_task
from xling_bench.catalog.render import render
from xling_bench.data.source import Source, load
from xling_bench.models import load as model
from xling_bench.models.config import ModelConfig
from xling_bench.models.prefix import first_token, natural_prefix
from xling_bench.training.early import EarlyEvaluation

FORMS = {
    "begins": ("<s> $A", "<s>"), "begins with the end token": ("</s> $A", "</s>"), "ends only": ("$A </s>", None),
    "both": ("<s> $A </s>", "<s>"), "bare": ("$A", None),
}  # fmt: skip


@pytest.fixture
def folder(models: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A model whose tokenizer adds special tokens in another way."""
    copy = shutil.copytree(models["llama"], tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(copy)
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    tokenizer._tokenizer.post_processor = TemplateProcessing(single=FORMS[request.param][0], special_tokens=ids)
    tokenizer.save_pretrained(copy)
    return copy


def test_an_unknown_word_is_no_prefix() -> None:
    """A vocabulary without Latin letters, and an end token after every text."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({"<unk>": 0, "</s>": 1, "ก": 2}, unk_token="<unk>")),  # noqa: S106
        unk_token="<unk>", eos_token="</s>",  # noqa: S106
    )  # fmt: skip
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    assert tokenizer("a")["input_ids"] == [0, 1]
    assert natural_prefix(tokenizer) is None
    assert first_token(tokenizer) == 1


@pytest.mark.parametrize("folder", list(FORMS), indirect=True)
def test_runner_and_early_evaluation_begin_alike(folder: Path, request: pytest.FixtureRequest) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    natural = FORMS[request.node.callspec.params["folder"]][1]
    assert natural_prefix(tokenizer) == (natural and tokenizer.convert_tokens_to_ids(natural))
    lm = model.load(ModelConfig(f"hf:{folder}", device="cpu"))
    assert lm.prefix_token_id == first_token(tokenizer)

    early = EarlyEvaluation(["xling_pawsx_de"], tokenizer, Source("sample"), limit=2)
    spec = get_task("xling_pawsx_de")
    row = load(spec.benchmark, spec.unit, spec.benchmark.demo_split, Source("sample")).rows[0]
    shown = render(spec.benchmark, spec.form(), row)
    assert shown.prompt == "", "else this task tests nothing"
    context, candidate = lm._split("", shown.choices[0])
    assert [early.tree.tokens[0]] == context == [first_token(tokenizer)]
    assert [early.tree.tokens[node] for node in early.tree.requests[0]] == candidate
