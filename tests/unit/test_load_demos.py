"""Demonstrations: what plain lm_eval's are called, and those of another language than the item's."""

from itertools import product

import pytest

from xling_bench.catalog import task_specs
from xling_bench.core.errors import UsageError
from xling_bench.evaluation.task import build
from xling_bench.harness.demos import POLICIES, Demos
from xling_bench.results.plain import demos_label


@pytest.mark.parametrize(("policy", "language"), list(product([None, *POLICIES], [None, "en", "sw"])))
def test_both_give_one_name_to_one_choice(policy: str | None, language: str | None) -> None:
    metadata = {"demos": policy} if policy else {}
    metadata |= {"demo_lang": language} if language else {}
    try:
        ours = Demos(policy or "fixed", language).check().label
    except UsageError:
        return  # the task refuses it, too
    assert demos_label(metadata) == ours


@pytest.mark.parametrize(
    ("family", "benchmark", "shown", "asked"),
    [("xling", "mgsm", "en", "zh"), ("xling", "mgsm", "zh", "de"), ("xling-direct", "mgsm", "ja", "en"),
     ("xling-mcf-native", "xnli", "en", "zh"), ("xling-cf-native", "xnli", "th", "fr"),
     ("xling-commit", "xquad", "zh", "en")],
)  # fmt: skip
def test_demonstrations_of_another_language_are_that_languages_own(
    sample_data, family: str, benchmark: str, shown: str, asked: str
) -> None:
    """To the letter, separators before answers too; and what begins another one of them ends an answer."""
    own, other = (
        build(task_specs()[f"{family}_{benchmark}_{language}"], {"demo_seed": 0, "demo_lang": shown}, None)
        for language in (shown, asked)
    )
    found, ends = [], []
    for task in (own, other):
        task.set_config("num_fewshot", 2)
        doc = task.dataset["test"][0]
        prompt = task.fewshot_context(doc, 2)
        assert prompt.endswith(doc["prompt"])
        found.append(prompt.removesuffix(doc["prompt"]))
        requests = task.construct_requests(doc, prompt, metadata=(None, 0, 1))
        ends.append([] if isinstance(requests, list) else requests.args[1]["until"])
    assert found[0] == found[1]
    assert len(found[0]) > 40
    assert set(ends[0]) <= set(ends[1])
    other.set_config("num_fewshot", 0)
    if ends[0]:
        alone = other.construct_requests(doc, doc["prompt"], metadata=(None, 0, 1)).args[1]["until"]
        assert alone == list(task_specs()[f"{family}_{benchmark}_{asked}"].form().stop)
