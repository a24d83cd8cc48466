"""Metrics of generated answers: the same from our runner, from plain lm_eval, and scored again without the model."""

import json
import shutil
import unicodedata

import pytest
from runs import reseal
from tinyspm import tiny_spm

from xling_bench import evaluate, load_results
from xling_bench.cli.main import main
from xling_bench.core import content
from xling_bench.metrics import bleu

pytestmark = pytest.mark.e2e
TASKS = ["xling_xquad_hi", "xling_flores_en_de", "xling_mlqa_ar_ar", "xling_indicqa_hi", "xling_xlsum_th"]
TASKS += ["xling-xglm_mlama_en", "xling_mlama_en"]


@pytest.fixture
def run(models, sample_data, tmp_path):
    report = evaluate(f"hf:{models['xglm']}", output=tmp_path / "run", tasks=TASKS, progress=lambda _: None)
    assert not report.failed
    assert not report.unmet
    return tmp_path / "run"


def test_runner_and_plain_lm_eval_agree_on_every_metric(run, models) -> None:
    import lm_eval
    from lm_eval.tasks import TaskManager

    tasks = str(content.folder("tasks"))
    manager = TaskManager(include_path=tasks, include_defaults=False, metadata={"pretrained": str(models["xglm"])})
    plain = lm_eval.simple_evaluate(
        model="hf", model_args=f"pretrained={models['xglm']},prefix_token_id=2,softmax_dtype=float32", device="cpu",
        tasks=TASKS, task_manager=manager, bootstrap_iters=0, batch_size=16,
    )  # fmt: skip
    seen = set()
    for path in sorted(run.glob("*/*/results.json")):
        ours = json.loads(path.read_text(encoding="utf-8"))
        task = ours["xling"]["facts"]["task"]
        numbers = {k: v for k, v in ours["results"][task].items() if k.endswith(",none") and "_stderr" not in k}
        theirs = plain["results"][task]
        assert numbers == pytest.approx({k: theirs[k] for k in numbers}, abs=1e-9), task
        seen |= {key.partition(",")[0] for key in numbers}
    assert {"f1_unicode", "f1_corrected", "acc_noans", "chrf", "bleu", "rougeL", "p1", "p1_sum", "contains"} <= seen


def test_every_number_names_its_metric_and_rule(run) -> None:
    frame = load_results([run])
    rules = dict(zip(frame["language"] + " " + frame["metric"], frame["signature"], strict=True))
    assert rules["hi f1_unicode"].endswith("|metric:f1_unicode|rule:unicode-nfkc-hi")
    assert "|rule:nrefs:1,case:mixed,eff:no,tok:13a" in rules["en-de bleu"]
    assert "seg=pythainlp" in rules["th rougeL"]
    assert "|rule:mean-logprob-per-token,macro" in rules["en p1"]
    answerable = frame[(frame["metric"] == "f1_hasans")]["n"].iloc[0]
    unanswerable = frame[(frame["metric"] == "acc_noans")]["n"].iloc[0]
    assert (
        answerable + unanswerable == frame[(frame["benchmark"] == "indicqa") & (frame["metric"] == "f1")]["n"].iloc[0]
    )


def test_kept_answers_are_scored_again_without_the_model(run, tmp_path, capsys) -> None:
    before = load_results([run])
    again = shutil.copytree(run, tmp_path / "again")
    assert main(["score", str(again)]) == 0
    after = load_results([again])
    columns = ["task", "metric", "value", "n", "signature"]
    assert after[columns].equals(before[columns]), "nothing changed, so no number may"
    assert main(["score", str(again), "--metrics", "chrf"]) == 0
    assert "xling_xquad_hi/0-0-none: not scored" in capsys.readouterr().err
    assert load_results([again])[columns].equals(before[columns]), "what was there stays"
    assert main(["score", str(again), "--metrics", "chrff"]) == 2
    assert "Did you mean 'chrf'" in capsys.readouterr().err


def test_metrics_appear_once_their_file_is_there(run, models, sample_data, tmp_path, monkeypatch, capsys) -> None:
    """spBLEU needs a file; without it the result says so, and `score` adds it later. Another file is refused."""
    path = next(run.glob("xling_flores_en_de/*/results.json"))
    facts = json.loads(path.read_text(encoding="utf-8"))["xling"]["facts"]
    assert "data fetch spm" in facts["unavailable"]["spbleu"]
    folder = tmp_path / "spm"
    folder.mkdir()
    (folder / "flores200_sacrebleu_tokenizer_spm.model").write_bytes(tiny_spm())
    monkeypatch.setenv("XLING_SPM_DIR", str(folder))
    assert main(["score", str(run)]) == 0
    facts = json.loads(path.read_text(encoding="utf-8"))["xling"]["facts"]
    assert "is not flores200's file" in facts["unavailable"]["spbleu"]
    assert "spbleu" not in facts["metrics"]
    capsys.readouterr()
    assert main(["run", "--model", f"hf:{models['xglm']}", "--tasks", "xling_flores_en_de", "--metrics", "spbleu",
                 "-o", str(tmp_path / "other")]) == 2  # fmt: skip
    assert "not run: xling_flores_en_de: spbleu cannot be computed" in capsys.readouterr().err


def test_an_absent_package_is_named_before_anything_runs(models, sample_data, tmp_path, monkeypatch, capsys) -> None:
    from xling_bench.metrics import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "pythainlp" else object())
    arguments = ["run", "--model", f"hf:{models['xglm']}", "--tasks", "xling_xlsum_th", "-o", str(tmp_path / "run")]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "not run: xling_xlsum_th: rougeL cannot be computed" in error
    assert "pip install '.[rouge]'" in error
    assert "--metrics chrf" in error
    assert main([*arguments, "--metrics", "chrf"]) == 0
    assert bleu.bleu_tokenizer("th") is None


def test_metrics_on_request_reach_the_result(models, sample_data, tmp_path, monkeypatch) -> None:
    """spBLEU's files cannot be had here: both are replaced by 13a's tokens, to see the numbers come through."""
    tokenizer = bleu._tokenizer
    monkeypatch.setattr(bleu, "require_bleu", lambda name: None)
    monkeypatch.setattr(bleu, "_tokenizer", lambda name: tokenizer("13a"))
    asked = ["spbleu101", "spbleu", "bleu"]
    report = evaluate(f"hf:{models['llama']}", output=tmp_path / "r", tasks="xling_flores_en_de", metrics=asked,
                      progress=lambda _: None)  # fmt: skip
    assert not report.failed
    numbers = report.results()[0]["results"]["xling_flores_en_de"]
    assert numbers["spbleu101,none"] == numbers["spbleu,none"] == numbers["bleu,none"]


def test_other_scoring_code_and_other_samples_are_seen(run, tmp_path, monkeypatch, capsys) -> None:
    from xling_bench.evaluation import rescore as module

    again = shutil.copytree(run, tmp_path / "again")
    monkeypatch.setattr(module, "code_hash", lambda: "0therc0d")
    assert main(["score", str(again)]) == 0
    signatures = load_results([again])["signature"]
    assert signatures[load_results([again])["benchmark"] != "mlama"].str.contains("scored_by:0therc0d").all()
    path = next(again.glob("xling_flores_en_de/*/samples.jsonl"))
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:2]), encoding="utf-8")
    assert main(["score", str(again)]) == 2
    assert "2 samples, not the 9 items" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["answer", "gold"])
def test_an_edited_item_or_answer_is_not_scored(run, tmp_path, capsys, part: str) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    path = next(copy.glob("xling_xquad_hi/*/samples.jsonl"))
    samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if part == "answer":
        samples[0]["filtered_resps"] = [samples[0]["doc"]["golds"][0]]
    else:
        samples[0]["doc"]["golds"] = [samples[0]["filtered_resps"][0]]
    path.write_text("".join(json.dumps(s, ensure_ascii=False) + "\n" for s in samples), encoding="utf-8")
    assert main(["score", str(copy)]) == 2
    assert "samples.jsonl: an item or an answer was changed after it was written" in capsys.readouterr().err


def test_outputs_in_another_normal_form_are_counted(models, sample_data, tmp_path) -> None:
    """A model whose texts come taken apart (NFD): the scores stay sacreBLEU's, and the result says why they are low."""
    arguments = ["run", "--model", f"hf:{models['llama']}", "--tasks", "xling_flores_en_de", "-o", str(tmp_path / "r")]
    assert main([*arguments, "--metrics", "chrf"]) == 0
    path = next((tmp_path / "r").glob("*/*/samples.jsonl"))
    samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    taken_apart = [unicodedata.normalize("NFD", sample["doc"]["golds"][0]) for sample in samples]
    marked = sum(text != sample["doc"]["golds"][0] for text, sample in zip(taken_apart, samples, strict=True))
    assert marked > 0
    for sample, text in zip(samples, taken_apart, strict=True):
        sample["filtered_resps"] = [text]
    path.write_text("".join(json.dumps(s, ensure_ascii=False) + "\n" for s in samples), encoding="utf-8")
    reseal(path.parent)
    assert main(["score", str(tmp_path / "r"), "--metrics", "chrf,bleu"]) == 0
    warnings = json.loads(path.with_name("results.json").read_text(encoding="utf-8"))["xling"]["warnings"]
    assert warnings[-1].startswith(f"{marked} of {len(samples)} outputs are in another Unicode normal form")
    assert warnings[-1].endswith("chrf, bleu take them for other text")


def test_a_run_repeated_after_installing_more_says_how_to_go_on(models, sample_data, tmp_path, capsys) -> None:
    arguments = ["run", "--model", f"hf:{models['llama']}", "--tasks", "xling_flores_en_de", "-o", str(tmp_path / "r")]
    assert main([*arguments, "--metrics", "chrf"]) == 0
    capsys.readouterr()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "lacks bleu, right_language" in error
    assert "xling-bench score" in error
    assert main(["score", str(tmp_path / "r")]) == 0
    assert main(arguments) == 0
    assert main([*arguments, "--metrics", "chrf"]) == 0, "a result with more metrics serves, too"
