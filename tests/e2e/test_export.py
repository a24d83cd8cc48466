"""`export`, `table -o x.eee.json` and `table --beside` on a real run: valid by the others' own schema and libraries."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from eee_schemas import wrong

from xling_bench import evaluate, load_results
from xling_bench.cli.main import main
from xling_bench.exchange.eee_shapes import EvalRecord
from xling_bench.exchange.outside import read_record, row_of
from xling_bench.results.schema import NAMES

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def run(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a tiny model on the sample: ranking, generation and a corpus score, with and without demonstrations."""
    folder = tmp_path_factory.mktemp("export") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLING_DATA", "sample")
        tasks, metrics = ["xling_xnli_de", "xling_xnli_en", "xling_flores_en_de"], ["acc", "chrf"]
        report = evaluate(f"hf:{models['llama']}", output=folder, tasks=tasks, shots=(0, 2), metrics=metrics)
        assert not report.failed
    return folder


def exported(run: Path, folder: Path, *more: str) -> tuple[dict[str, Any], Path]:
    """The record in the folder, and its file."""
    assert main(["export", f"maker/tiny={run}", "--format", "eee", "-o", str(folder), "--allow-sample", *more]) == 0
    (path,) = folder.rglob("*.json")
    return json.loads(path.read_text(encoding="utf-8")), path


def test_the_record_is_valid_and_says_what_a_number_is_worth(run: Path, tmp_path: Path) -> None:
    record, path = exported(run, tmp_path / "records")
    assert wrong("eval", record) == []
    assert path.relative_to(tmp_path / "records").parts[:4] == ("data", "xling-bench", "maker", "tiny")
    frame = load_results([f"maker/tiny={run}"])
    assert len(record["evaluation_results"]) == len(frame)
    for result, (_, row) in zip(record["evaluation_results"], frame.iterrows(), strict=True):
        details = result["score_details"]["details"]
        assert "invented items" in result["evaluation_name"]
        assert details["signature"] == row["signature"]
        assert result["score_details"]["score"] == row["value"]
        sure = result["score_details"].get("uncertainty")
        assert (sure is None) == (row["metric"] == "chrf")  # a corpus score is no mean
        if sure is not None:
            assert sure["num_samples"] == row["n"]
            assert sure["standard_error"]["value"] == pytest.approx(row["items"].std() / row["n"] ** 0.5)
            assert sure["confidence_interval"]["lower"] <= row["value"] <= sure["confidence_interval"]["upper"]
            assert details["language_tag"] in ("de-Latn", "en-Latn")
            assert details["at_chance"] == "yes"
    assert {r["score_details"]["details"].get("target_language_code") for r in record["evaluation_results"]} >= {
        "deu_Latn"
    }


def test_instances_are_valid_and_belong_to_the_record(run: Path, tmp_path: Path) -> None:
    record, path = exported(run, tmp_path / "records", "--instances", "--shots", "2")
    assert wrong("eval", record) == []
    told = record["detailed_evaluation_results"]
    content = (tmp_path / "records" / told["file_path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == told["checksum"]
    assert told["file_path"].removesuffix("_samples.jsonl") == path.relative_to(tmp_path / "records").as_posix()[:-5]
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert len(lines) == told["total_rows"] == sum(load_results(run).query("shots == 2")["n"])
    assert not [error for line in lines for error in wrong("instance_level_eval", line)]
    for result in record["evaluation_results"]:
        own = [line for line in lines if line["evaluation_result_id"] == result["evaluation_result_id"]]
        if result["metric_config"]["metric_name"] == "acc":
            right = [line["output"]["raw"] == line["input"]["reference"] for line in own]
            assert right == [line["evaluation"]["is_correct"] for line in own]
            assert sum(right) / len(right) == result["score_details"]["score"]


def test_what_is_exported_comes_back(run: Path, tmp_path: Path) -> None:
    frame = load_results([f"maker/tiny={run}"])
    _, path = exported(run, tmp_path / "records")
    record = read_record(path)
    rows = [row_of(result, record) for result in record.evaluation_results]
    assert rows == [
        {name: None if pd.isna(row[name]) else row[name] for name in NAMES} for row in frame.to_dict(orient="records")
    ]
    assert EvalRecord.model_validate(json.loads(path.read_text())).written() == json.loads(path.read_text())


def test_the_same_files_give_the_same_bytes(run: Path, tmp_path: Path) -> None:
    names = [exported(run, tmp_path / name)[1] for name in ("one", "two")]
    assert names[0].name == names[1].name
    assert names[0].read_bytes() == names[1].read_bytes()
    table = tmp_path / "table.eee.json"
    assert main(["table", f"maker/tiny={run}", "-o", str(table), "--allow-sample"]) == 0
    assert table.read_bytes() == names[0].read_bytes()


@pytest.mark.parametrize("arguments", [["table", "RUN", "-o", "x.eee.json"],
                                       ["export", "RUN", "--format", "eee", "-o", "x.eee.json"],
                                       ["export", "RUN", "--format", "card", "-o", "x.md"],
                                       ["export", "RUN", "--format", "hf", "-o", "x", "--allow-sample"]])  # fmt: skip
def test_invented_items_are_not_published(
    arguments: list[str], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(run) if each == "RUN" else each for each in arguments]) == 2
    assert "invented" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_beside_a_run_its_own_record_differs_in_nothing_and_is_marked(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = exported(run, tmp_path / "records")
    capsys.readouterr()
    for command in (["table", str(run), "--beside", str(path)], ["compare", str(run), str(tmp_path / "records")]):
        assert main([*command, "--format", "csv"]) == 0
        out, err = capsys.readouterr()
        (tmp_path / "beside.csv").write_text(out, encoding="utf-8")
        table = pd.read_csv(tmp_path / "beside.csv")
        here = next(name for name in table.columns if name.startswith("here: "))
        assert table["from"].str.startswith("published, not measured here").all()
        assert (table["value"] - table[here]).abs().max() < 1e-9
        assert table["differs"].isna().all()
        assert "nothing is tested" in err


@pytest.mark.parametrize("command", [["table"], ["report", "-o", "page"], ["gate", "--baseline", "RUN", "--candidate"],
                                     ["compare", "RUN"], ["export", "--format", "card", "-o", "x.md"]])  # fmt: skip
def test_a_record_is_never_taken_for_a_run(
    command: list[str], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = exported(run, tmp_path / "records")
    monkeypatch.chdir(tmp_path)
    place = 2 if command[0] == "export" else len(command)
    arguments = [str(run) if each == "RUN" else each for each in command]
    if command[0] == "compare":
        arguments = ["compare", str(path), str(run)]
    else:
        arguments.insert(1 if command[0] in ("export", "report") else place, str(path))
    if command[0] == "gate":
        arguments.append("--allow-sample")
    capsys.readouterr()
    assert main(arguments) == 2
    assert "not measured here" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_a_card_is_replaced_in_place(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# My model\n\nText.\n", encoding="utf-8")
    base = ["export", f"maker/tiny={run}", "--format", "card", "--into", str(readme), "--allow-sample"]
    assert main(base) == 0
    once = readme.read_text(encoding="utf-8")
    link = tmp_path / "link.md"
    link.symlink_to("README.md")
    assert main([str(link) if argument == str(readme) else argument for argument in base]) == 0
    assert link.is_symlink()
    assert readme.read_text(encoding="utf-8") == once
    assert once.startswith("# My model\n\nText.\n\n<!-- xling-bench")
    assert "Sample data" in once
    assert load_results(run)["signature"].iloc[0].split("|")[3] in once
    readme.write_text(once + "\n## More\n", encoding="utf-8")
    assert main([*base, "--shots", "0"]) == 0
    again = readme.read_text(encoding="utf-8")
    assert again.endswith("\n\n## More\n")
    assert again.count("results begin") == 1
    assert len(again) < len(once)
    readme.write_text(again.replace("<!-- xling-bench: results end -->", ""), encoding="utf-8")
    kept = readme.read_bytes()
    assert main(base) == 2
    assert readme.read_bytes() == kept


def test_files_for_the_hub_are_what_its_library_reads(tmp_path: Path) -> None:
    from huggingface_hub import parse_eval_result_entries
    from runs import outcomes, write_run

    run = write_run(tmp_path / "run", outcomes(300, ("en", "de")), name="maker/tiny")
    assert main(["export", str(run), "--format", "hf", "-o", str(tmp_path / "model"), "--date", "2026-11-30"]) == 0
    (path,) = (tmp_path / "model" / ".eval_results").iterdir()
    assert path.name == "xnli.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    frame = load_results(run)
    assert [entry.value for entry in entries] == pytest.approx([100 * value for value in frame["value"]], abs=1e-4)
    assert {(entry.dataset_id, entry.task_id, entry.date) for entry in entries} == {
        ("facebook/xnli", "de", "2026-11-30"), ("facebook/xnli", "en", "2026-11-30"),
    }  # fmt: skip
    for entry, signature in zip(entries, frame["signature"], strict=True):
        assert "95 % interval" in entry.notes
        assert signature in entry.notes
        assert entry.dataset_revision is None  # official files: no commit is known


def test_the_first_items_of_a_benchmark_are_called_that_and_are_not_for_leaderboards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from runs import outcomes, write_run

    run = write_run(tmp_path / "run", outcomes(100, ("en",)), name="maker/tiny", limit=100)
    path = tmp_path / "x.eee.json"
    assert main(["export", str(run), "--format", "eee", "-o", str(path)]) == 0
    record = json.loads(path.read_text(encoding="utf-8"))
    assert wrong("eval", record) == []
    (result,) = record["evaluation_results"]
    assert result["evaluation_name"] == "xling_xnli_en (first 100 of 5,010 items)"
    assert main(["export", str(run), "--format", "hf", "-o", str(tmp_path / "model")]) == 2
    assert "first 100 of 5,010 items" in capsys.readouterr().err
    whole = write_run(tmp_path / "whole", outcomes(2000, ("de",)), name="maker/tiny", benchmark="pawsx")
    both = ["export", str(run), str(whole), "--format", "hf", "-o", str(tmp_path / "model")]
    assert main(both) == 2
    assert "choose those that are whole (--benchmarks pawsx)" in capsys.readouterr().err
    assert main([*both, "--benchmarks", "PAWS-X"]) == 0
    assert [path.name for path in (tmp_path / "model" / ".eval_results").iterdir()] == ["pawsx.yaml"]
    assert main(["export", str(run), "--format", "card", "-o", str(tmp_path / "card.md")]) == 0
    assert "first 100 of 5,010 items" in (tmp_path / "card.md").read_text(encoding="utf-8")
