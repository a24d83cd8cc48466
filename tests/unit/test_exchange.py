"""Records of every_eval_ever that others wrote: read as their schema says, refused in one sentence, shown as theirs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eee_schemas import wrong
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import outcomes, write_run

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.core.errors import DataError, UsageError, XlingError
from xling_bench.exchange.beside import beside, read_outside
from xling_bench.exchange.card import BEGIN, END, card, put_into
from xling_bench.exchange.eee import Sender, records
from xling_bench.exchange.eee_shapes import EvalRecord
from xling_bench.exchange.hub_results import hub_files
from xling_bench.exchange.measured import measured
from xling_bench.exchange.outside import read_record
from xling_bench.report.build import Options, write_report

# As the leaderboard of Global-MMLU-Lite stands in the datastore, in its shape; the numbers are invented.
FOREIGN: dict[str, Any] = {
    "schema_version": "0.3.0",
    "evaluation_id": "xnli/maker/their-model/1790000000",
    "retrieved_timestamp": "1790000000",
    "source_metadata": {
        "source_name": "A leaderboard",
        "source_type": "documentation",
        "source_organization_name": "Somebody",
        "evaluator_relationship": "third_party",
    },
    "eval_library": {"name": "unknown", "version": "unknown"},
    "model_info": {
        "name": "their-model",
        "id": "maker/their-model",
        "additional_details": {"deployment_type": "unknown", "model_availability": "open_weights"},
    },
    "evaluation_results": [
        {
            "evaluation_name": "XNLI de",
            "source_data": {
                "dataset_name": "XNLI",
                "source_type": "hf_dataset",
                "hf_repo": "facebook/xnli",
                "hf_split": "validation",
            },
            "metric_config": {
                "metric_id": "accuracy",
                "metric_unit": "proportion",
                "lower_is_better": False,
                "score_type": "continuous",
                "min_score": 0,
                "max_score": 1,
            },
            "score_details": {
                "score": 0.5,
                "details": {"language": "de"},
                "uncertainty": {"standard_error": {"value": 0.01}, "num_samples": 2490},
            },
        }
    ],
}
PLACES = st.sampled_from(
    [
        (), ("schema_version",), ("evaluation_id",), ("model_info",), ("model_info", "name"),
        ("model_info", "additional_details"), ("source_metadata", "source_type"), ("evaluation_results",),
        ("evaluation_results", 0), ("evaluation_results", 0, "score_details", "score"),
        ("evaluation_results", 0, "score_details", "details"), ("evaluation_results", 0, "source_data"),
        ("evaluation_results", 0, "metric_config", "max_score"),
        ("evaluation_results", 0, "metric_config", "score_type"),
        ("evaluation_results", 0, "score_details", "uncertainty", "standard_error"),
        ("evaluation_results", 0, "generation_config"), ("detailed_evaluation_results",),
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "Infinity", "levels", "binary", "url", "0.3.0", "\u202ename\x1b[31m", "<b>|x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "score", "language"]), inner),
    max_leaves=4,
)  # fmt: skip


def changed(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    if not place:
        return value
    found = copy.deepcopy(record)
    inner: Any = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return found


def read_or_said(path: Path) -> EvalRecord | str:
    """The record, or what is said of the file."""
    try:
        return read_record(path)
    except XlingError as error:
        return str(error)


@given(PLACES, VALUES)
def test_what_the_schema_allows_is_read_and_comes_back_and_all_else_is_one_error(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any
) -> None:
    data = changed(FOREIGN, place, value)
    path = tmp_path_factory.getbasetemp() / "changed.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    allowed = not wrong("eval", data) and data["schema_version"] == "0.3.0"
    found = read_or_said(path)
    if isinstance(found, EvalRecord):
        assert found.written() == data
        assert place[-1:] == ("generation_config",) or allowed  # of which we read nothing
    else:
        assert not allowed, found
        assert "changed.json" in found


def test_the_foreign_record_is_valid() -> None:
    assert wrong("eval", FOREIGN) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("[]", "no record of every_eval_ever"),
        ('{"results": {}}', "no record of every_eval_ever"),
        ('{"schema_version": "0.2.2", "evaluation_results": []}', "schema_version is '0.2.2'"),
        ('{"schema_version": "0.3.0", "schema_version": "0.3.0", "evaluation_results": []}', "stands twice"),
        ('{"schema_version": "0.3.0", "evaluation_results": [{"score": NaN}]}', "NaN"),
        ('{"schema_version": "0.3.0", "evaluation_results": [{"score": 1e999}]}', "no number"),
        ('{"schema_version": "0.3.0", "evaluation_results": ' + "[" * 5000 + "]" * 5000 + "}", "nested"),
        ('{"schema_version": "0.3.0", "evaluation_results": []', "truncated"),
    ],
)
def test_damaged_records_are_one_error(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")))
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    assert main(["table", str(run), "--beside", str(path)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "bad.json" in err
    assert len(err.splitlines()) == 1


RESULT = ("evaluation_results", 0)
CONFIG, SCORE = (*RESULT, "metric_config"), (*RESULT, "score_details", "score")
SURE = (*RESULT, "score_details", "uncertainty")
BOUNDLESS = {"metric_id": "score", "metric_unit": "points", "lower_is_better": False, "max_score": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(SCORE, 5.0)], "score is 5; its metric (proportion) goes from 0 to 1"),
        ([(SCORE, -0.1)], "score is -0.1"),
        ([((*CONFIG, "max_score"), 100), (SCORE, 50.0)], "goes from 0 to 1"),
        ([(CONFIG, {**BOUNDLESS, "metric_unit": "ratio"}), (SCORE, 1e308)], "too large a number for score: 1e+308"),
        ([(SURE, {"standard_error": {"value": -0.01}})], "standard_error is -0.01"),
        ([(SURE, {"confidence_interval": {"lower": 0.9, "upper": 0.1}})], "from 0.9 to 0.1"),
        ([(SURE, {"confidence_interval": {"lower": 0.6, "upper": 0.7}})], "outside its interval from 0.6 to 0.7"),
        ([(SURE, {"num_samples": -1})], "num_samples is -1"),
        ([(SURE, {"num_samples": 10**30})], "num_samples is too large"),
        ([(SURE, {"standard_deviation": -0.5})], "standard_deviation is -0.5"),
        (
            [((*RESULT, "score_details", "details"), {"metric": "acc"}), ((*CONFIG, "lower_is_better"), True)],
            "lower_is_better is True; of acc it is False",
        ),
        ([((*RESULT, "score_details", "details"), {"signature": "xling|noclon|a"})], "'xling|noclon|a' is not a sig"),
        ([((*RESULT, "score_details", "details"), {"signature": "xling|a:b", "n": "\u0663"})], "n is '\u0663'"),
    ],
)
def test_a_number_that_its_record_contradicts_is_one_error_that_names_it(
    changes: list[tuple[tuple[Any, ...], Any]], said: str, tmp_path: Path
) -> None:
    data = FOREIGN
    for place, value in changes:
        data = changed(data, place, value)
    assert wrong("eval", data) == [], "its shape is right"
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_outside([path])
    assert str(error.value).startswith(f"{path}: evaluation_results.0 (XNLI de): ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("details", "shots"), "5", "shots is 5; its signature says 0"),
        (("details", "task"), "xling_xnli_sw", "its signature says xling_xnli_de"),
        (("details", "language"), "sw", "its benchmark and language are xnli and sw"),
        (("details", "benchmark"), "xcopa", "are xcopa and de"),
        (("details", "metric"), "f1", "metric is f1; metric_name is acc"),
        (("details", "n"), "59", "n is 59; num_samples is 60"),
    ],
)
def test_a_number_of_ours_that_says_two_things_is_none(
    place: tuple[str, ...], value: str, said: str, tmp_path: Path
) -> None:
    run = load_results(write_run(tmp_path / "run", outcomes(60, ("de",)), name="mine"))
    (record,) = records(measured(run), Sender()).values()
    path = tmp_path / "mine.json"
    for data in (record.written(), changed(record.written(), (*RESULT, "score_details", *place), value)):
        path.write_text(json.dumps(data), encoding="utf-8")
        if data == record.written():
            assert len(read_outside([path])) == 1
    with pytest.raises(DataError, match=said):
        read_outside([path])
    twice = [record.written()["evaluation_results"][0]] * 2
    path.write_text(json.dumps(changed(record.written(), ("evaluation_results",), twice)), encoding="utf-8")
    with pytest.raises(DataError, match="stands twice"):
        read_outside([path])


def test_records_of_parts_of_a_run_stand_beside_each_other(tmp_path: Path) -> None:
    """Two prompt families, written at once: neither is the other given twice; a unit is what the metric's is."""
    write_run(tmp_path / "run", outcomes(60, ("de",)), name="mine")
    likely = {"de": np.linspace(0.5, 2, 60)}
    write_run(tmp_path / "run", likely, metric="bpb", family="cf", name="mine")
    numbers, paths = measured(load_results(tmp_path / "run")), [tmp_path / f"{name}.eee.json" for name in "ab"]
    for number, path in zip(numbers, paths, strict=True):
        (record,) = records([number], Sender(written=1)).values()
        path.write_text(json.dumps(record.written()), encoding="utf-8")
    assert [number.metric for number in read_outside(paths)] == ["bpb", "acc"]
    configs = [read_record(path).evaluation_results[0].metric_config for path in paths]
    assert [(config.metric_unit, config.min_score) for config in configs] == [("bits per byte", 0), ("proportion", 0)]
    with pytest.raises(UsageError, match="given twice"):
        read_outside([paths[0], paths[0]])


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ('{"acc,none": 60.0}', "xnli_de acc,none is 60; expected a share, from 0 to 1"),
        ('{"acc,none": 1e308}', "expected a share"),
        ('{"acc,none": 0.5, "acc_stderr,none": -0.1}', "standard error of acc,none is -0.1"),
        ('{"acc,none": 0.5, "acc,none": 0.6}', "'acc,none' stands twice"),
    ],
)
def test_numbers_of_lm_eval_that_are_none_are_one_error(scores: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "results_x.json"
    config = '"config": {"model": "hf", "model_args": "pretrained=a"}, "configs": {"xnli_de": {}}'
    path.write_text(f'{{"results": {{"xnli_de": {scores}}}, {config}}}', encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_outside([path])
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_card_leaves_a_file_as_it_is_but_for_its_block(tmp_path: Path) -> None:
    """Line ends, byte-order mark, and a block that is shown in fenced code."""
    block, old = f"{BEGIN}\nnew\n{END}\n", f"{BEGIN}\nold\n{END}\n"
    shown = f"# Card\n\n````md\n```\n{old}````\n\n"
    for before, after in ((shown, shown + block), (shown + old + "\nMore\n", shown + block + "\nMore\n")):
        for mark in ("", "\ufeff"):
            for newline in ("\n", "\r\n"):
                path = tmp_path / "README.md"
                path.write_bytes((mark + before.replace("\n", newline)).encode())
                assert put_into(path, block) == mark + after.replace("\n", newline)


def test_a_file_too_large_to_be_a_record_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(DataError, match="so much is not read"):
        read_outside([path])


def test_our_tasks_by_plain_lm_eval_are_a_run_for_the_table(tmp_path: Path) -> None:
    ours = {"xling_xnli_de": {"dataset_kwargs": {"xling": {"benchmark": "xnli"}}}}
    results = {"results": {"xling_xnli_de": {"acc,none": 0.5}}, "configs": ours, "config": {"model": "hf"}}
    (tmp_path / "results_1.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(DataError, match=r"results of our own tasks, by plain lm_eval: `xling-bench table RUN"):
        read_outside([tmp_path])


def test_a_foreign_number_stands_beside_ours_and_names_what_differs(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")), name="mine")
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(FOREIGN), encoding="utf-8")
    frame = load_results(run)
    (row,) = beside(frame, read_outside([path])).to_dict(orient="records")
    mine = frame[(frame["language"] == "de")]["value"].iloc[0]
    assert (row["benchmark"], row["language"], row["metric"], row["value"]) == ("xnli", "de", "acc", 50.0)
    assert row["here: mine"] == pytest.approx(100 * mine)
    assert row["differs"] == "split (dev, here test); items (2,490, here 60); not said: prompt, shots"
    assert row["from"] == "published, not measured here: A leaderboard, Somebody (third party)"


def test_the_page_marks_what_was_not_measured_here_and_ranks_nothing_with_it(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, outcomes(60, ("en", "de"), seed=i), name=name, model=name, fingerprint=name * 16)
            for i, name in enumerate("ab")]  # fmt: skip
    data = changed(FOREIGN, ("model_info", "name"), "<script>theirs")
    other = changed(data["evaluation_results"][0], ("score_details", "details"), {"language": "sw"})
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(changed(data, ("evaluation_results",), [data["evaluation_results"][0], other])))
    pages = [
        write_report(runs, tmp_path / str(n), Options(beside=given, draws=100)) for n, given in enumerate([(), (path,)])
    ]
    boards = [json.loads((page.parent / "leaderboard.json").read_text(encoding="utf-8")) for page in pages]
    (row,) = [row for row in boards[1]["leaderboard"] if row["published"]]
    assert row["model"] == "<script>theirs"
    assert row["published"] == (
        "A leaderboard, Somebody (third party); differs: split, items; not said: prompt, shots; demonstrations not said"
    )
    assert row["rank"] is None
    assert row["scores"]["xnli"]["value"] == 50.0
    # All that was measured, compared and ranked here is as without it.
    assert [each for each in boards[1]["leaderboard"] if not each["published"]] == boards[0]["leaderboard"]
    assert boards[1]["numbers"] == boards[0]["numbers"]
    assert any("1 number from elsewhere not shown" in note for note in boards[1]["notes"])
    page = pages[1].read_text(encoding="utf-8")
    assert "published, not measured here: A leaderboard" in page
    assert "<script>theirs" not in page


def test_names_from_outside_do_nothing_in_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")), name="mine")
    hostile = "\u202e<script>|=1+1\x1b[31m\n# x"
    data = changed(FOREIGN, ("model_info", "name"), hostile)
    data = changed(data, ("evaluation_results", 0, "evaluation_name"), hostile)
    data = changed(data, ("source_metadata", "source_name"), hostile)
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    for form in ("md", "csv", "latex"):
        assert main(["table", str(run), "--beside", str(path), "--format", form]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert form != "md" or len({line.count(" | ") for line in out.splitlines() if line[:2] == "| "}) == 1


@settings(max_examples=8)
@given(
    st.sampled_from(["xnli", "xcopa"]), st.sampled_from([0, 5]), st.integers(2, 40), st.integers(0, 99),
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20), st.booleans(),
)  # fmt: skip
def test_any_run_becomes_a_valid_record_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    benchmark: str, shots: int, items: int, seed: int, name: str, limited: bool,
) -> None:  # fmt: skip
    from xling_bench.exchange.outside import numbers_of, row_of
    from xling_bench.results.schema import NAMES

    folder = tmp_path_factory.mktemp("any")
    scores = outcomes(items, ("en", "zh") if benchmark == "xnli" else ("th",), seed=seed)
    more = {"limit": items} if limited else {}
    metric = "acc"
    frame = load_results(write_run(folder / "run", scores, benchmark=benchmark, metric=metric, name=name, shots=shots,
                                   seed=seed if shots else 0, **more))  # fmt: skip
    numbers = measured(frame)
    (record,) = records(numbers, Sender()).values()
    data = json.loads(json.dumps(record.written()))
    assert wrong("eval", data) == []
    back = EvalRecord.model_validate(data)
    assert back == record
    assert [number.n for number in numbers_of(back, folder)] == [items] * len(numbers), "our own are never refused"
    assert [row_of(result, back) for result in back.evaluation_results] == [dict(number.row) for number in numbers]
    assert [list(number.row) for number in numbers] == [list(NAMES)] * len(numbers)


def test_what_the_model_learnt_of_the_items_travels_along(tmp_path: Path) -> None:
    known = {"state": "contaminated", "texts": {"de": 3}, "lineage": "a -> b", "ancestors": ["0123456789abcdef"]}
    run = write_run(tmp_path / "run", outcomes(60, ("de",)), name="maker/tiny", provenance=known)
    numbers = measured(load_results(run))
    assert numbers[0].row["provenance"] == "contaminated"
    (record,) = records(numbers, Sender()).values()
    details = record.evaluation_results[0].score_details.details or {}
    assert (details["provenance"], details["learnt"]) == ("contaminated", "de 3")
    assert record.model_info.additional_details["ancestors"] == "0123456789abcdef"
    assert "†" in card(numbers)
    assert "contaminated" in card(numbers)
    assert all("contaminated" in text for text in hub_files(numbers, Sender()).values())
