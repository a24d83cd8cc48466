"""COMET's regression model in our own environment: each text is embedded once, not once for every pair it stands in.

A source stands in the results of many target languages, source and reference in those of all numbers of shots. What is
computed is what `unbabel-comet` computes (Rei et al. 2020, section 2.4), for XLM-R's mixed and averaged layers, the
models named `wmt..-comet-da`; `scoring` compares it with that program before it is used.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from xling_bench.comet.program import Segment
from xling_bench.comet.weights import Checkpoint
from xling_bench.core.errors import UnsupportedModelError

if TYPE_CHECKING:
    import torch

MOST = 1 << 15  # embedded texts that are remembered: 128 MB of them, of XLM-R large
EXPECTED = {"class_identifier": "regression_metric", "encoder_model": "XLM-RoBERTa", "layer": "mix", "pool": "avg"}
# COMET's own, of what a checkpoint does not name
DEFAULTS = {**EXPECTED, "layer_transformation": "softmax", "layer_norm": True, "activations": "Tanh",
            "final_activation": None, "hidden_sizes": [3072, 1024]}  # fmt: skip


class Fast:
    """The model in float32. Raises UnsupportedModelError for one of another kind, and what torch raises of a damaged
    file."""

    def __init__(self, checkpoint: Checkpoint, *, trust: bool) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import XLMRobertaConfig, XLMRobertaModel

        stored = torch.load(
            checkpoint.path, map_location="cpu", weights_only=not trust, mmap=zipfile.is_zipfile(checkpoint.path)
        )
        named = {name: value for name, value in stored["hyper_parameters"].items() if value is not None}
        settings = {**DEFAULTS, **named}
        for name, value in EXPECTED.items():
            if settings[name] != value:
                raise UnsupportedModelError(f"its {name} is {settings[name]}, not {value}")
        words = checkpoint.encoder / "tokenizer.json"
        if not words.is_file():
            raise UnsupportedModelError(f"there is no {words}")
        config = XLMRobertaConfig.from_pretrained(checkpoint.encoder)
        self.tokenizer = Tokenizer.from_file(str(words))
        self.tokenizer.enable_truncation(config.max_position_embeddings - 4)  # COMET's: two less than there are
        self.tokenizer.no_padding()
        self.padding = int(self.tokenizer.token_to_id("<pad>") or config.pad_token_id or 0)
        weights = {name: value.float() for name, value in stored["state_dict"].items()}
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.encoder = _filled(XLMRobertaModel(config, add_pooling_layer=False), weights, "encoder.model.", self.device)
        layers = estimator([6 * config.hidden_size, *settings["hidden_sizes"], 1], settings)
        self.estimator = _filled(layers, weights, "estimator.ff.", self.device)
        mixture = "layerwise_attention."
        scalars = [weights[f"{mixture}scalar_parameters.{n}"] for n in range(config.num_hidden_layers + 1)]
        self.shares = (sparsemax if settings["layer_transformation"] == "sparsemax" else softmax)(torch.cat(scalars))
        self.gamma, self.normalised = weights[f"{mixture}gamma"].item(), bool(settings["layer_norm"])
        self.known: dict[str, torch.Tensor] = {}

    def scores(self, segments: Sequence[Segment], batch: int) -> list[float]:
        """A score for each segment; `batch` texts are embedded together."""
        import torch

        with torch.inference_mode():
            self._embed(list(dict.fromkeys(each[part] for each in segments for part in ("src", "mt", "ref"))), batch)
            source, said, gold = (
                torch.stack([self.known[each[part]] for each in segments]) for part in ("src", "mt", "ref")
            )
            features = (said, gold, said * gold, (said - gold).abs(), said * source, (said - source).abs())
            found: list[float] = self.estimator(torch.cat(features, dim=1)).view(-1).tolist()
        for text in list(self.known)[: max(0, len(self.known) - MOST)]:
            del self.known[text]
        return found

    def _embed(self, texts: Sequence[str], batch: int) -> None:
        """Know every text, those of one length together."""
        unknown = [text for text in texts if text not in self.known]
        tokens = {text: each.ids for text, each in zip(unknown, self.tokenizer.encode_batch(unknown), strict=True)}
        unknown.sort(key=lambda text: len(tokens[text]))
        for start in range(0, len(unknown), batch):
            chosen = unknown[start : start + batch]
            embedded = self._embedded([tokens[text] for text in chosen])
            self.known.update(zip(chosen, embedded, strict=True))

    def _embedded(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Sentence embeddings: layers, each normalised over its sentence, mixed, and averaged over tokens. (B, D)"""
        import torch

        longest = max(map(len, tokens))
        ids = torch.tensor([[*each, *[self.padding] * (longest - len(each))] for each in tokens], device=self.device)
        lengths = torch.tensor([[len(each)] for each in tokens], device=self.device)
        mask = torch.arange(longest, device=self.device) < lengths  # (B, T)
        layers = self.encoder(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True).hidden_states
        kept, mixed = mask.unsqueeze(-1).float(), torch.zeros(())
        for share, layer in zip(self.shares.tolist(), layers, strict=True):
            mixed = mixed + share * (_normalised(layer, kept) if self.normalised else layer)
        said = (mask & (ids != self.padding)).unsqueeze(-1)  # COMET drops a literal "<pad>" here, but counts it
        whole: torch.Tensor = self.gamma * (mixed * said).sum(1) / lengths
        return whole


def _normalised(layer: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """The layer with mean 0 and variance 1 over all numbers of a sentence. (B, T, D), kept (B, T, 1)"""
    numbers = kept.sum((1, 2), keepdim=True) * layer.shape[-1]
    mean = (layer * kept).sum((1, 2), keepdim=True) / numbers
    variance = (((layer * kept - mean) * kept) ** 2).sum((1, 2), keepdim=True) / numbers
    return (layer - mean) / (variance + 1e-12).sqrt()


def softmax(scalars: torch.Tensor) -> torch.Tensor:
    """Shares that sum to 1."""
    return scalars.softmax(0)


def sparsemax(scalars: torch.Tensor) -> torch.Tensor:
    """The nearest shares that sum to 1, some of them 0 (Martins and Astudillo 2016)."""
    import torch

    ordered = scalars.sort(descending=True).values
    sums = ordered.cumsum(0) - 1
    ranks = torch.arange(1, len(scalars) + 1)
    size = int((ranks * ordered > sums).sum())
    return (scalars - sums[size - 1] / size).clamp(min=0)


def estimator(sizes: Sequence[int], settings: Mapping[str, Any]) -> torch.nn.Sequential:
    """Layers from features to a score, numbered as COMET's are: each but the last has an activation and a dropout."""
    from torch import nn

    layers: list[nn.Module] = []
    for wide, narrow in pairwise(sizes):
        layers += [nn.Linear(wide, narrow), getattr(nn, settings["activations"].title())(), nn.Identity()]
    del layers[-2:]
    if settings["final_activation"]:
        layers.append(getattr(nn, settings["final_activation"].title())())
    return nn.Sequential(*layers)


def _filled(module: Any, weights: Mapping[str, torch.Tensor], prefix: str, device: str) -> Any:
    """A module with its part of the weights; every one of its own must be there."""
    own = module.state_dict().keys()
    part = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    module.load_state_dict({name: value for name, value in part.items() if name in own})
    return module.eval().to(device)
