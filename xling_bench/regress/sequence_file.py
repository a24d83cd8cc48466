"""`RUN/sequential.json`: by which rules a sequential gate draws in a folder, and how far it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from xling_bench.core.errors import OutputError
from xling_bench.core.files import write_text
from xling_bench.core.reading import read_object
from xling_bench.regress.verdict import Seen
from xling_bench.results.folder import ENDED, SEQUENCE

RULES = "rules"


def begin(folder: Path, rules: Mapping[str, object]) -> None:
    """Note the rules. Raises OutputError where the folder's gate was begun by others: looks by changed rules would not
    keep what the gate promises."""
    path = folder / SEQUENCE
    if not path.is_file():
        _write(path, {RULES: rules})
        return
    theirs, mine = read_object(path).get(RULES), json.loads(json.dumps(rules))
    if theirs != mine:
        known = theirs if isinstance(theirs, dict) else {}
        changed = [
            f"{name} (was {known.get(name)}, now {mine[name]})" for name in mine if known.get(name) != mine[name]
        ]
        raise OutputError(
            f"{path}: the gate in this folder was begun by other rules: {', '.join(changed)[:500]}. Looks by both "
            "would not keep what a gate promises: give the same, or another -o folder."
        )


def note(folder: Path, rules: Mapping[str, object], seen: Seen) -> None:
    """Keep how far the gate is."""
    progress = {"items": seen.items, "of": seen.of, "looks": seen.looks, "early": seen.early}
    _write(folder / SEQUENCE, {RULES: rules, "seen": progress})


def end(folder: Path, rules: Mapping[str, object]) -> None:
    """Everything was seen: the folder is that of an ordinary run. The rules stay, for another gate's in the same folder
    would be looks at the same items by an order chosen after they were seen."""
    _write(folder / SEQUENCE, {RULES: rules, ENDED: True})


def _write(path: Path, content: Mapping[str, object]) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
