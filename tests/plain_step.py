"""A step of training the plain way: the whole model, all its hidden states, every logit of the vocabulary; small random
models, texts and samples to try ours by."""

from __future__ import annotations

from functools import cache

import torch
from architectures import NAMES, random_model
from torch.testing import assert_close

from xling_bench.training.batches import Sample

VOCABULARY = 61
CORE = ("xglm", "bloom", "llama", "qwen2")
PACKING = tuple(name for name in NAMES if name not in ("xglm", "bloom"))
DEPTH = {"xglm": "num_layers", "bloom": "n_layer"}
TEXTS = [[2, 3, 4, 5, 6, 7, 8], [9, 8, 7], [12, 30, 31, 5, 6]], [[5, 6, 7], [4, 4, 9, 10], [40, 41, 42, 43, 44, 45]]
SAMPLES = [Sample([2, 50, 51, 52, 53, 54, 55, 56], 3), Sample([2, 20, 21, 22], 2), Sample([2, 33, 34, 35, 36, 37], 1)]


@cache
def shared(name: str):
    return random_model(name, VOCABULARY)


def model(name: str, **settings):
    """Three layers, so that there is one in the middle; dropout off."""
    off = {"dropout": 0.0, "attention_dropout": 0.0} if name == "xglm" else {}
    return random_model(name, VOCABULARY, **{DEPTH.get(name, "num_hidden_layers"): 3, **off, **settings})


def gradients(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def same(one: dict, two: dict, rtol: float = 1e-4) -> None:
    """Equal gradients, where zero and none are the same.

    The absolute tolerance is 1e-5 of a tensor's largest, and 5e-7 of the largest of all: XGLM's key biases have a
    gradient of 0 (softmax does not see them), of which rounding makes 1e-8 to 3e-7, by processor.
    """
    floor = 5e-7 * max(float(g.abs().max()) for g in two.values())
    for name in one.keys() | two.keys():
        a, b = torch.broadcast_tensors(*(g.get(name, torch.zeros(())) for g in (one, two)))
        assert_close(a, b, rtol=rtol, atol=1e-5 * float(b.abs().max()) + floor, msg=lambda m, n=name: f"{n}: {m}")


def plain_mcl(network, texts, layer: int, how: str) -> torch.Tensor:
    """-log softmax of cosines / 0.05, from whole forward passes of one sentence each."""
    sides = []
    for side in texts:
        vectors = []
        for ids in side:
            states = network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0]
            vectors.append({"mean": states.mean(0), "max": states.amax(0), "last": states[-1]}[how])
        sides.append(torch.stack(vectors))
    a, p = (side / side.norm(dim=1, keepdim=True) for side in sides)
    scores = (a @ p.T / 0.05).exp()
    return -(scores.diagonal() / scores.sum(1)).log().mean()


def plain_cif(network, samples) -> torch.Tensor:
    """The mean over learnt tokens, from whole forward passes of one sample each and all logits."""
    found = []
    for sample in samples:
        ids = torch.tensor(sample.ids)
        logits = torch.log_softmax(network(input_ids=ids[None]).logits[0], -1)
        found += [-logits[t - 1, ids[t]] for t in range(sample.start, len(ids))]
    return torch.stack(found).mean()
