"""Cloze and letter forms under our runner, plain lm_eval and plain torch: the same numbers of every metric."""

import json
import math

import pandas as pd
import pytest
import yaml
from plain_torch import Reference

from xling_bench import evaluate
from xling_bench.catalog import get_task
from xling_bench.catalog.render import render
from xling_bench.cli.main import main
from xling_bench.core import content
from xling_bench.core.errors import UsageError
from xling_bench.data import Source, load
from xling_bench.exchange.card import card
from xling_bench.exchange.eee import Sender
from xling_bench.exchange.hub_results import hub_files
from xling_bench.exchange.measured import measured
from xling_bench.harness.reported import pick_metrics
from xling_bench.results.frame import load_results
from xling_bench.results.tables.uncertainty import cell_intervals

pytestmark = pytest.mark.e2e
METRICS = ("acc", "acc_token", "acc_byte", "acc_char", "acc_pmi", "bpb")
TASKS = ("xling-cf_xcopa_id", "xling-mcf_xcopa_id", "xling-cf_sib200_de", "xling-mcf_sib200_de")


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formulations")
    report = evaluate(f"hf:{models['llama']}", output=folder, tasks=TASKS, shots=(0, 1), metrics=METRICS,
                      data="sample")  # fmt: skip
    assert not report.failed
    assert not report.missing
    return folder


def samples(run, task: str, setting: str) -> list[dict]:
    lines = (run / task / setting / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def best(values: list[float]) -> int:
    return values.index(max(values))


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_is_what_plain_torch_computes(task: str, run, models) -> None:
    """The candidate after prompt and separator; lengths are the candidate's own; PMI's other prompt is "Answer:" by
    itself, as in OLMES (Gu et al. 2024); bits per byte are those of the right one."""
    reference = Reference(models["llama"])
    spec = get_task(task)
    rows = load(spec.benchmark, str(spec.unit), "test", Source("sample")).rows
    found = samples(run, task, "0-0-none")
    assert len(found) == len(rows) > 4
    unlike = 0
    for row, sample in zip(rows, found, strict=True):
        shown = render(spec.benchmark, spec.form(), row)
        sums = [reference.score(shown.prompt, f" {text}") for text in shown.choices]
        anyway = [reference.score("Answer:", f" {text}") for text in shown.choices]
        before = len(reference.ids(shown.prompt))
        tokens = [len(reference.ids(f"{shown.prompt} {text}")) - before for text in shown.choices]
        assert [float(r[0]) for r in sample["filtered_resps"]] == pytest.approx([*sums, *anyway], abs=1e-3)
        taken = {
            "acc": sums,
            "acc_token": [s / n for s, n in zip(sums, tokens, strict=True)],
            "acc_byte": [s / len(t.encode()) for s, t in zip(sums, shown.choices, strict=True)],
            "acc_char": [s / len(t) for s, t in zip(sums, shown.choices, strict=True)],
            "acc_pmi": [s - a for s, a in zip(sums, anyway, strict=True)],
        }
        assert {m: sample[m] for m in taken} == {m: float(best(v) == row["label"]) for m, v in taken.items()}, row["id"]
        right = shown.choices[row["label"]]
        assert sample["bpb"] == pytest.approx(-sums[row["label"]] / math.log(2) / len(right.encode()), abs=1e-3)
        unlike += best(taken["acc"]) != best(taken["acc_pmi"])
    if "sib200" in task:
        assert unlike, "PMI decided nothing: the test sees nothing"


def test_tables_hold_the_choice_that_each_metric_scored(run) -> None:
    frame = load_results(run)
    for row in frame[frame["shots"] == 0].to_dict(orient="records"):
        golds = {s["doc"]["id"]: s["doc"]["gold"] for s in samples(run, row["task"], "0-0-none")}
        if row["metric"] == "bpb":  # no candidate is taken, and less is better
            assert (row["choices"] == -1).all()
            assert row["items"].gt(0).all()
        else:
            hits = [float(golds[item] == choice) for item, choice in row["choices"].items()]
            assert hits == row["items"].tolist(), (row["task"], row["metric"])
    cells = cell_intervals(frame, draws=50).set_index(["family", "benchmark", "shots", "metric"])
    assert cells.loc[("mcf", "xcopa", 0, "acc_pmi"), "low"] <= cells.loc[("mcf", "xcopa", 0, "acc_pmi"), "high"]
    assert cells["at_chance"].notna().groupby(level="metric").all().to_dict() == {m: m != "bpb" for m in METRICS}


def test_plain_lm_eval_gives_the_same_numbers(run, models, sample_data) -> None:
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=str(models["llama"]), batch_size=16, device="cpu", dtype="float32")
    metadata = {"metrics": ",".join(METRICS), "tokenizer": str(models["llama"])}
    manager = TaskManager(include_path=str(content.folder("tasks")), include_defaults=False, metadata=metadata)
    for shots, setting in ((0, "0-0-none"), (1, "1-0-same")):
        theirs = lm_eval.simple_evaluate(model=lm, tasks=list(TASKS), task_manager=manager, num_fewshot=shots,
                                         bootstrap_iters=0)  # fmt: skip
        for task in TASKS:
            for mine, sample in zip(samples(run, task, setting), theirs["samples"][task], strict=True):
                assert mine["doc"]["id"] == sample["doc"]["id"]
                assert [a["arg_0"] for a in mine["arguments"].values()] == [a[0] for a in sample["arguments"]]
                resps = [float(r[0]) for r in mine["filtered_resps"]]
                assert resps == pytest.approx([r[0] for r in sample["filtered_resps"]], abs=1e-3)
                assert {m: mine[m] for m in METRICS[:-1]} == {m: sample[m] for m in METRICS[:-1]}
                assert mine["bpb"] == pytest.approx(sample["bpb"], abs=1e-3)


def test_requests_without_the_item_are_made_only_where_pmi_is_asked_for(models, tmp_path, capsys) -> None:
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=TASKS[2:3], metrics=("acc", "bpb"),
                      data="sample", limit=2)  # fmt: skip
    assert [len(s["filtered_resps"]) for s in samples(tmp_path, TASKS[2], "0-0-none")] == [7, 7]
    facts = json.loads((report.finished[0] / "results.json").read_text(encoding="utf-8"))["xling"]["facts"]
    assert facts["metrics"] == {"acc": "sum-logprob", "bpb": "bits-per-byte"}


def test_what_was_asked_for_besides_is_named_by_run_and_no_headline_elsewhere(run, models, capsys) -> None:
    """A run that has all its results prints its table again; the hub's file and the card hold the headline alone."""
    command = ["run", "--model", f"hf:{models['llama']}", "-o", str(run), "--tasks", TASKS[2], "--shots", "0"]
    assert main([*command, "--metrics", ",".join(METRICS), "--data", "sample"]) == 0
    assert f"further metrics: {' '.join(METRICS[1:])} (xling-bench table " in capsys.readouterr().out
    frame = load_results(run)
    shown = card(measured(frame, allow_sample=True))
    assert "bits per byte" not in shown
    assert shown.count("| accuracy ") == (frame["metric"] == "acc").sum() == len(frame) / len(METRICS)
    one = frame[(frame["task"] == TASKS[2]) & (frame["shots"] == 0)].assign(source="files")
    (text,) = hub_files(measured(one), Sender()).values()
    (entry,) = yaml.safe_load(text)
    assert entry["value"] == pytest.approx(100 * one.set_index("metric")["value"]["acc"], abs=1e-4)
    both = pd.concat([one, one.assign(family="mcf")], ignore_index=True)
    with pytest.raises(UsageError, match=r"0-shot among them\)"):
        hub_files(measured(both), Sender())


def test_what_exists_for_some_items_only_is_refused_alone_with_the_metrics_to_ask_for() -> None:
    task = get_task("xling_mgsm_de")
    for wanted, mended in ((("reasoning_target",), "exact_number,reasoning_target"),
                           (("reasoning_target", "exact_number"), "exact_number,reasoning_target")):  # fmt: skip
        with pytest.raises(UsageError) as refused:
            pick_metrics(task.benchmark, task.kind, task.unit, wanted)
        assert str(refused.value).endswith(f"Give --metrics {mended}")
        assert ",".join(pick_metrics(task.benchmark, task.kind, task.unit, mended.split(","))) == mended


def test_a_family_without_such_a_prompt_says_that_it_lacks_pmi(models, tmp_path) -> None:
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=["xling_sib200_de"], metrics=("acc", "acc_pmi"),
                      data="sample", limit=2)  # fmt: skip
    facts = json.loads((report.finished[0] / "results.json").read_text(encoding="utf-8"))["xling"]["facts"]
    assert list(facts["metrics"]) == ["acc"]
    assert "no prompt without the item" in facts["unavailable"]["acc_pmi"]
    assert "--tasks xling-cf_sib200" in facts["unavailable"]["acc_pmi"]
    refused = evaluate(f"hf:{models['llama']}", output=tmp_path / "b", tasks=["xling_sib200_de"], metrics=("acc_pmi",),
                       data="sample", limit=2)  # fmt: skip
    assert "acc_pmi cannot be computed: this prompt family has no prompt without the item" in str(refused)
