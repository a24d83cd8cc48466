"""A recipe of everything with data of its own: 120 pairs and instructions in English and German, a dictionary."""

from __future__ import annotations

import json
from pathlib import Path

ROWS = 120
RECIPE = """
[model]
path = "{model}"

[data]
languages = ["en", "de"]
decontaminate = []
reverse = 0.5

[[data.pairs]]
kind = "moses"
files = {{ en = "pairs.en", de = "pairs.de" }}

[[data.instructions]]
kind = "alpaca"
files = {{ en = "tasks.en.json", de = "tasks.de.json" }}

[run]
steps = 12
pairs = 4
instructions = 3
lr = 1e-3
save_every = 4
log_every = 1
"""


def write(folder: Path, model: Path) -> Path:
    """The recipe's path; its data lie in `folder`/data."""
    data = folder / "data"
    data.mkdir()
    for language, word in (("en", "The dog barks"), ("de", "Der Hund bellt")):
        (data / f"pairs.{language}").write_text("".join(f"{word} {i}.\n" for i in range(ROWS)), encoding="utf-8")
        tasks = [
            {"instruction": f"{word}? {i}", "input": "", "output": f"{word}! " * (1 + i % 9) + str(i)}
            for i in range(ROWS)
        ]
        (data / f"tasks.{language}.json").write_text(json.dumps(tasks), encoding="utf-8")
    (data / "en-de.txt").write_text("The Der\ndog Hund\nbarks bellt\n", encoding="utf-8")  # a dictionary
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(model=model), encoding="utf-8")
    return path
