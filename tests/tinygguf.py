"""Tiny GGUF files, written as llama.cpp's converter writes them: a random Llama with a byte-level tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.demo import training_text

HEADS, KV_HEADS, WIDTH, LAYERS = 4, 2, 64, 2
SPECIAL = ("<unk>", "<s>", "</s>")
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def make_tokenizer() -> Any:
    """Byte-level BPE that cuts digits apart, as SmolLM's; it puts nothing before a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=[*SPECIAL], initial_alphabet=alphabet)
    backend.train_from_iterator([*training_text()[:300], "\n\n", "a  b  c\n\n\n"] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2]
    )


def make_llama(size: int, *, scaled: bool = False) -> Any:
    """A random Llama with grouped heads; `scaled`: with Llama 3's scaling of rotary frequencies."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 10000.0}
    if scaled:
        rope |= {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                 "original_max_position_embeddings": 64}  # fmt: skip
    config = LlamaConfig(
        vocab_size=size, hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, max_position_embeddings=2048, rope_parameters=rope, rms_norm_eps=1e-5,
        bos_token_id=1, eos_token_id=2, pad_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0) if parameter.dim() > 1 else parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def write_gguf(path: Path, model: Any, tokenizer: Any, **changes: Any) -> Path:
    """Write both as a GGUF file.

    `changes`: `architecture`, `quantise` (matrices, to this type), `without` (a tensor to leave out), `extra` (tensors
    to add), `keys` (of the file, to add or overwrite: (method of the writer, name, value)).
    """
    import gguf

    architecture = changes.get("architecture", "llama")
    writer = gguf.GGUFWriter(path, architecture)
    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    _add_tokenizer(writer, tokenizer)
    kind = changes.get("quantise")
    writer.add_file_type({None: 0, gguf.GGMLQuantizationType.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0}[kind])
    for method, *given in changes.get("keys", ()):
        getattr(writer, method)(*given)
    for name, value in {**_tensors(model), **changes.get("extra", {})}.items():
        if name == changes.get("without"):
            continue
        packed = kind is not None and value.ndim == 2
        writer.add_tensor(name, gguf.quantize(value, kind) if packed else value, raw_dtype=kind if packed else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: Any, tokenizer: Any) -> None:
    import json

    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def _tensors(model: Any) -> dict[str, Any]:
    found = {}
    for name, value in model.state_dict().items():
        weights = value.float().numpy()
        if "q_proj" in name or "k_proj" in name:  # llama.cpp turns neighbours where transformers turns halves
            heads = HEADS if "q_proj" in name else KV_HEADS
            weights = weights.reshape(heads, 2, -1, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)
        stem = name.removesuffix(".weight")
        if stem.startswith("model.layers."):
            layer, _, part = stem.removeprefix("model.layers.").partition(".")
            stem = f"blk.{layer}.{NAMES[part]}"
        found[f"{NAMES.get(stem, stem)}.weight"] = weights.copy()
    return found
