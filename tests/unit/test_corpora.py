"""Training data: strings by hand, streams as functions of their index, allocations."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parallel_files import BACTRIAN, FOUR, LINES, everything, streams, task, write_json, write_lines

from xling_bench.core.errors import DataError, UsageError
from xling_bench.training.corpora import Instruction, Pair
from xling_bench.training.corpora.order import mixed, permuted, quotas, uniform
from xling_bench.training.corpora.templates import template
from xling_bench.training.corpora.texts import Task, instruction_of, translation_of

SEEDS = st.integers(min_value=0, max_value=2**63)


# --- strings -------------------------------------------------------------------------------------------------------


def test_strings_are_those_of_the_authors_code() -> None:
    afp = template("afp")

    def filled(key, asked, language, answered, response_language):
        return instruction_of(afp, key, asked, language, answered, response_language).filled()

    asked, answered = Task("Name the capital.", "France", "Paris"), Task("说出首都。", "法国", "巴黎")
    crossed = filled("7", asked, "en", answered, "zh")
    assert crossed == Instruction("7", "Name the capital. France Answer in Chinese: ", "巴黎", "en", "zh")
    stayed = filled("7", answered, "zh", answered, "zh")
    assert stayed.prompt + stayed.response == "说出首都。 法国 Answer in Chinese: 巴黎"
    bare = filled("8", Task("Greet the hedgehog.", "", "Hello"), "en", Task("Sag hallo.", "", "Hallo"), "de")
    assert bare.prompt + bare.response == "Greet the hedgehog. Answer in German: Hallo"
    pair = Pair("3", "Good morning", "Guten Morgen", "en", "de")
    both = [translation_of(afp, *drawn).filled() for drawn in ((pair, 0), (pair.turned(), 1))]
    texts = [found.prompt + found.response for found in both]
    assert texts == ["Good morning Translate into German: Guten Morgen", "Guten Morgen = Good morning"]
    blank = filled("8", Task("Greet the hedgehog.", " \n", ""), "en", Task("", "", "Hallo"), "de")
    assert blank.prompt == "Greet the hedgehog. Answer in German: "
    braces = filled("9", Task("Fill {x} in.", "{output}", ""), "en", Task("", "", "{y}"), "en")
    assert braces.prompt + braces.response == "Fill {x} in. {output} Answer in English: {y}"


# --- order ---------------------------------------------------------------------------------------------------------


@given(size=st.integers(1, 300), key=st.integers(0, 2**64 - 1))
def test_permuted_is_a_permutation(size, key) -> None:
    assert sorted(permuted(i, size, key) for i in range(size)) == list(range(size))


def test_random_numbers_never_change() -> None:
    """Streams are promised to be equal on any machine, so these are fixed; the first are SplitMix64's as published."""
    assert [mixed(1234567, i) for i in range(2)] == [6457827717110365317, 3203168211198807973]  # Rosetta Code
    assert [permuted(i, 10, 12345) for i in range(10)] == [8, 2, 7, 3, 9, 1, 5, 6, 4, 0]
    assert sum(uniform(3, i) for i in range(10_000)) / 10_000 == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.integers(0, 1000))
def test_quotas_sum_and_are_near(weights, total) -> None:
    shares = quotas(weights, total)
    assert sum(shares) == total
    assert all(abs(s - total * w / sum(weights)) < 1 + 1e-6 for s, w in zip(shares, weights, strict=True))


# --- streams -------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(seed=SEEDS, asked=st.lists(st.integers(0, 5000), min_size=1, max_size=20))
def test_items_depend_on_seed_and_index_only(tmp_path_factory, seed, asked) -> None:
    root = tmp_path_factory.mktemp("pure")
    for key in FOUR:
        write_lines(root, **{key: [f"{key} {i}" for i in range(7)]})
        write_json(root / f"{key}.json", [task(key, i, id=str(i)) for i in range(7)])
    one, other = everything(root, seed), everything(root, seed)
    for stream, again in ((one.pairs, other.pairs), (one.instructions, other.instructions)):
        backwards = {i: again[i] for i in reversed(asked)}
        assert [stream[i] for i in asked] == [backwards[i] for i in asked]


@pytest.mark.parametrize("pairing", ["pivot", "pairwise"])
def test_each_epoch_has_each_pair_once_in_another_order(parallel, pairing) -> None:
    stream = streams(parallel, pairs=[LINES], pairing=pairing).pairs
    size = len(stream)
    assert size == 40 * (3 if pairing == "pivot" else 6)
    epochs = [[stream[i] for i in range(start, start + size)] for start in (0, size, 2 * size)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) == 1
    assert len(set(epochs[0])) == size
    assert list(stream) == epochs[0]
    assert {p.source_language for p in epochs[0]} == ({"en"} if pairing == "pivot" else {"en", "de", "zh"})


def test_pairs_stay_aligned(parallel) -> None:
    for pair in streams(parallel, pairs=[LINES], reverse=0.5).pairs:
        number = pair.id.split(":")[1]
        assert pair.source == f"{pair.source_language} sentence {int(number) - 1}"
        assert pair.target == f"{pair.target_language} sentence {int(number) - 1}"


def test_seeds_differ(parallel) -> None:
    assert list(streams(parallel, 1, pairs=[LINES]).pairs) != list(streams(parallel, 2, pairs=[LINES]).pairs)


def test_weights_hold_and_rows_of_a_language_are_used_alike(parallel) -> None:
    stream = streams(parallel, pairs=[LINES], weights={"en": 1, "de": 6, "zh": 3, "sw": 1}).pairs
    drawn = [stream[i] for i in range(1200)]
    languages = Counter(pair.target_language for pair in drawn)
    assert [languages[key] for key in ("de", "zh", "sw")] == [720, 360, 120]
    rows = Counter(pair.id for pair in drawn if pair.target_language == "de")
    assert set(rows.values()) == {18}


def test_weights_hold_for_instructions_and_their_partners(parallel) -> None:
    weights = {"en": 1, "de": 2, "zh": 3, "sw": 2}
    stayed = streams(parallel, instructions=[BACTRIAN], weights=weights, p_src=1).instructions
    assert Counter(one.source_language for one in stayed) == {"en": 20, "de": 40, "zh": 60, "sw": 40}
    crossed = streams(parallel, instructions=[BACTRIAN], weights=weights, p_src=0).instructions
    drawn = Counter(crossed[i].response_language for i in range(7000))
    assert set(drawn) == {"de", "zh", "sw"}
    assert abs(drawn["zh"] - 3000) < 150  # standard deviation below 42
    assert abs(drawn["de"] - 2000) < 150


def test_a_language_is_never_left_out_by_rounding(parallel) -> None:
    with pytest.raises(UsageError, match="en-sw is so light that none of an epoch's 120 rows"):
        streams(parallel, pairs=[LINES], weights={"en": 1, "de": 1, "zh": 1, "sw": 1e-6})


def test_reverse_is_a_probability(parallel) -> None:
    stream = streams(parallel, pairs=[LINES], reverse=0.25).pairs
    turned = sum(stream[i].target_language == "en" for i in range(4000))
    assert 900 < turned < 1100  # 1000, standard deviation 27
    assert all(pair.target_language == "en" for pair in streams(parallel, pairs=[LINES], reverse=1).pairs)


def test_a_source_may_turn_and_translate_otherwise(parallel) -> None:
    """As AFP's code: pairs of instructions are never turned and no translation tasks, OPUS-100's are both."""
    instructions = {**BACTRIAN, "reverse": 0.0}
    plain = {**LINES, "reverse": 1.0, "translation": True}
    both = streams(parallel, pairs=[instructions, plain], instructions=[BACTRIAN], reverse=0.5)
    assert {found.target_language == "en" for found in both.pairs if found.id.startswith("lines")} == {True}
    assert {found.source_language for found in both.pairs if not found.id.startswith("lines")} == {"en"}
    translated = [found for found in both.instructions if " = " in found.prompt or "Translate into" in found.prompt]
    assert len(translated) == 120
    assert all(found.id.startswith("lines") and found.response_language == "en" for found in translated)


@pytest.mark.parametrize(("weights", "low", "high"), [({}, 1, 1), ({"en": 1, "de": 1, "zh": 20, "sw": 1}, 0.1, 2.8)])
def test_rates_say_how_often_a_row_comes(parallel, weights, low, high) -> None:
    stream = streams(parallel, pairs=[LINES], weights=weights).pairs
    counted = Counter("-".join(sorted({"en", f.source_language, f.target_language} - {"en"})) for f in stream)
    rates = {group.removeprefix("en-"): rate for group, rate in stream.rates.items()}
    assert {key: counted[key] / 40 for key in rates} == pytest.approx(rates)
    assert min(rates.values()) == pytest.approx(low, abs=0.05)
    assert max(rates.values()) == pytest.approx(high, abs=0.1)


@pytest.mark.parametrize("p_src", [0, 0.5, 0.8, 1])
@pytest.mark.parametrize("pairing", ["pivot", "pairwise"])
def test_p_src_is_the_probability_to_stay(parallel, p_src, pairing) -> None:
    stream = streams(parallel, instructions=[BACTRIAN], p_src=p_src, pairing=pairing).instructions
    drawn = [stream[i] for i in range(2000)]
    stayed = sum(found.source_language == found.response_language for found in drawn)
    assert abs(stayed - 2000 * p_src) < (100 if 0 < p_src < 1 else 1)
    for found in drawn:
        number = found.id.split("-")[1]
        assert found.prompt.startswith(f"{found.source_language} ask {number} Answer in ")
        assert found.response == f"{found.response_language} say {number}"
        crossed = found.source_language != found.response_language
        if crossed and pairing == "pivot":
            assert found.source_language == "en"
    if pairing == "pairwise" and p_src < 1:
        assert len({(f.source_language, f.response_language) for f in drawn if f.source_language != "en"}) > 6


def test_every_instruction_comes_once_an_epoch(parallel) -> None:
    stream = streams(parallel, instructions=[BACTRIAN], p_src=1).instructions
    assert len({(found.id, found.source_language) for found in stream}) == len(stream) == 160


def test_translation_tasks_join_the_instructions(parallel) -> None:
    both = streams(parallel, pairs=[LINES], instructions=[BACTRIAN], translation=True)
    assert (len(both.pairs), len(both.instructions)) == (120, 280)
    tasks = [found for found in both.instructions if found.id.startswith("lines")]
    forms = Counter(" = " in found.prompt for found in tasks)
    assert len(tasks) == 120
    assert 35 < forms[True] < 85  # 60, standard deviation 5.5
    only = streams(parallel, pairs=[LINES], translation=True)
    assert len(only.instructions) == 120
    assert streams(parallel, pairs=[LINES]).instructions is None
    assert streams(parallel, instructions=[BACTRIAN]).pairs is None


def test_a_stream_has_no_end_to_count_from(parallel) -> None:
    with pytest.raises(IndexError, match="0 or more, got -1"):
        streams(parallel, pairs=[LINES]).pairs[-1]


# --- allocation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["toml", "json"])
def test_allocation_caps_and_larger_ones_keep_the_rows_of_smaller(parallel, form) -> None:
    rows = {}
    for cap in (5, 20):
        counts = {"de": cap, "zho": 100, "sw": 0}
        text = json.dumps(counts) if form == "json" else "".join(f"{k} = {v}\n" for k, v in counts.items())
        (parallel / f"caps.{form}").write_text(text)
        found = streams(parallel, pairs=[LINES], allocation=f"caps.{form}")
        rows[cap] = {pair for pair in found.pairs if pair.target_language == "de"}
        assert Counter(pair.target_language for pair in found.pairs) == {"de": cap, "zh": 40}
        assert found.report["allocation"]["zh"] == {"cap": 100, "there": 40, "taken": 40}
    assert rows[5] < rows[20]


def test_an_allocation_may_stand_in_the_recipe(parallel) -> None:
    table = streams(parallel, pairs=[LINES], allocation={"deu": 5, "zh": 100, "sw": 0}).pairs
    assert Counter(pair.target_language for pair in table) == {"de": 5, "zh": 40}
    uniform = streams(parallel, pairs=[LINES], allocation=7).pairs
    assert Counter(pair.target_language for pair in uniform) == {"de": 7, "zh": 7, "sw": 7}
    with pytest.raises(DataError, match=r"data\.allocation: expected the number of pairs of sw, 0 or more; got none"):
        streams(parallel, pairs=[LINES], allocation={"de": 5, "zh": 1})
    with pytest.raises(DataError, match="unknown language 'swahilli'"):
        streams(parallel, pairs=[LINES], allocation={"de": 5, "zh": 1, "swahilli": 3})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("de = 5", "number of pairs of zh, 0 or more; got none"),
        ("de = 5\nzh = -1\nsw = 1", "got -1"),
        ("de = 5\nzh = true\nsw = 1", "got True"),
        ("de = 5\ngreman = 2", "unknown language 'greman'. Did you mean 'German'"),
        ("de = ", "not valid TOML"),
    ],
)
def test_bad_allocations_are_refused(parallel, text, said) -> None:
    (parallel / "caps.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        streams(parallel, pairs=[LINES], allocation="caps.toml")
