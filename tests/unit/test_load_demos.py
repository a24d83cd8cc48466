"""What plain lm_eval's demonstrations are called is what our runner calls them."""

from itertools import product

import pytest

from xling_bench.core.errors import UsageError
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
