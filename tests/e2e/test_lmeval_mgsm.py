"""lm-eval 0.4.13's own MGSM tasks and ours of its prompts: equal prompts and equal decisions, data from a hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import stored_outputs
from fakehub import dataset, serve

from xling_bench.catalog import get_benchmark
from xling_bench.core.unit import Unit
from xling_bench.data.source import Source, load

pytestmark = [pytest.mark.e2e, pytest.mark.slow]  # tests/unit/test_lmeval_prompts.py has the filters alone
LANGUAGES = ("de", "ja", "bn")


def columns(root: Path, language: str) -> dict[str, dict[str, list]]:
    """The official files in the hub's columns."""
    tables = json.loads((root / "mgsm/exemplars.json").read_text(encoding="utf-8"))
    worked = list(tables["MGSM_EXEMPLARS"][language].values())
    lines = [x.split("\t") for x in (root / f"mgsm/mgsm_{language}.tsv").read_text(encoding="utf-8").splitlines()]
    numbers = [int(answer.replace(",", "")) for _, answer in lines]
    return {
        "train": {"question": [x["q"] for x in worked], "answer": [x["a"] for x in worked],
                  "answer_number": tables["EXEMPLAR_NUMBER_ANSWERS"],
                  "equation_solution": tables["EXEMPLAR_EQUATION_SOLUTIONS"]},
        "test": {"question": [q for q, _ in lines], "answer": [None] * len(lines), "answer_number": numbers,
                 "equation_solution": [None] * len(lines)},
    }  # fmt: skip


def test_prompts_and_decisions_are_lm_evals(real_data, tmp_path: Path) -> None:
    root = Path(os.environ["XLING_DATA_DIR"])
    repository = dataset({language: columns(root, language) for language in ("en", *LANGUAGES)})
    golds = [row["answer"] for row in load(get_benchmark("mgsm"), Unit("en"), "test", Source("files", root)).rows]
    with serve({"juletxara/mgsm": repository}) as hub:
        environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")}
        environment |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1",
                        "XLING_LOCK": str(tmp_path / "xling.lock"), "XLING_DATA": "hub",
                        "GOLDS": json.dumps(golds)}  # fmt: skip

        def run(*command: str) -> str:
            done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True,
                                  timeout=300)  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        run("-m", "xling_bench", "data", "fetch", "mgsm", "--langs", ",".join(("en", *LANGUAGES)))
        found = json.loads(run(stored_outputs.__file__, *LANGUAGES).splitlines()[-1])
    checked = 0
    for language in LANGUAGES:
        for task, family, filters in stored_outputs.TASKS:
            theirs, ours = found[f"{task}_{language}"], found[f"xling-{family}_mgsm_{language}"]
            assert ours["prompts"] == theirs["prompts"]
            assert [sorted(x) for x in ours["until"]] == [sorted(x) for x in theirs["until"]]
            for name, metric in filters.items():
                assert len(theirs["scores"][name]) == stored_outputs.ITEMS
                assert ours["scores"][metric] == theirs["scores"][name], (task, language, name)
                assert 0 < sum(theirs["scores"][name]) < stored_outputs.ITEMS
                checked += 1
            assert ours["scores"]["exact_number"] != ours["scores"]["lmeval_flexible"]  # our own rule is another
    assert checked == 6 * len(LANGUAGES)
    locked = json.loads((tmp_path / "xling.lock").read_text(encoding="utf-8"))["mgsm"]["data"]
    for language in LANGUAGES:  # the hub's rows are the files', worked examples in both languages included
        for split in ("test", "train"):
            rows = load(get_benchmark("mgsm"), Unit(language), split, Source("files", root))
            assert locked[f"{language}/{split}"]["hash"] == rows.hash
