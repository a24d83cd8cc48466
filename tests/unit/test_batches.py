"""Token lists as rows: by hand, and what every layout keeps."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.core.errors import DataError
from xling_bench.training.batches import Sample, bins, buckets, glued, packed, padded, pairs


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


def test_glued_by_hand() -> None:
    """Rows of 4: the second holds no label but in its first column, so its last token is learnt; 3 tokens are over."""
    samples = [Sample([2, 5, 6, 7, 8], 3, also=(0,)), Sample([3, 9, 4, 4, 4, 4], 6)]
    tokens = glued(samples, 4)
    assert tokens.ids.tolist() == [[2, 5, 6, 7], [8, 3, 9, 4]]
    assert tokens.positions.tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert bool(tokens.mask.all())
    assert (tokens.places.tolist(), tokens.targets.tolist(), tokens.samples) == ([2, 6], [7, 4], 2)
    short = glued([Sample([2, 5], 1), Sample([2, 6], 2, also=(0,))], 9)  # a begin token after another sample is learnt
    assert (short.ids.tolist(), short.places.tolist(), short.targets.tolist()) == ([[2, 5, 2, 6]], [0, 1], [5, 2])


def test_pairs_know_their_texts() -> None:
    texts = pairs([[1, 2], [3], [12]], [[4], [1, 2], [1]]).texts.tolist()
    assert texts[0] == texts[4]
    assert len(set(texts)) == 5


def test_pairs_stand_half_a_batch_apart() -> None:
    tokens = pairs([[1, 2], [3]], [[4], [5, 6, 7]], pad=0)
    assert tokens.ids.tolist() == [[1, 2, 0], [3, 0, 0], [4, 0, 0], [5, 6, 7]]
    assert torch.equal(tokens.to("cpu").ids, tokens.ids)


@given(lengths=st.lists(st.integers(1, 30), max_size=30), room=st.integers(30, 90))
@settings(max_examples=60)
def test_bins_and_buckets_hold_everything_once_and_fit(lengths, room) -> None:
    rows, batches = bins(lengths, room), buckets(lengths, room)
    for groups in (rows, batches):
        assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in row) <= room for row in rows)
    assert all(max(lengths[i] for i in batch) * len(batch) <= room for batch in batches)
    full = [sum(lengths[i] for i in row) for row in rows]
    assert all(one + two > room for one, two in itertools.combinations(full, 2))


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8), room=st.integers(9, 40), overhead=st.integers(0, 20)
)
@settings(max_examples=60)
def test_buckets_are_the_cheapest_division_there_is(lengths, room, overhead) -> None:
    """Against all divisions of the sorted samples into batches that fit."""

    def cost(batches) -> int:
        return sum(len(batch) * max(batch) + overhead for batch in batches)

    ordered = sorted(lengths, reverse=True)
    cheapest = min(
        cost(batches)
        for cuts in itertools.product([False, True], repeat=len(ordered) - 1)
        for batches in [_cut(ordered, cuts)]
        if all(len(batch) * max(batch) <= room for batch in batches)
    )
    assert cost([[lengths[i] for i in batch] for batch in buckets(lengths, room, overhead)]) == cheapest


def _cut(ordered: list[int], cuts) -> list[list[int]]:
    batches = [[ordered[0]]]
    for length, cut in zip(ordered[1:], cuts, strict=True):
        if cut:
            batches.append([])
        batches[-1].append(length)
    return batches


def test_many_samples_take_few_passes() -> None:
    """128 of 20 to 400 tokens: a pass each where it costs nothing, fewer the more it costs."""
    lengths = [20 + 3 * i for i in range(128)]
    passes = [len(buckets(lengths, 16 * 512, overhead)) for overhead in (0, 64, 1024)]
    assert passes == sorted(passes, reverse=True)
    assert passes[0] == 128
    assert passes[2] < 10


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
