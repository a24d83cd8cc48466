"""Tiny random checkpoints of three architectures, with a real tokenizer trained on the sample."""

from __future__ import annotations

from pathlib import Path

from xling_bench.demo import make_tokenizer, training_text

ARCHITECTURES = ("xglm", "bloom", "llama")


def make_model(architecture: str, folder: Path, *, width: int = 32, gain: float = 4.0) -> Path:
    """Save a random model of about 100,000 parameters (at this `width` of its four heads) and return its folder.

    The XGLM tokenizer puts `</s>` before every text, as the real one does; the others add nothing.
    """
    import torch
    from tokenizers import processors
    from transformers import (
        BloomConfig,
        BloomForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
        XGLMConfig,
        XGLMForCausalLM,
    )

    tokenizer = make_tokenizer(training_text()[:400])
    if architecture != "xglm":
        tokenizer.backend_tokenizer.post_processor = processors.Sequence([])
    torch.manual_seed(0)
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    size = len(tokenizer)
    if architecture == "xglm":
        config = XGLMConfig(vocab_size=size, d_model=width, ffn_dim=2 * width, num_layers=2, attention_heads=4,
                            max_position_embeddings=2048, dropout=0.0, attention_dropout=0.0, **ids)  # fmt: skip
        model = XGLMForCausalLM(config)
    elif architecture == "bloom":
        model = BloomForCausalLM(BloomConfig(vocab_size=size, hidden_size=width, n_layer=2, n_head=4, **ids))
    else:
        config = LlamaConfig(vocab_size=size, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
                             num_attention_heads=4, max_position_embeddings=2048, **ids)  # fmt: skip
        model = LlamaForCausalLM(config)
    with torch.no_grad():  # the default initialisation is so flat that candidates would tie
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:  # wide models need more of their layers, or they repeat their last token for ever
                parameter.mul_(4.0 if "embed" in name else gain)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def without_a_weight(folder: Path) -> Path:
    """The same folder, its file without one of the first layer's weights."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights[next(name for name in sorted(weights) if name.startswith("model.layers.0."))]
    save_file(weights, path, metadata={"format": "pt"})
    return folder
