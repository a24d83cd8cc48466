"""The real instructions of `represent --answers hplt`: as the data folder's README describes them."""

import pytest

from xling_bench.represent.parallel_prompts import read_prompts

pytestmark = pytest.mark.data
LANGUAGES = ("bg", "bn", "cs", "es", "fi", "fr", "hi", "no", "ru", "zh")


def test_fifty_instructions_in_eleven_languages_of_which_one_is_broken(real_data) -> None:
    """The first Hindi line has a quotation mark that nobody escaped."""
    found = read_prompts("hplt", "en", LANGUAGES)
    counts = {key: len(rows) for key, rows in found.sides.items()}
    assert counts == {"en": 50} | dict.fromkeys(LANGUAGES, 50) | {"hi": 49}
    assert found.notes == ("line 1 of test_hi.jsonl is no JSON, so this instruction is not asked in hi",)
    keys = list(found.sides["en"])
    assert all(list(rows) == (keys[1:] if key == "hi" else keys) for key, rows in found.sides.items())
    assert all(found.sides["en"][key] != found.sides[other][key] for other in LANGUAGES for key in found.sides[other])
