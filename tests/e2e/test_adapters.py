"""An adapter adds to a model; what it does not train stays the model's."""

from pathlib import Path
from typing import Any

import pytest

from xling_bench.core.errors import ModelError
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load

pytestmark = pytest.mark.e2e
TEXTS = [("Der Hund schläft", " in dem Haus"), ("", "The man sleeps"), ("a", " cat"), ("扇 der Hund", " läuft schnell")]


def base(folder: Path, source: Path, *, rows: int = 0, words: int = 0, tied: bool = False) -> Path:
    """The tiny Llama with so many rows of embeddings, or words of its tokenizer, more than it has."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    torch.manual_seed(1)
    config = AutoConfig.from_pretrained(source, vocab_size=len(tokenizer) + rows, tie_word_embeddings=tied)
    model = AutoModelForCausalLM.from_config(config)
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<image_{i}>" for i in range(words)]})
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def adapter(folder: Path, model: Path, **settings: Any) -> str:
    """A LoRA adapter as it is before training: it adds nothing."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    lora = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", **settings)
    get_peft_model(AutoModelForCausalLM.from_pretrained(model), lora).save_pretrained(folder)
    return str(folder)


def scores(model: Path, peft: str | None, kind: str = "hf") -> list[float]:
    from lm_eval.api.instance import Instance

    lm = load(ModelConfig(f"{kind}:{model}", peft=peft))
    asked = [Instance("loglikelihood", {}, text, i, metadata=("t", i, 1)) for i, text in enumerate(TEXTS)]
    found = [float(value) for value, _ in lm.loglikelihood(asked, disable_tqdm=True)]
    assert getattr(lm, "why_plain", "") == ""
    return found


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")  # peft: merging such a one is not safe
@pytest.mark.parametrize("kind", ["hf", "lm-eval-hf"])
@pytest.mark.parametrize("given", [{"rows": 64}, {"words": 1}, {"rows": 64, "tied": True}], ids=str)
def test_an_adapter_of_zeros_changes_no_score_whatever_rows_a_model_has(given, kind, models, tmp_path) -> None:
    model = base(tmp_path / "model", models["llama"], **given)
    wanted = scores(model, None, kind)
    assert scores(model, adapter(tmp_path / "zero", model), kind) == wanted
    whole = adapter(tmp_path / "head", model, modules_to_save=["lm_head"])
    assert scores(model, whole, kind) == pytest.approx(wanted, rel=1e-6), "the same numbers at another place in memory"


def test_an_adapter_of_another_vocabulary_is_refused_with_both_sizes(models, tmp_path) -> None:
    larger = base(tmp_path / "larger", models["llama"], rows=64)
    model = base(tmp_path / "model", models["llama"])
    head = adapter(tmp_path / "adapter", larger, modules_to_save=["lm_head"])
    from transformers import AutoConfig

    sizes = [AutoConfig.from_pretrained(folder).vocab_size for folder in (model, larger)]
    with pytest.raises(ModelError) as error:
        load(ModelConfig(f"hf:{model}", peft=head))
    assert all(str(size) in str(error.value) for size in sizes), "the cause stands in its second line"
    assert f"adapter {head} cannot be loaded" in str(error.value)


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
def test_an_output_layer_that_an_adapter_trained_apart_from_tied_embeddings_is_used(models, tmp_path) -> None:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM

    model = base(tmp_path / "model", models["llama"], tied=True)
    head = adapter(tmp_path / "head", model, modules_to_save=["lm_head"])
    path = tmp_path / "head" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({k: v.flip(0) if "lm_head" in k else v for k, v in weights.items()}, path, metadata={"format": "pt"})
    tokens = torch.tensor([[0, 5, 7, 9]])
    with torch.no_grad():
        found = load(ModelConfig(f"hf:{model}", peft=head)).model(tokens).logits
        wanted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), head)(tokens).logits
        plain = AutoModelForCausalLM.from_pretrained(model)(tokens).logits
    assert torch.equal(found, wanted)
    assert not torch.equal(found, plain)
