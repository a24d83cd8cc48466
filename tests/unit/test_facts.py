"""Facts of results: written and read again, their key and signature, and what is said of two that differ."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import outcomes, write_run

from xling_bench import load_results
from xling_bench.core.errors import DataError
from xling_bench.results.facts import INCIDENTAL, Facts
from xling_bench.results.record import read_record

WRITTEN = {
    "task": "xling_xnli_de", "language": "deu_Latn", "split": "test", "form": "xnli", "data": "0123", "source": "files",
    "origin": "xnli.tsv", "items": 10, "ids": "abcd", "dropped": {"twice": 1}, "template": "t", "shots": 2,
    "demos": "same", "seed": 1, "demo_data": "4567", "demo_template": "u", "demo_origin": "dev.tsv", "limit": None,
    "metrics": {"acc": "sum-logprob"}, "headline": "acc", "unavailable": {}, "model": "m",
    "settings": {"dtype": "auto"}, "lm_eval": "0.4.13", "xling_bench": "0.1.0", "code": "c",
    "engine": "shared-prefix", "scoring": "shared-prefix", "joiner": "</s>", "truncated": 0, "ties": {"acc": 1},
}  # fmt: skip
OPTIONAL = ["origin", "dropped", "seed", "demo_data", "unavailable", "engine", "scoring", "joiner", "truncated", "ties"]


@given(st.sets(st.sampled_from(OPTIONAL)), st.dictionaries(st.sampled_from(["new", "newer"]), st.integers()))
def test_what_is_read_is_written_and_the_key_is_over_all_that_decides(absent: set[str], newer: dict[str, int]) -> None:
    held = {name: value for name, value in WRITTEN.items() if name not in absent} | newer
    facts = Facts.read(held)
    assert facts.written() == held
    decisive = {name: value for name, value in held.items() if name not in INCIDENTAL}
    text = json.dumps(decisive, sort_keys=True)
    assert facts.key == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert Facts.read(json.loads(json.dumps(facts.written()))).differs_from(facts) == []


def test_the_key_of_these_facts_is_known() -> None:
    """Over all of them but what is incidental, as sorted JSON, by hand: a finished result of other data is another."""
    incidental = {"origin", "demo_origin", "items", "ids", "dropped", "unavailable", "headline", "scoring", "truncated",
                  "ties"}  # fmt: skip
    text = json.dumps({name: value for name, value in WRITTEN.items() if name not in incidental}, sort_keys=True)
    assert Facts.read(WRITTEN).key == hashlib.sha256(text.encode()).hexdigest()[:16]
    for name in set(WRITTEN) - incidental:
        kind = int if name == "limit" else type(WRITTEN[name])
        value = {dict: {"other": "x"}, int: 7, str: "other"}[kind]
        assert Facts.read({**WRITTEN, name: value}).key != Facts.read(WRITTEN).key, name


def test_a_number_that_is_gone_is_said_unless_its_metric_is_partial(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(4, ("de",)))
    path = next(run.glob("*/*/results.json"))
    result = json.loads(path.read_text(encoding="utf-8"))
    del result["xling"]["checksums"]
    del result["results"]["xling_xnli_de"]["acc,none"]
    path.write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(DataError, match="missing or unexpected field 'acc,none'"):
        load_results(run)


def test_results_that_told_the_headline_by_the_order_of_metrics_are_read() -> None:
    metrics = {"rougeL": "r", "chrf": "c"}
    held = {name: value for name, value in WRITTEN.items() if name != "headline"} | {"metrics": metrics}
    assert Facts.read(held).headline == "rougeL"
    assert Facts.read(held).key == Facts.read({**held, "headline": "rougeL"}).key


def test_what_differs_is_named_with_both_values() -> None:
    one, other = Facts.read(WRITTEN), Facts.read({**WRITTEN, "code": "d", "origin": "elsewhere"})
    assert one.differs_from(other) == ["another code (was d, now c)"]
    three = Facts.read({**WRITTEN, "metrics": {"acc": "sum-logprob", "bpb": "bits"}, "settings": {"dtype": "float32"}})
    assert one.differs_from(three) == ["other metrics (was acc, bpb; now acc)",
                                       "other settings (was dtype float32; now dtype auto)"]  # fmt: skip
    assert one.metrics_to_add(other) is None
    answers = {**WRITTEN, "decoding": "greedy"}
    more = Facts.read({**answers, "metrics": {"f1": "a", "exact": "b"}})
    assert more.metrics_to_add(Facts.read({**answers, "metrics": {"f1": "a"}})) == ["exact"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("shots", "2", "facts.shots is '2'; expected int"), ("items", True, "facts.items is True"),
     ("metrics", {}, "facts.metrics is empty"), ("limit", [], "facts.limit is []; expected int or None"),
     ("seed", 10**30, "facts.seed is 1000")],
)  # fmt: skip
def test_a_fact_of_another_kind_is_named(tmp_path: Path, name: str, value: object, said: str) -> None:
    run = write_run(tmp_path / "run", outcomes(4, ("de",)))
    path = next(run.glob("*/*/results.json"))
    result = json.loads(path.read_text(encoding="utf-8"))
    del result["xling"]["checksums"]
    result["xling"]["facts"][name] = value
    path.write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_record(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
