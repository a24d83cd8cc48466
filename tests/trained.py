"""Records of trainings that tests make up (`xling_training.json`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xling_bench.results.lineage import FILE, Lineage
from xling_bench.results.training_record import Training

BASE = "0123456789abcdef"
CHECKED = {"en test": 5010, "de test": 5010}


def training(**more: Any) -> Training:
    """A training on English and German that was compared with XNLI, of whose items it learnt nothing."""
    made: dict[str, Any] = {
        "base": {"name": "base", "fingerprint": BASE, "revision": None, "on_record": False},
        "recipe": {"name": "tiny", "run": {"steps": 12}},
        "objective": {"contrastive_weight": 1.0},
        "processes": 1,
        "languages": ["en", "de"],
        "data": [{"use": "pairs", "name": "pairs", "kind": "moses", "hash": "abcd"}],
        "policy": "refuse",
        "overlaps": {"xnli": {"checked": CHECKED, "missing": [], "found": {}}},
        "learnt": {"updates": 12, "pairs": 48, "instructions": 36, "pair_tokens": 500, "instruction_tokens": 700,
                   "targets": 300},
        "code": "12345678",
        "versions": {"xling-bench": "1"},
    }  # fmt: skip
    return Training.model_validate(made | more, strict=False)


def contaminated(policy: str = "allow", **splits: dict[str, int]) -> Training:
    """The same on texts of XNLI's items: `de={"test": 3}`; of its test set's 134 English premises by default."""
    found = splits or {"en": {"test": 134}}
    return training(policy=policy, overlaps={"xnli": {"checked": CHECKED, "missing": [], "found": found}})


def record(folder: Path, *trainings: Training) -> Lineage:
    """Write a model's record."""
    lineage = Lineage(trainings)
    (folder / FILE).write_text(lineage.text, encoding="utf-8")
    return lineage
