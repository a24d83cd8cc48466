"""Optimal transport between two sentences' tokens: masses, the exact optimum, the gradient, padding."""

import pytest
import torch
from architectures import random_model
from scipy.optimize import linear_sum_assignment
from torch.nn.functional import normalize
from torch.testing import assert_close

from xling_bench.training.batches import pairs
from xling_bench.training.losses.transport import Transport
from xling_bench.training.model import Network
from xling_bench.training.sinkhorn import plan

HERE = torch.tensor([[True, True, True, False], [False, True, True, True]])
THERE = torch.tensor([[True, True, False, False, False], [True, True, True, True, True]])


def costs(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_masses_are_alike_and_padding_moves_nothing() -> None:
    found = plan(costs(0, 2, 4, 5), HERE, THERE, 0.1, 500)
    assert_close(found.sum(2), HERE / HERE.sum(1, keepdim=True))
    assert_close(found.sum(1), THERE / THERE.sum(1, keepdim=True))
    garbage = costs(0, 2, 4, 5).masked_fill(~(HERE[:, :, None] & THERE[:, None, :]), 1e6)
    assert_close(plan(garbage, HERE, THERE, 0.1, 500), found)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_epsilon_finds_the_best_assignment(seed: int) -> None:
    """Of as many tokens on both sides: scipy's exact one."""
    cost = costs(seed, 1, 6, 6)
    everything = torch.ones(1, 6, dtype=torch.bool)
    found = plan(cost, everything, everything, 0.005, 5000)[0]
    rows, columns = linear_sum_assignment(cost[0].numpy())
    assert float((found * cost[0]).sum()) == pytest.approx(float(cost[0][rows, columns].mean()), abs=1e-3)


def test_at_the_docs_epsilon_and_iterations_rows_are_right_to_a_percent() -> None:
    """For costs between 0 and 1, of sentences of different lengths."""
    found = plan(costs(5, 2, 4, 5), HERE, THERE, 0.1, 50).sum(2)[HERE]
    assert_close(found, (HERE / HERE.sum(1, keepdim=True))[HERE], rtol=0.01, atol=0)


def test_the_gradient_is_that_of_the_regularised_minimum() -> None:
    """By differences of its value, whose derivative in a cost is the plan there (Danskin)."""
    cost = costs(1, 1, 3, 4).double()
    everything = torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 4, dtype=torch.bool)

    def value(at: torch.Tensor) -> float:
        moved = plan(at, *everything, 0.3, 300).double()
        return float((moved * at).sum() + 0.3 * (moved * moved.log()).sum())

    moved = plan(cost, *everything, 0.3, 300)
    for s, t in ((0, 0), (2, 3)):
        step = torch.zeros_like(cost)
        step[0, s, t] = 0.05
        assert (value(cost + step) - value(cost - step)) / 0.1 == pytest.approx(float(moved[0, s, t]), abs=2e-3)


def test_the_loss_is_the_mean_cost_of_pairs_one_at_a_time() -> None:
    texts = [[2, 3, 4, 5, 6], [9, 8, 7]], [[5, 6, 7], [4, 4, 9, 10]]
    network = random_model("llama", 61)
    loss = Transport(layer=1, epsilon=0.2, iterations=80)
    found = loss(Network(network), [pairs(*texts)])
    alone = []
    for one, other in zip(*texts, strict=True):
        given = ({"input_ids": torch.tensor([ids]), "output_hidden_states": True} for ids in (one, other))
        a, b = (normalize(network(**each).hidden_states[1][0], dim=-1) for each in given)
        scores, left, right = -(1 - a @ b.T) / 0.2, torch.zeros(len(a)), torch.zeros(len(b))
        for _ in range(80):  # plain Sinkhorn, of one pair
            left = 1 / len(a) / (scores.exp() @ right.exp())
            left = left.log()
            right = (1 / len(b) / (scores.exp().T @ left.exp())).log()
        alone.append(((scores + left[:, None] + right).exp().detach() * (1 - a @ b.T)).sum())
    assert_close(found, torch.stack(alone).mean(), rtol=1e-4, atol=1e-5)
    found.backward()
    assert all(p.grad is not None for p in network.model.layers[0].parameters())
    assert 0 <= float(found.detach()) <= 2
