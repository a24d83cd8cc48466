"""The real instructions of `represent --answers hplt`: as the data folder's README describes them."""

import pytest

from xling_bench.represent.parallel_prompts import read_prompts

pytestmark = pytest.mark.data
LANGUAGES = ("bg", "bn", "cs", "es", "fi", "fr", "hi", "no", "ru", "zh")


def test_fifty_instructions_in_eleven_languages_of_which_one_is_broken(real_data) -> None:
    """The last Hindi line has a quotation mark too many; the Chinese instruction on A* has an id of its own."""
    found = read_prompts("hplt", "en", LANGUAGES)
    counts = {key: len(rows) for key, rows in found.sides.items()}
    assert counts == {"en": 50} | dict.fromkeys(LANGUAGES, 50) | {"hi": 49, "zh": 49}
    assert found.notes == (
        "line 50 of test_hi.jsonl is no JSON, so this instruction is not asked in hi",
        "left out: 1 instruction in zh with an id that en lacks, such as bed57788-833a-46e3-bffd-0b271333c391",
    )
    keys = list(found.sides["en"])
    lacking = {"hi": keys[49], "zh": keys[12]}
    for key, rows in found.sides.items():
        assert list(rows) == [each for each in keys if each != lacking.get(key)]
    assert all(found.sides["en"][key] != found.sides[other][key] for other in LANGUAGES for key in found.sides[other])
