"""The families `lmeval...` of MGSM and AfriMGSM against the files of lm-eval's own tasks, in every language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lm_eval
import pytest
import stored_outputs
import yaml
from jinja2.sandbox import SandboxedEnvironment
from lm_eval.api.metrics import exact_match_fn
from lm_eval.filters.extraction import RegexFilter, WhitespaceFilter

from xling_bench.benchmarks import expected
from xling_bench.catalog import TaskSpec, get_benchmark, task_specs
from xling_bench.catalog.render import render
from xling_bench.metrics.answer_number import LMEVAL_FLEXIBLE, LMEVAL_STRICT
from xling_bench.metrics.metric import Answer
from xling_bench.metrics.registry import score_text

TASKS = Path(lm_eval.__file__).parent / "tasks"
QUESTION = "Wie viele? {x} \"y\" 答え"
# family, benchmark -> lm-eval's file of a language, and the file that it includes
FILES = {
    ("lmeval", "mgsm"): ("mgsm/direct/mgsm_direct_{code}.yaml", "direct_yaml"),
    ("lmeval-cot", "mgsm"): ("mgsm/native_cot/mgsm_native_cot_{code}.yaml", "cot_yaml"),
    ("lmeval-cot-english", "mgsm"): ("mgsm/en_cot/mgsm_en_cot_{code}.yaml", "cot_yaml"),
    ("lmeval", "afrimgsm"): ("afrimgsm/direct/prompt_1/afrimgsm_{code}.yaml", "afrimgsm_yaml"),
    ("lmeval-cot-english", "afrimgsm"): ("afrimgsm/direct_cot/prompt_1/afrimgsm_cot_{code}.yaml", "afrimgsm_cot_yaml"),
}


def theirs(spec: TaskSpec) -> dict[str, Any]:
    name, base = FILES[spec.family.key, spec.benchmark.key]
    path = TASKS / name.format(code=spec.benchmark.codes.get(str(spec.unit), str(spec.unit)))
    return {key: value for file in (path.with_name(base), path)
            for key, value in yaml.safe_load(file.read_text(encoding="utf-8")).items()}  # fmt: skip


@pytest.mark.parametrize(("family", "benchmark"), list(FILES))
def test_prompt_stops_and_filters_are_lm_evals(family: str, benchmark: str) -> None:
    specs = [s for s in task_specs().values() if (s.family.key, s.benchmark.key) == (family, benchmark)]
    assert {str(spec.unit) for spec in specs} == set(get_benchmark(benchmark).languages)
    environment = SandboxedEnvironment(keep_trailing_newline=True)
    for spec in specs:
        config, form = theirs(spec), spec.form()
        row = {"id": "x", **dict.fromkeys(spec.benchmark.fields, "7"), "question": QUESTION}
        wanted = environment.from_string(config["doc_to_text"]).render(question=QUESTION, answer=None)
        assert render(spec.benchmark, form, row).prompt == wanted, spec.name
        assert sorted(form.stop) == sorted(config["generation_kwargs"]["until"]), spec.name
        filters = {each["name"]: each["filter"][0] for each in config["filter_list"]}
        assert filters["flexible-extract"]["regex_pattern"] == LMEVAL_FLEXIBLE.pattern
        if family == "lmeval":
            assert filters["remove_whitespace"]["function"] == "remove_whitespace"
        else:
            language = str(spec.unit) if family == "lmeval-cot" else "en"
            assert filters["strict-match"]["regex_pattern"] == LMEVAL_STRICT.get(language, LMEVAL_STRICT["en"])


@pytest.mark.parametrize("language", list(stored_outputs.CUES))
def test_decisions_are_those_of_lm_evals_own_filters(language: str) -> None:
    """200 stored outputs, through the classes that its tasks name."""
    golds = [str(17 * i + (2125 if i % 50 == 0 else 1)) for i in range(stored_outputs.ITEMS)]
    texts = [stored_outputs.output(language, i, gold) for i, gold in enumerate(golds)]
    strict = LMEVAL_STRICT.get(language, LMEVAL_STRICT["en"])
    wanted = {
        "lmeval_flexible": RegexFilter(LMEVAL_FLEXIBLE.pattern, group_select=-1),
        "lmeval_strict": RegexFilter(strict),
        "lmeval_strict_en": RegexFilter(LMEVAL_STRICT["en"]),
        "lmeval_remove_whitespace": WhitespaceFilter(),
    }
    wants = expected("mgsm", language)
    answers = [Answer(wants, text.strip(), [gold]) for text, gold in zip(texts, golds, strict=True)]
    for name, used in wanted.items():
        said = [found[0] for found in used.apply([[text] for text in texts], [{}] * len(texts))]
        theirs = [float(exact_match_fn(predictions=[a], references=[b], ignore_case=True, ignore_punctuation=True)
                        ["exact_match"]) for a, b in zip(said, golds, strict=True)]  # fmt: skip
        assert [score_text([name], answer)[name] for answer in answers] == theirs, name
        assert 0 < sum(theirs) < len(theirs)


def test_the_hub_ids_are_lm_evals() -> None:
    for spec in task_specs().values():
        if (spec.family.key, spec.benchmark.key) in FILES:
            config, hub = theirs(spec), spec.benchmark.hub
            assert config["dataset_path"] == hub.path
            assert config["dataset_name"] == spec.benchmark.codes.get(str(spec.unit), str(spec.unit))
            assert config["test_split"] == hub.splits["test"]
