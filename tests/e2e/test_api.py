"""The Python interface: what is exported is there, and computes what the commands compute."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import training_recipe

import xling_bench
from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e


def test_all_that_is_exported_is_there_documented_and_typed() -> None:
    assert {"evaluate", "train", "load_results", "compare_models", "rank_models", "write_report", "run_gate"} < set(
        xling_bench.__all__
    )
    assert dir(xling_bench) == sorted(xling_bench.__all__)
    for name in set(xling_bench.__all__) - {"__version__"}:
        function = getattr(xling_bench, name)
        assert function.__name__ == name
        assert inspect.getdoc(function)
        annotations = inspect.signature(function)
        assert annotations.return_annotation not in (inspect.Signature.empty, "Any", "dict[str, Any]")
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        xling_bench.evalute  # noqa: B018


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, xling_bench; print(sorted({'torch', 'pandas', 'lm_eval', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_day_in_python(models: dict[str, Path], tmp_path: Path) -> None:
    """Nothing in the environment says where data are."""
    quiet = {"progress": lambda line: None, "data": "sample"}
    for name in ("xglm", "bloom"):
        report = xling_bench.evaluate(
            f"hf:{models[name]}", output=tmp_path / name, tasks="xling_xnli", langs=["en", "de"],
            pairs="deu_Latn-fra_Latn", **quiet,
        )  # fmt: skip
        assert not report.failed
        done = sorted(path.parent.name for path in report.finished)
        assert done == ["xling_flores_de_fr", "xling_xnli_de", "xling_xnli_en"]
    runs = [tmp_path / "xglm", tmp_path / "bloom"]
    frame = xling_bench.load_results(runs)
    assert set(frame["source"]) == {"sample"}
    table = xling_bench.compare_models(frame, "xglm", "bloom", draws=200)
    assert {"en", "de", "(mean)", "(gap to en)"} == set(table["language"])
    assert set(xling_bench.rank_models(frame, draws=200)["model"]) == {"xglm", "bloom"}
    assert xling_bench.run_gate(*runs, allow_sample=True, draws=200).findings
    assert xling_bench.write_report(runs, tmp_path / "page").is_file()


def test_a_call_and_a_command_give_the_same(models: dict[str, Path], tmp_path: Path, sample_data, capsys) -> None:
    options = {"tasks": ["xling_xcopa_et"], "shots": [2], "seeds": [1], "limit": 4, "metrics": ["acc", "acc_byte"]}
    xling_bench.evaluate(f"hf:{models['bloom']}", output=tmp_path / "call", progress=lambda _: None, **options)
    command = ["run", "--model", f"hf:{models['bloom']}", "-o", str(tmp_path / "command"), "--tasks", "xling_xcopa_et"]
    assert main([*command, "--shots", "2", "--seeds", "1", "--limit", "4", "--metrics", "acc,acc_byte"]) == 0
    found = [next((tmp_path / name).glob("*/*/results.json")) for name in ("call", "command")]
    call, typed = (json.loads(path.read_text(encoding="utf-8")) for path in found)
    assert call["xling"] == typed["xling"] | {"checksums": call["xling"]["checksums"]}
    assert call["results"] == typed["results"]


def test_training_from_python(models: dict[str, Path], tmp_path: Path) -> None:
    recipe = training_recipe.write(tmp_path, models["xglm"])
    lines: list[str] = []
    done = xling_bench.train(
        str(recipe), output=tmp_path / "aligned", settings=["run.steps=2"], data_dir=tmp_path / "data",
        progress=lines.append,
    )  # fmt: skip
    assert (done / "model.safetensors").is_file()
    assert lines[0].startswith("model: ")
