"""The shared-prefix engine against lm-eval's `hf`: same model, same requests, same process, taking turns.

Usage: python benchmarks/scoring.py [--quick | --memory | --gpu] [--model DIR] [options]; `--help` lists them.

Requests are those of `xling_xnli_en`: the first documents of the test set below XLING_DATA_DIR (`data=xnli`), or, where
that is unset, made-up text of like lengths (`data=synthetic`). Models have 4 layers of width 256 and random float32
weights; the tokenizer is trained on the task's own text. Scoring is timed, tokenising and the engine's self-check
included; loading and building prompts are not. `--model` measures that folder's model instead. A row, for one shape,
vocabulary and number of demonstrations:
  docs, tune_docs        documents measured, and those on which lm-eval's best batch size (`batch`) was found, the one
                         with the least CPU of 1, 4, 8, 16, 32; not tried: where logits would fill a quarter of memory
  ratio_cpu, ratio_wall  lm-eval's seconds over the engine's (CPU of all threads), the least of `repeats` each
  bound                  that ratio if both were limited by floating-point work alone (`shapes.float_work`)
  of_bound               100 * ratio_cpu / bound; may exceed 100, since lm-eval pads and writes every logit to memory
  tokens_engine, _hf     body positions: computed by the engine, and without padding in lm-eval
  max_diff               of log-likelihoods; decisions, greedy: equal ones / all
`--memory` prints, from fresh processes, the peak resident memory (`rss_mib`) and how far it rose above what was there
before scoring (`extra_mib`), for few and many documents, taken from all over the test set, since some parts of it have
longer texts. `--gpu`: see `scoring_gpu.py`.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

import torch
from shapes import Answer, Race, Shape, emit, float_work, numbers

from xling_bench.core.errors import XlingError

DOCUMENTS = 5010  # in XNLI's test set
BATCHES = (1, 4, 8, 16, 32)
LARGE = 100_000  # vocabulary from which on lm-eval needs seconds a document
QUICK = {"shapes": ["xglm"], "vocabularies": [8192], "docs": 60, "repeats": 1}
WORDS = "the of and to in a is that it was for on are with as his they be at one have this from or had by hot but some"


def made_up(folder: Path) -> None:
    """XNLI's files with invented text: three hypotheses a premise, words by Zipf's law."""
    import numpy as np

    rng = np.random.default_rng(0)
    words = WORDS.split() + ["".join(rng.choice(list("aeioubcdlmnprst"), rng.integers(3, 10))) for _ in range(4000)]
    chances = 1 / np.arange(2, len(words) + 2)

    def text(mean: float) -> str:
        chosen = rng.choice(words, max(3, rng.poisson(mean)), p=chances / chances.sum())
        return " ".join(chosen).capitalize() + "."

    for split, rows in (("test", DOCUMENTS), ("dev", 2490)):
        lines = []
        for _ in range(rows // 3):
            premise = text(rng.gamma(4, 5))
            lines += [f"{premise}\t{text(10)}\t{label}" for label in ("entailment", "neutral", "contradiction")]
        (folder / f"{split}-en.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def xnli(shots: int, docs: int, *, spread: bool = False) -> tuple[list[Any], list[str]]:
    """lm-eval's requests of the first `docs` documents, or of every n-th premise's, and the texts of the whole task."""
    from xling_bench.catalog import get_task
    from xling_bench.evaluation.task import build

    task = build(get_task("xling_xnli_en"), {}, None)
    task.set_config(key="num_fewshot", value=shots)
    every = DOCUMENTS // docs if spread else 1
    task.build_all_requests(samples=[doc for doc in range(DOCUMENTS) if doc // 3 % every == 0][:docs])
    rows = [*task.dataset["test"], *task.dataset["test"].demos]
    texts = dict.fromkeys(text for row in rows for text in (row["premise"], row["hypothesis"], *row["texts"][:1]))
    return task.instances, list(texts)


def make_tokenizer(texts: Sequence[str], kind: str) -> Any:
    """A unigram tokenizer of at most 8,192 pieces; for XGLM it puts `</s>` before every text, as XGLM's own does."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=8192, special_tokens=special, unk_token=special[-1], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if kind == "xglm":
        tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    names = {f"{name}_token": token for name, token in zip(("bos", "pad", "eos", "unk"), special, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def subject(args: argparse.Namespace, shape: Shape | None, texts: Sequence[str]) -> tuple[Any, Any]:
    """The model that is measured, and its tokenizer: of --model, or random weights of a shape."""
    if shape is None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, use_safetensors=True)
        return model.eval(), AutoTokenizer.from_pretrained(args.model)
    return shape.build(), make_tokenizer(texts, shape.kind)


def load(way: str, model: Any, tokenizer: Any, batch: int = 1) -> Any:
    """A fresh `SharedPrefixLM` (engine) or `HFLM` (hf), set up as our runner sets it up."""
    from lm_eval.models.huggingface import HFLM

    from xling_bench.models.prefix import natural_prefix
    from xling_bench.models.shared_prefix import SharedPrefixLM

    settings = {"tokenizer": tokenizer, "softmax_dtype": "float32", "batch_size": batch}
    lm = SharedPrefixLM(model, **settings) if way == "engine" else HFLM(model, **settings)
    lm.custom_prefix_token_id = natural_prefix(tokenizer)
    return lm


def score(lm: Any, instances: list[Any]) -> list[Answer]:
    """What is timed."""
    answers = list(lm.loglikelihood(instances, disable_tqdm=True))
    if why := getattr(lm, "why_plain", ""):
        raise SystemExit(f"the engine gave up: {why}")
    return answers


def best_batch(model: Any, tokenizer: Any, instances: list[Any], longest: int) -> int:
    """lm-eval's batch size with the least CPU-seconds on `instances`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    logits = 2 * 4 * longest * model.config.vocab_size  # a request's, and their softmax
    sizes = [size for size in BATCHES if size == 1 or size <= min(len(instances), memory // 4 // logits)]
    ways = {str(size): partial(score, load("hf", model, tokenizer, size), instances) for size in sizes}
    race = Race(ways).run(1 if model.config.vocab_size >= LARGE else 2)
    return int(min(race.cpu, key=race.cpu.__getitem__))


def measure(args: argparse.Namespace, shape: Shape | None, shots: int, docs: int) -> dict[str, Any]:
    """One row."""
    instances, texts = xnli(shots, docs)
    model, tokenizer = subject(args, shape, texts)
    repeats = args.repeats
    probe = load("engine", model, tokenizer)
    work = float_work(model, requests := [probe._fitted(*probe._split(*each.args)) for each in instances])
    tune = 0 if args.batch else 3 * min(20, max(4, docs // 10))
    longest = max(len(tokens) for tokens, _ in requests)
    batch = args.batch or best_batch(model, tokenizer, instances[:tune], longest)
    hf, fresh = load("hf", model, tokenizer, batch), [load("engine", model, tokenizer) for _ in range(repeats)]
    waiting = iter(fresh)  # each does its self-check, which is part of the price
    ways = {"engine": lambda: score(next(waiting), instances), "hf": partial(score, hf, instances)}
    race = Race(ways).run(repeats)
    ratio = race.cpu["hf"] / race.cpu["engine"]
    return {
        "shape": shape.kind if shape else Path(args.model).name, "vocabulary": model.config.vocab_size,
        "shots": shots, "docs": docs,
        "ratio_cpu": ratio, "ratio_wall": race.wall["hf"] / race.wall["engine"], "bound": work.bound,
        "of_bound": f"{100 * ratio / work.bound:.0f}%", "cpu_engine": race.cpu["engine"], "cpu_hf": race.cpu["hf"],
        "wall_engine": race.wall["engine"], "wall_hf": race.wall["hf"], "batch": batch, "tune_docs": tune // 3,
        "tokens_engine": fresh[0].engine.computed, "tokens_hf": work.plain_tokens, **race.agreement("engine", "hf"),
        "repeats": repeats, "threads": torch.get_num_threads(),
    }  # fmt: skip


def peak(args: argparse.Namespace, way: str, shots: int, docs: int, batch: int) -> dict[str, Any]:
    """Peak resident memory of scoring `docs` documents in this process, from Linux's own count."""
    instances, texts = xnli(shots, docs, spread=True)
    lm = load(way, *subject(args, None if args.model else Shape("xglm", 8192), texts), batch)
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here

    def resident(name: str) -> float:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

    before = resident("VmRSS")
    score(lm, instances)
    whole = resident("VmHWM")
    return {"rss_mib": round(whole), "extra_mib": round(whole - before)}


def memory_rows(args: argparse.Namespace, data: str) -> None:
    """The engine for `docs` and ten times as many documents, lm-eval for few, which is all it takes: its memory is that
    of its batches. A real model is scored on `docs` only, and by lm-eval in batches of 1 and 16, on 16 documents."""
    random = [("hf", 50, 16), ("engine", args.docs, 16), ("engine", min(10 * args.docs, 5000), 16)]
    real = [("hf", 16, 1), ("hf", 16, 16), ("engine", args.docs, 1)]
    for shots in args.shots:
        for way, docs, batch in real if args.model else random:
            words = [sys.executable, __file__, "--peak", f"{way},{shots},{docs},{batch}"]
            words += ["--model", args.model] if args.model else []
            found = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
            if found.returncode:
                raise SystemExit(f"{way} with {docs} documents failed:\n{found.stderr[-2000:]}")
            shape = Path(args.model).name if args.model else "xglm"
            row = {"shape": shape, "way": way, "batch": batch, "shots": shots, "docs": docs, "data": data}
            emit({"benchmark": "memory"} | row | json.loads(found.stdout.splitlines()[-1]), args.json)


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description="The shared-prefix engine against lm-eval's hf.")
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--quick", action="store_true", help="XGLM, 8k vocabulary, 60 documents, one repeat")
    profile.add_argument("--memory", action="store_true", help="peak memory for --docs and ten times as many documents")
    profile.add_argument("--gpu", action="store_true", help="large shapes in bf16; ends within 9 minutes")
    profile.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--model", help="a model folder with safetensors weights, instead of --shapes")
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=["xglm", "llama"])
    parser.add_argument("--vocabularies", type=numbers, default=[8192, 256_008])
    parser.add_argument("--shots", type=numbers, default=[0, 5])
    parser.add_argument("--docs", type=int, default=500)
    parser.add_argument("--docs-large", type=int, default=20, help="documents of vocabularies of 100,000 and more")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--batch", type=int, help="lm-eval's batch size, instead of finding its best one")
    parser.add_argument("--json", type=Path, help="append the rows to this file, one JSON object a line")
    parser.add_argument("--device", default="cuda", help="of --gpu")
    parser.add_argument("--tiny", action="store_true", help="small shapes for --gpu, to rehearse it anywhere")
    parser.add_argument("--minutes", type=float, default=8.0, help="time of --gpu without start-up")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bf16; default by its name")
    if "--quick" in sys.argv:
        parser.set_defaults(**QUICK)
    args = parser.parse_args()
    if unknown := set(args.shapes) - {"xglm", "llama"}:
        parser.error(f"--shapes: {', '.join(sorted(unknown))}: expected xglm, llama")
    if min(args.docs, args.docs_large, args.repeats, args.minutes) <= 0 or max(args.docs, args.docs_large) > DOCUMENTS:
        parser.error("--docs, --docs-large, --repeats, --minutes: expected positive numbers, at most 5,010 documents")
    if min(args.shots) < 0 or max(args.shots) > 20 or min(args.vocabularies) < 8192:
        parser.error("--shots: expected 0 to 20; --vocabularies: at least 8192, the tokenizer's size")
    if args.model and (args.gpu or not Path(args.model, "config.json").is_file()):
        parser.error("--model: expected a model folder, and not with --gpu")
    if args.gpu and args.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("--gpu: no CUDA device here")
    try:
        torch.empty(0, device=args.device if args.gpu else "cpu")
    except (RuntimeError, AssertionError) as error:
        parser.error(f"--device {args.device}: {str(error).splitlines()[0]}")
    return args


def main() -> None:
    """Print one line per measurement."""
    args = arguments()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    if args.gpu:
        from scoring_gpu import gpu_rows

        return gpu_rows(args)
    if args.peak:
        way, *rest = args.peak.split(",")
        return print(json.dumps(peak(args, way, *map(int, rest))))
    with tempfile.TemporaryDirectory() as name:
        data = "xnli" if os.environ.get("XLING_DATA_DIR") else "synthetic"
        if data == "synthetic":
            made_up(Path(name))
            os.environ["XLING_DATA_DIR"] = name
        os.environ["XLING_DATA"] = "files"
        if args.memory:
            return memory_rows(args, data)
        shapes = [None] if args.model else [Shape(kind, size) for size in args.vocabularies for kind in args.shapes]
        for shape in shapes:
            for shots in args.shots:
                docs = args.docs_large if shape and shape.vocabulary >= LARGE else args.docs
                row = measure(args, shape, shots, docs)
                emit({"benchmark": "scoring"} | row | {"data": data}, args.json)
    return None


if __name__ == "__main__":
    try:
        main()
    except XlingError as error:
        raise SystemExit(f"error: {error}") from error
