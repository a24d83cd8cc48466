"""A benchmark is its declaration, its file and a form: every room finds it by these, or says in a line what lacks."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import xling_bench
from xling_bench import benchmarks as room
from xling_bench import catalog
from xling_bench.benchmarks.implementation import PIECES, Implementation, implementation, lacking
from xling_bench.catalog import benchmarks, get_benchmark
from xling_bench.cli.main import main
from xling_bench.core.errors import DeclarationError
from xling_bench.data.source import Loaded, Source, load
from xling_bench.training.corpora.data_config import DataConfig
from xling_bench.training.corpora.evaluation import checker

KEY = "toyquiz"
DECLARATION = """
key = "toyquiz"
title = "ToyQuiz"
task = "four-way questions"
kind = "choose"
languages = ["de", "en"]
family = "toy"
fields = { question = "text", options = "texts", label = "index" }
choices = ["options"]
chance = 0.25
metrics = { choose = ["acc"] }
parallel = true
demo_split = "dev"
published_rows = { test = 2, dev = 1 }
files = ["toyquiz/<lang>.tsv"]
licence = "none: invented"
citation = "nobody"
url = "https://example.org"

[hub]
path = "example/toyquiz"
revision = "0123456789012345678901234567890123456789"
verified = true
config = "{flores}"
splits = { test = "test", dev = "validation" }
"""
FORM = """
key = "toy"
title = "One form"
source = "invented"
joiner = "</s>"

[forms.toyquiz]
kind = "choose"
chosen = "a toy"
prompt = "{question}"
candidate = " {choice}"
"""
CODE = '''
"""ToyQuiz: which of four answers is right."""

from xling_bench.benchmarks.implementation import Implementation, Item, texts_of
from xling_bench.benchmarks.textfiles import locate, read_tsv


def read(benchmark, root, unit, split):
    """`toyquiz/<lang>.tsv`: split, question, right answer's number, four answers."""
    path = locate(root, [f"toyquiz/{unit}.tsv"])
    lines = [cells for _, cells in read_tsv(path, 7) if cells[0] == split]
    return [_row(split, i, *cells[1:]) for i, cells in enumerate(lines)], str(path.relative_to(root)), {}


def from_hub(benchmark, unit, split, records):
    """Columns `q`, `right` and `answers`."""
    return [_row(split, i, r["q"], r["right"], *r["answers"]) for i, r in enumerate(records(unit))], {}


def _row(split, index, question, right, *options):
    return {"id": f"toyquiz-{split}-{index}", "question": question, "options": list(options), "label": int(right) - 1}


SAMPLE = [
    Item(f"sample-toyquiz-{split}-{i}", split, {
        "en": {"question": "What is cold?", "options": ["ice", "fire", "tea", "sand"]},
        "de": {"question": "Was ist kalt?", "options": ["Eis", "Feuer", "Tee", "Sand"]},
    }, {"label": 0})
    for split in ("test", "demo") for i in range(2)
]
IMPLEMENTATION = Implementation(read=read, from_hub=from_hub, texts=texts_of("question"), sample=SAMPLE)
'''
QUIZ = [
    ("test", "Was ist nass?", 3, ["Sand", "Mehl", "Regen", "Glut"]),
    ("test", "Was fliegt?", 1, ["Spatz", "Stein", "Hund", "Tisch"]),
    ("dev", "Was ist rund?", 2, ["Brett", "Ball", "Würfel", "Stab"]),
]
CACHED = (catalog.benchmarks, catalog.families, catalog.task_specs, catalog.names.suites, catalog.prompt.words,
          import_module("xling_bench.data.known").known_rows)  # fmt: skip


def forget() -> None:
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A content folder with one benchmark beside ours, and a place for its code that has none yet."""
    files = {f"tasks/{KEY}/benchmark.toml": DECLARATION, "templates/toy/family.toml": FORM}
    for name, text in files.items():
        (tmp_path / "content" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "content" / name).write_text(text, encoding="utf-8")
    (tmp_path / "code").mkdir()
    monkeypatch.setenv("XLING_CONTENT_DIR", str(tmp_path / "content"))
    monkeypatch.setenv("XLING_LOCK", str(tmp_path / "xling.lock"))
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path / "code")])
    forget()
    yield tmp_path
    forget()
    sys.modules.pop(f"{room.__name__}.{KEY}", None)


@pytest.fixture
def toy(declared: Path) -> Path:
    """The same benchmark with its file."""
    (declared / "code" / f"{KEY}.py").write_text(CODE, encoding="utf-8")
    return declared


def from_files(root: Path, split: str) -> Loaded:
    lines = ["\t".join([part, question, str(right), *options]) for part, question, right, options in QUIZ]
    (root / KEY).mkdir(exist_ok=True)
    (root / KEY / "de.tsv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return load(get_benchmark(KEY), "de", split, Source("files", root))


def from_hub(monkeypatch: pytest.MonkeyPatch, split: str) -> Loaded:
    import datasets

    from xling_bench.data.fetch import fetch_all

    def load_dataset(path: str, config: str, *, split: str, revision: str) -> list[dict[str, Any]]:
        assert (path, config, len(revision)) == ("example/toyquiz", "deu_Latn", 40)
        part = {"test": "test", "validation": "dev"}[split]
        return [{"q": q, "right": right, "answers": options} for p, q, right, options in QUIZ if p == part]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert fetch_all([get_benchmark(KEY)], ["de"], lambda line: None)[1] == 0
    return load(get_benchmark(KEY), "de", split, Source("hub"))


def test_all_rooms_find_a_new_benchmark(toy: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert main(["tasks", "compile"]) == 0
    assert main(["tasks", "check"]) == 0
    assert main(["tasks", "show", "xling_toyquiz_de"]) == 0
    assert "Was ist kalt?" in capsys.readouterr().out
    for split in ("test", "dev"):
        files, hub = from_files(toy, split), from_hub(monkeypatch, split)
        assert [row["question"] for row in files.rows] == [question for part, question, *_ in QUIZ if part == split]
        assert (files.rows, files.hash, files.source) == (hub.rows, hub.hash, "files")
    monkeypatch.setenv("XLING_DATA_DIR", str(toy))
    assert main(["data", "check", KEY]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 languages  2 rows  as many rows as published" in said, "German is there, English is not"

    index, told = checker(training_data(), Source("files", toy))
    assert told["checked"] == {KEY: {"de test": 2}}
    assert [hit.place.item for hit in index.hits("Was ist nass?")] == [f"{KEY}-test-0"]
    assert index.hits("Was ist rund?") == (), "a demonstration"


def training_data() -> DataConfig:
    return DataConfig(languages=("de", "en"), instructions=({"kind": "alpaca", "files": {"de": "x.json"}},))


def command(*arguments: str) -> Callable[[], None]:
    def run() -> None:
        assert main(list(arguments)) == 2

    return run


def decontaminate() -> None:
    checker(training_data(), Source("sample"))


def plan_of_a_run() -> None:
    from xling_bench.evaluation.plan import RunConfig, make_plan
    from xling_bench.models.config import ModelConfig

    model = ModelConfig(spec="hf:none")
    make_plan(RunConfig(model=model, specs=catalog.select(["xling_toyquiz"]), output=Path("none")), Source("sample"))


def plain_lm_eval() -> None:
    from xling_bench.harness.adapter import load

    load({"benchmark": KEY, "unit": "de", "form": {"kind": "choose", "candidate": "{choice}"}}, family="toy")


MEETS = {
    "tasks check": command("tasks", "check"),
    "tasks show": command("tasks", "show", "xling_toyquiz_de"),
    "data check": command("data", "check"),
    "data fetch": command("data", "fetch", KEY),
    "run": plan_of_a_run,
    "train": decontaminate,
    "lm_eval": plain_lm_eval,
}


@pytest.mark.parametrize("meets", list(MEETS))
def test_a_benchmark_without_code_is_one_error(declared: Path, meets: str, sample_data, capsys) -> None:
    if meets == "tasks check":
        assert main(["tasks", "compile"]) == 0, "nothing of the code is in the tasks"
        capsys.readouterr()
    try:
        MEETS[meets]()
        said = capsys.readouterr().err
    except DeclarationError as error:
        said = str(error)
    assert said.count(f"tasks/{KEY}: lacks xling_bench/benchmarks/{KEY}.py") == 1
    assert all(what in said for what in PIECES.values())
    assert "Traceback" not in said


@pytest.mark.parametrize("key", list(benchmarks()))
def test_every_piece_that_a_benchmark_lacks_is_one_line(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking(key) == []
    module, whole = import_module(f"{room.__name__}.{key}"), implementation(key)
    for piece, what in PIECES.items():
        monkeypatch.setattr(module, "IMPLEMENTATION", replace(whole, **{piece: getattr(Implementation(), piece)}))
        assert lacking(key) == [f"lacks {what} ({piece} in xling_bench/benchmarks/{key}.py)"]
        with pytest.raises(DeclarationError, match=f"^tasks/{key}: lacks {what}"):
            implementation(key)


def test_what_benchmarks_share_is_no_benchmark() -> None:
    shared = {path.stem for path in Path(room.__path__[0]).glob("*.py")} - set(benchmarks()) - {"__init__"}
    assert {"implementation", "textfiles", "squad"} <= shared
    for name in shared:
        with pytest.raises(DeclarationError, match="lacks"):
            implementation(name)


# Who may name benchmarks beside this room: those that offer one as an example, or state a paper's facts.
NAMING = {
    "demo.py": "the demo's own tasks",
    "cli/scale.py": "whose scores a law is of, if nobody says",
    "training/ending.py": "suggests a command",
    "cli/tasks.py": "FLORES pairs on request",
    "catalog/names.py": "FLORES pairs on request",
    "harness/demos.py": "what AFP's published configuration names",
    "represent/corpus.py": "the sentences of `represent --pairs flores`",
    "results/tables/layouts.py": "the papers' tables",
}


def test_nothing_else_names_a_benchmark() -> None:
    package, named = Path(xling_bench.__file__).parent, set()
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        if place.startswith(("benchmarks/", "_content/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in benchmarks():
                named.add(place)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(room.__name__):
                assert (node.module or "").rpartition(".")[2] not in benchmarks(), place
    assert named <= set(NAMING)


def test_samples_are_plain_data() -> None:
    """What is shown and trained on in the demo: every item can be written as JSON, in all its languages."""
    for key in benchmarks():
        for item in implementation(key).sample:
            assert json.loads(json.dumps([item.text, item.shared])) == [item.text, item.shared]
            assert item.split in ("test", "demo", "train")
