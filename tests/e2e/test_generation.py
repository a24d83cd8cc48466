"""Generation in a run: kept batch by batch, greedy whatever the model's files say, cut where a stop string says."""

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
import torch
from test_runner import results, run

from xling_bench import evaluate
from xling_bench.evaluation import generate
from xling_bench.evaluation.partial import PartialTexts, partial_path
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load
from xling_bench.models.tokens import ignored_settings

pytestmark = pytest.mark.e2e
TASK = "xling_mlama_de"  # 32 tokens an item
CONTEXTS = ["Hello my friend, the man sleeps", "a", "Der Hund läuft schnell über die Straße und weiter", "yes no", "a"]


def partial(output: Path, task: str = TASK) -> Path:
    return partial_path(output / task / "0-0-none")


class Calls:
    """The sizes of the batches lm-eval's model was asked for; after `most` of them it is interrupted."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.most = 1000

    def only(self, most: int) -> None:
        self.sizes, self.most = [], most


@pytest.fixture
def calls(monkeypatch) -> Calls:
    from lm_eval.models.huggingface import HFLM

    counter, real = Calls(), HFLM.generate_until

    def counted(self, requests, disable_tqdm=False):
        if len(counter.sizes) == counter.most:
            raise KeyboardInterrupt
        counter.sizes.append(len(requests))
        return real(self, requests, disable_tqdm)

    monkeypatch.setattr(HFLM, "generate_until", counted)
    return counter


def test_ctrl_c_keeps_whole_batches_and_only_the_rest_is_made(models, sample_data, tmp_path, calls) -> None:
    model, options, said = f"hf:{models['llama']}", {"tasks": [TASK], "batch_size": 2}, []
    whole = evaluate(model, output=tmp_path / "whole", **options)
    batches = calls.sizes
    assert len(batches) >= 3
    assert not partial(tmp_path / "whole").exists()
    calls.only(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, output=tmp_path / "cut", **options)
    path = partial(tmp_path / "cut")
    lines = path.read_bytes().splitlines(keepends=True)
    kept = len(lines) - 1
    assert kept == sum(batches[:2])
    path.write_bytes(b"".join([*lines, lines[-1][:9]]))  # and a line that a kill tore
    calls.only(1000)
    cut = evaluate(model, output=tmp_path / "cut", progress=said.append, **options)
    assert calls.sizes == batches[2:]
    assert f"  {kept} of {sum(batches)} texts are there from an earlier start" in said
    assert results(tmp_path / "cut") == results(tmp_path / "whole")
    assert whole.warnings == cut.warnings
    assert not path.exists()


def test_a_batch_that_is_not_whole_is_made_as_a_whole(models, sample_data, tmp_path, calls) -> None:
    model, options = f"hf:{models['llama']}", {"tasks": [TASK], "batch_size": 2}
    evaluate(model, output=tmp_path / "whole", **options)
    batches = calls.sizes
    calls.only(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, output=tmp_path / "cut", **options)
    path = partial(tmp_path / "cut")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *reversed(lines[2:])]))  # a text of the first batch is lost
    calls.only(1000)
    evaluate(model, output=tmp_path / "cut", **options)
    assert calls.sizes == [batches[0], *batches[2:]]
    assert results(tmp_path / "cut") == results(tmp_path / "whole")


@pytest.mark.parametrize("change", [{"batch_size": 3}, {"limit": 3}])
def test_another_plan_starts_anew(change, models, sample_data, tmp_path, calls) -> None:
    calls.only(1)
    with pytest.raises(KeyboardInterrupt):
        evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=[TASK], batch_size=2)
    calls.only(1000)
    said: list[str] = []
    options = {"tasks": [TASK], "batch_size": 2, **change}
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, progress=said.append, **options)
    assert any("are not used" in line for line in said)
    assert sum(calls.sizes) == report.results()[0]["xling"]["facts"]["items"]


def test_a_result_in_place_needs_nothing_kept(models, sample_data, tmp_path) -> None:
    evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=[TASK], limit=2)
    partial(tmp_path).write_text("of a process killed between its result and this file's removal")
    evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=[TASK], limit=2)
    assert not partial(tmp_path).exists()


def start(model: Path, output: Path) -> subprocess.Popen:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XLING_")}
    return subprocess.Popen(  # one metric that needs no language identifier: each process would read its models
        [sys.executable, "-m", "xling_bench", "run", "--model", f"hf:{model}", "--tasks", "xling_flores_en_de",
         "--metrics", "chrf", "--batch-size", "1", "-o", str(output)],
        env={**clean, "XLING_DATA": "sample"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_kill_minus_nine_in_the_middle_of_a_unit_and_two_who_go_on(models, tmp_path) -> None:
    process = start(models["llama"], tmp_path / "run")
    path, deadline = partial(tmp_path / "run", "xling_flores_en_de"), time.monotonic() + 300
    while not (path.exists() and path.read_bytes().count(b"\n") > 2) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not results(tmp_path / "run"), "killed in the middle of the unit"
    kept = path.read_bytes().count(b"\n") - 1
    assert kept >= 2
    both = [start(models["llama"], tmp_path / "run") for _ in "ab"]
    outputs = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    reused = re.findall(r"(\d+) of \d+ texts are there", "".join(outputs))
    assert reused == [str(kept)], "one of the two went on where the killed one stopped, and the other waited"
    whole = start(models["llama"], tmp_path / "whole")
    assert "texts are there" not in whole.communicate(timeout=600)[1]
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    assert not path.exists()


def texts(lm, until: list[str], most: int = 12, folder: Path | None = None) -> list[str]:
    """What our generation gives for CONTEXTS; plain lm-eval's without a folder."""
    from lm_eval.api.instance import Instance

    settings = {"until": until, "do_sample": False, "max_gen_toks": most}
    instances = [Instance("generate_until", {}, (text, dict(settings)), i) for i, text in enumerate(CONTEXTS)]
    if folder is None:
        return lm.generate_until(instances, disable_tqdm=True)
    kept = PartialTexts(folder / f"{time.monotonic_ns()}.jsonl", {}, print)
    return generate.resumable(lm, kept).generate_until(instances)


def loaded(folder: Path, writes: bool):
    """A model whose texts are written by our own loop, or by transformers'."""
    lm = load(ModelConfig(f"hf:{folder}"))
    if not writes:
        lm.writer = None
    return lm


@pytest.mark.parametrize("architecture", ["xglm", "bloom", "llama"])
def test_batches_change_no_text_and_plain_lm_eval_gives_the_same(architecture, models, tmp_path) -> None:
    until, plain = ["</s>", "\n"], load(ModelConfig(f"lm-eval-hf:{models[architecture]}", batch_size=1))
    wanted = texts(plain, until, 24)
    assert texts(plain, until, 24, tmp_path) == wanted
    for size in (1, 4, None):
        lm = load(ModelConfig(f"hf:{models[architecture]}", batch_size=size))
        assert texts(lm, until, 24, tmp_path) == wanted
        assert texts(lm, until, 24) == wanted, "under plain lm_eval, too"
        assert not lm.writer.why


@pytest.mark.parametrize("architecture", ["xglm", "llama"])
def test_long_prompts_are_cut_alike(architecture, models, tmp_path) -> None:
    plain, lm = (load(ModelConfig(f"{how}:{models[architecture]}", max_length=30)) for how in ("lm-eval-hf", "hf"))
    assert texts(lm, ["\n"], 24, tmp_path) == texts(plain, ["\n"], 24, tmp_path)
    assert lm.truncated == plain.truncated != set()


def test_a_model_found_out_meanwhile_is_generated_with_as_ever(models, tmp_path, monkeypatch) -> None:
    """In smaller batches than were planned, and with the same texts."""
    lm, sizes = load(ModelConfig(f"hf:{models['llama']}")), []
    wanted, real = texts(lm, ["\n"], folder=tmp_path), lm.model.generate
    lm.model.generate = lambda **given: sizes.append(len(given["input_ids"])) or real(**given)
    monkeypatch.setattr(lm.writer, "_check", lambda prompts, made: lm.writer._give_up("its numbers differ"))
    lm.start_afresh()
    lm.batch_size_per_gpu = 2
    assert texts(lm, ["\n"], folder=tmp_path) == wanted
    assert sizes == [2, 2], "four contexts, of which one comes twice"


def test_settings_that_are_not_greedy_are_lm_evals_affair(models) -> None:
    lm = load(ModelConfig(f"hf:{models['llama']}"))
    lm.writer.write = None  # to ask it is an error
    lm.model.generation_config.repetition_penalty = 1.8
    plain = load(ModelConfig(f"lm-eval-hf:{models['llama']}"))
    plain.model.generation_config.repetition_penalty = 1.8
    assert texts(lm, ["\n"]) == texts(plain, ["\n"])


TRAPS = [
    {"repetition_penalty": 1.8}, {"do_sample": True, "temperature": 2.0, "top_k": 3}, {"max_new_tokens": 3},
    {"num_beams": 3}, {"forced_eos_token_id": 2}, {"forced_bos_token_id": 9}, {"stop_strings": ["a"]},
    {"no_repeat_ngram_size": 1}, {"bad_words_ids": [[9], [12]]}, {"min_new_tokens": 12}, {"max_length": 5},
]  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: next(iter(trap)))
def test_a_generation_config_changes_no_text(trap, models, tmp_path) -> None:
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    own = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**own, **trap}))
    wanted = texts(load(ModelConfig(f"hf:{models['llama']}")), ["\n"], folder=tmp_path)
    trapped = load(ModelConfig(f"hf:{folder}"))
    assert texts(trapped, ["\n"], folder=tmp_path) == wanted
    assert set(ignored_settings(trapped)) == trap.keys() - {"max_length"}
    for name, value in trap.items():
        assert getattr(trapped.model.generation_config, name) == value, "the model is left as it was"


def test_the_run_says_what_it_does_not_apply_and_the_facts_how_it_decodes(models, tmp_path) -> None:
    folder = shutil.copytree(models["llama"], tmp_path / "model")
    own = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**own, "do_sample": True, "temperature": 0.6}))
    done = run("run", "--model", f"hf:{folder}", "--tasks", TASK, "--limit", "2", "-o", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert "note: decoding is greedy: generation_config.json's do_sample, temperature are not applied" in done.stderr
    assert done.stderr.count("temperature") == 1, "and nobody else warns of it"
    facts = json.loads((tmp_path / "run" / TASK / "0-0-none" / "results.json").read_text())["xling"]["facts"]
    assert facts["decoding"] == generate.DECODING


def written(lm, text: str) -> list[int]:
    """The tokens that a context is continued with: the text may be cut into other ones."""
    prompt = torch.tensor([lm.tok_encode(text)])
    made = lm.model.generate(input_ids=prompt, max_new_tokens=12, do_sample=False, eos_token_id=[], pad_token_id=1)
    return made[0, prompt.shape[1] :].tolist()


@pytest.mark.parametrize("writes", [True, False])
def test_the_models_own_end_tokens_end_a_text(writes, models, tmp_path) -> None:
    lm = loaded(models["llama"], writes)
    plain = texts(lm, ["\n"], folder=tmp_path)
    token = written(lm, CONTEXTS[0])[-6]
    lm.model.generation_config.eos_token_id = [2, token]
    ended = texts(lm, ["\n"], folder=tmp_path)
    assert ended[0] != plain[0]
    assert plain[0].startswith(ended[0])
    assert "<" not in "".join(ended), "no padding, no end token in the text"


@pytest.mark.parametrize("writes", [True, False])
def test_a_text_is_cut_at_its_first_stop_string_and_ends_its_row(writes, models, tmp_path) -> None:
    lm = loaded(models["llama"], writes)
    plain = texts(lm, ["\n"], 64, tmp_path)
    stops = sorted({text[5:7] for text in plain})  # each row has a stop string of its own
    steps = []
    handle = lm.model.base_model.register_forward_hook(lambda *_: steps.append(1))
    cut = texts(lm, stops, 64, tmp_path)
    handle.remove()
    assert cut == [text[: min(text.find(s) for s in stops if s in text)] for text in plain]
    assert len(steps) < 16, "a batch ends when every row has met a stop string, not when all have met the same"
    assert texts(lm, [plain[1][:1]], folder=tmp_path)[1] == "", "an empty text is a text"


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("end", [2, None])
def test_a_stop_token_that_is_not_the_end_token_cuts_too(end, writes, models, tmp_path) -> None:
    """lm-eval strips special tokens before it looks for stop strings: what follows such a token would be scored."""
    lm = loaded(models["llama"], writes)
    ids = written(lm, CONTEXTS[2])
    pieces = lm.tokenizer.convert_ids_to_tokens(ids)  # the tokenizer is trained anew in each session
    at = next(i for i, piece in enumerate(pieces) if i >= 2 and "▁" not in piece)  # that one is decoded to a space
    piece, token = pieces[at], ids[at]
    lm.model.generation_config.eos_token_id = end
    lm.tokenizer.add_special_tokens({"additional_special_tokens": [piece]})
    assert lm.tokenizer.convert_tokens_to_ids(piece) == token
    assert texts(lm, [piece], folder=tmp_path)[2] == lm.tok_decode(ids[: ids.index(token)])


def test_an_adapter_decodes_neutrally_too(models, tmp_path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(models["llama"]),
        LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    )
    adapted.save_pretrained(tmp_path / "adapter")  # its second factor is zero: it changes nothing
    wanted = texts(load(ModelConfig(f"hf:{models['llama']}")), ["\n"], folder=tmp_path)
    lm = load(ModelConfig(f"hf:{models['llama']}", peft=str(tmp_path / "adapter")))
    lm.model.generation_config.repetition_penalty = 1.8
    assert texts(lm, ["\n"], folder=tmp_path) == wanted


def test_long_prompts_lose_their_beginning_with_a_warning_that_a_resumed_run_repeats(
    models, sample_data, tmp_path, calls
) -> None:
    # The prompts have 215 to 218 tokens: the longest do not fit beside 32 new ones, the shortest, made last, does.
    options = {"tasks": [TASK], "batch_size": 1, "max_length": 216 + 32, "limit": 4}
    whole = evaluate(f"hf:{models['llama']}", output=tmp_path / "whole", **options)
    assert "lost their beginning" in whole.warnings[f"{TASK} 0-shot"]
    for sample in (tmp_path / "whole" / TASK / "0-0-none" / "samples.jsonl").read_text().splitlines():
        assert json.loads(sample)["arguments"]["gen_args_0"]["arg_1"]["max_gen_toks"] == 32
    calls.only(3)
    with pytest.raises(KeyboardInterrupt):
        evaluate(f"hf:{models['llama']}", output=tmp_path / "cut", **options)
    calls.only(1000)
    evaluate(f"hf:{models['llama']}", output=tmp_path / "cut", **options)
    assert calls.sizes == [1]
    assert results(tmp_path / "cut") == results(tmp_path / "whole")


def test_a_context_without_room_for_the_answer_is_one_clear_error(models, sample_data, tmp_path) -> None:
    report = evaluate(f"hf:{models['llama']}", output=tmp_path, tasks=[TASK], max_length=32, limit=2)
    assert "up to 32 tokens are generated, but the model's context has 32" in report.failed[f"{TASK} 0-shot"]
