"""Cloze and letter forms: what is listed, what is scored, and that both ask the same."""

import re
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog import families, get_benchmark, get_task, task_specs
from xling_bench.catalog.declarations import check_form
from xling_bench.catalog.prompt import Form
from xling_bench.catalog.render import render
from xling_bench.core.errors import DataError
from xling_bench.data import Source, load, sample

LETTERED = {"kind": "choose", "prompt": "{before}\n{lettered}\nAnswer:", "lettered": "{letter}. {choice}"}
options = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1), min_size=2,
                   max_size=26)  # fmt: skip


def row(texts: list[str], label: int) -> dict:
    given = {"id": "i", "relation": "r", "subject": "s", "before": "{choice}?", "after": "", "answer": texts[label]}
    return {**given, "candidates": texts, "label": label}


@given(options, st.data())
def test_each_letter_stands_before_its_choice_and_the_golds_letter_is_right(texts: list[str], data) -> None:
    label = data.draw(st.integers(0, len(texts) - 1))
    shown = render(get_benchmark("mlama"), Form(**LETTERED, candidate="{letter}"), row(texts, label))
    lines = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, texts, strict=False)]
    assert shown.prompt == "\n".join(["{choice}?", *lines, "Answer:"])  # braces of data stay text
    assert shown.choices == tuple(ascii_uppercase[: len(texts)])
    assert shown.answer == shown.choices[shown.gold] == ascii_uppercase[label]
    # The list may be shown and the answers' texts scored.
    hybrid = render(get_benchmark("mlama"), Form(**LETTERED, candidate="{choice}"), row(texts, label))
    assert (hybrid.prompt, hybrid.choices, hybrid.answer) == (shown.prompt, tuple(texts), texts[label])


def test_stripped_fields_lose_the_white_space_around_them() -> None:
    item = row(["a", "b"], 0) | {"before": " x y\n"}
    shown = [render(get_benchmark("mlama"), Form(**LETTERED, candidate="{letter}", stripped=names), item).prompt
             for names in ((), ("before",))]  # fmt: skip
    assert shown == [" x y\n\nA. a\nB. b\nAnswer:", "x y\nA. a\nB. b\nAnswer:"]


def test_more_candidates_than_letters_are_an_error_that_names_the_item() -> None:
    with pytest.raises(DataError, match="item i: 27 candidates; letter forms have 26 letters"):
        render(get_benchmark("mlama"), Form(**LETTERED, candidate="{letter}"), row([str(i) for i in range(27)], 0))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [({"prompt": "{before}"}, "the prompt lacks {lettered}, the list whose letters are scored"),
     ({"lettered": "{choice}"}, "lettered: a line of the list has {letter} and {choice}"),
     ({"lettered": ""}, "unknown placeholder {lettered}"),
     ({"candidate": "{before}"}, "the candidate's placeholder is missing"),
     ({"unconditional": "{before}"}, "unknown placeholder {before}"),
     ({"stripped": ("label",)}, "stripped: label is no text of the row")],
)  # fmt: skip
def test_a_form_whose_letters_say_nothing_is_seen(changed: dict, problem: str) -> None:
    whole = {**LETTERED, "candidate": "{letter}", "unconditional": "Answer:"}
    assert check_form(get_benchmark("mlama"), Form(**whole)) == []
    assert problem in check_form(get_benchmark("mlama"), Form(**whole | changed))


def name_of(family: str, key: str, unit: str) -> str:
    """A task's name: of the default suite, or with its family."""
    return f"xling_{key}_{unit}" if get_benchmark(key).family == family else f"xling-{family}_{key}_{unit}"


def pairs() -> list[tuple[str, str]]:
    """(cloze task, letter task) wherever a benchmark asks a question in both."""
    asked = [spec for spec in task_specs().values() if spec.family.key.startswith("cf") and spec.form().unconditional]
    return [(spec.name, name_of(f"m{spec.family.key}", spec.benchmark.key, str(spec.unit))) for spec in asked]


def test_letters_ask_what_cloze_asks() -> None:
    """Both forms of a benchmark differ by the list alone, in every language."""
    assert len(pairs()) > len(families()["cf"].forms)
    for cloze, letters in pairs():
        asked, listed = get_task(cloze).form(), get_task(letters).form()
        plain = {key: value.replace("{lettered}\n", "") for key, value in templates(listed.prompt).items()}
        assert plain == templates(asked.prompt), letters
        same = {"labels", "separator", "unconditional", "by"}
        assert listed.model_dump(include=same) == asked.model_dump(include=same), letters


def templates(template: str | dict[str, str]) -> dict[str, str]:
    return template if isinstance(template, dict) else {"": template}


def test_native_families_say_in_english_what_the_english_ones_say() -> None:
    """Whatever their words are, blanks and marks stand where the English forms have them."""
    for native, english in (("cf-native", "cf"), ("mcf-native", "mcf")):
        for key in families()[native].forms:
            if (name := name_of(native, key, "en")) in task_specs():
                assert get_task(name).form() == get_task(name_of(english, key, "en")).form(), name
    for spec in task_specs().values():
        if spec.family.key in ("cf-native", "mcf-native") and not spec.language.spaces_between_sentences:
            assert spec.form().separator == ""


@pytest.mark.parametrize("key", sorted(families()["mcf"].forms))
def test_the_right_letter_can_be_read_off_the_prompt(key: str) -> None:
    """On the sample: the line of the right letter holds what the cloze form scores as right."""
    for unit in sample.languages(key)[:3]:
        letters, cloze_name = name_of("mcf", key, unit), name_of("cf", key, unit)
        if letters not in task_specs():
            continue
        benchmark, forms = get_benchmark(key), [get_task(name).form() for name in (cloze_name, letters)]
        for item in load(benchmark, unit, benchmark.test_split, Source("sample")).rows:
            cloze, shown = (render(benchmark, form, item) for form in forms)
            listed = dict(re.findall(r"^([A-Z])\. (.*)$", shown.prompt, re.MULTILINE))
            assert listed[shown.answer] == cloze.answer, letters
            assert [*listed.values()] == [*cloze.choices], letters
