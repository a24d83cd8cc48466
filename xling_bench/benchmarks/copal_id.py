"""COPAL-ID: XCOPA's question in Indonesian, written by speakers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Item, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_csv
from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core.row import Record
from xling_bench.core.unit import Unit

ASKS = ("cause", "effect")
TEXTS = ("premise", "choice1", "choice2", "question")
FILES = {"copal_id": "test_copal.csv", "copal_id_colloquial": "test_copal_colloquial.csv"}


def read(benchmark: Benchmark, root: Path, unit: Unit, split: str) -> Read:
    """The repository's CSV. The id is the row's number within its variety."""
    path = locate(root, [f"{folder}{FILES[benchmark.key]}" for folder in ("copal_id/", "copal-id/data/", "data/", "")])
    rows = []
    for number, cells in read_csv(path, (*TEXTS, "label")):
        where = f"{path}, line {number}"
        index_of(cells["question"], ASKS, where)
        rows.append({**cells, "label": index_of(cells["label"], ("0", "1"), where)})
    return _numbered(benchmark, rows), str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: Unit, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`haryoaw/COPAL` has the files' columns; its varieties are splits."""
    return _numbered(benchmark, records(unit)), {}


def _numbered(benchmark: Benchmark, lines: Iterable[Record]) -> list[Record]:
    return [
        {"id": f"{benchmark.key}-{i:03d}", **{name: line[name] for name in TEXTS}, "label": line["label"]}
        for i, line in enumerate(lines)
    ]


def sample(key: str, *pairs: tuple[str, str, str, str]) -> tuple[Item, ...]:
    """Invented items (premise, cause or effect, the right choice, the other); every second has it first."""
    return tuple(
        Item(
            f"sample-{key}-{number:02d}",
            "test",
            {"id": {"premise": premise, "choice1": (right, wrong)[number % 2], "choice2": (wrong, right)[number % 2]}},
            {"question": question, "label": number % 2},
        )
        for number, (premise, question, right, wrong) in enumerate(pairs, 1)
    )


TEXTS_TO_KEEP_OUT = texts_of("premise", "choice1", "choice2")
IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=TEXTS_TO_KEEP_OUT,
    sample=sample(
        "copal_id",
        ("Jalan di depan rumah banjir.", "cause", "Hujan turun semalaman.", "Matahari bersinar terik."),
        ("Anak itu demam tinggi.", "effect", "Ibunya membawanya ke puskesmas.", "Ibunya membelikannya es krim."),
        ("Lampu di warung padam.", "cause", "Listrik sedang mati.", "Warung itu baru dicat."),
        ("Kereta datang terlambat satu jam.", "effect", "Penumpang menunggu di peron.", "Penumpang tiba lebih awal."),
        ("Tanaman di halaman layu.", "cause", "Tidak ada yang menyiramnya.", "Halaman itu dipagari."),
        ("Rani lupa membawa payung.", "effect", "Bajunya basah kehujanan.", "Bajunya baru disetrika."),
        ("Nasi di dapur gosong.", "cause", "Kompor lupa dimatikan.", "Piring sudah dicuci."),
        ("Harga cabai naik dua kali lipat.", "effect", "Pedagang mengurangi sambal.", "Pedagang menambah sambal."),
    ),
)  # fmt: skip
