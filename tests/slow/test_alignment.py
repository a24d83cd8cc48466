"""AFP does what it is for, on real text: translations come to lie together; causal LM on the same data leaves them.

A base model of 7 M parameters, trained from nothing on Tatoeba and NTREX sentences and Alpaca; from it, the same number
of updates of AFP and of causal LM. Measured on FLORES devtest, which none of them saw: how often the nearest English
sentence is the translation (mean-pooled first layer).
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import torch

from xling_bench.data.source import source_from_environment
from xling_bench.training.corpora import load
from xling_bench.training.job import train
from xling_bench.training.recipe import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.data]
LANGUAGES = {"en": ("eng", "eng_Latn"), "de": ("deu", "deu_Latn"), "tr": ("tur", "tur_Latn"), "zh": ("zho", "zho_Hans")}
NTREX = {"en": "src.eng", "de": "ref.deu", "tr": "ref.tur", "zh": "ref.zho-CN"}
STEPS = 300  # of the base, and again of AFP and of causal LM


def sources(language: str) -> list[dict[str, Any]]:
    code = LANGUAGES[language][0]
    folder = f"parallel/tatoeba_v2021-08-07/eng-{code}/tatoeba-test-v2021-08-07"
    return [
        {"kind": "moses", "name": f"tatoeba-{language}", "files": {"en": f"{folder}.eng", language: f"{folder}.{code}"}}
    ]


def data() -> dict[str, Any]:
    ntrex = {key: f"parallel/ntrex128/newstest2019-{name}.txt" for key, name in NTREX.items()}
    pairs = [source for key in LANGUAGES if key != "en" for source in sources(key)]
    alpaca = {"en": "alpaca/en/alpaca_data-15323-18280-英文.json", "zh": "alpaca/zh/alpaca_data-15323-18280-中文.json"}
    return {
        "languages": list(LANGUAGES),
        "pairs": [*pairs, {"kind": "lines", "name": "ntrex", "files": ntrex}],
        "instructions": [{"kind": "alpaca", "files": alpaca}],
        "translation": True,
        "reverse": 0.5,
        "decontaminate": ["flores"],
        "overlap": "drop",
    }


def blank(folder: Path, texts: list[str]) -> Path:
    """An untrained XGLM with a vocabulary of these texts."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, XGLMConfig, XGLMForCausalLM

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=16_000, special_tokens=special, unk_token=special[3], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"vocab_size": tokenizer.get_vocab_size(), "d_model": 256, "ffn_dim": 1024, "num_layers": 4}
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    XGLMForCausalLM(XGLMConfig(**shape, **ids, attention_heads=4, max_position_embeddings=512)).save_pretrained(folder)
    return folder


def trained(name: str, base: Path, output: Path, streams: Any, method: dict[str, Any]) -> Path:
    run = {
        "steps": STEPS,
        "pairs": 128,
        "instructions": 64,
        "pair_length": 48,
        "length": 96,
        "lr": 2e-3,
        "save_every": STEPS,
    }
    recipe = Recipe(name=name, model={"path": str(base)}, data=data(), method=method, run=run)
    return train(recipe, streams, output / name, "0" * 16)


def retrieval(model: Path, sentences: dict[str, list[str]]) -> dict[str, float]:
    """{language: percent of its sentences whose nearest English one is the translation}."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from xling_bench.training.batches import Sample, padded
    from xling_bench.training.model import Network
    from xling_bench.training.pooling import pool

    network = Network(AutoModelForCausalLM.from_pretrained(model).eval())
    tokenizer = AutoTokenizer.from_pretrained(model)
    vectors = {}
    with torch.no_grad():
        for language, texts in sentences.items():
            parts = []
            for start in range(0, len(texts), 64):
                ids = [tokenizer(text)["input_ids"][:128] for text in texts[start : start + 64]]
                batch = padded([Sample(row) for row in ids], pad=1, skip=[2])
                parts.append(pool(network.states(batch, 1), batch.counted, "mean"))
            vectors[language] = torch.nn.functional.normalize(torch.cat(parts), dim=-1)
    truth = torch.arange(len(sentences["en"]))
    return {
        language: 100 * float(((v @ vectors["en"].T).argmax(1) == truth).float().mean())
        for language, v in vectors.items()
        if language != "en"
    }


def test_afp_brings_translations_together(real_data: Path, tmp_path: Path) -> None:
    config = Recipe(name="x", model={"path": "x"}, data=data()).data
    streams = load(config, seed=0, root=real_data, source=source_from_environment())
    texts = [text for i in range(30_000) for text in (streams.pairs[i].source, streams.pairs[i].target)]
    start = blank(tmp_path / "blank", texts)
    clm = {"learn": "text", "contrastive_weight": 0.0}
    afp = {"pooling": "mean", "layer": 1}
    base = trained("base", start, tmp_path, streams, clm)
    folder = real_data / "flores" / "flores200_dataset" / "devtest"
    sentences = {
        key: gzip.decompress((folder / f"{code}.devtest.gz").read_bytes()).decode().splitlines()
        for key, (_, code) in LANGUAGES.items()
    }
    assert {len(found) for found in sentences.values()} == {1012}
    found = {"untrained": retrieval(start, sentences), "base": retrieval(base, sentences)}
    for name, method in (("afp", afp), ("clm", clm)):
        found[name] = retrieval(trained(name, base, tmp_path, streams, method), sentences)
    mean = {name: sum(values.values()) / len(values) for name, values in found.items()}
    for name, values in found.items():
        print(f"{name:10s} {mean[name]:5.1f}  " + "  ".join(f"{key} {value:4.1f}" for key, value in values.items()))
    assert mean["afp"] > 8 * mean["base"]  # measured: 26 times the base, 12 times causal LM, twice the untrained
    assert mean["afp"] > 8 * mean["clm"]
    assert mean["afp"] > 1.5 * mean["untrained"]
