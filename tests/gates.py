"""The gate as tests run it: the command, its settings, its JSON."""

from __future__ import annotations

import json
from pathlib import Path

from xling_bench.cli.main import main
from xling_bench.regress.verdict import Difference

CELL = Difference("xnli", "xglm", 0, "none", "acc", "de", 1, 5010, 60.0, 57.0, -3.0, -3.5, -2.5, 1e-6, 0.4, 0, 0)


def gate(tmp_path: Path, baseline: Path, candidate: Path, *options: str) -> tuple[int, dict]:
    """Exit code and JSON of the command."""
    path = tmp_path / "gate.json"
    path.unlink(missing_ok=True)
    code = main(["gate", "--baseline", str(baseline), "--candidate", str(candidate), "--json", str(path), *options])
    return code, json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def config_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def verdicts(found: dict) -> dict[str, str]:
    return {row["language"]: row["verdict"] for row in (*found["cells"], *found["averages"])}
