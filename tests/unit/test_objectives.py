"""Pooling and losses of training: worked-out numbers, properties, and the same loss as another library computes it."""

import itertools
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from xling_bench.errors import DataError, TrainingError, UsageError
from xling_bench.scoring.head import Head
from xling_bench.training.batches import Sample, bins, buckets, packed, padded, pairs
from xling_bench.training.objectives import causal_lm, contrastive, gathered, labelled, share, token_losses
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
    assert pool(states, mask, "max_with_zeros").tolist() == [[3.0, 0.0]]  # AFP's code: a padded row's maximum is >= 0


@pytest.mark.parametrize("how", POOLINGS)
@given(seed=SEEDS, lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), extra=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
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
@settings(max_examples=40, deadline=None)
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


def weight_gradient(weight: torch.Tensor, a: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    weight = weight.clone().requires_grad_()
    contrastive(gathered(a @ weight), gathered(p @ weight)).backward()
    return weight.grad


def one_of_two(rank: int, folder: str) -> None:
    """A process with half of the pairs; replication's average of gradients is made by hand."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    a, p = (normal(seed, 6, 4).chunk(2)[rank] for seed in (1, 2))
    gradient = weight_gradient(normal(3, 4, 5), a, p)
    torch.distributed.all_reduce(gradient)
    torch.save(gradient / 2, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_gradient_of_the_whole_batch(tmp_path) -> None:
    """AFP's code has half of it: its gathered vectors carry no gradient."""
    torch.multiprocessing.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    want = weight_gradient(normal(3, 4, 5), normal(1, 6, 4), normal(2, 6, 4))
    for rank in range(2):
        assert_close(torch.load(tmp_path / f"{rank}.pt"), want, rtol=1e-4, atol=1e-6)


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


# Causal LM

VOCABULARY = 23


def head(*, bias: bool = False, softcap: float | None = None, scale: float | None = None) -> Head:
    torch.manual_seed(3)
    return Head(torch.nn.Linear(6, VOCABULARY, bias=bias), softcap, scale)


def naive(hidden: torch.Tensor, labels: torch.Tensor, head: Head) -> torch.Tensor:
    """Every logit of the vocabulary at every position, one token after the other."""
    logits = torch.nn.functional.linear(hidden, head.layer.weight, head.layer.bias)
    logits = logits if head.scale is None else logits * head.scale
    logits = logits if head.softcap is None else head.softcap * torch.tanh(logits / head.softcap)
    found = [
        -torch.log_softmax(logits[b, t - 1], -1)[labels[b, t]]
        for b, t in itertools.product(range(labels.shape[0]), range(1, labels.shape[1]))
        if labels[b, t] != -100
    ]
    return torch.stack(found).mean()


@pytest.mark.parametrize("torchs_own", [True, False])
@pytest.mark.parametrize("chunk", [1, 4, 1000])
@pytest.mark.parametrize(
    "settings_", [{}, {"bias": True}, {"bias": True, "scale": 0.3}, {"softcap": 2.0, "bias": True}]
)
def test_causal_lm_is_the_mean_over_labelled_tokens(monkeypatch, torchs_own, chunk, settings_) -> None:
    if not torchs_own:
        monkeypatch.delattr(torch.nn, "LinearCrossEntropyOptions", raising=False)
    labels = torch.randint(0, VOCABULARY, (3, 5), generator=torch.Generator().manual_seed(0))
    labels[0, :3] = labels[2, 3:] = -100
    results = []
    for loss in (naive, lambda *given_: causal_lm(*given_, chunk=chunk)):
        hidden, layer = normal(1, 3, 5, 6).requires_grad_(), head(**settings_)
        value = loss(hidden, labels, layer)
        (2 * value).backward()
        results.append([value.detach(), hidden.grad, *(p.grad for p in layer.layer.parameters())])
    for want, got in zip(*results, strict=True):
        assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_a_head_that_is_no_plain_layer_still_has_a_loss() -> None:
    """As with an adapter on it: the layer is called, and its weight is not touched."""
    plain = head()
    wrapped = Head(torch.nn.Sequential(plain.layer), None, None)
    states, targets = normal(1, 9, 6), torch.arange(9)
    assert wrapped.weight is None
    assert_close(token_losses(states, targets, wrapped, chunk=4), token_losses(states, targets, plain))


def test_a_kernel_replaces_the_chunks() -> None:
    seen = []

    def kernel(states, targets, given_):
        seen.append((states.shape, targets.tolist(), given_))
        return states.sum()

    layer = head()
    assert float(token_losses(torch.ones(2, 6), torch.tensor([1, 2]), layer, kernel=kernel)) == 12
    assert seen == [((2, 6), [1, 2], layer)]


def test_under_autocast_the_loss_is_close_and_float32() -> None:
    states, targets, layer = normal(1, 200, 6), torch.arange(200) % VOCABULARY, head()
    exact = float(token_losses(states, targets, layer).detach())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = token_losses(states, targets, layer, chunk=64).detach()
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(exact, rel=0.01)


def test_labels_in_the_first_column_count_for_nothing() -> None:
    places, targets = labelled(torch.tensor([[7, -100, 8], [9, 1, -100]]))
    assert (places.tolist(), targets.tolist()) == ([1, 3], [8, 1])


def test_no_label_is_an_error() -> None:
    with pytest.raises(TrainingError, match="No token of the batch has a label"):
        causal_lm(torch.ones(1, 3, 6), torch.tensor([[5, -100, -100]]), head())


def test_what_the_instruction_loss_is_divided_by() -> None:
    assert (share(12, 3, "token"), share(12, 3, "sample")) == (12, 3)
    with pytest.raises(UsageError, match="per token or per sample, got 'word'"):
        share(1, 1, "word")


# Batches


def test_padded_by_hand() -> None:
    tokens = padded([Sample([5, 6, 7], 2), Sample([8, 9])], pad=1)
    assert tokens.ids.tolist() == [[5, 6, 7], [8, 9, 1]]
    assert tokens.positions.tolist() == [[0, 1, 2], [0, 1, 0]]
    assert tokens.mask.tolist() == [[True, True, True], [True, True, False]]
    assert (tokens.places.tolist(), tokens.targets.tolist(), tokens.samples) == ([1, 3], [7, 9], 2)
    left = padded([Sample([5, 6, 7], 2), Sample([8, 9])], pad=1, side="left", skip=[8])
    assert left.ids.tolist() == [[5, 6, 7], [1, 8, 9]]
    assert left.positions.tolist() == [[0, 1, 2], [0, 0, 1]]
    assert (left.places.tolist(), left.targets.tolist()) == ([1, 4], [7, 9])
    assert left.counted.tolist() == [[True, True, True], [False, False, True]]


def test_packed_by_hand() -> None:
    tokens = packed([[Sample([5, 6, 7], 2), Sample([8, 9])], [Sample([3, 4])]], length=6)
    assert tokens.ids.tolist() == [[5, 6, 7, 8, 9, 0], [3, 4, 0, 0, 0, 0]]
    assert tokens.positions.tolist() == [[0, 1, 2, 0, 1, 0], [0, 1, 0, 0, 0, 0]]
    assert tokens.mask is None
    assert (tokens.places.tolist(), tokens.targets.tolist(), tokens.samples) == ([1, 3, 6], [7, 9, 4], 3)


def test_pairs_stand_half_a_batch_apart() -> None:
    tokens = pairs([[1, 2], [3]], [[4], [5, 6, 7]], pad=0)
    assert tokens.ids.tolist() == [[1, 2, 0], [3, 0, 0], [4, 0, 0], [5, 6, 7]]
    assert torch.equal(tokens.to("cpu").ids, tokens.ids)


@given(lengths=st.lists(st.integers(1, 30), max_size=30), room=st.integers(30, 90))
@settings(max_examples=60, deadline=None)
def test_bins_and_buckets_hold_everything_once_and_fit(lengths, room) -> None:
    rows, batches = bins(lengths, room), buckets(lengths, room)
    for groups in (rows, batches):
        assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in row) <= room for row in rows)
    assert all(max(lengths[i] for i in batch) * len(batch) <= room for batch in batches)
    full = [sum(lengths[i] for i in row) for row in rows]
    assert all(one + two > room for one, two in itertools.combinations(full, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Sample([]), "has no tokens"),
        (lambda: Sample([1, 2], 3), r"sample of 2 tokens starts to be learnt at 1..2, not 3"),
        (lambda: Sample([1, 2], 0), "not 0"),
        (lambda: padded([]), "at least one sample"),
        (lambda: packed([[]]), "at least one sample in every row"),
        (lambda: packed([[Sample([1, 2, 3])]], length=2), "2 tokens long, but one holds samples of 3"),
        (lambda: pairs([[1]], []), "two sides, got 1 and 0 texts"),
        (lambda: pairs([[1]], [[2]], skip=[2]), "special tokens only"),
        (lambda: bins([5], 4), "has 5 tokens, but there is room for 4"),
        (lambda: buckets([5], 4), "has 5 tokens, but there is room for 4"),
    ],
)
def test_batches_refuse(call, message) -> None:
    with pytest.raises(DataError, match=message):
        call()
