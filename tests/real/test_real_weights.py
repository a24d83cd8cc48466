"""Real GGUF files: what is loaded is what the file holds, and knows what the model is known to know."""

from __future__ import annotations

from typing import Any

import pytest
from weights import GEMMA, Weights

from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load

pytestmark = pytest.mark.real

TEXTS = (
    "In 1984 there  were 12 of them.\n\n  3. And?",
    "Der Hauptbahnhof ist geschlossen, weil er umgebaut wird.</s>",
    "ภาษาไทยไม่เว้นวรรคระหว่างคำ",
    "मौसम कैसा है? 今天天气怎么样？ Hali ya hewa ikoje?",
    " led by a space, and\ta tab 🙂",
)
ASKED = [
    ("The capital of Sweden is", " Stockholm."),
    ("Die Hauptstadt von Schweden ist", " Stockholm."),
    ("Mji mkuu wa Uswidi ni", " Stockholm."),
    ("", "The capital of Sweden is Stockholm."),
    ("The capital of Sweden is", " Berlin."),
]
NORMS_PLUS_ONE = "gemma3"  # llama.cpp stores its norms' weights with one added
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_down": "mlp.down_proj",
}
CHECKED = [f"blk.{layer}.{part}.weight" for layer in (0, 5, 17) for part in LAYER] + ["output_norm.weight"]


def opened(spec: str, dtype: str = "float32") -> Any:
    return load(ModelConfig(spec, device="cpu", dtype=dtype))


@pytest.fixture(scope="module")
def folder(real: Weights) -> Any:
    return opened(f"hf:{real.folder}")


@pytest.fixture(scope="module")
def file(real: Weights) -> Any:
    return opened(f"gguf:{real.gguf}")


def likelihoods(lm: Any) -> list[tuple[float, bool]]:
    from lm_eval.api.instance import Instance

    requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(ASKED)]
    return lm.loglikelihood(requests, disable_tqdm=True)


def test_weights_are_those_that_the_package_gguf_dequantises(real: Weights, folder: Any) -> None:
    import gguf
    import torch

    reader = gguf.GGUFReader(real.gguf)
    architecture = reader.fields["general.architecture"].contents()
    tensors, found = {tensor.name: tensor for tensor in reader.tensors}, folder.model.state_dict()
    for name in CHECKED:
        raw = tensors[name]
        expected = torch.from_numpy(gguf.dequantize(raw.data, raw.tensor_type).copy())
        part = name.split(".")[-2]
        if architecture == NORMS_PLUS_ONE and "norm" in part:
            expected = expected - 1
        if architecture == "llama" and part in ("attn_q", "attn_k"):  # neighbours turn there, halves here
            expected = expected.unflatten(0, (-1, folder.model.config.head_dim // 2, 2)).transpose(1, 2).flatten(0, 2)
        layer = name.split(".")[1]
        key = f"model.layers.{layer}.{LAYER[part]}.weight" if name.startswith("blk.") else "model.norm.weight"
        assert torch.equal(found[key], expected), name
    assert folder.model.lm_head.weight.data_ptr() == folder.model.model.embed_tokens.weight.data_ptr(), "tied"


def test_the_file_and_its_folder_are_one_model(folder: Any, file: Any) -> None:
    import torch

    assert file.model.dtype == torch.float32
    assert file.notes == ()
    mine, theirs = file.model.state_dict(), folder.model.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    for text in TEXTS:
        ids = file.tok_encode(text)
        assert ids == folder.tok_encode(text)
        assert file.tokenizer.decode(ids, skip_special_tokens=True) == text
    assert file.prefix_token_id == folder.prefix_token_id
    assert file.max_length == folder.max_length
    assert file.model.generation_config.eos_token_id == folder.model.generation_config.eos_token_id
    assert likelihoods(file) == likelihoods(folder)


def test_it_knows_a_capital_after_its_own_first_token(real: Weights, folder: Any) -> None:
    import torch

    (context, continuation), answers = ASKED[0], likelihoods(folder)
    first = [2] if real == GEMMA else []  # <bos>, which its tokenizer puts; SmolLM2's puts nothing
    split = [folder.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (context, continuation)]
    ids, scored = [*first, *split[0], *split[1]], len(split[1])
    with torch.no_grad():
        logits = folder.model(torch.tensor([ids])).logits[0, -scored - 1 : -1]
    expected = float(logits.log_softmax(-1).gather(1, torch.tensor(split[1])[:, None]).sum())
    assert answers[0][0] == pytest.approx(expected, abs=1e-3)
    assert answers[0][0] > answers[4][0] + 3, "Stockholm, not Berlin"
    assert folder.provenance()["backend"] == "shared-prefix", folder.provenance()


def test_bfloat16_is_the_same_model_rounded(real: Weights, folder: Any) -> None:
    """Gemma from its folder, SmolLM2 from its file: both ways to load, one each."""
    import torch

    rounded = opened(f"hf:{real.folder}" if real == GEMMA else f"gguf:{real.gguf}", "bfloat16")
    assert rounded.model.dtype == torch.bfloat16
    weights = folder.model.state_dict()
    assert all(torch.equal(found, weights[name].bfloat16()) for name, found in rounded.model.state_dict().items())
    mine = likelihoods(rounded)
    assert [one for one, _ in mine] == pytest.approx([one for one, _ in likelihoods(folder)], abs=0.5, rel=0.1)
    assert rounded.provenance()["backend"] == "shared-prefix", rounded.provenance()
