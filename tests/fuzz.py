"""Every kind of file that commands read, ways to damage one, and the commands that then read it."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import training_recipe
from runs import outcomes, write_run

from xling_bench.core import content

EVIL = "=[x](http://y.z)|\x1b]8;;http://y.z\x07\x9b31m\u202e\n@all"
ODD: tuple[Any, ...] = (None, True, -1, 10**30, float("nan"), "", EVIL, [], {}, [[]], {"": None}, 0.5, "x" * 3000)


@dataclass(frozen=True)
class Kind:
    """A file, and commands that read it: lists of arguments in which {} is the workspace. `sealed`: it has a checksum,
    so no damage may lead to other numbers."""

    name: str
    path: str
    commands: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    sealed: bool = False


RUN = "run --model hf:{}/model --tasks xling_xnli_de,xling_flores_en_de --metrics acc,chrf --limit 3 -o {}/run"
READERS = ("table {}/run", "table {}/run --intervals", "table {}/run -o {}/out.csv", "compare {}/run {}/run2",
           "gate --baseline {}/run2 --candidate {}/run --allow-sample", "score {}/run --metrics chrf", RUN,
           "report {}/run {}/run2 -o {}/site --items 2")  # fmt: skip
TABLES = ("table {}/made", "compare {}/made {}/made2", "gate --baseline {}/made2 --candidate {}/made",
          "gate --candidate {}/made --write-baseline {}/out.parquet", "table {}/made --summary")  # fmt: skip
GATE = ("gate --baseline {}/base.parquet --candidate {}/made --config {}/gate.toml",)
CONTENT = {"XLING_CONTENT_DIR": "{}/content"}
FILES = {"XLING_DATA": "files", "XLING_DATA_DIR": "{}/data"}
TRAIN = ("train {}/tiny.toml --dry-run",)
SUITE = "run --suite core --dry-run --model hf:{}/model -o {}/new"
PAPER = ("table {}/made --layout afp-7 --reference",)
LISTS = ("tasks list xling_xnli", "tasks show xling_xnli_de")
KINDS = (
    Kind("results", "run/xling_xnli_de/0-0-none/results.json", READERS, sealed=True),
    Kind("samples", "run/xling_xnli_de/0-0-none/samples.jsonl", READERS, sealed=True),
    Kind("answers", "run/xling_flores_en_de/0-0-none/samples.jsonl", READERS, sealed=True),
    Kind("kept texts", "run/xling_flores_en_de/.0-0-none.partial.jsonl", (RUN,), sealed=True),
    Kind("items", "run/items.parquet", READERS, sealed=True),
    Kind("run", "run/run.json", READERS),
    Kind("made results", "made/xling_xnli_de/0-0-none/results.json", TABLES, sealed=True),
    Kind("made items", "made/items.parquet", TABLES, sealed=True),
    Kind("baseline", "base.parquet", (*GATE, "table {}/base.parquet")),
    Kind("lm_eval results", "plain/results_2026.json", ("table {}/plain",)),
    Kind("lm_eval samples", "plain/samples_xling_xnli_de_2026.jsonl", ("table {}/plain",)),
    Kind("gate settings", "gate.toml", GATE),
    Kind("suites", "content/tasks/suites.toml", ("tasks list nothing", SUITE), CONTENT),
    Kind("benchmark", "content/tasks/xnli/benchmark.toml", LISTS, CONTENT),
    Kind("family", "content/templates/xglm/family.toml", LISTS, CONTENT),
    Kind("words", "content/templates/native/de.toml", ("tasks show xling-native_xnli_de",), CONTENT),
    Kind("layouts", "content/reports/layouts.toml", ("table {}/made --layout afp-7",), CONTENT),
    Kind("papers", "content/reports/page/reference.toml", ("report {}/made -o {}/site --reference afp",), CONTENT),
    Kind("published", "content/reports/reference/afp_table07.csv", PAPER, CONTENT),
    Kind("method", "content/training/methods/afp.toml", ("train list",), CONTENT),
    Kind("recipe", "tiny.toml", TRAIN, FILES),
    Kind("pairs", "data/pairs.de", TRAIN, FILES),
    Kind("instructions", "data/tasks.de.json", TRAIN, FILES),
    Kind("tsv", "data/xnli/test-de.tsv", ("data check xnli", "data check xnli --json"), FILES),
    Kind("gz", "data/xnli/dev-de.tsv.gz", ("data check xnli",), FILES),
    Kind("xml", "data/copa/copa-dev.xml", ("data check xcopa",), FILES),
    Kind("squad", "data/xquad/xquad.de.json", ("data check xquad",), FILES),
    Kind("lock", "xling.lock", ("doctor",), {"XLING_DATA": "hub", "XLING_LOCK": "{}/xling.lock"}),
    Kind("model's configuration", "model/config.json", ("doctor --model hf:{}/model",)),
    Kind("tokenizer", "model/tokenizer.json", ("doctor --model hf:{}/model",)),
    Kind("tokenizer's settings", "model/tokenizer_config.json", ("doctor --model hf:{}/model",)),
)
QUICK = tuple(kind for kind in KINDS if kind.commands[0].split()[0] in ("table", "gate", "data", "train", "tasks"))


def workspace(folder: Path, model: Path, run: Callable[..., Any]) -> Path:
    """One of every kind of file, whole: what every case begins with."""
    shutil.copytree(model, folder / "model")
    folder = folder.resolve()
    training_recipe.write(folder, folder / "model")
    for name in ("run", "run2"):
        done = run(*RUN.replace("/run", f"/{name}").format(folder, folder).split())
        assert done.returncode == 0, done.stderr
    header = b'{"key": "x"}\n{"request": "a", "text": "b"}\n'
    (folder / "run/xling_flores_en_de/.0-0-none.partial.jsonl").write_bytes(header)
    units = ("en", "de", "sw", "zh")
    for seed, name in enumerate(("made", "made2")):
        write_run(folder / name, outcomes(60, units, seed=seed), name=name)
    assert run("gate", "--candidate", f"{folder}/made2", "--write-baseline", f"{folder}/base.parquet").returncode == 0
    (folder / "gate.toml").write_text(
        'alpha = 0.05\n[[slice]]\nbenchmarks = ["xnli"]\nrequired = true\n', encoding="utf-8"
    )
    for name in content.FOLDERS:
        ignored = shutil.ignore_patterns("*.yaml", "example")
        shutil.copytree(content.folder(name), folder / "content" / name, ignore=ignored)
    _data(folder / "data")
    _plain(folder / "plain", folder / "run/xling_xnli_de/0-0-none")
    entry = {"path": "a/b", "revision": "c" * 40, "licence": "x", "data": {"de/test": {"rows": 3, "hash": "d"}}}
    (folder / "xling.lock").write_text(json.dumps({"xnli": entry}), encoding="utf-8")
    assert [kind.path for kind in KINDS if not (folder / kind.path).is_file()] == []
    return folder


def _data(root: Path) -> None:
    labels = ("entailment", "neutral", "contradiction")
    tsv = "".join(f"A man sleeps {i}.\tHe rests {i}.\t{labels[i % 3]}\n" for i in range(9))
    (root / "xnli").mkdir()
    (root / "xnli/test-de.tsv").write_text(tsv, encoding="utf-8")
    (root / "xnli/dev-de.tsv.gz").write_bytes(gzip.compress(tsv.encode(), mtime=0))
    (root / "copa").mkdir()
    item = '<item id="{0}" asks-for="cause" most-plausible-alternative="1"><p>p {0}</p><a1>a{0}</a1><a2>b</a2></item>'
    items = "".join(item.format(i) for i in range(401, 406))
    (root / "copa/copa-dev.xml").write_text(f"<copa-corpus>{items}</copa-corpus>", encoding="utf-8")
    (root / "xquad").mkdir()
    qas = [{"id": f"q{i}", "question": "Wer?", "answers": [{"text": "Ein", "answer_start": 0}]} for i in range(4)]
    data = {"data": [{"paragraphs": [{"context": "Ein Hund bellt.", "qas": qas}]}]}
    (root / "xquad/xquad.de.json").write_text(json.dumps(data), encoding="utf-8")


def _plain(folder: Path, unit: Path) -> None:
    """What plain lm_eval would have written of a unit of ours."""
    result, task = json.loads((unit / "results.json").read_text(encoding="utf-8")), "xling_xnli_de"
    folder.mkdir()
    config = {"dataset_kwargs": {"xling": {"benchmark": "xnli", "unit": "de"}}, "metric_list": [{"metric": "acc"}],
              "metadata": {"family": "xglm", "language": "deu_Latn", "template": "t"}}  # fmt: skip
    counts = {task: {"effective": result["xling"]["facts"]["items"], "original": 30}}
    kept = {"results": result["results"], "configs": {task: config}, "n-shot": {task: 0}, "n-samples": counts,
            "config": {"model": "hf", "model_args": "pretrained=a/b"}}  # fmt: skip
    (folder / "results_2026.json").write_text(json.dumps(kept), encoding="utf-8")
    shutil.copyfile(unit / "samples.jsonl", folder / f"samples_{task}_2026.jsonl")


def _place(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _insert(rng: random.Random, data: bytes, more: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + more + data[at:]


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _swap(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def _deep(rng: random.Random, data: bytes) -> bytes:
    levels = rng.choice((200, 100_000))
    return _insert(rng, data, b'\n"x" = ' * rng.randrange(2) + b"[" * levels + b"]" * levels * rng.randrange(2))


def _number(rng: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"\d+", data))
    chosen = rng.choice(found) if found else None
    more = rng.choice((b"9" * 6000, b"-1", b"1e999", b"0", b"NaN"))
    return data[: chosen.start()] + more + data[chosen.end() :] if chosen else data + more


def _value(rng: random.Random, data: bytes) -> bytes:
    """One value of a JSON document, of one of its lines, of a Parquet table or a TOML file, by an odd one."""
    odd = rng.choice(ODD)
    if data[:4] == b"PAR1":
        return _cell(rng, data, odd)
    try:
        return json.dumps(_replaced(rng, json.loads(data), odd)).encode()
    except ValueError:
        pass
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    try:
        lines[at] = json.dumps(_replaced(rng, json.loads(lines[at]), odd)).encode()
    except ValueError:
        lines[at] = lines[at].partition(b"=")[0] + b"= " + json.dumps(odd).encode()
    return b"\n".join(lines)


def _replaced(rng: random.Random, value: Any, odd: Any) -> Any:
    places = [
        (holder, key)
        for holder in _holders(value)
        for key in (holder if isinstance(holder, dict) else range(len(holder)))
    ]
    if not places:
        return odd
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.randrange(4) == 0:
        del holder[key]
    else:
        holder[key] = odd
    return value


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _cell(rng: random.Random, data: bytes, odd: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    name = rng.choice(table.column_names)
    column = table.column_names.index(name)
    if rng.randrange(3) == 0:
        table = table.remove_column(column)
    else:
        table = table.set_column(column, name, pa.array([json.dumps(odd)] * len(table)))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


Mutation = Callable[[random.Random, bytes], bytes]
TEXTS: dict[str, Mutation] = {
    "empty": lambda _, data: b"",
    "cut": lambda rng, data: data[: _place(rng, data)],
    "NUL": lambda rng, data: _insert(rng, data, b"\0" * rng.choice((1, 500))),
    "no UTF-8": lambda rng, data: _insert(rng, data, rng.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"))),
    "byte-order mark": lambda _, data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda _, data: data.decode("utf-8", "replace").encode("utf-16"),
    "deep": _deep,
    "number": _number,
    "value": _value,
    "value again": lambda rng, data: _value(rng, _value(rng, data)),
    "flip": _flip,
    "swapped lines": _swap,
    "doubled": lambda _, data: data + data,
    "rubbish": lambda rng, data: data + rng.randbytes(50),
    "hostile": lambda rng, data: _insert(rng, data, EVIL.encode()),
    "carriage returns": lambda _, data: data.replace(b"\n", b"\r\n"),
    "another kind": lambda rng, data: rng.choice(
        (b"PAR1xxxxPAR1", b"\x1f\x8b\x08", b"PK\x03\x04", b"[]", b"{}", b"null", b"7")
    ),
}
PLACES = ("gone", "a folder", "a link in a circle", "a link to nowhere")
# What is another value of the right kind: only a checksum can tell it from the true one.
UNSEEN = ("deep", "number", "value", "value again", "flip", "swapped lines", "doubled", "hostile", "NUL", "rubbish",
          "cut", "carriage returns")  # fmt: skip
# What a thousand cases found that sixty had not: (file, damage, command, seed).
FOUND = (("lm_eval samples", "no UTF-8", "table {}/plain", 100217),
         ("tokenizer's settings", "value again", "doctor --model hf:{}/model", 100815),
         ("papers", "swapped lines", "report {}/made -o {}/site --reference afp", 100891))  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A damage to one kind of file, and the command that meets it."""

    kind: Kind
    mutation: str
    command: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind.name}, {self.mutation}, seed {self.seed}: {self.command}"


def cases(count: int, kinds: tuple[Kind, ...], seed: int) -> Iterator[Case]:
    """`count` cases, kinds and mutations in turn, so that few cases meet most of them too."""
    rng = random.Random(seed)  # noqa: S311 - the same cases every time
    names = [*TEXTS, *PLACES]
    pairs: list[tuple[Kind, str]] = []
    for number in range(count):
        if not pairs:
            pairs = [(kind, name) for kind in kinds for name in names]
            rng.shuffle(pairs)
        kind, name = pairs.pop()
        yield Case(kind, name, rng.choice(kind.commands), seed * 100_000 + number)


def found() -> Iterator[Case]:
    """The cases of FOUND."""
    kinds = {kind.name: kind for kind in KINDS}
    for name, mutation, command, seed in FOUND:
        yield Case(kinds[name], mutation, command, seed)


def damage(path: Path, case: Case, data: bytes) -> None:
    """Put the damage in the file's place."""
    path.unlink()
    if case.mutation in TEXTS:
        rng = random.Random(case.seed)  # noqa: S311
        path.write_bytes(TEXTS[case.mutation](rng, data))
    elif case.mutation == "a folder":
        path.mkdir()
    elif case.mutation == "a link in a circle":
        path.symlink_to(path.name)
    elif case.mutation == "a link to nowhere":
        path.symlink_to("nowhere")
