"""The check that decides whether the engine is trusted: right engines pass, whatever their noise; faults do not."""

import random

import pytest
import torch
from architectures import NAMES, random_model
from planted import effect, planted, size_for

from xling_bench.scoring.decoder import Decoder
from xling_bench.scoring.engine import Engine
from xling_bench.scoring.selfcheck import ENOUGH, WINDOW, Plain, Request, _siblings, compare, sample

VOCABULARY = 61
WINDOWED = ("mistral", "gemma2", "gemma3_text")
ALIBI = ("bloom",)  # its distances are those of the positions it is given


def engine_of(name: str, dtype: torch.dtype = torch.float32, **settings) -> Engine:
    return Engine(Decoder(random_model(name, VOCABULARY, **settings).to(dtype)), 1024)


def some(count: int = 4, seed: int = 0) -> list[Request]:
    """Requests of some forty tokens that begin alike, two thirds of them scored."""
    rng = random.Random(seed)  # noqa: S311
    words = lambda n: [rng.randrange(VOCABULARY) for _ in range(n)]  # noqa: E731
    common = words(12)
    return [Request(common + words(rng.randrange(24, 32)), 12) for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_right_engine_agrees_and_says_by_how_much(name, dtype) -> None:
    engine = engine_of(name, dtype)
    found = compare(engine, some(12))
    assert found.holds, found
    assert found.tokens == sum(len(tokens) - start for tokens, start in some(12))
    if dtype == torch.float32:
        assert max(found.noise, found.difference) < 1e-5 < found.threshold < 0.01 / 10
    else:
        assert found.threshold < 3 * found.noise
    assert found.described() == {"tokens": found.tokens, **{
        key: pytest.approx(getattr(found, key), rel=5e-3) for key in ("noise", "difference", "threshold")
    }}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in NAMES for fault in ("dropped prefix", "position off by one", "wrong scale")]
    + [(name, "window off by one") for name in WINDOWED],
)
def test_faults_of_a_hundredth_of_a_nat_a_token_are_found_in_float32(name, fault) -> None:
    engine, requests = engine_of(name), some()
    size = size_for(0.01, engine, requests) if fault == "wrong scale" else 0.0
    changed = effect(fault, engine, requests, size)
    assert changed >= 0.01, "a fault that changes nothing proves nothing"
    with planted(fault, engine, size):
        found = compare(engine, requests)
    assert not found.holds, (changed, found)
    assert compare(engine, requests).holds


@pytest.mark.parametrize("name", NAMES)
def test_faults_of_three_times_the_noise_are_found_in_bfloat16(name) -> None:
    engine, requests = engine_of(name, torch.bfloat16), some(14)
    noise = compare(engine, requests).noise
    with planted("wrong scale", engine, size_for(3 * noise, engine, requests)):
        assert not compare(engine, requests).holds


def test_the_reference_is_exact_for_many_words_where_float32_is_not() -> None:
    """262,144 words: over 80 tokens float32's log_softmax is off by 1e-3 (Gemma 3 270M, measured beforehand)."""
    network = random_model("llama", 262_144, tie_word_embeddings=True)
    plain = Plain(Decoder(network))
    request = Request([*range(5, 66)], 1)
    exact = plain.alone(request)
    with torch.no_grad():
        logits = network(torch.tensor([request.tokens[:-1]])).logits[0].double()
    wanted = zip(logits, request.tokens[1:], strict=True)
    truth = torch.stack([row[token] - row.exp().sum().log() for row, token in wanted])
    assert torch.allclose(exact, truth, rtol=0, atol=1e-12)
    found = compare(Engine(Decoder(network), 1024), [request])
    assert found.difference < 2e-5, found


def test_every_request_that_can_have_a_trunk_has_one(monkeypatch) -> None:
    """Also the longest alone, as later checks ask for: prefixes were dropped, and only the first check had any."""
    engine, lengths = engine_of("llama"), []
    run = Decoder.run
    monkeypatch.setattr(
        Decoder, "run", lambda self, *given: lengths.append(given[3].get_seq_length()) or run(self, *given)
    )
    (request,) = some(1)
    compare(engine, [request])
    assert {12, len(request.tokens) // 2} <= set(lengths), "where scoring begins, and half-way"
    assert _siblings(Request([1, 2], 1), VOCABULARY) == []


def test_a_number_that_is_none_is_no_agreement() -> None:
    engine = engine_of("llama")
    with torch.no_grad():
        engine.decoder.model.lm_head.weight[3] = float("nan")
    found = compare(engine, some())
    assert not found.holds
    assert found.strain == float("inf")


def test_long_and_many_requests_are_computed_in_batches_of_the_budget(monkeypatch) -> None:
    """Sixty short requests and one long one: padded to one length they would be a batch of 24,000 tokens."""
    engine = engine_of("llama")
    engine.budget, seen = 64, []
    monkeypatch.setattr(Plain, "_run", noting(Plain._run, seen))
    requests = [Request([1, 2, 3, i], 1) for i in range(60)] + [Request([*range(50)] * 3, 120)]
    assert compare(engine, requests).holds
    assert max(rows * width for rows, width in seen) <= 150


def noting(run, seen):
    def noted(self, count, **given):
        seen.append(tuple(given["input_ids"].shape))
        return run(self, count, **given)

    return noted


def test_samples_hold_the_longest_and_enough_tokens() -> None:
    short = [Request([1, 2, 3, i], 3) for i in range(200)]
    long = Request(list(range(50)) * 8, 399)
    chosen = sample([*short, long], torch.float32)
    assert chosen[0].tokens == long.tokens
    assert chosen[0].start == len(long.tokens) - WINDOW, "more of a long text is compared than was asked for"
    assert len(chosen) < 60
    assert sum(len(tokens) - start for tokens, start in sample(short, torch.float32)) >= ENOUGH / 2
    assert {request.start for request in chosen[1:]} == {1}
    more = sample([*short, long], torch.bfloat16)
    assert sum(len(t) - s for t, s in more) > sum(len(t) - s for t, s in chosen)
    assert sample(short[:1], torch.float32) == [Request([1, 2, 3, 0], 1)]
