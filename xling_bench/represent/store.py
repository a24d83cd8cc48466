"""The folder that keeps states: a file a language, written part by part, so that a killed command loses one part.

    states/MODEL/de-1a2b3c4d5e6f7a8b.npz   `layer_0`, `layer_1`, ...: float32 (sentences, D); `depth`, the number of the
                                           model's last layer; `cut`, how many texts it took only the beginning of;
                                           `tokens` (sentences,), how many of its own each has
    states/MODEL/notes.json                what is odd about the model

MODEL is a hash of all that decides the states but the texts, the digits after the language one of its texts: what is
there is right, and is never computed again.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from xling_bench.core.errors import OutputError
from xling_bench.core.files import TEMPORARY, sync_file, sync_folder, temporary_of, write_text
from xling_bench.core.reading import read_object
from xling_bench.represent.corpus import text_hash

if TYPE_CHECKING:
    from xling_bench.represent.reader import Reader

Vectors = NDArray[np.float32]
Named = Iterable[tuple[str, NDArray[Any]]]
Tick = Callable[[int], object]
OWN_FOLDERS = ("states", "axes", "latent", "answers", "maps")
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """The folder, nobody else writing to it, and without what a killed process left. Raises OutputError where it
    cannot be written, or another command does."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(output / ".represent.lock"))
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"{output}: another represent writes there; wait for it, or choose another -o.") from error
    except OSError as error:
        raise OutputError(f"cannot write to {output}: {error.strerror or error}. Choose another -o.") from error
    try:
        for place in (output, *(output / name for name in OWN_FOLDERS)):  # others' work in progress is none of ours
            for leftover in place.glob(f"{TEMPORARY}*") if place is output else place.rglob(f"{TEMPORARY}*"):
                leftover.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Store:
    """The states of one model at one setting, in `folder`."""

    folder: Path

    def path(self, side: str, texts: Sequence[str]) -> Path:
        """The file of one side's states."""
        return self.folder / f"{side}-{text_hash(texts)}.npz"

    def has(self, side: str, texts: Sequence[str]) -> bool:
        """Whether all of its states are there; parts that a kill left beside them go."""
        whole = self.path(side, texts)
        if not whole.is_file():
            return False
        for left in whole.parent.glob(f"{whole.stem}.part*.npz"):
            left.unlink(missing_ok=True)
        return True

    def facts(self, side: str, texts: Sequence[str]) -> tuple[list[int], int, int]:
        """(The layers that were kept, the number of the model's last, how many texts were cut)."""
        with self._opened(side, texts) as file:
            kept = [int(name.removeprefix("layer_")) for name in file.files if name.startswith("layer_")]
            return sorted(kept), int(file["depth"]), int(file["cut"])

    def tokens(self, side: str, texts: Sequence[str]) -> NDArray[np.int64]:
        """How many tokens of its own each text has, (sentences,)."""
        with self._opened(side, texts) as file:
            counts: NDArray[np.int64] = file["tokens"]
        return counts

    @property
    def notes(self) -> list[str]:
        """What is odd about the model."""
        path = self.folder / "notes.json"
        return [str(note) for note in read_object(path, OutputError).get("notes", [])] if path.is_file() else []

    def note(self, notes: Sequence[str]) -> None:
        """Keep `notes`, which only a loaded model says."""
        if notes:
            write_text(self.folder / "notes.json", json.dumps({"notes": list(notes)}, ensure_ascii=False) + "\n")

    def load(self, side: str, texts: Sequence[str], layer: int) -> Vectors:
        """One layer's states, float32 (sentences, D). Raises OutputError for a damaged file."""
        with self._opened(side, texts) as file:
            states: Vectors = file[f"layer_{layer}"]
        if states.shape[0] != len(texts) or not np.isfinite(states).all():
            raise OutputError(f"{self.path(side, texts)} is damaged; delete it, then start again.")
        return states

    @contextmanager
    def _opened(self, side: str, texts: Sequence[str]) -> Iterator[np.lib.npyio.NpzFile]:
        path = self.path(side, texts)
        try:
            with np.load(path) as file:
                yield file
        except DAMAGED as error:
            raise OutputError(f"{path} is damaged ({error}); delete it, then start again.") from error

    def write(self, side: str, texts: Sequence[str], layers: Sequence[int], reader: Reader, tick: Tick) -> None:
        """Compute what is missing of one side and keep it; `tick` hears how many texts are done."""
        from xling_bench.represent.reader import parts_of

        whole = self.path(side, texts)
        encoded = reader.encode(texts, side)
        parts = parts_of([len(text.tokens) for text in encoded], reader.tokens)
        files = [whole.with_name(f"{whole.stem}.part{number:04d}.npz") for number in range(len(parts))]
        for path, batches in zip(files, parts, strict=True):
            if not _readable(path):
                states = reader.read(encoded, batches, layers)  # (texts, layers, D)
                write_arrays(path, [(f"layer_{layer}", states[:, at]) for at, layer in enumerate(layers)])
            tick(sum(map(len, batches)))
        places = [place for batches in parts for batch in batches for place in batch]
        counts = np.array([text.count for text in encoded], np.int64)
        cut = np.array(sum(text.cut for text in encoded), np.int64)
        marks = {"depth": np.array(reader.depth, np.int64), "cut": cut, "tokens": counts}
        write_arrays(whole, _joined(files, places, layers, marks))
        for path in files:
            path.unlink()


def _joined(files: Sequence[Path], places: Sequence[int], layers: Sequence[int],
            marks: Mapping[str, NDArray[np.int64]]) -> Named:  # fmt: skip
    """A layer at a time, its sentences in their own order: no more than one layer is ever in memory."""
    yield from marks.items()
    for layer in layers:
        found = []
        for path in files:
            with np.load(path) as part:
                found.append(part[f"layer_{layer}"])
        ordered = np.empty((len(places), found[0].shape[1]), np.float32)
        ordered[list(places)] = np.concatenate(found)
        yield f"layer_{layer}", ordered


def _readable(path: Path) -> bool:
    if not path.is_file():
        return False
    with contextlib.suppress(*DAMAGED), zipfile.ZipFile(path) as file:
        return file.testzip() is None
    return False


def write_arrays(path: Path, arrays: Named) -> None:
    """An uncompressed .npz with the arrays in their order, atomically; the same arrays are the same bytes. Raises
    OutputError when the disk refuses."""
    temporary = temporary_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
            for name, array in arrays:
                with file.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:  # dated 1980
                    np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
