"""A GGUF file through `evaluate` and the command line: the numbers of its folder, adapters, joiner, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tinygguf import make_llama, make_tokenizer, write_gguf

from xling_bench import evaluate
from xling_bench.cli.main import main
from xling_bench.evaluation.doctor import examine

pytestmark = pytest.mark.e2e
OPTIONS = {"tasks": ["xling_xnli_de", "xling_xquad_de"], "limit": 2, "shots": (0, 1), "joiner": "auto", "device": "cpu"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = make_tokenizer()
    place = tmp_path_factory.mktemp("gguf")
    model = make_llama(len(tokenizer))
    model.save_pretrained(place / "folder")
    tokenizer.save_pretrained(place / "folder")
    return write_gguf(place / "tiny.gguf", model, tokenizer)


def answers(report) -> list[object]:
    found = []
    for folder in report.finished:
        lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
        found += [json.loads(line)["filtered_resps"] for line in lines]
    return found


def test_a_file_scores_as_its_folder_does(file, sample_data, tmp_path) -> None:
    mine = evaluate(f"gguf:{file}", output=tmp_path / "gguf", **OPTIONS)
    theirs = evaluate(f"hf:{file.parent / 'folder'}", output=tmp_path / "hf", **OPTIONS)
    assert not mine.failed
    assert len(mine.finished) == 4
    assert answers(mine) == answers(theirs)
    for result in mine.results():
        assert result["xling"]["facts"]["gguf"] == "F32"
        assert "|gguf:F32|" in result["xling"]["signature"]
        assert result["config"]["model_args"]["pretrained"] == file.stem
        assert result["config"]["model_args"]["dtype"] == "float32"
    again = evaluate(f"gguf:{file}", output=tmp_path / "gguf", **OPTIONS)
    assert again.reused == 4


def test_lm_evals_own_code_gives_the_same_decisions(file, sample_data, tmp_path) -> None:
    options = {**OPTIONS, "tasks": ["xling_xnli_de"]}
    mine = evaluate(f"gguf:{file}", output=tmp_path / "a", **options).results()
    theirs = evaluate(f"lm-eval-gguf:{file}", output=tmp_path / "b", **options).results()
    assert [one["results"] for one in mine] == [one["results"] for one in theirs]


def test_an_adapter_goes_on_top(file, sample_data, tmp_path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(file.parent / "folder")
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            parameter.fill_(0.5) if "lora_B" in name else None
    adapted.save_pretrained(tmp_path / "adapter")
    options = {"tasks": ["xling_xnli_de"], "limit": 2, "device": "cpu", "peft": str(tmp_path / "adapter")}
    mine = evaluate(f"gguf:{file}", output=tmp_path / "gguf", **options)
    theirs = evaluate(f"hf:{file.parent / 'folder'}", output=tmp_path / "hf", **options)
    assert answers(mine) == answers(theirs)


def test_a_bad_file_is_one_line_and_exit_code_2(file, sample_data, tmp_path, capsys) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"no such thing")
    line = ["run", "--tasks", "xling_xnli_de", "-o", str(tmp_path / "run"), "--model"]
    for spec, said in (
        (f"gguf:{tmp_path / 'bad.gguf'}", "is no GGUF file"),
        (f"gguf:{tmp_path / 'none.gguf'}", "does not exist"),
        (f"gguf:{tmp_path}", "takes one file"),
    ):
        assert main([*line, spec]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert "Traceback" not in error
    assert main([*line, f"gguf:{file}", "--demos", "semantic", "--demo-encoder", f"gguf:{file}", "--shots", "1"]) == 2
    assert "a GGUF file cannot be the encoder" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_dry_run_and_the_doctor_know_a_file(file, sample_data, tmp_path, capsys) -> None:
    line = ["run", "--tasks", "xling_xnli_de", "-o", str(tmp_path / "run"), "--dry-run", "--model", f"gguf:{file}"]
    assert main(line) == 0
    assert "1 unit, " in capsys.readouterr().out
    texts = [finding.text for finding in examine(f"gguf:{file}")]
    assert f"{file} (GGUF, F32): nothing to warn about" in texts
    assert [finding.level for finding in examine(f"gguf:{tmp_path / 'none.gguf'}")][-1] == "error"
