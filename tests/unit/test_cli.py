"""The command line: light, and true to its own lists."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xling_bench.catalog import get_benchmark, task_specs
from xling_bench.cli.main import main

HEAVY = ("torch", "transformers", "lm_eval", "datasets", "pandas")


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
from xling_bench.cli.main import main
try:
    main(["--help"])
except SystemExit as stop:
    assert stop.code == 0
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
import xling_bench
xling_bench.__version__
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_list_as_json_has_the_declared_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(task_specs())
    assert rows[0].keys() == {
        "name", "benchmark", "language", "source_language", "target_language", "family", "kind", "metric", "default"
    }  # fmt: skip
    by_name = {row["name"]: row for row in rows}
    assert by_name["xling_flores_en_de"]["language"] == "en-de"
    assert by_name["xling_mlqa_de_de"]["language"] == "de"
    assert by_name["xling_mlqa_de_zh"]["language"] == "de-zh"


def test_show_prints_yaml_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "show", "xling_xnli_sw", "--shots", "1"]) == 0
    shown = capsys.readouterr().out
    assert "task: xling_xnli_sw" in shown
    assert "</s>" in shown
    assert "> " in shown


def test_emit_writes_tasks_that_say_how_to_run_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "emit", "flores", "--pairs", "deu_Latn-fra_Latn,sw-yo", "-o", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.glob("*.yaml")) == ["xling_flores_de_fr.yaml", "xling_flores_sw_yo.yaml"]
    assert {p.suffix for p in tmp_path.iterdir()} <= {".yaml", ".py"}, "modules beside them are for old lm-eval"
    assert "--tasks xling_flores_de_fr,xling_flores_sw_yo" in capsys.readouterr().out


def test_check_fails_on_a_changed_byte(tmp_path: Path, monkeypatch, capsys) -> None:
    import shutil

    from xling_bench.core import content

    for name in content.FOLDERS:
        shutil.copytree(content.folder(name), tmp_path / name)
    monkeypatch.setenv("XLING_CONTENT_DIR", str(tmp_path))
    assert main(["tasks", "check"]) == 0
    path = tmp_path / "tasks" / "xcopa" / "xling_xcopa_th.yaml"
    path.write_bytes(path.read_bytes().replace(b"because", b"Because"))
    assert main(["tasks", "check"]) == 2
    assert "xcopa/xling_xcopa_th.yaml: differs" in capsys.readouterr().err


def test_a_missing_official_rule_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """What a contributor who forgot it would else meet as a KeyError in the middle of a run."""
    module = importlib.import_module("xling_bench.benchmarks.indicqa")
    monkeypatch.setattr(module, "IMPLEMENTATION", replace(module.IMPLEMENTATION, answer_rule=None))
    assert main(["tasks", "check"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "lacks" in line]
    assert [line for line in lines if line.startswith("tasks/indicqa: lacks an official rule for f1: ")]
    assert all("indicqa" in line for line in lines)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("tabel", "'table'"), ("tasks lst", "'list'"), ("table runs --interval", "'--intervals'"),
     ("run --model hf:x --tasks y -o z --limt 3", "'--limit'")],
)  # fmt: skip
def test_mistyped_words_get_a_suggestion_and_no_option_is_guessed(typed: str, meant: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(typed.split())
    assert end.value.code == 2
    assert f"Did you mean {meant}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "command", "said"),
    [("table R --metrics bpb", "table", "--metrics bpb. `run` and `score` have --metrics; `table` does not."),
     ("data check belebele --laws=x", "data check", "--laws=x. `scale allocate` has --laws; `data check` does not.")],
)  # fmt: skip
def test_an_option_of_another_command_is_said_to_be_its(typed: str, command: str, said: str, capsys) -> None:
    with pytest.raises(SystemExit):
        main(typed.split())
    error = capsys.readouterr().err
    assert error.startswith(f"usage: xling-bench {command} [-h]")
    assert error.endswith(f"error: unrecognized arguments: {said}\n")


def test_a_benchmark_lists_its_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "xcopa", "flores"]) == 0
    first, second = capsys.readouterr().out.split("\nflores:")
    listed = first.splitlines()[-1].split(maxsplit=1)[1].split(", ")
    assert [each.split()[0] for each in listed] == list(get_benchmark("xcopa").languages)
    assert "sw Swahili" in listed
    assert second.rstrip().endswith("(pairs: `xling-bench tasks list xling_flores`)")


def test_listed_tasks_name_their_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "list", "xling_belebele_de", "xling-cf_belebele_de"]) == 0
    marks = dict(line.split("  (") for line in capsys.readouterr().out.splitlines())
    assert sorted(marks.values()) == ["family cf)", "family mcf, the default)"]


def test_a_benchmark_asked_for_that_is_not_there_fails_and_a_folder_too_high_is_said(
    tmp_path, monkeypatch, capsys
) -> None:
    data = tmp_path / "data"
    (data / "xnli").mkdir(parents=True)
    (data / "xnli" / "test-de.tsv").write_text("A man sleeps.\tNobody is awake.\tneutral\n", encoding="utf-8")
    monkeypatch.setenv("XLING_DATA_DIR", str(data))
    assert main(["data", "check", "xnli"]) == 0
    assert main(["data", "check", "xnli", "belebele"]) == 2, "one of the two has nothing"
    assert "holds" not in capsys.readouterr().err
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))
    assert main(["data", "check", "xnli", "belebele"]) == 2
    assert capsys.readouterr().err == f"{data} holds XNLI: set XLING_DATA_DIR={data}\n"


def test_errors_are_one_line_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "show", "xling_xnli_dee"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("xling-bench: unknown task 'xling_xnli_dee'. Did you mean 'xling_xnli_de'")
    assert error.count("\n") == 1
