"""mLAMA in its four forms from tiny invented files: unpacked, zipped, balanced, mParaRel's archives."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from xling_bench.benchmarks import archives
from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import DataError, MissingDataError, UsageError
from xling_bench.data.source import Loaded, Source, load

HEADER = "Prompt\tAns\tCandidate Ans\tSubject\n"
TEMPLATES = {"relation": "P19", "template": "[X] kommt aus [Y] ."}
TRIPLES = [
    {"uuid": "u1", "obj_label": "Ulm", "sub_label": "Ada [Y]"},  # a placeholder inside a name is no placeholder
    {"uuid": "u2", "obj_label": "Bonn", "sub_label": "Ida"},
]
PATTERNS = [{"pattern": "[X] [X] [Y]"}, {"pattern": "[Y] ist [X]s Heimat"}, {"pattern": "[X] in [Y]"}]
TUPLES = [
    {"sub_uri": "Q1", "obj_uri": "Q7", "obj_label": "Ulm", "sub_label": "Ada", "lineid": 0},
    {"sub_uri": "Q2", "obj_uri": "Q8", "obj_label": "Mars", "sub_label": "Ida", "lineid": 1},
]


def jsonl(*items: dict[str, Any]) -> bytes:
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], *links: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return gzip.compress(buffer.getvalue())


def put(root: Path, name: str, data: bytes | str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def read(root: Path, unit: str = "de") -> Loaded:
    return load(get_benchmark("mlama"), unit, "test", Source("files", root))


ORIGINAL = {"templates.jsonl": jsonl(TEMPLATES), "P19.jsonl": jsonl(*TRIPLES)}
ZIP = zipped({f"mlama1.1/de/{name}": data for name, data in ORIGINAL.items()})
PARAREL = {
    "tuples/de/P19.jsonl": jsonl(*TUPLES),
    "tuples/de/P20.jsonl": jsonl(TUPLES[0]),
    "patterns/de/P19.jsonl": jsonl(*PATTERNS),
    "patterns/de/P20.jsonl": jsonl(PATTERNS[0]),
}
BALANCED = HEADER + "Ada starb in <mask>.\tUlm\tRom, Ulm\tAda\n"
ENGLISH = HEADER + "Ada died in <mask>.\tUlm\tRome, Ulm\tAda\n"


def test_zip_is_read_in_place_and_gives_the_folders_rows(tmp_path: Path) -> None:
    for name, data in ORIGINAL.items():
        put(tmp_path / "folder", f"mlama1.1/de/{name}", data)
    # Members that would lead out of a folder, and other languages', are never looked at.
    odd = {"../../evil": b"x", "/etc/x": b"x", "mlama1.1/de/../en/P1.jsonl": b"\xff", "mlama1.1/en/P1.jsonl": b"\xff"}
    put(tmp_path / "zip", "mlama/mlama1.1.zip", zipped({f"mlama1.1/de/{n}": d for n, d in ORIGINAL.items()} | odd))
    folder, archive = read(tmp_path / "folder"), read(tmp_path / "zip")
    assert archive.rows == folder.rows
    assert [(r["before"], r["after"], r["candidates"], r["label"]) for r in folder.rows] == [
        ("Ada [Y] kommt aus ", " .", ["Bonn", "Ulm"], 1),
        ("Ida kommt aus ", " .", ["Bonn", "Ulm"], 0),
    ]
    assert (folder.origin, archive.origin) == ("mlama1.1/de", "mlama/mlama1.1.zip!de")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()].count("P19.jsonl") == 1, "nothing was unpacked"


def test_zip_without_the_language_leaves_the_turn_to_others(tmp_path: Path) -> None:
    put(tmp_path, "mlama1.1.zip", ZIP)
    with pytest.raises(MissingDataError, match=r"mlama1.1/fr/ \(or in mlama1.1.zip\) nor BMLAMA53/fr.tsv nor .*fr.tar"):
        read(tmp_path, "fr")


def flipped(data: bytes) -> bytes:
    at = data.index(b"P19.jsonl") + len(b"P19.jsonl") + 3  # inside the first member's packed bytes
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


MEMBERS = {f"mlama1.1/de/{name}": data for name, data in ORIGINAL.items()}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ZIP[:-30], "truncated or damaged zip archive"),
        (b"no archive", "truncated or damaged zip archive"),
        (flipped(ZIP), "truncated or damaged zip archive"),
        (zipped(MEMBERS | {"de/P19.jsonl": jsonl(TRIPLES[1])}), "de/P19.jsonl: the archive holds this file twice"),
        (zipped(MEMBERS | {"mlama1.1/de/P19.jsonl": b'{"uuid": \xff}'}), "P19.jsonl, line 1: not valid UTF-8"),
        (zipped(MEMBERS | {"mlama1.1/de/P19.jsonl": b'{"uuid": 1}'}), "mlama1.1.zip!de/P19.jsonl, line 1: expected"),
        (zipped(MEMBERS | {"mlama1.1/de/P19.jsonl": b"0" * 5001}), "P19.jsonl: 5001 bytes; at most 5000 are read"),
    ],
)
def test_damaged_zip_is_a_data_error_naming_it(tmp_path: Path, monkeypatch, data: bytes, said: str) -> None:
    monkeypatch.setattr(archives, "LARGEST", 5000)
    put(tmp_path, "mlama1.1.zip", data)
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert said in str(error.value)
    assert "mlama1.1.zip" in str(error.value)
    assert not isinstance(error.value, MissingDataError)


def test_mpararel_takes_the_first_good_pattern_and_listed_objects(tmp_path: Path) -> None:
    put(
        tmp_path,
        "mlama/mpararel_reviewed/de.tar.gz",
        tarred(PARAREL, "tuples/de/P21.jsonl", "../patterns/de/P20.jsonl"),
    )
    put(tmp_path, "TREx_multilingual_objects/de.json", json.dumps({"P19": {"objects": ["Rom", "Ulm", "Rom"]}}))
    loaded = read(tmp_path)
    assert loaded.rows == [
        {"id": "mlama-x", "relation": "P19", "subject": "Ada", "before": "", "after": " ist Adas Heimat"}
        | {"answer": "Ulm", "candidates": ["Rom", "Ulm"], "label": 1, "id": "mpararel-P19-Q1-Q7"}
    ]
    assert loaded.dropped == {
        "object not among the relation's objects": 1,
        "template without [X] and a single [Y]": 1,
    }
    assert loaded.origin == "mlama/mpararel_reviewed/de.tar.gz"


def test_mpararel_without_patterns_names_the_language(tmp_path: Path) -> None:
    put(tmp_path, "mpararel_reviewed/hi.tar.gz", tarred({"tuples/hi/P19.jsonl": jsonl(*TUPLES)}))
    with pytest.raises(MissingDataError, match=r"hi.tar.gz has triples but no patterns.*'hi'"):
        read(tmp_path, "hi")


@pytest.mark.parametrize("cut", [20, 200, -1])
def test_damaged_tar_is_a_data_error_naming_it(tmp_path: Path, cut: int) -> None:
    put(tmp_path, "mpararel_reviewed/de.tar.gz", tarred(PARAREL)[:cut])
    with pytest.raises(DataError, match=r"de.tar.gz: truncated or damaged (gzip file|tar.gz archive)"):
        read(tmp_path)


def test_order_of_preference_and_choosing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "mpararel_reviewed/de.tar.gz", tarred(PARAREL))
    order = [read(tmp_path).origin]
    for name in ("BMLAMA17", "BMLAMA53"):
        put(tmp_path, f"mlama/{name}/de.tsv", BALANCED)
        put(tmp_path, f"mlama/{name}/en.tsv", ENGLISH)
        order.append(read(tmp_path).origin)
    put(tmp_path, "mlama1.1.zip", ZIP)
    order.append(read(tmp_path).origin)
    for name, data in ORIGINAL.items():
        put(tmp_path, f"mlama1.1/de/{name}", data)
    order.append(read(tmp_path).origin)
    assert order == [
        "mpararel_reviewed/de.tar.gz", "mlama/BMLAMA17/de.tsv", "mlama/BMLAMA53/de.tsv", "mlama1.1.zip!de",
        "mlama1.1/de",
    ]  # fmt: skip
    for word, origin in zip(["mpararel", "bmlama17", "bmlama53"], order, strict=False):
        monkeypatch.setenv("XLING_MLAMA", word)
        assert read(tmp_path).origin == origin
    monkeypatch.setenv("XLING_MLAMA", "bmlama17")
    with pytest.raises(MissingDataError, match=r"no BMLAMA17/fr.tsv below .* \(XLING_MLAMA=bmlama17\)"):
        read(tmp_path, "fr")
    monkeypatch.setenv("XLING_MLAMA", "BMLAMA")
    with pytest.raises(UsageError, match=r"'BMLAMA': expected mlama1.1, bmlama53, bmlama17, mpararel"):
        read(tmp_path)


def test_cells_a_csv_writer_quoted_are_read_as_meant(tmp_path: Path) -> None:
    row = '"Ada ""X"" starb in <mask>."\t"נאט""ו"\t"רומא, נאט""ו"\t"Ada ""X"""\n'
    plain = '"Ja" sagte <mask> "Nein"\tUlm\t"\tAda\n'  # quotation marks that are text
    put(tmp_path, "BMLAMA17/de.tsv", HEADER + row + plain)
    put(tmp_path, "BMLAMA17/en.tsv", ENGLISH + ENGLISH.split("\n")[1] + "\n")
    (only,) = read(tmp_path).rows
    assert (only["before"], only["subject"]) == ('Ada "X" starb in ', 'Ada "X"')
    assert (only["candidates"], only["label"]) == (["רומא", 'נאט"ו'], 1)
    assert read(tmp_path).dropped == {"answer not among the candidates": 1}


@pytest.mark.parametrize(
    ("english", "kind", "said"),
    [
        (None, MissingDataError, "no en.tsv in"),
        (ENGLISH + ENGLISH.split("\n")[1] + "\n", DataError, "de.tsv: 1 rows, but en.tsv beside it has 2"),
        (ENGLISH.replace("\tAda", "\td"), DataError, "en.tsv, line 2: the subject 'd' should stand once"),
        (ENGLISH.replace("\tAda", "\t"), DataError, "en.tsv, line 2: the subject ''"),
    ],
)
def test_relations_need_a_parallel_english_file(tmp_path: Path, english, kind, said: str) -> None:
    put(tmp_path, "BMLAMA17/de.tsv", BALANCED)
    if english:
        put(tmp_path, "BMLAMA17/en.tsv", english)
    with pytest.raises(kind) as error:
        read(tmp_path)
    assert said in str(error.value)
