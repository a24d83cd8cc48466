"""Training data made up by tests: forty rows in four languages, by line and as tasks."""

from __future__ import annotations

import json

import pytest

from xling_bench.training.corpora import DataConfig, load


def moses(first, last, **more):
    return {"kind": "moses", "files": {first: f"x.{first}", last: f"x.{last}"}, **more}


def config(**settings_):
    return DataConfig(**({"languages": ("en", "de"), "decontaminate": ()} | settings_))


def write_lines(root, **files):
    for name, lines in files.items():
        (root / f"x.{name}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_json(path, rows):
    path.write_text(json.dumps(rows), encoding="utf-8")


def task(language, number, **more):
    return {"instruction": f"{language} ask {number}", "input": "", "output": f"{language} say {number}"} | more


@pytest.fixture
def parallel(tmp_path):
    """40 rows in four languages by line, and as tasks by id."""
    for key in ("en", "de", "zh", "sw"):
        write_lines(tmp_path, **{key: [f"{key} sentence {i}" for i in range(40)]})
        write_json(tmp_path / f"{key}.json", [task(key, i, id=f"alpaca-{i}") for i in range(40)])
    return tmp_path


FOUR = ("en", "de", "zh", "sw")
LINES = {"kind": "lines", "files": {key: f"x.{key}" for key in FOUR}, "name": "lines"}
BACTRIAN = {"kind": "bactrian", "files": {key: f"{key}.json" for key in FOUR}, "name": "tasks"}


def streams(root, seed=0, **more):
    return load(config(**({"languages": FOUR} | more)), seed=seed, root=root)


def everything(root, seed, **more):
    return streams(root, seed, pairs=[LINES], instructions=[BACTRIAN], translation=True, reverse=0.3, **more)
