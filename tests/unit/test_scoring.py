"""The shared-prefix engine against the plain forward pass, one sequence at a time, of the same tiny random models."""

import random
from functools import cache

import pytest
import torch
from architectures import NAMES, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from xling_bench.core.errors import ModelError, UnsupportedModelError
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.head import Head
from xling_bench.scoring.schedule import make_plan
from xling_bench.scoring.tree import PrefixTree

VOCABULARY = 61
SEED = 0


@cache
def model(name: str):
    return random_model(name, VOCABULARY)


def plain(network, sequence: list[int], start: int) -> tuple[float, bool]:
    """The definition: sum of log P(token | all before it), one sequence at a time, float32."""
    with torch.no_grad():
        rows = torch.log_softmax(network(torch.tensor([sequence[:-1]])).logits[0].float(), -1)
    scored = range(start, len(sequence))
    return sum(float(rows[i - 1, sequence[i]]) for i in scored), all(
        int(rows[i - 1].argmax()) == sequence[i] for i in scored
    )


def tree_of(requests: list[tuple[list[int], int]]) -> PrefixTree:
    tree = PrefixTree()
    for sequence, start in requests:
        tree.add(sequence, start)
    return tree


def compare(network, requests, budget: int, worth: int) -> None:
    engine = Engine(Decoder(network), budget, worth=worth)
    for (sequence, start), score in zip(requests, engine.score(tree_of(requests)), strict=True):
        total, greedy = plain(network, sequence, start)
        assert score.sum == pytest.approx(total, abs=1e-3, rel=1e-6)
        assert (score.greedy, score.tokens) == (greedy, len(sequence) - start)


@st.composite
def some_requests(draw):
    """Sequences over few tokens, so that they share beginnings, repeat and contain one another."""
    few = draw(st.integers(1, 4))
    common = draw(st.lists(st.integers(0, VOCABULARY - 1), max_size=12))
    tails = st.lists(st.integers(0, few), min_size=2, max_size=9)
    found = []
    for tail in draw(st.lists(tails, min_size=1, max_size=9)):
        sequence = common + tail if draw(st.booleans()) else tail
        found.append((sequence, draw(st.integers(1, len(sequence) - 1))))
    return found


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(requests=some_requests(), budget=st.sampled_from([1, 20, 1000]), worth=st.sampled_from([1, 8, 10**6]))
def test_any_tree_scores_as_its_sequences_do_one_by_one(name, requests, budget, worth) -> None:
    compare(model(name), requests, budget, worth)


@given(requests=some_requests(), worth=st.sampled_from([1, 8, 10**6]), width=st.sampled_from([1, 32, 4096]))
def test_the_plan_computes_every_node_in_its_context(requests, worth, width) -> None:
    tree = tree_of(requests)
    inner = {parent for parent in tree.parents if parent >= 0}
    computed = set()
    above = []
    for trunk in make_plan(tree, width, worth).walk():
        above = [*above[: trunk.depth], trunk.nodes]
        path = [node for nodes in above for node in nodes]
        computed |= set(trunk.nodes)
        assert len(path) == trunk.length
        for row in trunk.rows:
            computed |= set(row.nodes)
            for index, node in enumerate(row.nodes):
                seen = [row.nodes[k] for k in range(index + 1) if index < row.ends[k]]
                ancestors = [node]
                while tree.parents[ancestors[0]] >= 0:
                    ancestors.insert(0, tree.parents[ancestors[0]])
                assert path + seen == ancestors, "a token sees its ancestors, all of them and nothing else"
    assert computed == inner


def test_what_is_shared_is_computed_once() -> None:
    """5-shot shape: demonstrations once, each premise once, each candidate's own words once."""
    rng = random.Random(SEED)  # noqa: S311
    words = lambda n: [rng.randrange(VOCABULARY) for _ in range(n)]  # noqa: E731
    demos, requests = words(300), []
    for _ in range(20):
        premise = words(20)
        requests += [(demos + premise + [candidate] + words(8), 300) for candidate in (1, 2, 3)]
    engine = Engine(Decoder(model("llama")), 512, worth=128)
    engine.score(tree_of(requests))
    assert engine.computed == 300 + 20 * (20 + 3 * 8)  # a candidate's last token is scored, never computed


def test_greedy_is_the_first_of_equally_likely_tokens_over_chunks_of_the_vocabulary(monkeypatch) -> None:
    monkeypatch.setattr("xling_bench.scoring.head.COLUMNS", 4)
    monkeypatch.setattr("xling_bench.scoring.head.ROWS", 3)
    torch.manual_seed(1)
    layer = torch.nn.Linear(8, 19)
    with torch.no_grad():
        layer.weight[7], layer.bias[7] = layer.weight[13], layer.bias[13]  # same chunk or not, tokens tie
        layer.weight[5], layer.bias[5] = layer.weight[7], layer.bias[7]
    hidden = torch.randn(40, 8) + 3 * layer.weight[13].detach()
    rows = torch.arange(40).repeat_interleave(19)
    tokens = torch.arange(19).repeat(40)
    with torch.no_grad():
        values, greedy = Head(layer, None, None).score(hidden, rows, tokens)
        expected = torch.log_softmax(layer(hidden), -1)
    torch.testing.assert_close(values.reshape(40, 19), expected)
    assert (expected.argmax(-1) == 5).any()
    # ties as they come out of the chunked product itself, which may differ from the whole one in the last bit
    assert greedy.reshape(40, 19).sum(-1).tolist() == [1] * 40
    assert (values.reshape(40, 19).gather(1, greedy.reshape(40, 19).int().argmax(-1, keepdim=True)).squeeze(1)
            == values.reshape(40, 19).amax(-1)).all()  # fmt: skip


class Small:
    """A decoder whose memory holds so many tokens, padding included."""

    def __init__(self, decoder, most: int) -> None:
        self.decoder, self.most, self.sizes = decoder, most, []

    def __getattr__(self, name):
        return getattr(self.decoder, name)

    def run(self, tokens, *arguments):
        if tokens.numel() > self.most:
            raise torch.OutOfMemoryError("no more")
        self.sizes.append(tokens.numel())
        return self.decoder.run(tokens, *arguments)


def test_out_of_memory_halves_the_budget_and_goes_on() -> None:
    rng = random.Random(SEED)  # noqa: S311
    requests = [([i] + [rng.randrange(VOCABULARY) for _ in range(9)], 1) for i in range(40)]
    small = Small(Decoder(model("llama")), 100)
    engine = Engine(small, 1000, worth=10**6)
    scores = engine.score(tree_of(requests))
    assert engine.halved == 2, "360 tokens, 180, 90"
    assert engine.budget == 90
    assert max(small.sizes) <= 90
    for (sequence, start), score in zip(requests, scores, strict=True):
        assert score.sum == pytest.approx(plain(model("llama"), sequence, start)[0], abs=1e-3)
    with pytest.raises(ModelError, match="one document of 9 tokens"):
        Engine(Small(Decoder(model("llama")), 8), 1000).score(tree_of(requests))


def test_an_error_that_is_not_about_memory_is_not_taken_for_one() -> None:
    decoder = Small(Decoder(model("llama")), 10**6)
    decoder.run = lambda *_: (_ for _ in ()).throw(RuntimeError("a kernel failed"))
    with pytest.raises(RuntimeError, match="a kernel failed"):
        Engine(decoder, 100).score(tree_of([([1, 2, 3], 1)]))


@pytest.mark.parametrize("start", [0, 3, 4])
def test_a_request_has_something_before_and_something_scored(start) -> None:
    with pytest.raises(ValueError, match="1 <= start < length"):
        PrefixTree().add([5, 6, 7], start)


def test_models_that_cannot_take_a_tree_are_refused_with_the_reason() -> None:
    network = random_model("llama", VOCABULARY)
    network.config.layer_types = ["full_attention", "linear_attention"]
    with pytest.raises(UnsupportedModelError, match="linear_attention"):
        Decoder(network)
    network.config.layer_types = None
    network.config.rope_parameters = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    with pytest.raises(UnsupportedModelError, match="depend on a text's length"):
        Decoder(network)
    network.config.rope_parameters = {"rope_type": "default", "rope_theta": 1e4}
    network.config._attn_implementation = "flash_attention_2"
    with pytest.raises(UnsupportedModelError, match="flash_attention_2"):
        Decoder(network)


def test_xglms_own_attention_is_back_afterwards() -> None:
    network = model("xglm")
    with pytest.raises(IndexError):
        compare(network, [([1, 2, VOCABULARY], 1), ([1, 3, 4, VOCABULARY, 5], 1)], 10, 1)
    assert "forward" not in vars(network.model.layers[0].self_attn)


@given(requests=some_requests(), processes=st.integers(1, 4), budget=st.sampled_from([1, 20]))
@settings(max_examples=20)
def test_shares_of_several_processes_add_up_to_the_last_bit(requests, processes, budget) -> None:
    """Each node is read off by exactly one process, the trunks' by the first."""
    decoder = Decoder(model("xglm"))
    whole = Engine(decoder, budget, worth=8).work(tree_of(requests))
    parts = [Engine(decoder, budget, worth=8, share=(k, processes)).work(tree_of(requests)) for k in range(processes)]
    assert sum(part.values for part in parts).tolist() == whole.values.tolist()
    assert sum(part.greedy.astype(int) for part in parts).tolist() == whole.greedy.astype(int).tolist()


@pytest.mark.parametrize("demos", [0, 40])
def test_letters_take_one_position_of_their_item(demos: int) -> None:
    """Candidates of one token after the same context: only the contexts are computed, every letter's log-probability is
    read off the last position, and what items begin with is computed once."""
    network, noise = model("llama"), random.Random(3)  # noqa: S311 - no secret
    shown = [noise.randrange(VOCABULARY) for _ in range(demos)]
    items = [[*shown, first, *(noise.randrange(VOCABULARY) for _ in range(11))] for first in range(6)]
    requests = [([*item, letter], len(item)) for item in items for letter in (3, 5, 7, 11)]
    engine = Engine(Decoder(network), 256)
    scores = engine.score(tree_of(requests))
    distinct = len({tuple(item[: i + 1]) for item in items for i in range(len(item))})
    assert engine.computed == distinct <= demos + 6 * 12  # no letter among them
    for (sequence, start), score in zip(requests, scores, strict=True):
        total, greedy = plain(network, sequence, start)
        assert (score.sum, score.greedy) == (pytest.approx(total, abs=1e-4), greedy)
