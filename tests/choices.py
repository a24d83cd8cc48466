"""Whether the candidates that results keep are those their scores were computed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Golds = dict[tuple[str, str], dict[str, int]]


def golds(run: Path) -> Golds:
    """{(benchmark, language): {item: index of its right candidate}}."""
    found = {}
    for path in run.glob("*/*/samples.jsonl"):
        own = json.loads(path.with_name("results.json").read_text(encoding="utf-8"))["xling"]
        docs = [json.loads(line)["doc"] for line in path.read_text(encoding="utf-8").splitlines()]
        found[own["benchmark"], own["unit"]] = {doc["id"]: doc["gold"] for doc in docs if "gold" in doc}
    return found


def contradictions(frame: pd.DataFrame, right: Golds) -> list[tuple[str, str, str, str]]:
    """(benchmark, language, metric, item) of scores that the kept candidate contradicts."""
    return [
        (row["benchmark"], row["language"], row["metric"], item)
        for _, row in frame.iterrows() if row["choices"] is not None
        for item, choice in row["choices"].items()
        if (choice == right[row["benchmark"], row["language"]][item]) != (row["items"][item] == 1.0)
    ]  # fmt: skip
