"""`load_results` on real runs: ours and plain lm-eval's, with items, mixed, damaged, exported."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from runs import reseal
from test_runner import run

from xling_bench import evaluate, load_results
from xling_bench.cli.main import main
from xling_bench.core import content
from xling_bench.core.errors import DataError
from xling_bench.results.long_table import save_results
from xling_bench.results.mixing import refuse_mixed, signature_fields
from xling_bench.results.schema import COLUMNS, NAMES, UNEXPORTED
from xling_bench.results.tables.pivot import side_by_side

pytestmark = pytest.mark.e2e
TASKS = ["xling_xnli_de", "xling_xnli_en", "xling_flores_en_de", "xling_xquad_hi"]


@pytest.fixture(scope="module")
def runs(models, tmp_path_factory) -> tuple[Path, Path]:
    """Runs of two models on the sample, 0 and 2 shots."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLING_DATA", "sample")
        for name in ("llama", "bloom"):
            folder, metrics = root / name, ["acc", "chrf", "f1", "exact", "contains"]
            report = evaluate(
                f"hf:{models[name]}", output=folder, tasks=TASKS, shots=(0, 2), seeds=(0, 1), metrics=metrics
            )
            assert not report.failed
    return root / "llama", root / "bloom"


def test_columns_types_and_values(runs) -> None:
    frame = load_results(runs[0])
    assert tuple(frame.columns) == (*NAMES, *UNEXPORTED)
    assert {c.name: str(frame.dtypes[c.name]) for c in COLUMNS} == {c.name: c.dtype for c in COLUMNS}
    # 4 tasks x (0 shots once + 2 shots with two seeds); XQuAD has three metrics, the others one.
    assert len(frame) == 3 * (1 + 1 + 1 + 3)
    for _, row in frame.iterrows():
        folder = runs[0] / row["task"] / f"{row['shots']}-{row['seed']}-{row['demos']}"
        result = json.loads((folder / "results.json").read_text())
        assert row["value"] == result["results"][row["task"]][f"{row['metric']},none"]
        rule = result["xling"]["facts"]["metrics"][row["metric"]]
        assert row["signature"] == f"{result['xling']['signature']}|metric:{row['metric']}|rule:{rule}"
        assert len(row["items"]) == row["n"]
        if row["metric"] != "chrf":
            assert row["items"].mean() == pytest.approx(row["value"])


def test_items_parquet_says_the_same_as_the_samples(runs, tmp_path) -> None:
    with_parquet = load_results(runs[0])
    copy = shutil.copytree(runs[0], tmp_path / "run")
    (copy / "items.parquet").unlink()
    without = load_results(copy)
    for name in ("items", "choices", "clusters"):
        for a, b in zip(with_parquet[name], without[name], strict=True):
            pd.testing.assert_series_equal(a, b)
    pd.testing.assert_frame_equal(with_parquet.drop(columns=list(UNEXPORTED)), without.drop(columns=list(UNEXPORTED)))


def test_a_stale_or_damaged_items_file_is_never_believed(runs, tmp_path) -> None:
    copy = shutil.copytree(runs[0], tmp_path / "run")
    items = pd.read_parquet(copy / "items.parquet")
    items["key"] = "another"
    items["score"] = 7.0
    items.to_parquet(copy / "items.parquet")
    assert load_results(copy)["items"].iloc[0].max() <= 100
    (copy / "items.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(DataError, match=r"items.parquet is damaged .* made again"):
        load_results(copy)


def test_plain_lm_eval_results_stand_beside_ours(runs, models, tmp_path, sample_data) -> None:
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    metadata = {"metrics": "acc,f1,exact,contains"}
    manager = TaskManager(include_path=str(content.folder("tasks")), include_defaults=False, metadata=metadata)
    tracker = EvaluationTracker(output_path=str(tmp_path))
    results = lm_eval.simple_evaluate(
        model="hf", model_args={"pretrained": str(models["llama"])}, tasks=["xling_xnli_de", "xling_xquad_hi"],
        task_manager=manager, num_fewshot=2, batch_size=16, device="cpu", evaluation_tracker=tracker, bootstrap_iters=0,
    )  # fmt: skip
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, logged in samples.items():
        tracker.save_results_samples(task_name=task, samples=logged)
    frame = load_results([runs[0], tmp_path])
    theirs = frame[frame["harness"] == "lm_eval"]
    assert sorted(theirs["metric"]) == ["acc", "contains", "exact", "f1"]
    assert set(theirs["source"]) == {"sample"}
    assert set(theirs["model"]) == {"llama (lm_eval)"}, "a column of their own, never averaged with ours"
    for _, row in theirs.iterrows():
        ours = frame[(frame["harness"] != "lm_eval") & (frame["shots"] == 2) & (frame["seed"] == 0)]
        same = ours[(ours["task"] == row["task"]) & (ours["metric"] == row["metric"])].iloc[0]
        assert row["value"] == pytest.approx(same["value"])
        pd.testing.assert_series_equal(row["items"], same["items"])
        assert signature_fields(row["signature"])["data"] == signature_fields(same["signature"])["data"]
    refuse_mixed(frame)


def test_models_stand_side_by_side_and_mixing_is_refused(runs, models, tmp_path, sample_data, capsys) -> None:
    table = side_by_side(load_results(runs))
    assert list(table.columns) == ["bloom", "llama"]
    assert table.index[0][-1] == "en-de"
    short = evaluate(f"hf:{models['xglm']}", output=tmp_path / "short", tasks=["xling_xnli_de"], limit=4)
    assert short.finished
    with pytest.raises(DataError, match=r"xnli de xglm 0 none 0 acc: limit differs: none given for .*, 4 for"):
        side_by_side(load_results([runs[0], tmp_path / "short"]))
    assert main(["table", str(runs[0]), str(runs[1])]) == 0
    printed = capsys.readouterr()
    assert "bloom" in printed.out
    assert "not benchmark scores" in printed.err
    assert main(["table", str(runs[0]), "--layout", "afp-9", "--reference", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("model,xnli en 0,xnli de 0")
    assert lines[1].startswith("XGLM-7.5B (published),54.1,42.5")
    assert lines[-1].startswith("llama,")
    assert "(2/15)" in lines[-1], "an average over some of the languages says over how many"


def test_one_name_with_two_contents_is_two_models(runs, models, tmp_path, sample_data) -> None:
    """Base and adapter share a path; so do a checkpoint before and after more training."""
    copy = shutil.copytree(models["llama"], tmp_path / "model")
    evaluate(f"hf:{copy}", output=tmp_path / "before", tasks=["xling_xnli_de"])
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-2] ^= 8
    (copy / "model.safetensors").write_bytes(weights)
    evaluate(f"hf:{copy}", output=tmp_path / "after", tasks=["xling_xnli_de"])
    table = side_by_side(load_results([tmp_path / "before", tmp_path / "after"]))
    assert len(table.columns) == 2
    assert all(name.startswith(f"{tmp_path.name}/model (") for name in table.columns)
    with pytest.raises(DataError, match="stands twice"):
        side_by_side(load_results([tmp_path / "before", tmp_path / "before"]))


def test_comparisons_reach_every_row_of_both_harnesses() -> None:
    where = {"benchmark": "xnli", "language": "de", "family": "xglm", "shots": 0, "demos": "none", "seed": 0}
    row = {**where, "metric": "acc", "n": 8, "harness": "xling-bench"}

    def frame(*changes: dict) -> pd.DataFrame:
        base = {**row, "signature": "xling|data:1|dtype:auto"}
        return pd.DataFrame([{**base, "model": f"m{i}", **change} for i, change in enumerate(changes)])

    lm_eval = {"harness": "lm_eval", "model": "a", "signature": "xling|data:1|lm_eval:0.4.13"}
    refuse_mixed(frame({}, lm_eval))
    with pytest.raises(DataError, match="dtype differs: auto for m1, float16 for m2"):
        refuse_mixed(frame(lm_eval, {}, {"signature": "xling|data:1|dtype:float16"}))
    with pytest.raises(DataError, match="items differs"):
        refuse_mixed(frame(lm_eval, {"n": 2}))
    german = {"model": "m0", "language": "de", "signature": "xling|data:1|source:files|limit:3", "n": 3}
    swahili = {**german, "language": "sw", "signature": "xling|data:2|source:files", "n": 2}
    refuse_mixed(frame(german, swahili))  # Swahili has two items: the limit of three left it whole
    with pytest.raises(DataError, match="de and sw: limit differs"):
        refuse_mixed(frame(german, {**swahili, "n": 9}))
    with pytest.raises(DataError, match="de and sw: source differs"):
        refuse_mixed(frame(german, {**swahili, "signature": "xling|data:2|source:sample"}))
    with pytest.raises(DataError, match="no samples were logged"):
        refuse_mixed(frame({}, {**lm_eval, "signature": "xling|data:unknown"}))


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_export_keeps_every_number_and_its_signature(runs, tmp_path, suffix) -> None:
    frame = load_results(runs[0])
    path = tmp_path / f"table{suffix}"
    save_results(frame, path)
    again = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix](path)
    assert list(again.columns) == list(NAMES)
    assert list(again["signature"]) == list(frame["signature"])
    assert list(again["value"]) == pytest.approx(list(frame["value"]))


def test_items_that_do_not_make_the_number_are_refused(runs, tmp_path) -> None:
    copy = shutil.copytree(runs[0], tmp_path / "run")
    (copy / "items.parquet").unlink()
    samples = copy / "xling_xnli_de" / "0-0-none" / "samples.jsonl"
    lines = samples.read_text(encoding="utf-8").splitlines(keepends=True)
    samples.write_text("".join(lines[:4]), encoding="utf-8")
    reseal(samples.parent)
    with pytest.raises(DataError, match="9 items were scored, the samples hold 4"):
        load_results(copy)
    samples.write_text("".join(lines), encoding="utf-8")
    result = samples.with_name("results.json")
    text = result.read_text(encoding="utf-8")
    for value, message in (
        ("NaN", "which is no number"),
        ('"N/A"', "which is no number"),
        ("0.987", "one of them was changed"),
    ):
        data = json.loads(text)
        data["results"]["xling_xnli_de"]["acc,none"] = json.loads(value)
        result.write_text(json.dumps(data), encoding="utf-8")
        reseal(samples.parent)
        with pytest.raises(DataError, match=message):
            load_results(copy)


def test_errors_name_file_and_field(runs, tmp_path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no results"):
        load_results(tmp_path)
    copy = shutil.copytree(runs[0], tmp_path / "run")
    path = copy / "xling_xnli_de" / "0-0-none" / "results.json"
    result = json.loads(path.read_text())
    del result["xling"]["facts"]["split"]
    path.write_text(json.dumps(result))
    reseal(path.parent)
    with pytest.raises(DataError, match=r"0-0-none/results.json: missing or unexpected field 'split'"):
        load_results(copy)
    path.write_text("{")
    done = run("table", str(copy))
    assert done.returncode == 2
    assert "results.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_compare_and_ranks_from_the_command_line(runs, tmp_path, capsys) -> None:
    a, b = str(runs[0]), str(runs[1])
    assert main(["compare", a, b]) == 0
    printed = capsys.readouterr().out
    assert "(mean)" in printed
    assert max(map(len, printed.partition("\n\n")[0].splitlines())) <= 120, "fits a terminal"
    assert "difference: B minus A" in printed
    assert main(["compare", a, b, "--wide"]) == 0
    assert "at_chance_a" in capsys.readouterr().out
    assert main(["compare", a, a]) == 2
    assert "two runs" in capsys.readouterr().err
    again = str(shutil.copytree(a, tmp_path / "again"))
    assert main(["compare", a, again, "--format", "csv"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    differences = {line.split(",")[header.split(",").index("difference")] for line in lines}
    assert differences <= {"0.0", "-0.0"}, "a model against itself differs nowhere"
    assert main(["table", a, b, "--ranks", "--format", "latex"]) == 0
    assert r"\begin{tabular}" in capsys.readouterr().out
    assert main(["compare", a, str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["table", a, "--reference"]) == 2
