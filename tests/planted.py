"""Faults planted into the scoring engine, for tests of the check that is to find them."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from xling_bench.scoring import decoder as decoders
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.head import Head
from xling_bench.scoring.tree import PrefixTree


@contextmanager
def planted(fault: str, engine: Engine, size: float = 0.0):
    """The engine with a fault: its prefix is not seen, tokens after it stand one place further, a window is one token
    wider, or logits are multiplied by 1 + `size`."""
    usual, visible, run = engine.decoder.head, decoders._visible, Decoder.run
    with pytest.MonkeyPatch.context() as patch:
        if fault == "dropped prefix":

            def blind(ends, length):
                seen = visible(ends, length)
                seen[:, :, :length] = False
                return seen

            patch.setattr(decoders, "_visible", blind)
        elif fault == "position off by one":

            def shifted(self, tokens, positions, ends, prefix):
                return run(self, tokens, positions + (prefix.get_seq_length() > 0), ends, prefix)

            patch.setattr(Decoder, "run", shifted)
        elif fault == "window off by one":
            patch.setattr(engine.decoder, "window", engine.decoder.window + 1)
        else:
            assert fault == "wrong scale"
            scale = (usual.scale or 1.0) * (1 + size)
            patch.setattr(engine.decoder, "head", Head(usual.layer, usual.softcap, scale))
        yield


def values(engine: Engine, requests) -> torch.Tensor:
    """Log-probabilities of all scored tokens, computed as rows after trunks."""
    tree = PrefixTree()
    for tokens, start in requests:
        tree.add(tokens, start)
        tree.add([*tokens[: start + 1], tokens[start], tokens[start]], start + 1)  # so that there is a trunk
    work = Engine(engine.decoder, engine.budget, 1, 1).work(tree)
    return torch.cat([torch.from_numpy(work.values[list(nodes)]) for nodes in tree.requests[::2]])


def effect(fault: str, engine: Engine, requests, size: float = 0.0, right: torch.Tensor | None = None) -> float:
    """By how much a planted fault changes log-probabilities: nats a token (RMS). `right`: known `values`."""
    usual = values(engine, requests) if right is None else right
    with planted(fault, engine, size):
        return float((values(engine, requests) - usual).square().mean().sqrt())


def size_for(target: float, engine: Engine, requests, right: torch.Tensor | None = None, rounds: int = 4) -> float:
    """The `size` of a wrong scale that changes log-probabilities by `target` nats a token, or a little more."""
    usual = values(engine, requests) if right is None else right
    trial = 0.01 if engine.decoder.dtype == torch.float32 else 0.05
    for _ in range(rounds):
        trial *= target / effect("wrong scale", engine, requests, trial, usual)
    while effect("wrong scale", engine, requests, trial, usual) < target:  # rounded numbers move in steps
        trial *= 1.1
    return trial
