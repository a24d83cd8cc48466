"""A run's name for its model: chosen or by rule, kept on resuming, and its path nowhere but in run.json."""

import json
import shutil
from pathlib import Path

import pytest
from test_runner import results, run

from xling_bench import evaluate, load_results
from xling_bench.core.errors import OutputError, UsageError

pytestmark = pytest.mark.e2e
TASK = {"tasks": ["xling_xnli_de"], "limit": 3}


@pytest.fixture
def secret(models, tmp_path) -> Path:
    """A model in a folder whose path nobody should read."""
    return shutil.copytree(models["llama"], tmp_path / "secret" / "gemma" / "model")


def without_run_json(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
    assert len(files) > 3
    return b"".join(path.read_bytes() for path in files)


def test_the_path_stands_in_run_json_only(secret, sample_data, tmp_path) -> None:
    report = evaluate(f"hf:{secret}", output=tmp_path / "run", **TASK)
    assert b"secret" not in without_run_json(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["model"] == str(secret)
    assert report.results()[0]["config"]["model_args"]["pretrained"] == "gemma/model"
    assert set(load_results(tmp_path / "run")["model"]) == {"gemma/model"}
    moved = secret.parent.rename(secret.parent.parent / "moved") / "model"
    again = evaluate(f"hf:{moved}", output=tmp_path / "run", tasks=["xling_xnli_de", "xling_xnli_en"], limit=3)
    assert again.reused == 1
    assert not again.failed
    assert set(load_results(tmp_path / "run")["model"]) == {"gemma/model"}, "one run, one name"
    (tmp_path / "run" / "run.json").unlink()
    assert set(load_results(tmp_path / "run")["model"]) == {"gemma/model"}, "each result keeps it"


def test_a_chosen_name_is_kept_and_changes_no_number(models, sample_data, tmp_path) -> None:
    model, folder = f"hf:{models['llama']}", tmp_path / "run"
    plain = evaluate(model, output=tmp_path / "plain", **TASK).results()[0]
    done = run(
        "run", "--model", model, "--name", "gemma 3", "--tasks", "xling_xnli_de", "--limit", "3", "-o", str(folder)
    )
    assert done.returncode == 0, done.stderr
    named = json.loads((folder / "xling_xnli_de" / "0-0-none" / "results.json").read_text())
    assert named["xling"].pop("name") == "gemma 3"
    assert plain["xling"].pop("name") == "llama"
    assert named["xling"].pop("checksums") != plain["xling"].pop("checksums")
    assert named["xling"] == plain["xling"]
    assert named["results"] == plain["results"]
    before = results(folder)
    assert evaluate(model, output=folder, **TASK).reused == 1
    assert evaluate(model, output=folder, name="gemma 3", **TASK).reused == 1
    with pytest.raises(OutputError, match=r"called 'gemma 3', not 'other': leave --name out .* 'other=.*run'"):
        evaluate(model, output=folder, name="other", **TASK)
    with pytest.raises(UsageError, match="expected a name to show"):
        evaluate(model, output=folder, name="", **TASK)
    assert results(folder) == before
    assert set(load_results([folder, f"x={tmp_path / 'plain'}"])["model"]) == {"gemma 3", "x"}


def test_an_older_versions_folder_is_resumed_and_named(models, sample_data, tmp_path) -> None:
    """It holds paths: they are shown by the same rule, and the folder is given a name."""
    model, folder = f"hf:{models['llama']}", tmp_path / "run"
    evaluate(model, output=folder, **TASK)
    for path in (folder / "run.json", *folder.glob("*/*/results.json")):
        kept = json.loads(path.read_text())
        if path.name == "results.json":
            del kept["xling"]["name"], kept["xling"]["checksums"]
            kept["config"]["model_args"]["pretrained"] = "/home/me/secret/llama"
        else:
            del kept["name"]
        path.write_text(json.dumps(kept))
    assert set(load_results(folder)["model"]) == {"llama"}
    more = evaluate(model, output=folder, name="mine", tasks=["xling_xnli_de", "xling_xnli_en"], limit=3)
    assert more.reused == 1
    assert json.loads((folder / "run.json").read_text())["name"] == "mine"
    assert set(load_results(folder)["model"]) == {"mine"}
