"""Templates around training tasks, texts that are learnt whole, and what of the data a method uses."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parallel_files import BACTRIAN, LINES, config, streams, write_lines
from pydantic import ValidationError

from xling_bench.catalog.prompt import families
from xling_bench.core.errors import DataError, DeclarationError, UsageError
from xling_bench.training.corpora import load
from xling_bench.training.corpora.monolingual import _pieces
from xling_bench.training.corpora.sources import Texts
from xling_bench.training.corpora.templates import names, template

TEXT = {"kind": "text", "files": {"de": "x.de"}}


def test_translations_in_alpacas_form_go_through_the_instructions_row_by_row(parallel) -> None:
    found = streams(parallel, pairs=[LINES], translation=True, template="alpaca").instructions
    wordings = template("alpaca").translation_instructions
    assert len(found) == 120
    for one in found:
        number = int(one.id.split(":")[1]) - 1
        name = {"de": "German", "zh": "Chinese", "sw": "Swahili"}[one.response_language]
        said = wordings[number % len(wordings)].format(source="English", target=name)
        assert f"### Instruction:\n{said}\n\n### Input:\nen sentence {number}\n\n### Response:" in one.prompt
        assert one.response == f"{one.response_language} sentence {number}"


def test_the_first_translation_instruction_is_that_of_the_evaluation() -> None:
    """x-LLM trains on 33 and tests with the first: what `xling-xllama_flores` asks is what was learnt."""
    form = families()["xllama"].forms["flores"].prompt.strip("\n")
    alpaca = template("alpaca")
    pair = {"source": "{w.source_name}", "target": "{w.target_name}"}
    asked = alpaca.with_input.format(
        instruction=alpaca.translation_instructions[0].format(**pair), input="{source}", language=""
    )
    assert asked == form
    assert len(set(alpaca.translation_instructions)) == 33


def test_every_template_takes_tasks_or_translations_and_says_where_it_is_from() -> None:
    assert {"afp", "alpaca", "plain", "tlm"} <= set(names())
    for name, title in names().items():
        found = template(name)
        assert title
        assert found.source
        if found.tasks:
            whole = found.with_input.format(instruction="ASK", input="IN", language="German")
            assert whole.index("ASK") < whole.index("IN")
            assert "IN" not in found.without_input.format(instruction="ASK", language="German")
        for form in found.translations:
            assert form.format(input="IN", source="English", target="German").startswith("IN")


def test_templates_that_are_none(tmp_path, monkeypatch, parallel) -> None:
    with pytest.raises(ValidationError, match=r"no template 'alpacca' in training/templates/\. Did you mean 'alpaca'"):
        config(instructions=[BACTRIAN], template="alpacca")
    with pytest.raises(ValidationError, match="'tlm' is for translations only, and there are instructions"):
        config(instructions=[BACTRIAN], template="tlm")
    folder = tmp_path / "training" / "templates"
    folder.mkdir(parents=True)
    monkeypatch.setenv("XLING_CONTENT_DIR", str(tmp_path))
    good = 'title = "x"\nsource = "y"\ntranslations = ["{input} > "]\n'
    for name, text, said in (
        ("a", good + 'with_input = "{instruction}"', "belong together"),
        ("b", good + 'with_input = "{instuction}"\nwithout_input = ""', r"with_input: no placeholder \{instuction\}"),
        ("c", 'title = "x"\nsource = "y"\nwith_input = ""\nwithout_input = ""', "expected either"),
        ("d", good + "wiht_input = 3", "there is no such key. Did you mean 'with_input'"),
        ("e", good.replace("> ", "{"), "Single '{'"),
    ):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        with pytest.raises((DeclarationError, UsageError), match=said):
            template(name)
    (folder / "mine.toml").write_text(good, encoding="utf-8")
    found = streams(parallel, pairs=[LINES], translation=True, template="mine")
    assert {one.prompt for one in found.instructions} == {f"en sentence {i} > " for i in range(40)}
    assert found.report["template"]["translations"] == ["{input} > "]


def test_both_orders_of_a_pair_joined(parallel) -> None:
    """Translation language modelling: `{a} = {b}` and `{b} = {a}`, of which method `tlm` learns the whole."""
    found = streams(parallel, pairs=[LINES], translation=True, template="tlm", reverse=0.5).instructions
    assert all(re.fullmatch(r"\w+ sentence (\d+) = \w+ sentence \1", one.prompt + one.response) for one in found)
    turned = sum(one.response_language == "en" for one in found)
    assert 35 < turned < 85  # 60 of 120, standard deviation 5.5


def test_texts_are_responses_without_a_prompt(tmp_path) -> None:
    (tmp_path / "x.de").write_text("Erste Zeile.\n\nZweite.\n  \nErste Zeile.\n", encoding="utf-8")
    found = load(config(languages=["de"], pivot="de", texts=[TEXT]), seed=0, root=tmp_path)
    assert found.pairs is None
    drawn = {(one.prompt, one.response, one.ends) for one in found.instructions}
    assert drawn == {("", "Erste Zeile.", True), ("", "Zweite.", True)}
    assert found.report["texts"][0]["kept"] == {"de": 2}
    assert found.report["texts"][0]["dropped_in_reading"] == {"de": {"repeated text": 1}}
    assert found.report["languages"] == {"de": {"pairs": 0, "instructions": 0, "texts": 2}}
    assert sorted(found.texts) == ["Erste Zeile.", "Zweite."]
    (tmp_path / "x.de").write_text("Ein\nAbsatz.\n \n\nNoch einer.\n", encoding="utf-8")
    paragraphs = load(config(languages=["de"], texts=[TEXT | {"document": "paragraph"}]), seed=0, root=tmp_path)
    assert {one.response for one in paragraphs.instructions} == {"Ein\nAbsatz.", "Noch einer."}
    (tmp_path / "x.de").write_text("\n \n", encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.de: expected texts in de, but every line is empty"):
        load(config(languages=["de"], texts=[TEXT]), seed=0, root=tmp_path)
    with pytest.raises(DataError, match="it has de, none of them in `languages`"):
        load(config(languages=["fr"], texts=[TEXT]), seed=0, root=tmp_path)
    with pytest.raises(ValidationError, match="texts: `reverse`, `translation` and `monolingual` are for `pairs`"):
        config(texts=[TEXT | {"monolingual": True}])


@given(st.text(alphabet="ab \n", min_size=1, max_size=700).map(str.strip).filter(bool), st.integers(100, 300))
def test_the_pieces_of_a_document_are_the_document(text, longest) -> None:
    pieces = list(_pieces(Texts(kind="text", files={"de": "x"}, longest=longest), "de", 1, text))
    assert "".join(piece.text for piece in pieces) == text
    assert max(len(piece.text) for piece in pieces) <= longest
    assert [piece.ends for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    for piece, after in pairwise(pieces):
        assert after.text[0] in " \n" or not re.search(r".[ \n]", piece.text, re.DOTALL), "cut at white space if any"


def test_sides_of_pairs_are_texts_without_the_pivot(parallel) -> None:
    found = streams(parallel, pairs=[LINES], monolingual=True)
    assert Counter(one.source_language for one in found.instructions) == {"de": 40, "zh": 40, "sw": 40}
    assert all(one.prompt == "" for one in found.instructions)
    both = streams(parallel, pairs=[LINES], monolingual=True, pairing="pairwise")
    assert Counter(one.source_language for one in both.instructions) == dict.fromkeys(("en", "de", "zh", "sw"), 40)
    none = streams(parallel, pairs=[LINES | {"monolingual": False}], monolingual=True)
    assert none.instructions is None


def test_a_method_uses_what_it_wants_of_the_data(parallel) -> None:
    write_lines(parallel, wiki=[f"Satz {i}." for i in range(7)])
    data = {"pairs": [LINES | {"translation": True, "monolingual": True}], "instructions": [BACTRIAN],
            "texts": [{"kind": "text", "files": {"de": "x.wiki"}}]}  # fmt: skip
    sizes = {
        kind: len(streams(parallel, **data, uses=[kind]).instructions)
        for kind in ("instructions", "translations", "texts")
    }
    assert sizes == {"instructions": 160, "translations": 120, "texts": 127}
    assert len(streams(parallel, **data).instructions) == sum(sizes.values())
    english = streams(parallel, **data, uses=["instructions"], instructions_in="pivot", p_src=1).instructions
    assert Counter(one.source_language for one in english) == {"en": 40}
    others = streams(parallel, instructions=[BACTRIAN], instructions_in="others", p_src=1)
    assert Counter(one.source_language for one in others.instructions) == {"de": 40, "zh": 40, "sw": 40}
    assert others.report["languages"]["en"] == {"pairs": 0, "instructions": 0, "texts": 0}
    with pytest.raises(ValidationError, match="'pivot' leaves languages out that responses would cross to"):
        config(**data, instructions_in="pivot")
