"""The demo: everything once, offline. A tiny XGLM trained on the sample's parallel text, scored by our runner and by
plain lm_eval, the two compared, the table written. The numbers mean nothing; that the parts fit together does."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from xling_bench.core import content, languages
from xling_bench.core.chatter import quiet
from xling_bench.core.errors import XlingError
from xling_bench.core.row import text_in
from xling_bench.core.text import terminal
from xling_bench.data import sample
from xling_bench.evaluation.writing import prepare, write_text
from xling_bench.report.build import Options, write_report
from xling_bench.results import language_table, markdown, read_run, to_csv

TASKS = ("xling_xnli", "xling_pawsx", "xling_xcopa", "xling_xquad", "xling_flores_en_*")
CHECKED = ("xling_xnli_en", "xling_xnli_sw", "xling_xcopa_th", "xling_xquad_hi", "xling_flores_en_de")
LANGUAGES = ["en", "de", "es", "fr", "zh", "th", "tr", "sw", "hi", "ar", "ru", "id", "it", "vi", "ta", "et", "ja", "ko"]
PREFIX_TOKEN = 2  # `</s>`, which XGLM's tokenizer puts before every text
TOLERANCE = 1e-6


class DemoError(XlingError):
    """The demo's own check failed."""


def demo(output: Path, steps: int) -> int:
    """Run the whole demo into `output`; returns 0, or raises when runner and lm_eval disagree."""
    started = time.monotonic()
    quiet()  # before anything imports tqdm, which reads the environment then
    prepare(output)
    os.environ["XLING_DATA"] = "sample"
    model = output / "model"
    if model.is_dir():
        _say(f"1/5 using the model of an earlier demo in {model}; delete the folder to train again")
    else:
        half_done = output / ".model"
        train(half_done, steps)
        half_done.rename(model)
    _say("2/5 scoring it with `xling-bench run` (0 and 2 shots)")
    from xling_bench.api import evaluate

    place = output / "runs" / "tiny"
    report = evaluate(f"hf:{model}", output=place, name="tiny", tasks=TASKS, langs=LANGUAGES, shots=(0, 2))
    if report.failed:
        raise DemoError(f"the demo's run failed: {report.failed}")
    _say("3/5 scoring five of the tasks with plain `lm_eval`, which takes a while to index its own 14,000 tasks")
    differences = compare_with_lm_eval(model, output)
    _say(f"    runner and lm_eval agree on {len(CHECKED)} tasks (largest difference {max(differences):.1e})")
    cells = read_run(place)
    lines = language_table(cells)
    some = [line for line in lines if (line.benchmark, line.shots) == ("xnli", 0)]
    write_text(output / "table.md", markdown(lines))
    write_text(output / "table.csv", to_csv(cells))
    print(terminal(markdown(some)))  # noqa: T201 - the demo's product
    files = f"{output / 'table.md'} and {output / 'table.csv'}"
    _say(f"4/5 these are {len(some)} of {len(lines)} lines: the whole table is in {files}, results in {place}")
    _say("5/5 writing the report")
    page = write_report([place], output / "site", Options(title="Demo of xling-bench"))
    _say(f"done in {time.monotonic() - started:.0f} s")
    command = sys.argv[0] if Path(sys.argv[0]).name == "xling-bench" else "xling-bench"
    _say(f"next: {command} run --model hf:YOUR_MODEL --tasks xling_xnli -o runs/mine  (data: see docs/data.md)")
    _say(f"the report, for your browser: {page}")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def training_text() -> list[str]:
    """Sentences and translation pairs of the sample's training split, in FLORES' prompt form."""
    texts = []
    for item in sample.items("flores"):
        if item.split != "train":
            continue
        for key, fields in item.text.items():
            own = text_in(fields, "text")
            texts.append(own)
            if key != "en":
                english = text_in(item.text["en"], "text")
                name = languages.get(key).name
                texts += [f"English: {english} = {name}: {own}", f"{name}: {own} = English: {english}"]
    return texts


def train(folder: Path, steps: int) -> None:
    """Train a tokenizer and a 2-layer XGLM on the sample's parallel text and save both to `folder`."""
    import torch
    from tqdm import tqdm
    from transformers import XGLMConfig, XGLMForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    _say(f"1/5 training a tiny XGLM on the sample's parallel text ({steps} steps)")
    texts = training_text()
    tokenizer = make_tokenizer(texts)
    random.seed(0)
    torch.manual_seed(0)
    config = XGLMConfig(
        vocab_size=len(tokenizer),
        d_model=128,
        ffn_dim=256,
        num_layers=2,
        attention_heads=4,
        max_position_embeddings=1024,
        dropout=0.0,
        attention_dropout=0.0,
        layerdrop=0.0,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    model = XGLMForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    loss = torch.tensor(0.0)
    for _ in (bar := tqdm(range(steps), desc="    training", unit="step", disable=None)):
        batch = tokenizer([t + "</s>" for t in random.sample(texts, 16)], return_tensors="pt", padding=True)
        targets = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(**batch, labels=targets).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        bar.set_postfix(loss=f"{loss.item():.2f}")
    _say(f"    {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, last loss {loss.item():.2f}")
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def make_tokenizer(texts: list[str]) -> Any:
    """A unigram tokenizer with XGLM's special tokens; like XGLM's it puts `</s>` before every text."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    every_character = sorted({character for key in SAMPLES for character in _all_text(key)})
    trainer = trainers.UnigramTrainer(
        vocab_size=3000,
        special_tokens=special,
        unk_token="<unk>",
        initial_alphabet=every_character,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", PREFIX_TOKEN)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


SAMPLES = ("flores", "xnli", "pawsx", "xcopa", "xquad")


def _all_text(key: str) -> str:
    return "".join(json.dumps(item.text, ensure_ascii=False) for item in sample.items(key))


def compare_with_lm_eval(model: Path, output: Path) -> list[float]:
    """Score CHECKED with the `lm_eval` command and return the differences to our runner's numbers.

    Raises DemoError when one is larger than the tolerance.
    """
    folder = output / "lm_eval"
    log = output / "lm_eval.log"
    command = [
        sys.executable, "-m", "lm_eval", "run", "--model", "hf",
        "--model_args", f"pretrained={model},dtype=float32,prefix_token_id={PREFIX_TOKEN}",
        "--tasks", ",".join(CHECKED), "--include_path", str(content.tasks_folder()), "--num_fewshot", "2",
        "--batch_size", "16", "--device", "cpu", "--output_path", str(folder), "--log_samples",
    ]  # fmt: skip
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=file, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise DemoError(f"lm_eval failed with exit code {done.returncode}; its output is in {log}")
    newest = max(folder.glob("**/results_*.json"), key=lambda path: path.stat().st_mtime)
    theirs = json.loads(newest.read_text(encoding="utf-8"))["results"]
    differences = []
    for task in CHECKED:
        path = output / "runs" / "tiny" / task / "2-0-same" / "results.json"
        ours = json.loads(path.read_text(encoding="utf-8"))["results"][task]
        for name, value in ours.items():
            if isinstance(value, float) and not name.startswith("sample_len"):
                differences.append(abs(value - theirs[task][name]))
                if differences[-1] > TOLERANCE:
                    raise DemoError(f"{task} {name}: the runner says {value}, lm_eval says {theirs[task][name]}")
    return differences
