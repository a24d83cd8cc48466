"""The language registry: complete for the suite, unambiguous, and found by any code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog import benchmarks
from xling_bench.core import languages
from xling_bench.core.errors import UsageError

# AFP (Li et al., NAACL 2024), Table 21.
AFP_TABLE_21 = (
    "af ar az bg bn cs de el en es et eu fa fi fr gl gu he hi hr ht id it ja ka kk km ko "
    "lt lv mk ml mn mr my ne nl pl ps pt qu ro ru si sl sv sw ta te th tl tr uk ur vi xh zh"
)
# Lin et al. 2022 (XGLM), the 30 languages of its pre-training corpus.
XGLM = "en ru zh de es fr ja it pt el ko fi id tr ar vi th bg ca hi et bn ta ur sw te eu my ht qu"


def keys(text: str) -> set[str]:
    return set(text.split())


def test_registry_has_the_published_sets() -> None:
    registry = languages.registry()
    assert {k for k, x in registry.items() if x.afp_table21} == keys(AFP_TABLE_21)
    assert {k for k, x in registry.items() if "xglm" in x.seen_by and not x.region} == keys(XGLM)
    assert sum(x.bactrian for x in registry.values()) == 52
    assert len({x.flores for x in registry.values()} - {""}) >= 204  # FLORES-200's codes


def test_every_code_names_one_language() -> None:
    owners: dict[str, str] = {}
    for language in languages.registry().values():
        for code in (language.key, language.flores, *language.aliases):
            if code:
                assert owners.setdefault(code.lower(), language.key) == language.key, code
                assert languages.get(code) is language


@pytest.mark.parametrize(
    ("code", "key"),
    [("de", "de"), ("deu", "de"), ("deu_Latn", "de"), ("German", "de"), ("jp", "ja"), ("zho", "zh"), ("zh-hans", "zh"),
     ("srp", "sr"), ("chinese_traditional", "zh_hant"), ("kas", "ks"), ("FA", "fa"), ("swa", "sw")],
)  # fmt: skip
def test_lookup_by_any_code(code: str, key: str) -> None:
    assert languages.get(code).key == key


def test_unknown_language_suggests() -> None:
    with pytest.raises(UsageError, match=r"germn.*Did you mean 'German'"):
        languages.get("germn")


def test_right_to_left_and_spacing_follow_the_script() -> None:
    for language in languages.registry().values():
        assert (language.direction == "rtl") == (language.script in {"Arab", "Hebr", "Nkoo"}), language.key
    assert not any(languages.get(code).spaces for code in ("zh", "zh_hant", "ja", "th", "my", "km", "lo"))


def test_benchmarks_refer_to_registered_languages_once() -> None:
    for benchmark in benchmarks().values():
        assert len(set(benchmark.languages)) == len(benchmark.languages)


@given(st.text(max_size=12))
def test_lookup_never_crashes(text: str) -> None:
    found = languages.lookup(text)
    assert found is None or languages.get(text) is found
