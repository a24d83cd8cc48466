"""lm-eval 0.4.13's own Belebele and Global-MMLU tasks and ours of its prompts: byte-equal prompts, equal decisions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import lmeval_choices
import pytest
from fakehub import dataset, serve
from official_files import write_belebele, write_lite

pytestmark = [pytest.mark.e2e, pytest.mark.data]
LIMIT = 200


def columns(path: Path, subjects: Collection[str] = ()) -> dict[str, list]:
    """A file of JSON lines in columns, as the hub keeps it; with `subjects`, only their rows."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if not subjects or row["subject"] in subjects]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.slow
def test_prompts_and_decisions_are_lm_evals(models, real_files, tmp_path: Path) -> None:
    write_belebele(real_files, tmp_path)
    write_lite(real_files, tmp_path)
    codes = ("eng_Latn", "deu_Latn")
    belebele = dataset({code: {"test": columns(tmp_path / f"Belebele/{code}.jsonl")} for code in codes})
    lite = dataset({"en": {s: columns(tmp_path / f"global_mmlu_lite/en/{s}.jsonl") for s in ("dev", "test")}})
    # Some subjects of the full set: the Lite's items are items of it, in the same columns. lm-eval's task asks by
    # the name that its makers had before, which the hub leads on to the present one.
    test, dev = (tmp_path / f"global_mmlu_lite/en/{split}.jsonl" for split in ("test", "dev"))
    full_test = columns(test, lmeval_choices.SUBJECTS)
    full = dataset({"en": {"test": full_test, "dev": columns(dev)}})
    served = {"facebook/belebele": belebele, "CohereLabs/Global-MMLU-Lite": lite}
    served |= {f"{makers}/Global-MMLU": full for makers in ("CohereLabs", "CohereForAI")}
    with serve(served) as hub:
        environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")}
        environment |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1",
                        "XLING_LOCK": str(tmp_path / "xling.lock"), "XLING_DATA": "hub"}  # fmt: skip

        def run(*command: str) -> str:
            done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True,
                                  timeout=600)  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        run("-m", "xling_bench", "data", "fetch", "belebele", "--langs", "en,de")
        run("-m", "xling_bench", "data", "fetch", "global_mmlu_lite", "--langs", "en")
        run("-m", "xling_bench", "data", "fetch", "global_mmlu", "--langs", "en")
        found = json.loads(run(lmeval_choices.__file__, str(models["llama"]), str(LIMIT)).splitlines()[-1])
    compared: dict[str, int] = {}
    pairs = lmeval_choices.BELEBELE | lmeval_choices.MMLU | lmeval_choices.FULL
    for theirs, ours in pairs.items():
        for prompt, (candidates, likelihoods, right) in found[theirs].items():
            mine = found[ours][prompt]  # by its bytes
            assert mine[0] == candidates == [" A", " B", " C", " D"]
            assert mine[1] == pytest.approx(likelihoods, abs=1e-3)
            assert mine[2] == right
            compared[ours] = compared.get(ours, 0) + 1
    assert compared == {ours: len(found[ours]) for ours in compared}
    part = set(lmeval_choices.FULL.values())
    assert min(count for ours, count in compared.items() if ours not in part) >= LIMIT
    assert {compared[ours] for ours in part} == {len(full_test["question"])}
    assert all(0 < sum(x[2] for x in found[ours].values()) < len(found[ours]) for ours in compared)
