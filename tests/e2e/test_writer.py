"""Our own greedy loop against transformers' `generate`, one prompt at a time."""

import logging
from functools import cache

import pytest
import torch
from architectures import NAMES, random_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lm_eval.models.utils_hf import stop_sequences_criteria

from xling_bench.core.errors import ModelError, UnsupportedModelError
from xling_bench.demo import make_tokenizer, training_text
from xling_bench.models.greedy import Ended
from xling_bench.scoring import generation
from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.generation import Writer, shortfall
from xling_bench.scoring.two_part import attend, share, whole

WORDS, MOST = 300, 20
MORE = {"gpt2": {}, "opt": {"pad_token_id": 0}, "falcon": {}, "phi": {}}


@cache
def model(name: str):
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    return random_model(name, WORDS, max_position_embeddings=256, **ids, **MORE.get(name, {}))


def ended(text) -> bool:
    return text[-1] % 9 == 0


@cache
def alone(name: str, prompt: tuple[int, ...]) -> list[int]:
    """What transformers writes."""
    ends = [token for token in range(WORDS) if ended([token])]
    made = model(name).generate(
        torch.tensor([prompt]), max_new_tokens=MOST, do_sample=False, eos_token_id=ends, pad_token_id=0
    )
    return made[0, len(prompt) :].tolist()


def is_tie(name: str, prompt: list[int], mine: list[int], theirs: list[int]) -> bool:
    """Whether two texts part at a token that the plain forward pass likes as well as the other."""
    at = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b)
    return shortfall(Decoder(model(name)), [*prompt, *theirs[:at]], [mine[at]])[0] < 1e-4


def same(name: str, prompts: list[list[int]], made: list[list[int]] | None) -> None:
    assert made is not None
    for prompt, mine in zip(prompts, made, strict=True):
        theirs = alone(name, tuple(prompt))
        assert mine == theirs or is_tie(name, prompt, mine, theirs)


def test_a_model_that_takes_no_positions_is_left_to_transformers() -> None:
    """MPT counts distances by slot, padding included, and swallows positions without a word."""
    decoder = Decoder(random_model("mpt", WORDS, attn_config={"attn_impl": "eager"}))
    with pytest.raises(UnsupportedModelError, match="takes no positions"):
        Writer(decoder)


def test_more_padding_than_before_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(Writer, "_check", lambda self, prompts, made: asked.append(max(map(len, prompts))))
    writer = Writer(Decoder(model("llama")))
    for lengths in ((9, 9), (9, 9), (9, 5), (9, 6), (12, 12), (4, 4)):
        writer.write([[3] * length for length in lengths], 2, ended)
    assert asked == [9, 9, 12]


token = st.integers(3, WORDS - 1)


@pytest.mark.parametrize("name", [*NAMES, *MORE])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prefix=st.lists(token, max_size=24),
    own=st.lists(st.lists(token, min_size=1, max_size=16), min_size=1, max_size=7),
    at_a_time=st.sampled_from([1, 20, 1000]),
)
def test_texts_are_those_of_transformers(name, prefix, own, at_a_time, monkeypatch) -> None:
    """With windows of five tokens, ALiBi, sinusoidal, learned and rotary positions, shared keys, bounded logits."""
    monkeypatch.setitem(generation.AT_A_TIME, "cpu", at_a_time)
    prompts, writer = [prefix + tokens for tokens in own], Writer(Decoder(model(name)))
    made = writer.write(prompts, MOST, ended)
    assert not writer.why
    same(name, prompts, made)
    assert writer.write(prompts, MOST, ended) == made, "with the prefix kept, to the last token"


def some(count: int = 6) -> list[list[int]]:
    return [[*range(5, 25), *range(30 + 7 * i, 33 + 9 * i)] for i in range(count)]


def test_what_prompts_share_is_computed_once_and_finished_texts_leave(monkeypatch) -> None:
    writer, computed, real = Writer(Decoder(model("llama"))), [], Decoder.attend

    def counted(self, tokens, places, seen, before):
        computed.append(tokens.numel())
        return real(self, tokens, places, seen, before)

    monkeypatch.setattr(Decoder, "attend", counted)
    made = writer.write(some(), MOST, ended)
    prefix, prompts, *steps = computed
    longest = max(map(len, some())) - 20
    assert (prefix, prompts) == (20, 6 * longest)
    assert len(steps) == max(map(len, made)) - 1
    assert sum(steps) < 6 * len(steps), "not all texts are as long as the longest"
    computed.clear()
    assert writer.write(some()[:3], MOST, ended) == made[:3]
    assert computed[0] < 20 + 3, "the demonstrations are there from the batch before"


def test_where_memory_does_not_suffice_batches_are_halved(monkeypatch) -> None:
    wanted, real, writer = Writer(Decoder(model("llama"))).write(some(), MOST, ended), Decoder.attend, None

    def full(self, tokens, *others):
        if len(tokens) > most:
            raise torch.OutOfMemoryError
        return real(self, tokens, *others)

    monkeypatch.setattr(Decoder, "attend", full)
    most, writer = 2, Writer(Decoder(model("llama")))
    assert writer.write(some(), MOST, ended) == wanted
    assert writer.halved == 3, "six, then three twice"
    most = 0
    with pytest.raises(ModelError, match="memory does not suffice for a text of"):
        Writer(Decoder(model("llama"))).write(some(1), MOST, ended)


@pytest.mark.parametrize("what", ["positions", "an error"])
def test_a_model_that_takes_it_otherwise_is_found_out_and_left_to_transformers(what, monkeypatch, caplog) -> None:
    real = Decoder.attend

    def wrong(self, tokens, places, seen, before):
        if what == "an error":
            raise TypeError("no cache of yours")
        return real(self, tokens, torch.zeros_like(places), seen, before)

    monkeypatch.setattr(Decoder, "attend", wrong)
    writer = Writer(Decoder(model("llama")))
    with caplog.at_level(logging.WARNING):
        assert writer.write(some(), MOST, ended) is None
        assert writer.write(some(), MOST, ended) is None
    assert len(caplog.records) == 1
    assert "by transformers' own generate" in caplog.text
    monkeypatch.setattr(Decoder, "attend", real)
    writer.start_afresh()
    assert writer.write(some(), MOST, ended) is not None


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 5), st.integers(1, 5), st.data())
def test_attention_in_two_parts_is_attention(kinds, group, before, own, data) -> None:
    torch.manual_seed(data.draw(st.integers(0, 999)))
    rows, width = 3, 4
    query = torch.randn(rows, kinds * group, 1, width)
    key, value = torch.randn(2, rows, kinds, own, width)
    prefix = torch.randn(1, kinds, before, width), torch.randn(1, kinds, before, width)
    mask = torch.rand(rows, 1, 1, before + own) < 0.7
    mask[..., -1] = True
    keys, values = whole(*share((key, value), prefix))
    keys, values = (part.repeat_interleave(group, 1) for part in (keys, values))
    wanted = torch.nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    torch.testing.assert_close(attend(query, key, value, mask, 0.0, width**-0.5), wanted)


@cache
def tokenizer():
    return make_tokenizer(training_text()[:400])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 399), min_size=1, max_size=12), st.data())
def test_texts_end_where_lm_eval_ends_them(ids, data) -> None:
    text = tokenizer().decode(ids)
    begin = data.draw(st.integers(0, len(text)))
    stop = ["</s>", "\n", text[begin : begin + data.draw(st.integers(1, 6))], ""]
    mine = Ended(tokenizer(), stop)
    theirs = stop_sequences_criteria(tokenizer(), [string for string in stop if string], 2, 1)
    for step in range(1, len(ids) + 1):
        asked = [bool(criterion(torch.tensor([[7, 7, *ids[:step]]]), None)) for criterion in theirs]
        assert mine(ids[:step]) == any(asked)
        if any(asked):
            break
