"""The runner as users meet it: resume, kill -9, two at once, byte-identical results, clear errors."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from tiny import without_a_weight

from xling_bench import evaluate
from xling_bench.core.errors import OutputError

pytestmark = pytest.mark.e2e
TASKS = ["xling_xnli_de", "xling_xnli_th", "xling_xcopa_sw", "xling_flores_en_de"]


def run(*arguments: str, data: str = "sample", **environment: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")}
    return warm.command(*arguments, environment={**clean, "XLING_DATA": data, **environment})


def results(folder: Path) -> dict[str, bytes]:
    paths = [*folder.glob("*/[!.]*/results.json"), *folder.glob("*/[!.]*/samples.jsonl")]  # no temporary folder's
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("model", ["llama", "nothing"])
def test_a_forked_command_is_as_one_that_was_started(model: str, models, tmp_path) -> None:
    """What this and other modules find with `run` holds for `python -m xling_bench`."""
    arguments = ["run", "--model", f"hf:{models.get(model, 'nothing')}", "--tasks", "xling_xnli_de,xling_xcopa_sw"]
    forked = run(*arguments, "-o", str(tmp_path / "forked"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")} | {"XLING_DATA": "sample"}
    started = subprocess.run([sys.executable, "-m", "xling_bench", *arguments, "-o", str(tmp_path / "started")],
                             env=environment, capture_output=True, text=True, timeout=600)  # fmt: skip
    assert forked.returncode == started.returncode == (0 if model == "llama" else 2)
    assert forked.stdout.replace("/forked", "/started") == started.stdout
    assert seconds(forked.stderr.replace("/forked", "/started")) == seconds(started.stderr)
    assert results(tmp_path / "forked") == results(tmp_path / "started")


def seconds(text: str) -> str:
    return re.sub(r"[\d.]+ s\b|\d+:\d\d\b", "N", text)


def test_a_second_start_redoes_nothing_and_results_are_byte_identical(models, sample_data, tmp_path) -> None:
    model = f"hf:{models['llama']}"
    first = evaluate(model, output=tmp_path / "a", tasks=TASKS, shots=(0, 2), seeds=(0, 1))
    assert not first.failed
    # Seeds change demonstrations only: 0 shots once, 2 shots per seed.
    assert sorted(p.name for p in (tmp_path / "a" / "xling_xnli_de").iterdir() if not p.name.startswith(".")) == [
        "0-0-none", "2-0-same", "2-1-same"
    ]  # fmt: skip
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").glob("*/*/results.json")}
    again = evaluate(model, output=tmp_path / "a", tasks=TASKS, shots=(0, 2), seeds=(0, 1))
    assert again.reused == len(again.finished) == len(first.finished) == 12
    assert {p: p.stat().st_mtime_ns for p in before} == before
    evaluate(model, output=tmp_path / "b", tasks=TASKS, shots=(0, 2), seeds=(0, 1))
    assert results(tmp_path / "a") == results(tmp_path / "b")


def test_every_number_carries_its_signature_and_says_sample(models, sample_data, tmp_path, capsys) -> None:
    report = evaluate(f"hf:{models['bloom']}", output=tmp_path, tasks=["xling_xnli_de"], shots=(2,), demo_lang="en")
    assert "it/s]" not in capsys.readouterr().err, "no bars where nobody watches, from Python, too"
    result = report.results()[0]
    signature = result["xling"]["signature"]
    for part in ("task:xling_xnli_de", "source:sample", "data:", "template:", "shots:2", "demos:en", "demo_data:"):
        assert part in signature
    doc = json.loads((report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert doc["doc"]["data_source"] == "sample"
    context = doc["arguments"]["gen_args_0"]["arg_0"]
    assert context.isascii() or "’" in context, "English demonstrations before a German item"


def test_kill_minus_nine_loses_at_most_the_unit_in_flight(models, tmp_path) -> None:
    arguments = ["run", "--model", f"hf:{models['llama']}", "--tasks", "xling_flores", "--langs", "en,de,fr,es",
                 "--metrics", "chrf",  # it needs no language identifier: both processes would read its models
                 "-o", str(tmp_path / "run")]  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "xling_bench", *arguments],
        env={**clean, "XLING_DATA": "sample"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not results(tmp_path / "run") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = results(tmp_path / "run")
    assert kept
    for name, text in kept.items():  # whatever is there is whole
        assert json.loads(text) if name.endswith(".json") else text.endswith(b"\n")
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "there already)" in done.stdout
    after = results(tmp_path / "run")
    assert {name: after[name] for name in kept} == kept
    assert len(after) == 2 * 6
    assert not list((tmp_path / "run").rglob(".xling-tmp-*")), "no temporary folders are left"


def test_two_runs_on_one_folder_share_the_work(models, tmp_path) -> None:
    command = [sys.executable, "-m", "xling_bench", "run", "--model", f"hf:{models['llama']}", "--tasks", "xling_xnli",
               "-o", str(tmp_path / "run")]  # fmt: skip
    environment = {**os.environ, "XLING_DATA": "sample"}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"]
    outputs = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(list((tmp_path / "run").glob("*/*/results.json"))) == 11
    tables = [out.decode().split("results in")[0].rsplit("\n", 1)[0] for out, _ in outputs]
    assert tables[0] == tables[1]
    reused = [n for out, _ in outputs for n in re.findall(r"\((\d+) there already", out.decode())]
    assert sum(map(int, reused)) == 11, "every unit was scored by exactly one of the two"


def test_another_model_or_other_data_never_overwrites(models, sample_data, tmp_path, monkeypatch) -> None:
    evaluate(f"hf:{models['llama']}", output=tmp_path / "run", tasks=["xling_xnli_de"], limit=3)
    before = results(tmp_path / "run")
    with pytest.raises(OutputError, match="another run"):
        evaluate(f"hf:{models['bloom']}", output=tmp_path / "run", tasks=["xling_xnli_de"], limit=3)
    changed = evaluate(f"hf:{models['llama']}", output=tmp_path / "run", tasks=["xling_xnli_de"], limit=4)
    assert "limit (was 3, now 4)" in changed.failed["xling_xnli_de 0-shot"]
    assert results(tmp_path / "run") == before


def test_new_weights_under_the_same_name_are_another_model(models, sample_data, tmp_path) -> None:
    copy = shutil.copytree(models["llama"], tmp_path / "model")
    evaluate(f"hf:{copy}", output=tmp_path / "run", tasks=["xling_xnli_de"], limit=2)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(OutputError, match="fingerprint"):
        evaluate(f"hf:{copy}", output=tmp_path / "run", tasks=["xling_xnli_de"], limit=2)


def test_a_failing_task_is_named_at_the_end_and_loses_nothing_else(models, tmp_path) -> None:
    data = tmp_path / "data" / "xnli"
    data.mkdir(parents=True)
    rows = "A man sleeps.\tNobody is awake.\tneutral\nA dog runs.\tAn animal moves.\tentailment\n"
    for language in ("de", "en", "sw"):
        (data / f"test-{language}.tsv").write_text(rows, encoding="utf-8")
        (data / f"dev-{language}.tsv").write_text(rows, encoding="utf-8")
    (data / "test-sw.tsv").write_bytes(b"only one column\n")
    done = run("run", "--model", f"hf:{models['llama']}", "--tasks", "xling_xnli", "-o", str(tmp_path / "run"),
               data="files", XLING_DATA_DIR=str(tmp_path / "data"))  # fmt: skip
    assert done.returncode == 2
    assert "test-sw.tsv, line 1: expected 2 or 3 tab-separated columns, got 1" in done.stderr
    assert re.search(r"no data: xling_xnli, 12 tasks \(.*\bth\b.*\): no file", done.stderr)
    assert done.stderr.rstrip().endswith("The same command goes on with them.")
    assert f"2 of 15 tasks scored and kept in {tmp_path / 'run'}; 12 without data, 1 failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "run").glob("*/*/results.json"))) == 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [("--suite afp --langs en,vi", 0), ("--tasks xling_xnli_* --langs en,vi", 0),
     ("--tasks xling_xnli --langs en,vi", 2), ("--tasks xling_xnli_en,xnli_vi", 2)],
)  # fmt: skip
def test_what_lacks_data_fails_a_run_only_where_it_was_asked_for_by_name(models, tmp_path, asked, code) -> None:
    """The sample has XNLI in English and not in Vietnamese."""
    done = run("run", "--model", f"hf:{models['llama']}", *asked.split(), "--limit", "2", "-o", str(tmp_path / "run"))
    assert done.returncode == code, done.stderr
    assert "no data: xling_xnli_vi: " in done.stderr
    assert f"scored and kept in {tmp_path / 'run'}; 1 without data, named above." in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [(["--tasks", "xling_xnlii_de"], "Did you mean 'xling_xnli_de'"), (["--langs", "germn"], "Did you mean 'German'"),
     (["--model", "hf:./nowhere"], "does not exist"), (["--model", "gpt"], "expected hf:PATH_OR_NAME"),
     (["--shots", "-1"], "expected numbers >= 0"), (["--limit", "0"], "expected a number >= 1"),
     (["--split", "train"], "XNLI has test, dev"), (["-o", "/proc/nowhere"], "cannot write to /proc/nowhere"),
     (["--shots", "64"], "demonstrations asked for"), (["--shots", "65"], "at most 64"),
     (["--joiner", "###"], "expected one of paper, auto"), (["--max-length", "-3"], ">= 2"),
     (["--device", "toaster"], "--device toaster"), (["--peft", "./nowhere"], "adapter (--peft) folder"),
     (["--prefix-token", "99999999"], "vocabulary"), (["--demo-lang", "ja", "--shots", "2"], "XNLI has no Japanese"),
     (["--langs", "bg"], "no selected task has the language 'bg'")],
)  # fmt: skip
def test_wrong_input_gets_one_clear_error(change, message, models, tmp_path) -> None:
    options = {"--model": f"hf:{models['llama']}", "--tasks": "xling_xnli_de", "-o": str(tmp_path / "run")}
    options.update(zip(change[::2], change[1::2], strict=True))
    done = run("run", *[part for option in options.items() for part in option])
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("remove", "add", "message"),
    [("model.safetensors", None, "has no weights"), ("model.safetensors", "pytorch_model.bin", "is a pickle"),
     ("config.json", None, "has no config.json"), ("tokenizer*", None, "has no tokenizer"),
     (None, "truncate", "cannot be loaded"), (None, "drop", "its files lack 1 of its weights (model.layers.0.")],
)  # fmt: skip
def test_a_model_folder_that_is_none(remove, add, message, models, tmp_path) -> None:
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    for path in folder.glob(remove) if remove else []:
        path.unlink()
    if add == "truncate":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif add == "drop":
        without_a_weight(folder)
    elif add:
        (folder / add).write_bytes(b"\x80\x04.")
    done = run("run", "--model", f"hf:{folder}", "--tasks", "xling_xnli_de", "-o", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_dry_run_says_what_would_be_done_and_does_nothing(models, tmp_path) -> None:
    done = run("run", "--model", f"hf:{models['llama']}", "--suite", "core", "--shots", "0,2", "--dry-run",
               "-o", str(tmp_path / "run"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nothing was run" in done.stdout
    assert not (tmp_path / "run").exists()
