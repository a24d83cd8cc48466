"""Benchmarks, prompt families, names and compilation."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xling_bench.catalog import benchmarks, families, get_benchmark, get_task, select, task_specs
from xling_bench.catalog.benchmark import load_benchmark
from xling_bench.catalog.compile import PYTHON, Function, dump, groups, leaf
from xling_bench.catalog.compiled import compare, write_compiled
from xling_bench.catalog.declarations import check_declarations, in_script
from xling_bench.catalog.names import emit_spec, languages_lacking, spelled_out
from xling_bench.catalog.prompt import fill, words
from xling_bench.catalog.render import render
from xling_bench.core import content, languages
from xling_bench.core.errors import DeclarationError, UsageError


def test_the_suite_is_complete() -> None:
    """Every unit of every benchmark is a task of the default suite, once; every family has some task."""
    units = [(key, unit) for key, benchmark in benchmarks().items() for unit in benchmark.units()]
    assert [(spec.benchmark.key, spec.unit) for spec in task_specs().values() if spec.is_default] == units
    assert {spec.family.key for spec in task_specs().values()} == set(families())


def test_languages_are_those_of_the_papers() -> None:
    """Wrongly left out is what no relation finds: the numbers that the papers give."""
    published = {"xnli": 15, "pawsx": 7, "xcopa": 12, "xstorycloze": 11, "xwinograd": 6, "xquad": 12, "mlqa": 7,
                 "indicqa": 11, "mlama": 53, "xlsum": 45, "sib200": 205, "afrixnli": 18, "xnlieu": 2,
                 "xnlieu_native": 1, "kornli": 2, "myxnli": 2, "americasnli": 10, "copal_id": 1,
                 "copal_id_colloquial": 1, "multiblimp": 101, "wmt24pp": 56, "belebele": 122, "global_mmlu": 42,
                 "mmlu_prox": 29, "include": 44, "afrimmlu": 18, "global_mmlu_lite": 23 + 3, "global_piqa": 136,
                 "global_piqa_parallel": 131}  # fmt: skip
    assert {key: len(get_benchmark(key).languages) for key in published} == published


def test_flores_has_english_with_bactrian_and_the_six_and_all_pairs_of_five() -> None:
    units = set(get_benchmark("flores").units())
    bactrian = {x.key for x in languages.registry().values() if x.bactrian} - {"en"}
    for key in bactrian | {"ar", "el", "hi", "tr", "vi", "zh"}:
        assert {f"en-{key}", f"{key}-en"} <= units
    five = ("en", "zh", "th", "tr", "sw")
    assert {f"{a}-{b}" for a in five for b in five if a != b} <= units


def test_wmt24pp_is_english_into_every_language_and_never_back() -> None:
    benchmark = get_benchmark("wmt24pp")
    assert benchmark.units() == tuple(f"en-{key}" for key in benchmark.languages if key != "en")
    assert get_task("xling_wmt24pp_en_pt_br").code == "eng_Latn-por_Latn_BR"
    assert "comet" in benchmark.metrics_of("generate", "en-pt_br", on_request=True)
    codes = [languages.get(key).code for key in languages.registry()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("name", "unit", "code"),
    [("xling_xnli_de", "de", "deu_Latn"), ("xling_mlqa_de_de", "de", "deu_Latn"),
     ("xling_mlqa_de_zh", "de-zh", "deu_Latn-zho_Hans"), ("xling_flores_en_de", "en-de", "eng_Latn-deu_Latn"),
     ("xling-native_xnli_zh", "zh", "zho_Hans"), ("xling_xlsum_sr_latn", "sr_latn", "srp_Latn")],
)  # fmt: skip
def test_names_are_those_users_rely_on(name: str, unit: str, code: str) -> None:
    spec = get_task(name)
    assert (spec.name, spec.unit, spec.code) == (name, unit, code)


def test_mlqa_answers_are_in_the_contexts_language() -> None:
    spec = get_task("xling_mlqa_de_zh")
    assert (spec.answer_language.key, spec.language.key) == ("de", "zh")


def test_declarations_are_in_order() -> None:
    assert check_declarations() == []


def test_committed_tasks_are_what_the_declarations_say(compiled: dict[str, str]) -> None:
    assert compare(content.folder("tasks"), compiled) == []


def by_python(data: dict) -> str:
    return yaml.dump(data, Dumper=PYTHON, allow_unicode=True, sort_keys=False, width=10_000)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_libyaml_writes_the_bytes_of_pyyaml(step: int) -> None:
    for spec in [*task_specs().values()][::step]:
        assert dump(leaf(spec)) == by_python(leaf(spec)), spec.name
    for name, group in groups(task_specs().values()).items():
        assert dump(group) == by_python(group), name


@given(st.text() | st.text("ab :#-'\"\\\n\t\r|>{}[],&*!%@`?~01.\x85\u2028\ufeff\xa0é😀"))
def test_libyaml_writes_the_bytes_of_pyyaml_whatever_the_text(text: str) -> None:
    data = {"a": Function("b.c"), "d": {"e": [text, {"f": text, "g": [1, 0.5, True, []]}]}, "h": text}
    assert dump(data) == by_python(data)


def test_check_sees_one_byte(tmp_path: Path, compiled: dict[str, str]) -> None:
    files = compiled
    write_compiled(tmp_path, files)
    assert compare(tmp_path, files) == []
    path = tmp_path / "xnli" / "xling_xnli_de.yaml"
    path.write_bytes(path.read_bytes().replace(b"Yes", b"yes"))
    (tmp_path / "xnli" / "xling_xnli_xx.yaml").write_text("task: xling_xnli_xx\n")
    (tmp_path / "xcopa" / "xling_xcopa_th.yaml").unlink()
    problems = compare(tmp_path, files)
    assert [p.split(":")[0] for p in problems] == [
        "xcopa/xling_xcopa_th.yaml", "xnli/xling_xnli_de.yaml", "xnli/xling_xnli_xx.yaml"
    ]  # fmt: skip
    stale = tmp_path / "xnli" / "xling_xnli_yy.yaml"
    stale.write_text(files["xnli/xling_xnli_de.yaml"])
    assert write_compiled(tmp_path, files) == (2, 1, len(files)), "the compiled leftover goes, a user's own file stays"
    assert write_compiled(tmp_path, files) == (0, 0, len(files))
    assert (tmp_path / "xnli" / "xling_xnli_xx.yaml").is_file()
    assert not stale.exists()


def test_groups_cannot_collide_with_the_glob(compiled: dict[str, str]) -> None:
    for path, text in compiled.items():
        name = yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader
        if "group" in name:
            assert not name["group"].startswith("xling_"), path


class _Plain(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):
    """SafeLoader that keeps `!function` names as text."""


_Plain.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))

ROWS = {
    "xnli": {"premise": "P.", "hypothesis": "H.", "label": 2},
    "pawsx": {"sentence1": "A b", "sentence2": "B a", "label": 0},
    "xcopa": {"premise": "P.", "choice1": "C1.", "choice2": "C2.", "question": "effect", "label": 1},
    "xstorycloze": {**{f"sentence{i}": f"S{i}." for i in (1, 2, 3, 4)}, "ending1": "E1.", "ending2": "E2.", "label": 0},
    "xwinograd": {"before": "A saw B, so ", "after": " ran.", "option1": "A", "option2": "B", "label": 1},
    "flores": {"source": "Good day.", "target": "Guten Tag."},
}


@pytest.mark.parametrize(
    ("task", "prompt", "choices"),
    [
        # AFP Tables 15-20: the printed forms.
        ("xling_xnli_de", "", ("P., right? Yes, H.", "P., right? Also, H.", "P., right? No, H.")),
        ("xling_pawsx_en", "", ("A b, right? No, B a", "A b, right? Yes, B a")),
        ("xling_xcopa_th", "", ("effect: P. so C1.", "effect: P. so C2.")),
        ("xling_xstorycloze_en", "", ("S1. S2. S3. S4. E1.", "S1. S2. S3. S4. E2.")),
        ("xling_xstorycloze_zh", "", ("S1.S2.S3.S4.E1.", "S1.S2.S3.S4.E2.")),  # no forced spaces in Chinese
        ("xling_xwinograd_ja", "", ("A saw B, so A ran.", "A saw B, so B ran.")),
        ("xling_flores_en_de", "English: Good day. = German:", ()),
        # AFP's released code, Chinese words.
        ("xling-native_xcopa_zh", "", ("影响：P.所以C1.", "影响：P.所以C2.")),
        # A space inside a language's own words stays: Thai puts one where English has a comma.
        ("xling-native_xnli_th", "", ("P. ใช่ไหม? ใช่ H.", "P. ใช่ไหม? นอกจากนี้ H.", "P. ใช่ไหม? ไม่ใช่ H.")),
        ("xling-native_flores_en_th", "English: Good day. = ภาษาไทย:", ()),
    ],
)
def test_forms_render_as_the_papers_print_them(task: str, prompt: str, choices: tuple[str, ...]) -> None:
    spec = get_task(task)
    shown = render(spec.benchmark, spec.form(), {"id": "x", **ROWS[spec.benchmark.key]})
    assert (shown.prompt, shown.choices) == (prompt, choices)


def test_alpaca_wrapper_around_the_localised_question() -> None:
    # Wrapper and Chinese words: x-LLM's released evaluation code.
    spec = get_task("xling_xquad_zh")
    row = {"id": "x", "context": "语境", "question": "什么？", "answers": ["答"]}
    shown = render(spec.benchmark, spec.form(), row)
    assert shown.prompt == (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n### Instruction:\n请根据以下段落，回答问题\n\n"
        "### Input:\n段落: 语境\n问题: 什么？\n答案: \n\n### Response:"
    )
    assert shown.answer == "答"


def test_an_unanswerable_demonstration_shows_the_abstain_answer() -> None:
    spec = get_task("xling_indicqa_hi")
    shown = render(spec.benchmark, spec.form(), {"id": "x", "context": "c", "question": "q", "answers": []})
    assert shown.answer == words("commit", "hi")["qa"]["unanswerable"].text


def test_every_sample_language_has_the_words_it_needs() -> None:
    assert all(spec.form() for spec in task_specs().values())


@given(st.text(), st.text())
def test_braces_in_data_stay_text(premise: str, hypothesis: str) -> None:
    assert fill("{premise}|{hypothesis}", {"premise": premise, "hypothesis": hypothesis}) == f"{premise}|{hypothesis}"


def test_a_placeholder_without_a_value_is_named() -> None:
    with pytest.raises(DeclarationError, match=r"\{nobody\}"):
        fill("{nobody}", {"premise": ""})


@pytest.mark.parametrize(
    ("text", "script", "fits"),
    [("Ja, {premise}", "Latn", True), ("Да", "Latn", False), ("对吗？", "Hans", True), ("はい、本", "Jpan", True),
     ("Όχι", "Latn", False), ("[MASK] हाँ", "Deva", True), ("No", "Arab", False)],
)  # fmt: skip
def test_words_in_a_foreign_script_are_seen(text: str, script: str, fits: bool) -> None:
    assert in_script(text, script) is fits


def test_selection_by_name_tag_group_glob_and_language() -> None:
    assert [s.name for s in select(["xling_xnli"], langs=["German", "sw"])] == [
        "xling_xnli_de", "xling_xnli_sw"
    ]  # fmt: skip
    assert len(select(["xlingbench_mlqa"])) == len(get_benchmark("mlqa").languages) ** 2
    assert select(["xling_*"]) == select(["xlingbench"]) == [s for s in task_specs().values() if s.is_default]
    assert [s.unit for s in select(["xling_flores"], langs=["en", "sw"])] == ["en-sw", "sw-en"]
    assert {s.benchmark.key for s in select([], suite="afp")} == {"xnli", "pawsx", "xcopa", "xstorycloze", "xwinograd"}


def test_a_default_family_is_found_by_its_name() -> None:
    assert select(["xling-mcf_belebele"]) == select(["xling_belebele"])
    assert select(["xling-mcf_belebele_d*"]) == select(["xling_belebele_d*"])
    for benchmark in benchmarks().values():
        assert select([f"xling-{benchmark.family}_{benchmark.key}"]) == select([f"xling_{benchmark.key}"])
    assert get_task("xling-mcf_belebele_de") is get_task("xling_belebele_de")
    assert {s.family.key for s in select(["xling-mcf_*"])} == {"mcf"}
    assert get_task("xling_belebele_de") in select(["xling-mcf_*"])
    assert not any(s.is_default for s in select(["xling-*"])), "this glob stays all other families"
    assert not spelled_out().keys() & task_specs().keys()


@pytest.mark.parametrize("name", ["global_mmlu", "xling_global_mmlu", "xling-cf_global_mmlu", "Global-MMLU"])
def test_a_benchmark_is_found_by_key_tag_and_title(name: str) -> None:
    assert get_benchmark(name).key == "global_mmlu"
    tag = "xling-cf_global_mmlu" if name.startswith("xling-") else "xling_global_mmlu"
    assert {spec.tag for spec in select([name])} == {tag}


def test_tasks_are_found_without_their_prefix() -> None:
    for benchmark in benchmarks().values():
        assert get_benchmark(benchmark.title) is get_benchmark(f"xling_{benchmark.key}") is benchmark
        assert select([benchmark.key]) == select([benchmark.title]) == select([f"xling_{benchmark.key}"])
    assert get_task("belebele_de") is get_task("xling_belebele_de")
    assert select(["belebele_d*", "xnli_de"]) == select(["xling_belebele_d*", "xling_xnli_de"])
    for unknown in ("xling-nobody_belebele", "xling_belebele_xx", "global", "1"):
        with pytest.raises(UsageError, match="no task matches"):
            select([unknown])


def test_languages_that_a_benchmark_lacks_are_named() -> None:
    langs = ["en", "de", "fr", "sw"]
    assert languages_lacking(["xling_afrixnli", "xling_multiblimp"], langs) == "AfriXNLI has no de; MultiBLiMP no sw"
    assert languages_lacking(["xling_xcopa", "xling_xnli_en"], ["en", "de"]) == "XCOPA has no de"
    assert languages_lacking(["xling_xcopa"], []) == languages_lacking([], ["de"]) == ""


@pytest.mark.parametrize(
    ("word", "hint"),
    [("belebele_deu_Latn", "Did you mean 'xling_belebele_de'?"),
     ("xling_belebele_deu_Latn", "Did you mean 'xling_belebele_de'?"), ("xling_xcopa_de", "XCOPA has no German."),
     ("xling-cf_belebele_deu_Latn", "Did you mean 'xling-cf_belebele_de'?")],
)  # fmt: skip
def test_names_with_other_codes_lead_to_ours(word: str, hint: str) -> None:
    for ask in (get_task, lambda name: select([name])):
        with pytest.raises(UsageError) as error:
            ask(word)
        assert f"{word!r}. {hint} " in str(error.value)


@pytest.mark.parametrize(
    ("patterns", "options", "message"),
    [(["xling_xnlli"], {}, "Did you mean 'xling_xnli'"), (["xling_xnli"], {"langs": ["ja"]}, "'ja'"),
     ([], {}, "no task given"), ([], {"suite": "apf"}, "Did you mean 'afp'"), (["xling_qqq*"], {}, "no task matches")],
)  # fmt: skip
def test_selection_errors_say_what_to_do(patterns: list[str], options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select(patterns, **options)


def test_any_flores_pair_on_request() -> None:
    spec = emit_spec("deu_Latn-fra_Latn")
    assert spec.name == "xling_flores_de_fr"
    assert spec.form().prompt == "German: {source} = French:"
    assert emit_spec("nqo_Nkoo-ace_Arab").language.flores == "ace_Arab"
    for wrong in ("deu_Latn", "de-de", "deu_Latn-xxx_Latn", "de-pcm"):
        with pytest.raises(UsageError):
            emit_spec(wrong)


def test_a_wrong_declaration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.toml"
    text = (content.folder("tasks") / "xnli" / "benchmark.toml").read_text(encoding="utf-8")
    path.write_text(text.replace("chance = 0.3333333333333333", "chanse = 0.33"), encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"benchmark.toml: chanse"):
        load_benchmark(path)
    path.write_text(text.replace('"ar", "bg"', '"ar", "bgg"'), encoding="utf-8")
    with pytest.raises(DeclarationError, match="bgg"):
        load_benchmark(path)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [('"bg", "de"', '"bg", "bg"', "languages: one stands twice"),
     ("chance = 0.3333333333333333", "chance = 0.5", "of 3 candidates one is right by guessing in 1/3, not 0.5"),
     ("metrics = { choose", "metrics = { generate", "metrics: expected those of its own kind, choose"),
     ('choose = ["acc"]', 'choose = ["f1"]', "metrics.choose: f1 is no metric of choose prompts"),
     ('choose = ["acc"]', 'choose = ["p1"]', "p1 is a mean over relations; `fields` has no relation"),
     ('demo_split = "dev"', 'demo_split = "train"', "demo_split: 'train' is not one of hub.splits"),
     ('family = "xglm"', 'famly = "xglm"', "famly: Extra inputs are not permitted")],
)  # fmt: skip
def test_what_no_benchmark_can_be_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "benchmark.toml"
    text = (content.folder("tasks") / "xnli" / "benchmark.toml").read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(DeclarationError) as error:
        load_benchmark(path)
    assert said in str(error.value)
