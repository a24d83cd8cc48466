"""What messages say of optional packages can be done: each extra that they name is declared, no index is asked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from xling_bench.core.extras import installing

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"installing\(['\"](\w+)['\"]\)|require\([^)]*?\"(\w+)\"")


def test_messages_name_extras_that_there_are_and_no_index() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = set()
    for path in (ROOT / "xling_bench").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= {one or other for one, other in NAMED.findall(text)}
        assert "pip install xling-bench" not in text, f"{path}: it is on no index"
        assert "xling-bench[" not in text, f"{path}: it is on no index"
    assert named
    assert named <= declared.keys()
    assert installing("bleu", "rouge").startswith("pip install '.[bleu,rouge]'")
    assert installing().startswith("pip install .,")
