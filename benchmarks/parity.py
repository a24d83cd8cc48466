"""The shared-prefix engine's decisions against lm-eval's `hf`: a model of yours, real items, our prompts.

Usage: python benchmarks/parity.py --model DIR [--tasks a,b --shots 0,5 --docs 100,20 --dtype float32 --json FILE]

Needs XLING_DATA_DIR. A row, for one task and number of demonstrations:
  backend               who computed ours: shared-prefix, or lm-eval where the engine was given up (`why`)
  decisions             documents whose best candidate (by sum) is the same / all
  near_ties             documents that our result lists as near-ties; `other` are those decided otherwise, and
                        `unlisted` those of them that are not among the near-ties: none is the promise
  max_diff              of log-likelihoods
  noise, difference, threshold   the self-check's, nats a token
  cpu_engine, cpu_hf    CPU-seconds of scoring, tokenising and self-check included; lm-eval's in batches of `batch`
The last line sums up. Rows in --json are kept as they come, and a second start goes on behind them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}

from shapes import emit, numbers, timed

from xling_bench.errors import XlingError

TASKS = [f"xling_xnli_{lang}" for lang in ("en", "de", "zh", "sw", "th")]
TASKS += [f"xling_xcopa_{lang}" for lang in ("en", "sw", "th", "zh")]
TASKS += [*(f"xling_pawsx_{lang}" for lang in ("en", "de", "zh")), "xling_xwinograd_en", "xling_xwinograd_ru"]


def requests_of(name: str, shots: int, docs: int) -> list[Any]:
    """lm-eval's requests of a task's first documents."""
    from xling_bench.catalog import get_task
    from xling_bench.harness.task import build

    spec = get_task(name)
    task = build(spec, {"metrics": ["acc"]}, spec.family.joiner if shots else None)
    task.set_config(key="num_fewshot", value=shots)
    task.build_all_requests(limit=docs, rank=0, world_size=1)
    return list(task.instances)


def decided(requests: list[Any], answers: list[tuple[float, bool]]) -> dict[int, int]:
    """{document: its candidate with the largest sum}."""
    sums: dict[int, list[float]] = {}
    for request, answer in zip(requests, answers, strict=True):
        sums.setdefault(request.doc_id, []).append(answer[0])
    return {document: values.index(max(values)) for document, values in sums.items()}


def measure(engine: Any, plain: Any, name: str, shots: int, docs: int) -> dict[str, Any]:
    """One row."""
    requests = requests_of(name, shots, docs)
    engine.start_afresh()
    mine, cpu_engine, _ = timed(lambda: engine.loglikelihood(requests, disable_tqdm=True))
    how = engine.how()
    theirs, cpu_hf, _ = timed(lambda: plain.loglikelihood(requests, disable_tqdm=True))
    ours, others = decided(requests, mine), decided(requests, theirs)
    other = [document for document in ours if ours[document] != others[document]]
    near = how.get("near_ties", [])
    check = how.get("self_check", {})
    return {
        "task": name, "shots": shots, "docs": len(ours), "backend": how["backend"], "why": how.get("why", "-"),
        "decisions": f"{len(ours) - len(other)}/{len(ours)}", "near_ties": len(near),
        "other": ",".join(map(str, other)) or "none", "unlisted": len(set(other) - set(near)),
        "max_diff": max(abs(a[0] - b[0]) for a, b in zip(mine, theirs, strict=True)),
        **{name: check.get(name, "-") for name in ("noise", "difference", "threshold")},
        "cpu_engine": cpu_engine, "cpu_hf": cpu_hf, "batch": plain.batch_size,
    }  # fmt: skip


def main() -> None:
    """Print one line per unit."""
    parser = argparse.ArgumentParser(description="The engine's decisions against lm-eval's hf, on a model of yours.")
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=TASKS)
    parser.add_argument("--shots", type=numbers, default=[0, 5])
    parser.add_argument("--docs", type=numbers, default=[100, 20], help="documents at each of --shots")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=1, help="lm-eval's batch size")
    parser.add_argument("--json", type=Path, help="append the rows to this file, one JSON object a line")
    args = parser.parse_args()
    if len(args.docs) != len(args.shots):
        parser.error(f"--docs has {len(args.docs)} numbers, --shots {len(args.shots)}: expected as many")
    if not os.environ.get("XLING_DATA_DIR"):
        parser.error("XLING_DATA_DIR is not set: where are the benchmarks' files?")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    from xling_bench.harness.model import ModelConfig, load

    own = {"dtype": args.dtype, "device": "cpu", "batch_size": args.batch}
    engine, plain = (load(ModelConfig(f"{kind}:{args.model}", **own)) for kind in ("hf", "lm-eval-hf"))
    lines = args.json.read_text("utf-8").splitlines() if args.json and args.json.is_file() else []
    rows = [row for row in map(json.loads, lines) if row["dtype"] == args.dtype and row["model"] == args.model]
    known = {(row["task"], row["shots"]) for row in rows}
    for shots, docs in zip(args.shots, args.docs, strict=True):
        for name in args.tasks:
            if (name, shots) not in known:
                row = {"model": args.model, "dtype": args.dtype} | measure(engine, plain, name, shots, docs)
                emit({"benchmark": "parity"} | row, args.json)
                rows.append(row)
    same, every = (sum(int(row["decisions"].split("/")[i]) for row in rows) for i in (0, 1))
    backends = sorted({row["backend"] for row in rows})
    print(f"units={len(rows)} backends={','.join(backends)} decisions={same}/{every}", end=" ")
    print(f"unlisted={sum(row['unlisted'] for row in rows)}", end=" ")
    print(*(f"{way}={sum(row[way] for row in rows):.0f}" for way in ("cpu_engine", "cpu_hf")))


if __name__ == "__main__":
    try:
        main()
    except XlingError as error:
        raise SystemExit(f"error: {error}") from error
