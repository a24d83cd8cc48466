"""Our greedy loop against transformers' `generate` in batches of one size, as a run did it before: the same model and
prompts, same process, taking turns.

Usage: python benchmarks/generation.py [--quick] [--model DIR] [--task NAME] [--shots 5] [--docs 64] [--batch 16] ...

Prompts are those of a task's first documents, from the data that XLING_DATA_DIR or XLING_DATA name. Without --model the
model is a random XGLM of 4 layers and width 256 with a vocabulary of 8,192 (its texts hardly end before the last
token). `--quick` takes that, 24 documents and 16 new tokens. What is timed is what a run times: tokenising, planning
batches, the loop's self-check, the file of texts. A row:
  ratio_cpu, ratio_wall  transformers' seconds over ours (CPU of all threads), the least of `repeats` each
  bound                  that ratio if both were limited by the floating-point work of what must be computed: every
                         prompt whole, or what all have in common once; each text up to its end (`work`)
  equal                  texts that are the same / all. Of the others, `ties` are those that part at two tokens whose
                         logits, in float64, are less than 0.001 apart; `gap` is the largest such difference
  prompt, shared, made   tokens of the prompts, of what all prompts begin with, of the texts
"""

from __future__ import annotations

import argparse
import copy
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

import torch
from scoring import make_tokenizer
from shapes import Race, Shape, emit

from xling_bench.catalog import get_task
from xling_bench.evaluation.generate import resumable
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.evaluation.task import build
from xling_bench.models import greedy
from xling_bench.models.prefix import natural_prefix
from xling_bench.models.shared_prefix import SharedPrefixLM
from xling_bench.scoring.tree import common

QUICK = {"docs": 24, "most": 16, "repeats": 1, "model": None}
Written = dict[tuple[int, ...], list[int]]  # prompt: text


def requests(args: argparse.Namespace) -> tuple[list[Any], list[str]]:
    """lm-eval's requests, and texts to train a tokenizer on."""
    task = build(get_task(args.task), {"metrics": ["chrf"]}, None)
    task.set_config(key="num_fewshot", value=args.shots)
    task.build_all_requests(limit=args.docs, rank=0, world_size=1)
    for each in task.instances:
        each.args[1]["max_gen_toks"] = args.most or each.args[1]["max_gen_toks"]
    return task.instances, [each.args[0] for each in task.instances]


def load(args: argparse.Namespace, texts: Sequence[str]) -> Any:
    """The model, as a run holds it."""
    if args.model is None:
        model, tokenizer = Shape("xglm", 8192).build(), make_tokenizer(texts, "xglm")
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        lm = SharedPrefixLM(model, tokenizer=tokenizer, batch_size=args.batch)
    else:
        lm = SharedPrefixLM(str(args.model), dtype="float32", batch_size=args.batch, device="cpu")
    lm.custom_prefix_token_id = natural_prefix(lm.tokenizer)
    return lm


@contextmanager
def noted(lm: Any, written: Written) -> Iterator[None]:
    """Within it the tokens of all texts are put into `written`, without what follows a text's end."""
    decode = greedy._decode

    def noting(inner: Any, context: Any, *given: Any, **settings: Any) -> Any:
        made = decode(inner, context, *given, **settings)
        for row, mask, text in zip(context, settings["attention_mask"], made, strict=True):
            ids = text[len(row) :].tolist()
            ended = greedy.Ended(lm.tokenizer, given[1] if len(given) > 1 else settings["stop"], greedy._end_ids(lm))
            end = next((i for i in range(1, len(ids) + 1) if ended(ids[:i])), len(ids))
            written[tuple(row[mask.bool()].tolist())] = ids[:end]
        return made

    greedy._decode = noting
    try:
        yield
    finally:
        greedy._decode = decode


def write(lm: Any, instances: list[Any], folder: str, written: Written) -> list[Any]:
    """What is timed."""
    lm.start_afresh()
    path = Path(folder) / "texts.jsonl"
    path.unlink(missing_ok=True)
    with noted(lm, written):
        texts = resumable(lm, PartialTexts(path, {}, print)).generate_until(instances)
    if lm.writer and lm.writer.why:
        raise SystemExit(f"our loop gave up: {lm.writer.why}")
    return list(texts)


def work(lm: Any, written: Written) -> dict[str, Any]:
    """Tokens, and the ratio of floating-point operations.

    A position costs 2 * (weights of the body's matrices) and 4 * layers * width of the heads for each token it sees; a
    written token costs 2 * hidden * vocabulary besides.
    """
    config = lm.model.config.get_text_config()
    body = 2 * sum(m.weight.numel() for m in lm.model.base_model.modules() if isinstance(m, torch.nn.Linear))
    heads = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    seen = 4 * config.num_hidden_layers * config.num_attention_heads * heads

    def cost(begin: int, end: int) -> int:
        return (end - begin) * body + seen * (end * (end + 1) - begin * (begin + 1)) // 2

    shared, texts = common(list(written)), sum(map(len, written.values()))
    lengths = [(len(prompt), len(prompt) + len(text) - 1) for prompt, text in written.items()]
    head = 2 * config.hidden_size * config.vocab_size * texts
    plain = head + sum(cost(0, end) for _, end in lengths)
    own = head + cost(0, shared) + sum(cost(shared, end) for _, end in lengths)
    return {"bound": plain / own, "prompt": sum(n for n, _ in lengths), "shared": shared, "made": texts}


def ties(lm: Any, mine: Written, theirs: Written) -> dict[str, Any]:
    """How many texts part at a tie, and the largest difference of two logits there."""
    parted = [(prompt, mine[prompt], theirs[prompt]) for prompt in mine if mine[prompt] != theirs[prompt]]
    if not parted:
        return {"ties": 0, "gap": 0.0}
    exact, gaps = copy.deepcopy(lm.model).double(), []
    for prompt, a, b in parted:
        at = common([a, b])
        with torch.inference_mode():
            logits = exact(input_ids=torch.tensor([[*prompt, *a[:at]]])).logits[0, -1]
        gaps.append(float(abs(logits[a[at]] - logits[b[at]])))
    return {"ties": sum(gap < 1e-3 for gap in gaps), "gap": max(gaps)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """One row."""
    instances, texts = requests(args)
    lm = load(args, texts)
    if lm.writer is None:
        raise SystemExit("this model has no loop of ours")
    before = copy.copy(lm)
    before.writer = None
    mine, theirs = Written(), Written()
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "own": partial(write, lm, instances, folder, mine),
            "transformers": partial(write, before, instances, folder, theirs),
        }
        race = Race(ways).run(args.repeats)
    equal = sum(a == b for a, b in zip(*race.answers.values(), strict=True))
    return {
        "model": args.model.name if args.model else "xglm-8192", "task": args.task, "shots": args.shots,
        "docs": args.docs, "ratio_cpu": race.cpu["transformers"] / race.cpu["own"],
        "ratio_wall": race.wall["transformers"] / race.wall["own"], **work(lm, mine), "cpu_own": race.cpu["own"],
        "cpu_transformers": race.cpu["transformers"], "wall_own": race.wall["own"],
        "wall_transformers": race.wall["transformers"], "batch": args.batch, "equal": f"{equal}/{len(texts)}",
        **ties(lm, mine, theirs), "repeats": args.repeats, "threads": torch.get_num_threads(),
    }  # fmt: skip


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a random model, few documents, short texts")
    parser.add_argument("--model", type=Path, help="a folder of transformers' (default: a random model)")
    parser.add_argument("--task", default="xling_flores_en_de")
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--docs", type=int, default=64)
    parser.add_argument("--most", type=int, help="new tokens, at most (default: the task's)")
    parser.add_argument("--batch", type=int, default=16, help="transformers' batch size")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="append the row to this file")
    args = parser.parse_args()
    if args.quick:
        vars(args).update(QUICK)
    torch.set_num_threads(args.threads)
    emit(measure(args), args.json)


if __name__ == "__main__":
    main()
