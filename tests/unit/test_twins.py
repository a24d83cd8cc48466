"""Items that are one by content: none is shown with its answer to the other."""

from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog import get_benchmark
from xling_bench.harness.adapter import shown
from xling_bench.harness.demos import choose_nearest
from xling_bench.harness.twins import same_items

XQUAD, PAWSX = get_benchmark("xquad"), get_benchmark("pawsx")


def question(name: str, text: str, answer: str = "a") -> dict:
    return {"id": name, "context": f"About {text}.", "question": f"{text}?", "answers": [answer]}


def test_letter_case_blanks_forms_and_answers_make_no_other_item() -> None:
    demos = [question("b", "WHO", "x") | {"context": "about  WHO."}, question("c", "\uff57ho"), question("d", "what")]
    assert same_items(XQUAD, [question("a", "who"), question("d", "what")], demos) == {"a": ["b", "c"]}


def test_twins_in_either_language_are_one_item() -> None:
    """`a` and `b` are one in German, `c` and `d` in English only; demonstrations are of the same split."""
    german = [question("a", "wer"), question("b", "wer"), question("c", "was"), question("d", "wie")]
    english = [question("b", "who now"), question("a", "who"), question("d", "what"), question("c", "what")]
    assert same_items(XQUAD, german, english) == {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}


def test_two_untranslated_pairs_are_two_items() -> None:
    rows = [{"id": name, "sentence1": "NS", "sentence2": "NS", "label": 0} for name in ("a", "b")]
    assert same_items(PAWSX, rows, rows) == {}


@given(st.lists(st.sampled_from("pqrs"), min_size=1, max_size=12), st.integers(0, 12))
def test_no_item_is_shown_its_own_text_and_others_keep_their_order(texts: list[str], n: int) -> None:
    rows = [question(str(i), text) for i, text in enumerate(texts)]
    twins = same_items(XQUAD, rows, rows)
    for row in rows:
        found = shown(row | {"twins": twins.get(row["id"], [])}, rows, n)
        assert found == [other for other in rows if other["question"] != row["question"]][:n]


def test_nearest_ones_leave_twins_out() -> None:
    import numpy as np

    rows = [question(str(i), text) | {"benchmark": "xquad"} for i, text in enumerate(["p", "P", "q", "r"])]
    docs = [row | {"twins": twins} for row, twins in zip(rows, (["1"], ["0"], [], []), strict=True)]
    choose_nearest(docs, rows, 2, lambda texts: np.ones((len(texts), 1)))
    assert [doc["demo_ids"] for doc in docs] == [["2", "3"], ["2", "3"], ["0", "1"], ["0", "1"]]
