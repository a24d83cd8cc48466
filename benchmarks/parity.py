"""Two runs of one model, ranked by the shared-prefix engine and by lm-eval's own code: do they decide alike?

Usage: python benchmarks/parity.py ENGINE_RUN LM_EVAL_RUN [--json FILE]
The runs come from the same command but for the kind of model, for example
  xling-bench run --model hf:DIR --tasks xling_xnli --limit 100 -o engine
  xling-bench run --model lm-eval-hf:DIR --tasks xling_xnli --limit 100 -o plain
A row for each unit that both have and that ranks candidates:
  backend                who computed the first run's: shared-prefix, or lm-eval where the engine was given up
  decisions              items whose best candidate (by sum) is the same / all
  near_ties              items that the first result lists as near-ties
  other, unlisted        items decided otherwise, and how many of them are not among the near-ties: none is the promise
  max_diff               of log-likelihoods; `greedy`: equal flags / all candidates
  noise, difference, threshold   the engine's self-check, nats a token
The last line sums up; the exit code is 1 where a unit fell back, differs beyond its near-ties, or only one run has it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from shapes import emit


def ranked(run: Path) -> set[Path]:
    """The finished units of a run whose candidates were ranked, below it."""
    results = {path: json.loads(path.read_text(encoding="utf-8")) for path in run.glob("*/*/results.json")}
    return {path.parent.relative_to(run) for path, result in results.items() if "scoring" in result["xling"]}


def samples(folder: Path) -> dict[str, list[tuple[float, bool]]]:
    """{item: (log-likelihood, greedy) of its candidates} of a finished unit."""
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["doc"]["id"]: [(float(a), b) for a, b in each["filtered_resps"]] for each in map(json.loads, lines)}


def best(candidates: list[tuple[float, bool]]) -> int:
    """The candidate with the largest sum."""
    sums = [value for value, _ in candidates]
    return sums.index(max(sums))


def compare(engine: Path, plain: Path) -> dict[str, Any]:
    """One row."""
    mine, theirs = samples(engine), samples(plain)
    if mine.keys() != theirs.keys():
        raise SystemExit(f"error: {engine} and {plain} hold other items: run both with the same --limit")
    how = json.loads((engine / "results.json").read_text(encoding="utf-8"))["xling"]["scoring"]
    near = set(how.get("near_ties", []))
    other = [item for item in mine if best(mine[item]) != best(theirs[item])]
    pairs = [pair for item in mine for pair in zip(mine[item], theirs[item], strict=True)]
    check = how.get("self_check", {})
    return {
        "unit": f"{engine.parent.name}/{engine.name}", "backend": how["backend"],
        "decisions": f"{len(mine) - len(other)}/{len(mine)}", "near_ties": len(near),
        "other": ",".join(other) or "none", "unlisted": len(set(other) - near),
        "max_diff": max(abs(a - b) for (a, _), (b, _) in pairs),
        "greedy": f"{sum(a == b for (_, a), (_, b) in pairs)}/{len(pairs)}",
        **{name: check.get(name, "-") for name in ("noise", "difference", "threshold")},
    }  # fmt: skip


def main() -> int:
    """Print one line per unit."""
    parser = argparse.ArgumentParser(description="The engine's decisions against lm-eval's, from two finished runs.")
    parser.add_argument("engine", type=Path, help="a run with --model hf:...")
    parser.add_argument("plain", type=Path, help="the same with --model lm-eval-hf:...")
    parser.add_argument("--json", type=Path, help="append the rows to this file, one JSON object a line")
    args = parser.parse_args()
    units = [ranked(run) for run in (args.engine, args.plain)]
    if not units[0] & units[1]:
        parser.error(f"{args.engine} and {args.plain} have no finished unit in common")
    rows = [compare(args.engine / unit, args.plain / unit) for unit in sorted(units[0] & units[1])]
    for row in rows:
        emit({"benchmark": "parity"} | row, args.json)
    same, every = (sum(int(row["decisions"].split("/")[i]) for row in rows) for i in (0, 1))
    fallen, unlisted = (sum(row["backend"] != "shared-prefix" for row in rows), sum(row["unlisted"] for row in rows))
    alone = len(units[0] ^ units[1])
    print(f"units={len(rows)} fallen_back={fallen} decisions={same}/{every} unlisted={unlisted} one_run_only={alone}")
    return int(bool(fallen or unlisted or alone))


if __name__ == "__main__":
    sys.exit(main())
