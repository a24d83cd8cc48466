"""Options handed to the model, and the doctor who warns about checkpoints."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from xling_bench import evaluate
from xling_bench.catalog import get_benchmark, get_task
from xling_bench.catalog.render import render
from xling_bench.cli.main import main
from xling_bench.core.errors import ModelError, UsageError
from xling_bench.core.unit import Unit
from xling_bench.data import Source, load
from xling_bench.evaluation.doctor import examine
from xling_bench.harness.demos import demo_rank
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint

pytestmark = pytest.mark.e2e


def scores(folder: Path) -> list[float]:
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [float(r[0]) for line in lines for r in json.loads(line)["filtered_resps"]]


def test_an_adapter_changes_scores_and_fingerprint(models, sample_data, tmp_path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(models["llama"])
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.5)
    adapted.save_pretrained(tmp_path / "adapter")
    options = {"tasks": ["xling_xnli_de"], "limit": 3}
    plain = evaluate(f"hf:{models['llama']}", output=tmp_path / "a", **options)
    with_adapter = evaluate(f"hf:{models['llama']}", output=tmp_path / "b", peft=str(tmp_path / "adapter"), **options)
    assert scores(plain.finished[0]) != scores(with_adapter.finished[0])
    assert with_adapter.results()[0]["xling"]["name"] == f"llama+{tmp_path.name}/adapter"
    spec = f"hf:{models['llama']}"
    assert fingerprint(ModelConfig(spec)) != fingerprint(ModelConfig(spec, peft=str(tmp_path / "adapter")))


def test_a_pickled_adapter_is_refused(models, sample_data, tmp_path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter" / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="is a pickle and is never loaded"):
        evaluate(
            f"hf:{models['llama']}", output=tmp_path / "run", tasks=["xling_xnli_de"], peft=str(tmp_path / "adapter")
        )


def test_damaged_weights_give_an_error_not_a_number(models, sample_data, tmp_path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folder = shutil.copytree(models["llama"], tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    model.save_pretrained(folder)
    for task in ("xling_xnli_de", "xling_flores_en_de"):
        with pytest.raises(ModelError, match="not finite: its weights are damaged"):
            evaluate(f"hf:{folder}", output=tmp_path / "run", tasks=[task], limit=2)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_log_likelihood_that_is_not_finite_is_an_error() -> None:
    from xling_bench.harness.adapter import score

    doc = {"id": "x", "texts": ["a", "b"], "gold": 0, "metrics": {"acc": "sum-logprob"}}
    with pytest.raises(ModelError, match="log-likelihood of item x"):
        score(doc, [(float("nan"), False), (-1.0, False)])


def test_changed_data_are_scored_as_they_are_now(models, monkeypatch, tmp_path) -> None:
    data = tmp_path / "data" / "xnli"
    data.mkdir(parents=True)
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    rows = "A man sleeps.\tNobody is awake.\t{}\n"
    for name, label in (("a", "entailment"), ("b", "contradiction")):
        (data / "test-de.tsv").write_text(rows.format(label), encoding="utf-8")
        report = evaluate(f"hf:{models['llama']}", output=tmp_path / name, tasks=["xling_xnli_de"])
        result = report.results()[0]
        doc = json.loads((report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0])["doc"]
        assert doc["data_hash"] == result["xling"]["facts"]["data"]
        assert doc["label"] == ("entailment", "neutral", "contradiction").index(label)


def test_zero_shot_needs_no_demonstrations(models, monkeypatch, tmp_path) -> None:
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-de.tsv").write_text("A man sleeps.\tHe rests.\tneutral\n", encoding="utf-8")
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))
    report = evaluate(f"hf:{models['llama']}", output=tmp_path / "run", tasks="xling_xnli_de", shots=(0, 1))
    assert len(report.finished) == 1
    assert "dev-de.tsv" in report.missing["xling_xnli_de"]


def test_python_arguments_are_checked(sample_data, tmp_path) -> None:
    with pytest.raises(UsageError, match="unknown setting bogus"):
        evaluate("hf:./m", output=tmp_path, tasks="xling_xnli_de", bogus=3)
    with pytest.raises(UsageError, match="unknown setting dtype"):
        evaluate(ModelConfig("hf:./m"), output=tmp_path, tasks="xling_xnli_de", dtype="float32")
    with pytest.raises(UsageError, match="batch-size 0"):
        evaluate("hf:./m", output=tmp_path, tasks="xling_xnli_de", batch_size=0)


def test_dtype_prefix_and_joiner_are_part_of_the_result(models, sample_data, tmp_path) -> None:
    spec = f"hf:{models['bloom']}"
    options = {"tasks": ["xling_xnli_de"], "shots": (2,), "limit": 2}
    base = evaluate(spec, output=tmp_path / "a", **options)
    prefix = evaluate(spec, output=tmp_path / "b", tasks=["xling_xnli_de"], limit=2, prefix_token=5)
    auto = evaluate(spec, output=tmp_path / "c", joiner="auto", **options)
    zero = evaluate(spec, output=tmp_path / "d", tasks=["xling_xnli_de"], limit=2)
    assert scores(prefix.finished[0]) != scores(zero.finished[0])
    assert "joiner:'</s>'" in auto.results()[0]["xling"]["signature"]
    assert zero.results()[0]["config"]["model_args"]["prefix_token_id"] == 0
    assert scores(base.finished[0]) == scores(auto.finished[0]), "this model's end token is </s> itself"


def test_a_chat_template_applies_to_generation_and_is_refused_for_whole_texts(models, sample_data, tmp_path) -> None:
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<bot>")
    report = evaluate(
        f"hf:{folder}", output=tmp_path / "run", tasks=["xling_xquad_de", "xling_xnli_de"], limit=2, chat_template=True
    )
    assert "no user's turn" in report.failed["xling_xnli_de 0-shot"]
    line = (report.finished[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0]
    prompt = json.loads(line)["arguments"]["gen_args_0"]["arg_0"]
    assert prompt.startswith("<user>Below is an instruction")
    assert prompt.endswith("<bot>")


# ChatML, with a system text of the template's own, as SmolLM2's has it, and the date, as Llama 3's.
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n"
    "Be brief. {{ strftime_now('%d %b %Y') }}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize("turns", [None, False])
def test_demonstrations_are_turns_of_the_chat(models, sample_data, tmp_path, capsys, turns: bool | None) -> None:
    """What the model reads is what its tokenizer makes of the conversation, put together here by hand.

    On whatever day."""
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    (folder / "chat_template.jinja").write_text(CHATML)
    template = AutoTokenizer.from_pretrained(folder).apply_chat_template
    dated = CHATML.replace("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024")
    tasks = ["xling_mgsm_de", "xling-mcf_xnli_de"]
    report = evaluate(f"hf:{folder}", output=tmp_path / "run", tasks=tasks, limit=1, shots=(2,), chat_template=True,
                      fewshot_as_multiturn=turns)  # fmt: skip
    assert not report.failed
    assert len(report.finished) == len(tasks)
    for result, path in zip(report.results(), report.finished, strict=True):
        sample = json.loads((path / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0])
        benchmark, unit = sample["doc"]["benchmark"], Unit("de")
        spec = get_task(next(name for name in tasks if benchmark in name))
        form, known = spec.form(), get_benchmark(benchmark)
        (item,) = load(known, unit, "test", Source("sample")).rows[:1]
        pool = load(known, unit, known.demo_split, Source("sample")).rows
        first = sorted(pool, key=lambda row: demo_rank(row["id"], 0))[:2]
        demos = [render(known, form, row) for row in first]
        asked = render(known, form, item).prompt
        if turns is None:
            said = [(role, text) for d in demos for role, text in (("user", d.prompt), ("assistant", d.answer))]
        else:
            said, asked = [], "".join(d.prompt + form.separator + d.answer + "\n\n" for d in demos) + asked
        messages = [{"role": role, "content": text} for role, text in [*said, ("user", asked)]]
        wanted = template(messages, chat_template=dated, tokenize=False, add_generation_prompt=True)
        texts = [arguments["arg_0"] for arguments in sample["arguments"].values()]
        assert set(texts) == {wanted}, spec.name
        if form.kind == "choose":
            assert [x["arg_1"] for x in sample["arguments"].values()] == ["A", "B", "C"]
        assert ("fewshot_as_multiturn:True" in result["xling"]["signature"]) == (turns is None)
        assert "chat_template:True" in result["xling"]["signature"]
    assert capsys.readouterr().err.count("the chat template writes the date: it is 26 July 2024") == 1


def test_chat_templates_that_are_not_there_or_do_what_they_must_not(
    models, sample_data, tmp_path, capsys, monkeypatch
) -> None:
    run = ["run", "--data", "sample", "--tasks", "xling_mgsm_de", "--limit", "1", "-o"]
    plain = f"hf:{models['llama']}"
    for more in (["--dry-run"], []):
        with monkeypatch.context() as patch:
            patch.setattr("xling_bench.models.load.LOADERS", {"transformers": pytest.fail, "vllm": pytest.fail})
            assert main([*run, str(tmp_path / "a"), "--model", plain, "--chat-template", *more]) == 2
        said = capsys.readouterr().err
        assert said.count("--chat-template: llama's tokenizer has none; run it without") == 1
        assert not (tmp_path / "a").exists()  # to be used without the option
    assert main([*run, str(tmp_path / "b"), "--model", plain, "--fewshot-as-multiturn"]) == 2
    assert "give --chat-template as well" in capsys.readouterr().err
    ranked = ["--tasks", "xling-mcf_xnli_de", "--metrics", "acc,acc_pmi,acc_token"]
    assert main([*run, str(tmp_path / "d"), "--model", plain, "--chat-template", *ranked]) == 2
    assert "acc_pmi, acc_token would be computed from the prompt without the template" in capsys.readouterr().err
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    assert main([*run, str(tmp_path / "c"), "--model", f"hf:{folder}", "--chat-template"]) == 2
    assert "SecurityError" in capsys.readouterr().err  # Jinja's sandbox


def test_too_long_inputs_are_reported_not_hidden(models, sample_data, tmp_path) -> None:
    options = {"tasks": ["xling_xnli_de"], "limit": 2}
    cut = evaluate(f"hf:{models['llama']}", output=tmp_path / "a", shots=(5,), max_length=96, **options)
    assert cut.results()[0]["xling"]["warnings"] == [
        "2 of 2 items were longer than the model's context and lost their beginning"
    ]
    impossible = evaluate(f"hf:{models['llama']}", output=tmp_path / "b", max_length=16, **options)
    assert "longer than the model's context of 16 tokens" in impossible.failed["xling_xnli_de 0-shot"]


@pytest.mark.parametrize("hub", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}], ids=["off", "dead"])
def test_a_hub_name_without_a_hub_is_one_clear_error(tmp_path, hub) -> None:
    """Told that there is no hub, or finding that none answers: no line for each try of each file."""
    command = [sys.executable, "-m", "xling_bench", "run", "--model", "hf:nobody/nothing", "--tasks", "xling_xnli_de",
               "-o", str(tmp_path)]  # fmt: skip
    outside = {name: value for name, value in os.environ.items() if name not in ("HF_HUB_OFFLINE", "HF_ENDPOINT")}
    environment = {**outside, "XLING_DATA": "sample", "HF_HOME": str(tmp_path / "hf"), **hub}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'nobody/nothing' is neither a folder here nor to be had from the hub" in done.stderr
    assert "HF_HUB_OFFLINE=1" in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_changed_tokenizer_is_another_model(models, tmp_path) -> None:
    copy = shutil.copytree(models["xglm"], tmp_path / "model")
    before = fingerprint(ModelConfig(f"hf:{copy}"))
    (copy / "README.md").write_text("a model card changes nothing")
    assert fingerprint(ModelConfig(f"hf:{copy}")) == before == fingerprint(ModelConfig(f"hf:{models['xglm']}"))
    text = (copy / "tokenizer_config.json").read_text()
    (copy / "tokenizer_config.json").write_text(text.replace("</s>", "<s>"))
    assert fingerprint(ModelConfig(f"hf:{copy}")) != before


def test_the_doctor_warns_about_xglms_first_token_and_foreign_joiners(models, sample_data, tmp_path) -> None:
    texts = [f.text for f in examine(f"hf:{models['xglm']}") if f.level == "warning"]
    assert any("prefix_token_id=2" in text for text in texts)
    copy = shutil.copytree(models["llama"], tmp_path / "model")
    data = json.loads((copy / "tokenizer.json").read_text())
    for token in data["added_tokens"]:
        token["content"] = token["content"].replace("</s>", "<|end|>")
    data["model"]["vocab"][2][0] = "<|end|>"
    (copy / "tokenizer.json").write_text(json.dumps(data))
    config = json.loads((copy / "tokenizer_config.json").read_text())
    config["eos_token"] = "<|end|>"  # noqa: S105 - not a password
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    texts = [f.text for f in examine(f"hf:{copy}") if f.level == "warning"]
    assert any("--joiner auto" in text for text in texts)
    said: list[str] = []  # by `run`, which nobody asks to be a doctor
    options = {"tasks": ["xling_xnli_de"], "shots": (0, 1), "limit": 1, "progress": said.append}
    evaluate(f"hf:{copy}", output=tmp_path / "run", **options)
    assert [line for line in said if "--joiner auto" in line] == [f"note: {t}" for t in texts if "--joiner auto" in t]
    assert [f.level for f in examine("hf:./nowhere")][-1] == "error"


def test_a_model_error_from_python_is_an_exception(sample_data, tmp_path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="has no weights"):
        evaluate(f"hf:{tmp_path / 'm'}", output=tmp_path / "run", tasks=["xling_xnli_de"])
