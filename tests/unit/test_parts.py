"""An update learns the same however it is divided into parts; the losses that do not are named, and why is documented.

What processes are given of an update are parts, too (tests/slow/test_loss_processes.py).
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from architectures import random_model

from xling_bench.training.batches import Sample, padded, pairs
from xling_bench.training.examples import Part
from xling_bench.training.loop import AlignmentTrainer, Run
from xling_bench.training.losses import LOSSES
from xling_bench.training.objective import objective
from xling_bench.training.step import AlignmentStep

VOCABULARY, ROWS = 61, 8
DRAWN = random.Random(0)  # noqa: S311
SIDES = [[DRAWN.sample(range(2, VOCABULARY), DRAWN.randint(3, 14)) for _ in range(ROWS)] for _ in range(2)]
TASKS = [Sample(DRAWN.sample(range(2, VOCABULARY), 5 + 3 * n), DRAWN.randint(1, 4)) for n in range(ROWS)]
WORDS = [1, 0, 3, 0, 2, 1, 0, 2]  # links of each pair
SETTINGS = [
    *({"l2_to_base_sides": sides} for sides in ("pivot", "both")),
    *({f"word_alignment_{key}": value for key, value in zip(("aligner", "by"), both, strict=True)}
      for both in (("dictionary", "distance"), ("dictionary", "contrast"), ("argmax", "distance"),
                   ("argmax", "contrast"))),
    *({"per": per, "average": average} for per in ("token", "sample") for average in ("update", "part")),
    *({"distillation_sides": sides} for sides in ("both", "other")),
]  # fmt: skip
# By design: what a sentence or word is told apart from is its part's; and AFP's code has means of means.
DIVIDED = [
    {"loss": "contrastive"}, {"loss": "labse"}, {"loss": "momentum"}, {"word_alignment_by": "contrast"},
    {"average": "part", "per": "token"},
]  # fmt: skip


def cases() -> list[dict[str, str]]:
    """Every loss as it is, and in each way that changes what it is a mean of."""
    found = []
    for loss in LOSSES:
        own = [settings for settings in SETTINGS if settings.keys() <= loss.keys().keys()]
        found += [{"loss": loss.name, **settings} for settings in own or [{}]]
    return found


def part(first: int, last: int) -> Part:
    """Rows `first` to `last`, every other pair turned."""
    chosen = range(first, last)
    tokens = pairs(*([side[n] for n in chosen] for side in SIDES))
    links = [
        [n - first, word, word + 1, word + 1, word + 2, SIDES[0][n][word], SIDES[1][n][word + 1]]
        for n in chosen
        for word in range(min(WORDS[n], 2))
    ]
    turned = torch.tensor([n - first + (len(chosen) if n % 2 else 0) for n in chosen])
    held = torch.tensor(links, dtype=torch.long).reshape(-1, 7)
    return Part(replace(tokens, pivots=turned, links=held), [padded([TASKS[n] for n in chosen])])


class Unread(torch.utils.data.Dataset):
    """Examples of a trainer that is given its parts by hand."""

    count = 0

    def __len__(self) -> int:
        return self.count


def learnt(case: dict[str, str], parts: int, folder: Path) -> tuple[float, torch.Tensor, float]:
    """The loss of an update, its gradient, and what is logged of it."""
    settings = {key: value for key, value in case.items() if key != "loss"}
    only = {f"{loss.name}_weight": float(loss.name == case["loss"]) for loss in LOSSES}
    model = random_model("llama", VOCABULARY, num_hidden_layers=3)
    step = AlignmentStep(model, objective(**only, **settings))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.mul_(1 + 0.1 * (number % 3))
    trainer = AlignmentTrainer(step, Unread(), None, folder, Run(steps=1))
    size = ROWS // parts
    total = trainer.training_step(step, [part(n * size, (n + 1) * size) for n in range(parts)])
    gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    return float(total), gradient, float(trainer.sums[case["loss"]])


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(case.values()))
def test_how_an_update_is_divided_changes_nothing_but_where_it_is_said(case: dict[str, str], tmp_path: Path) -> None:
    whole = learnt(case, 1, tmp_path)
    assert whole[0] > 1e-4
    assert float(whole[1].norm()) > 1e-3
    divided = any(exception.items() <= case.items() for exception in DIVIDED)
    for parts in (2, 4):
        found = learnt(case, parts, tmp_path)
        off = float((found[1] - whole[1]).norm() / whole[1].norm())
        if divided:
            assert off > 1e-3
        else:
            assert found[0] == pytest.approx(whole[0], rel=1e-4)
            assert found[2] == pytest.approx(whole[2], rel=1e-4), "as it is logged"
            assert off < 1e-3
