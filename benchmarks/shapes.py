"""What the benchmarks of scoring share: random models of given shapes, their floating-point work, timing, rows.

Needs torch, transformers and `xling_bench.scoring`, nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, XGLMConfig

from xling_bench.scoring.tree import PrefixTree

Request = tuple[list[int], int]  # tokens, and the first that is scored
Answer = tuple[float, bool]  # log-likelihood, and whether every token was the likeliest
CANDIDATES = 3  # XNLI's: so many requests in a row are one document


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder; `kind` is xglm or llama."""

    kind: str
    vocabulary: int
    layers: int = 4
    hidden: int = 256
    heads: int = 8
    inner: int = 1024

    def build(self, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
        """A model with random weights, made on the device; in eval mode."""
        ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 2048}
        if self.kind == "xglm":
            config: Any = XGLMConfig(
                vocab_size=self.vocabulary, d_model=self.hidden, ffn_dim=self.inner, num_layers=self.layers,
                attention_heads=self.heads, dropout=0.0, attention_dropout=0.0, layerdrop=0.0, **ids,
            )  # fmt: skip
        else:
            config = LlamaConfig(
                vocab_size=self.vocabulary, hidden_size=self.hidden, intermediate_size=self.inner,
                num_hidden_layers=self.layers, num_attention_heads=self.heads, **ids,
            )  # fmt: skip
        torch.manual_seed(0)
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        if dtype == torch.float32:
            with torch.no_grad():  # the default initialisation is so flat that candidates would nearly tie
                for parameter in model.get_decoder().layers.parameters():
                    parameter.mul_(4.0 if parameter.dim() > 1 else 1.0)
        return model.eval()


@dataclass(frozen=True)
class FloatWork:
    """Floating-point operations and body positions of each way, when it does only what it must."""

    plain: int
    tree: int
    plain_tokens: int
    tree_tokens: int

    @property
    def bound(self) -> float:
        """What the ratio would be if both ways were limited by floating-point work alone."""
        return self.plain / self.tree


def float_work(model: Any, requests: Sequence[Request]) -> FloatWork:
    """Count the work of `requests`.

    A position costs B = 2 * (weights of the body's matrices) and A = 4 * layers * hidden for each token it sees, itself
    included; logits cost H = 2 * hidden * vocabulary. Every request by itself, without padding: B + H at each of its n
    positions (the last token is never fed) and A * n * (n + 1) / 2. The tree: B for each distinct token that something
    follows, A for each of its ancestors and itself, H for each distinct token after which something is scored.
    Embeddings, norms, activations and softmax count as nothing.
    """
    config = model.config
    body = 2 * sum(m.weight.numel() for m in model.base_model.modules() if isinstance(m, torch.nn.Linear))
    head = 2 * config.hidden_size * config.vocab_size
    seen = 4 * config.num_hidden_layers * config.hidden_size
    tree = PrefixTree()
    for tokens, start in requests:
        tree.add(tokens, start)
    parents, scored = np.array(tree.parents), np.array(tree.scored, dtype=bool)
    fed, asked = np.unique(parents[parents >= 0]), np.unique(parents[scored])
    sums = int((np.array(tree.depths)[fed] + 1).sum())
    lengths = [len(tokens) - 1 for tokens, _ in requests]
    plain = sum(lengths) * (body + head) + seen * sum(n * (n + 1) // 2 for n in lengths)
    return FloatWork(plain, len(fed) * body + len(asked) * head + seen * sums, sum(lengths), len(fed))


@dataclass
class Race:
    """Ways to answer the same requests, taking turns; the least time of each counts, since noise only adds."""

    ways: dict[str, Callable[[], list[Answer]]]
    cpu: dict[str, float] = field(default_factory=dict)
    wall: dict[str, float] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def run(self, repeats: int) -> Race:
        """Every way in turn, `repeats` times."""
        for _ in range(repeats):
            for name, way in self.ways.items():
                self.answers[name], cpu, wall = timed(way)
                self.cpu[name] = min(cpu, self.cpu.get(name, cpu))
                self.wall[name] = min(wall, self.wall.get(name, wall))
        return self

    def agreement(self, mine: str, other: str) -> dict[str, Any]:
        """Largest difference of log-likelihoods, equal decisions of documents, equal greedy flags of requests."""
        a, b = (np.array([sum_ for sum_, _ in self.answers[name]]) for name in (mine, other))
        chosen = [part.reshape(-1, CANDIDATES).argmax(1) for part in (a, b)]
        flags = [np.array([flag for _, flag in self.answers[name]]) for name in (mine, other)]
        return {
            "max_diff": float(f"{np.abs(a - b).max():.1e}"),
            "decisions": f"{(chosen[0] == chosen[1]).sum()}/{len(chosen[0])}",
            "greedy": f"{(flags[0] == flags[1]).sum()}/{len(a)}",
        }


def timed(way: Callable[[], list[Answer]]) -> tuple[list[Answer], float, float]:
    """What `way` answers, CPU-seconds of all threads, wall seconds; an accelerator's work is waited for."""
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    answers = way()
    wait()
    return answers, time.process_time() - cpu, time.perf_counter() - wall


def wait() -> None:
    """Until the accelerator, if any, has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def emit(row: dict[str, Any], path: Path | None) -> None:
    """Print a row as `key=value`, and append it to a file of JSON lines."""
    row = {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()}
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)
    if path:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def numbers(text: str) -> list[int]:
    """`0,5` to [0, 5]; ValueError where a part is no number."""
    return [int(part) for part in text.split(",")]
