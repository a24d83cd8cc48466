"""The families `lmeval...` of MGSM and AfriMGSM against the files of lm-eval's own tasks, in every language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lm_eval
import pytest
import yaml
from jinja2.sandbox import SandboxedEnvironment

from xling_bench.catalog import TaskSpec, get_benchmark, task_specs
from xling_bench.catalog.render import render
from xling_bench.metrics.answer_number import LMEVAL_FLEXIBLE, LMEVAL_STRICT

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


def test_the_hub_ids_are_lm_evals() -> None:
    for spec in task_specs().values():
        if (spec.family.key, spec.benchmark.key) in FILES:
            config, hub = theirs(spec), spec.benchmark.hub
            assert config["dataset_path"] == hub.path
            assert config["dataset_name"] == spec.benchmark.codes.get(str(spec.unit), str(spec.unit))
            assert config["test_split"] == hub.splits["test"]
