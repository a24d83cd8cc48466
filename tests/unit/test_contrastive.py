"""Pooling and losses of training: worked-out numbers, properties, and the same loss as another library computes it."""

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from xling_bench.core.errors import UsageError
from xling_bench.training.batches import Tokens, pairs
from xling_bench.training.losses.contrastive import Contrastive, contrastive
from xling_bench.training.pooling import pool

POOLINGS = ["mean", "max", "last"]
SEEDS = st.integers(0, 10_000)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Pooling


def test_pooling_by_hand() -> None:
    states = torch.tensor([[[1.0, -8.0], [3.0, -2.0], [100.0, 100.0]]])
    mask = torch.tensor([[True, True, False]])
    assert pool(states, mask, "mean").tolist() == [[2.0, -5.0]]
    assert pool(states, mask, "max").tolist() == [[3.0, -2.0]]
    assert pool(states, mask, "last").tolist() == [[3.0, -2.0]]
    left = torch.tensor([[False, True, True]])  # AFP's code: the second of three, wherever padding is
    assert pool(states, left, "last").tolist() == [[100.0, 100.0]]
    assert pool(states, left, "last_by_count").tolist() == [[3.0, -2.0]]
    assert pool(states, mask, "max_with_zeros").tolist() == [[3.0, 0.0]]  # AFP's code: a padded row's maximum is >= 0


@pytest.mark.parametrize("how", POOLINGS)
@given(seed=SEEDS, lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), extra=st.integers(0, 3))
@settings(max_examples=25)
def test_pooling_sees_neither_what_padding_holds_nor_its_side(how, seed, lengths, extra) -> None:
    width = max(lengths) + extra
    right, left = torch.full((len(lengths), width, 3), torch.nan), torch.full((len(lengths), width, 3), torch.inf)
    masks = torch.zeros(2, len(lengths), width, dtype=torch.bool)
    alone = []
    for row, length in enumerate(lengths):
        states = normal(seed + row, length, 3)
        right[row, :length], left[row, width - length :] = states, states
        masks[0, row, :length], masks[1, row, width - length :] = True, True
        alone.append(pool(states[None], torch.ones(1, length, dtype=torch.bool), how))
    assert_close(pool(right, masks[0], how), torch.cat(alone))
    assert_close(pool(left, masks[1], how), torch.cat(alone))


@pytest.mark.parametrize("how", [*POOLINGS, "max_with_zeros"])
def test_padding_gets_no_gradient_and_a_row_without_tokens_is_nan(how) -> None:
    states = normal(0, 2, 4, 3).requires_grad_()
    mask = torch.tensor([[True, True, False, False], [False, False, True, True]])
    pool(states, mask, how).square().sum().backward()
    assert states.grad[~mask].abs().max() == 0
    assert states.grad[mask].abs().max() > 0
    assert pool(states, mask & False, how).isnan().all()


def test_an_unknown_pooling_is_named() -> None:
    with pytest.raises(UsageError, match=r"no pooling 'men'; it is one of mean, max, last.*Did you mean 'mean'"):
        pool(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool), "men")


# Contrastive loss

# Cosines a1.p1 = 0.6, a1.p2 = 0, a2.p1 = 0.8, a2.p2 = 1, a1.a2 = 0; over a temperature of 0.2: 3, 0, 4, 5, 0.
ANCHOR, POSITIVE = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.3, 0.4], [0.0, 5.0]])


def test_contrastive_by_hand() -> None:
    # from the anchors: (log(1 + e^-3) + log(1 + e^-1)) / 2 = (0.0485874 + 0.3132617) / 2
    assert float(contrastive(ANCHOR, POSITIVE, temperature=0.2)) == pytest.approx(0.1809245, abs=1e-6)
    # from the positives: (log(1 + e^(4 - 3)) + log(1 + e^(0 - 5))) / 2 = (1.3132617 + 0.0067153) / 2 = 0.6599885
    both = contrastive(ANCHOR, POSITIVE, temperature=0.2, both_directions=True)
    assert float(both) == pytest.approx((0.1809245 + 0.6599885) / 2, abs=1e-6)
    # the other anchor too: (log(1 + 2 e^-3) + log(e^4 + e^5 + e^0) - 5) / 2 = (0.0949230 + 0.3181754) / 2
    wide = contrastive(ANCHOR, POSITIVE, temperature=0.2, negatives="both_sides")
    assert float(wide) == pytest.approx(0.2065492, abs=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"both_directions": True},
         {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}),
        ({"negatives": "both_sides"}, {"directions": ("query_to_doc", "query_to_query")}),
    ],
)  # fmt: skip
def test_contrastive_is_sentence_transformers_loss_at_scale_20(ours, theirs) -> None:
    """Value and gradient; scale 20 is 1 / 0.05."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    mine, other = ([normal(seed, 7, 5).requires_grad_() for seed in (1, 2)] for _ in range(2))
    loss = contrastive(*mine, **ours)
    oracle = MultipleNegativesRankingLoss(None, scale=20.0, **theirs).compute_loss_from_embeddings(other, None)
    assert_close(loss, oracle)
    loss.backward()
    oracle.backward()
    for one, two in zip(mine, other, strict=True):
        assert_close(one.grad, two.grad, rtol=1e-4, atol=1e-6)


@given(seed=SEEDS, size=st.integers(1, 6), scale=st.floats(0.01, 100), both=st.booleans())
@settings(max_examples=40)
def test_contrastive_knows_directions_only_and_no_order(seed, size, scale, both) -> None:
    a, p = normal(seed, size, 4), normal(seed + 1, size, 4)
    given_ = {"negatives": "both_sides" if both else "other_side"}
    loss = contrastive(a, p, **given_)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    assert_close(contrastive(a * scale, p / scale, **given_), loss, rtol=1e-4, atol=1e-4)
    assert_close(contrastive(a[order], p[order], **given_), loss, rtol=1e-4, atol=1e-4)
    twofold = contrastive(a, p, both_directions=True, **given_)
    assert_close(twofold, (loss + contrastive(p, a, **given_)) / 2)
    assert_close(twofold, contrastive(p, a, both_directions=True, **given_))
    assert float(contrastive(a, p, negatives="both_sides")) >= float(contrastive(a, p)) - 1e-5


class Vectors:
    """A network whose states are a linear map of its tokens' numbers."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight = weight

    def states(self, tokens: Tokens, _layer: int) -> torch.Tensor:
        table = normal(9, 99, len(self.weight))
        return table[tokens.ids] @ self.weight  # (N, T, D)


# Texts by number; pairs 1 and 4 share one, and so do 2 and 5, on other sides: in other halves of the batch.
SIDES = [[[1], [2], [3], [4], [2], [6]], [[7], [8], [9], [10], [11], [3]]]


def weight_gradient(loss: Contrastive, sides: list[list[list[int]]]) -> torch.Tensor:
    weight = normal(3, 4, 5).requires_grad_()
    rows = [pairs(*sides)]
    loss(Vectors(weight), rows).backward()
    return torch.cat([weight.grad.flatten(), loss.noted(rows)["equal_pairs"][None]])


def one_of_two(rank: int, folder: str) -> None:
    """A process with half of the pairs; replication's average of gradients is made by hand."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    sides = [side[3 * rank : 3 * rank + 3] for side in SIDES]
    for name, loss in (("plain", Contrastive()), ("code", Contrastive.of("code", {}))):
        gradient = weight_gradient(loss, sides)
        torch.distributed.all_reduce(gradient)
        torch.save(gradient / 2, f"{folder}/{name}{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.long
def test_two_processes_have_the_gradient_of_the_whole_batch(tmp_path) -> None:
    """AFP's code has half of it: its gathered vectors carry no gradient. Equal texts of both processes are seen."""
    torch.multiprocessing.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    for name, loss, share in (("plain", Contrastive(), 1.0), ("code", Contrastive(equal_texts="negatives"), 0.5)):
        want = weight_gradient(loss, SIDES)
        assert float(want[-1]) == pytest.approx(4 / 6)
        want[:-1] *= share
        for rank in range(2):
            assert_close(torch.load(tmp_path / f"{name}{rank}.pt"), want, rtol=1e-4, atol=1e-6)


def test_pairs_that_share_a_text_are_no_negatives_of_each_other() -> None:
    a, p = normal(1, 4, 5), normal(2, 4, 5)
    equal = torch.zeros(4, 4, dtype=torch.bool)
    equal[0, 2] = equal[2, 0] = True
    for negatives in ("other_side", "both_sides"):
        alone = [_term(a, p, i, [0, 1, 2, 3], negatives) for i in (1, 3)]
        want = (_term(a, p, 0, [0, 1, 3], negatives) + _term(a, p, 2, [1, 2, 3], negatives) + sum(alone)) / 4
        assert_close(contrastive(a, p, negatives=negatives, equal=equal), want)


def _term(a: torch.Tensor, p: torch.Tensor, i: int, kept: list[int], negatives: str) -> torch.Tensor:
    """-log of the share of pair i's own among those kept."""
    cosine = torch.nn.functional.cosine_similarity
    scores = [cosine(a[i], p[j], dim=0) / 0.05 for j in kept]
    if negatives == "both_sides":
        scores += [cosine(a[i], a[j], dim=0) / 0.05 for j in kept if j != i]
    return torch.logsumexp(torch.stack(scores), 0) - cosine(a[i], p[i], dim=0) / 0.05


@pytest.mark.parametrize("negatives", ["other_side", "both_sides"])
def test_one_pair_has_nothing_to_be_told_apart_from(negatives) -> None:
    a, p = normal(0, 1, 4).requires_grad_(), normal(1, 1, 4).requires_grad_()
    loss = contrastive(a, p, negatives=negatives, both_directions=True)
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(a.grad.abs().max()) == float(p.grad.abs().max()) == 0


def test_contrastive_is_float32_under_autocast() -> None:
    a, p = normal(0, 8, 16), normal(1, 8, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(contrastive(a, p), contrastive(a.clone(), p.clone()))
        inside = contrastive(a, p)
    assert torch.equal(inside, contrastive(a, p))
    assert contrastive(a.bfloat16(), p.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("shapes", "settings_", "message"),
    [
        (((2, 3), (3, 3)), {}, r"got \(2, 3\) and \(3, 3\)"),
        (((0, 3), (0, 3)), {}, "B > 0"),
        (((2, 3), (2, 3)), {"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        (((2, 3), (2, 3)), {"temperature": float("nan")}, "temperature must be above 0, got nan"),
        (((2, 3), (2, 3)), {"negatives": "all"}, "other_side or both_sides, got 'all'"),
    ],
)
def test_contrastive_refuses(shapes, settings_, message) -> None:
    with pytest.raises(UsageError, match=message):
        contrastive(torch.ones(shapes[0]), torch.ones(shapes[1]), **settings_)
