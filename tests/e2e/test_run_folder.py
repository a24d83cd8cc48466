"""What may lie in a run folder, and what a run must never do to it."""

import json
from pathlib import Path

import pytest
from test_runner import results, run

from xling_bench import evaluate
from xling_bench.core.errors import OutputError
from xling_bench.evaluation.code import code_hash

pytestmark = pytest.mark.e2e
TASK = "xling_xnli_de"


@pytest.fixture
def finished(models, sample_data, tmp_path) -> tuple[str, Path]:
    """A model and a run folder with two finished results."""
    spec = f"hf:{models['llama']}"
    report = evaluate(spec, output=tmp_path / "run", tasks=[TASK, "xling_xnli_sw"], limit=3)
    assert len(report.finished) == 2
    return spec, tmp_path / "run"


DAMAGES = ["", '{"half', "{}", "[]", '{"xling": 7}', '{"xling": {"key": 1, "facts": null}, "results": 1}']


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_named_and_stops_nothing_else(finished, damage: str) -> None:
    spec, folder = finished
    path = folder / TASK / "0-0-none" / "results.json"
    path.write_text(damage)
    done = run(
        "run", "--model", spec, "--tasks", "xling_xnli", "--langs", "de,sw,en", "--limit", "3", "-o", str(folder)
    )
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_text() == damage
    assert (folder / "xling_xnli_en" / "0-0-none" / "results.json").is_file()


def test_another_limit_is_refused_before_anything_is_scored(finished) -> None:
    """Else the folder holds results of both limits, which nothing compares, and neither command can finish."""
    spec, folder = finished
    languages = ("run", "--model", spec, "--tasks", "xling_xnli", "--langs", "de,en", "-o", str(folder))
    done = run(*languages, "--limit", "2")
    assert done.returncode == 2
    assert f"{TASK}/0-0-none was made with another limit (was 3, now 2)" in done.stderr
    assert "loading" not in done.stderr
    assert not (folder / "xling_xnli_en").exists()
    done = run("run", "--model", spec, "--tasks", TASK, "--limit", "2", "-o", str(folder))
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("1 failed, named above."), "the same command would find the same"
    assert run(*languages, "--limit", "3").returncode == 0


def test_a_folder_without_its_result_is_refused_before_any_work(finished) -> None:
    spec, folder = finished
    (folder / TASK / "0-0-none" / "results.json").unlink()
    report = evaluate(spec, output=folder, tasks=[TASK], limit=3)
    assert "has no results.json" in report.failed[f"{TASK} 0-shot"]
    assert not (folder / "errors").exists(), "nothing was evaluated"


@pytest.mark.parametrize("text", ["{", "{}"])
def test_a_damaged_run_json_is_one_clear_error(finished, text: str) -> None:
    spec, folder = finished
    (folder / "run.json").write_text(text)
    done = run("run", "--model", spec, "--tasks", TASK, "--limit", "3", "-o", str(folder))
    assert done.returncode == 2
    assert "run.json is damaged" in done.stderr or "holds another run" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_of_the_users_in_the_folder_survive(models, sample_data, tmp_path) -> None:
    (tmp_path / ".notes.2024").write_text("mine")
    (tmp_path / ".backup.20240501").mkdir()
    (tmp_path / "x" / "0-0-none").mkdir(parents=True)
    (tmp_path / "x" / "0-0-none" / "results.json").write_text("not json")
    done = run("run", "--model", f"hf:{models['llama']}", "--tasks", TASK, "--limit", "2", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".notes.2024").read_text() == "mine"
    assert (tmp_path / ".backup.20240501").is_dir()


@pytest.mark.parametrize("obstacle", [TASK, "errors", ".run.lock"])
def test_an_obstacle_in_the_folder_is_one_clear_error(models, tmp_path, obstacle: str) -> None:
    if obstacle.startswith("."):
        (tmp_path / obstacle).mkdir()
    else:
        (tmp_path / obstacle).write_text("a file where a folder should be")
    limit = "--max-length 8" if obstacle == "errors" else "--limit 2"  # a failing unit wants to write to errors/
    done = run("run", "--model", f"hf:{models['llama']}", "--tasks", TASK, *limit.split(), "-o", str(tmp_path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_what_failed_leaves_nothing_when_it_succeeds(models, sample_data, tmp_path) -> None:
    """The traceback of a first try is of no use to those who read the second."""
    command = ("run", "--model", f"hf:{models['llama']}", "--tasks", TASK, "--limit", "2", "-o", str(tmp_path))
    (tmp_path / TASK).write_text("a file where a folder should be")
    assert run(*command).returncode == 2
    assert [path.name for path in (tmp_path / "errors").iterdir()] == [f"{TASK}_0-0-none.txt"]
    (tmp_path / TASK).unlink()
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "errors").exists()


def test_a_mistyped_model_leaves_no_folder(sample_data, tmp_path) -> None:
    done = run("run", "--model", "hf:./nowhere", "--tasks", TASK, "-o", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_models_never_share_a_folder(models, tmp_path) -> None:
    """Started together on a fresh folder, one claims it and the other stops: no result of its own in between."""
    import os
    import subprocess
    import sys

    environment = {**os.environ, "XLING_DATA": "sample"}
    command = [
        sys.executable,
        "-m",
        "xling_bench",
        "run",
        "--tasks",
        "xling_xcopa",
        "-o",
        str(tmp_path / "run"),
        "--model",
    ]
    both = [
        subprocess.Popen([*command, f"hf:{models[name]}"], env=environment, stderr=subprocess.PIPE)
        for name in ("llama", "bloom")
    ]
    errors = [process.communicate(timeout=600)[1].decode() for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], errors
    paths = (tmp_path / "run").glob("*/*/results.json")
    assert len({json.loads(path.read_text())["xling"]["facts"]["model"] for path in paths}) == 1


def test_lost_samples_are_said_and_nothing_is_written_over(finished) -> None:
    spec, folder = finished
    (folder / TASK / "0-0-none" / "samples.jsonl").unlink()
    before = (folder / TASK / "0-0-none" / "results.json").read_bytes()
    done = run("run", "--model", spec, "--tasks", TASK, "--limit", "3", "-o", str(folder))
    assert done.returncode == 2
    assert "samples.jsonl is gone" in done.stderr
    assert (folder / TASK / "0-0-none" / "results.json").read_bytes() == before


def test_a_mistyped_option_does_not_claim_the_folder(models, sample_data, tmp_path) -> None:
    arguments = [
        "run",
        "--model",
        f"hf:{models['llama']}",
        "--tasks",
        TASK,
        "--limit",
        "2",
        "-o",
        str(tmp_path / "run"),
    ]
    assert run(*arguments, "--dtype", "float9").returncode == 2
    done = run(*arguments, "--dtype", "float32")
    assert done.returncode == 0, done.stderr


def test_the_table_is_written_and_the_dry_run_knows_what_is_there(finished) -> None:
    spec, folder = finished
    done = run("run", "--model", spec, "--tasks", "xling_xnli", "--langs", "de,en", "--limit", "3", "-o", str(folder))
    assert done.returncode == 0
    assert "gap to en" in (folder / "table.md").read_text()
    assert "xling|task:xling_xnli_sw" in (folder / "table.csv").read_text()
    assert "| sw " not in done.stdout, "only what was asked for is printed"
    before = results(folder)
    dry = run("run", "--model", spec, "--tasks", "xling_xnli", "--langs", "de,fr", "--limit", "3", "--shots", "0,2",
              "-o", str(folder), "--dry-run")  # fmt: skip
    assert "xling_xnli_de 0-shot: 3 items of built-in sample" in dry.stdout
    assert dry.stdout.count("(already there)") == 1
    assert "demonstrations from" in dry.stdout
    assert results(folder) == before


def test_code_that_scores_is_part_of_the_key(finished) -> None:
    _, folder = finished
    own = json.loads((folder / TASK / "0-0-none" / "results.json").read_text())["xling"]
    assert own["facts"]["code"] == code_hash()
    assert f"code:{code_hash()}" in own["signature"]
    assert own["facts"]["metrics"] == {"acc": "sum-logprob"}


def test_results_of_other_code_or_of_invented_items_do_not_get_company(finished, monkeypatch, tmp_path) -> None:
    """A gap to an English that was measured otherwise stood in the table, and no other reader took the folder."""
    spec, folder = finished
    before = results(folder)
    more = {"output": folder, "tasks": ["xling_xnli_en"], "limit": 3, "progress": lambda _: None}
    with monkeypatch.context() as patch:
        patch.setattr("xling_bench.evaluation.plan.code_hash", lambda: "0badc0de")
        with pytest.raises(OutputError, match=r"made with another code \(was .*, now 0badc0de\)"):
            evaluate(spec, **more)
    rows = ["language\tgold_label\tsentence1\tsentence2", *["en\tneutral\tIt rains.\tIt pours."] * 4]
    (tmp_path / "data/xnli/XNLI-1.0").mkdir(parents=True)
    (tmp_path / "data/xnli/XNLI-1.0/xnli.test.tsv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    with pytest.raises(OutputError, match="is of data from sample, not files: invented items and real"):
        evaluate(spec, data_dir=tmp_path / "data", **more)
    assert results(folder) == before
    assert evaluate(spec, **more).finished, "what was made alike goes in"
