"""A COMET checkpoint: found by folder, file or hub name, with the tokenizer it needs, and told by its content.

Its layout is COMET's own: `hparams.yaml` beside `checkpoints/model.ckpt`. The weights do not hold everything: tokenizer
and configuration are those of `pretrained_model` in hparams.yaml, a folder or a hub name.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError, UsageError, reason_of

HPARAMS, USUAL = "hparams.yaml", "checkpoints/model.ckpt"
# A file of this name beside hparams.yaml says that the weights were never trained: tests' checkpoints have it, and
# whatever is made of their scores says so.
RANDOM = "RANDOM_WEIGHTS"
CONFIG, WORDS = "config.json", ("tokenizer.json", "sentencepiece.bpe.model", "vocab.txt")
TOKENIZER = (CONFIG, *WORDS, "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: what it is called, its weights, the folder of its encoder's configuration and tokenizer, sixteen
    hex digits over all that decides a score, and whether it says of itself that its weights are random."""

    name: str
    path: Path
    encoder: Path
    digest: str
    random: bool


def find_checkpoint(wanted: str) -> Checkpoint:
    """The checkpoint at a folder, a .ckpt file in its folder, or of a hub name, which is downloaded unless it is there.

    Raises UsageError for a path without a checkpoint, ModelError for a damaged hparams.yaml, or where something is to
    be had from the hub only and is not.
    """
    local = Path(wanted)
    if local.exists() or wanted.startswith((".", "/", "~")) or wanted.endswith(".ckpt"):
        path, name = _in_folder(local), _called(local)
    else:
        repository = wanted if "/" in wanted else f"Unbabel/{wanted}"
        path, name = _in_folder(_from_hub(repository, ("hparams.yaml", "checkpoints/*"), wanted)), repository
    settings = path.parents[1] / HPARAMS
    encoder = _encoder(settings)
    files = [settings, *(encoder / name for name in TOKENIZER if (encoder / name).is_file()), path]
    random = (settings.parent / RANDOM).exists()
    return Checkpoint(re.sub(r"[^\w./+-]", "_", name), path, encoder, _digest(files), random)


def _in_folder(place: Path) -> Path:
    """The weights at a folder or file, absolute."""
    if place.is_dir():
        found = [place / USUAL] if (place / USUAL).is_file() else sorted(place.glob("checkpoints/*.ckpt"))
        if len(found) != 1:
            said = f"it has {len(found)} of them" if found else "there is none"
            raise UsageError(f"--comet {place}: expected one checkpoint, {place / USUAL}; {said}.")
        place = found[0]
    if not place.is_file():
        raise UsageError(f"--comet {place}: no such file. Expected a folder with {USUAL}, a .ckpt file or a hub name.")
    settings = place.absolute().parents[1] / HPARAMS
    if not settings.is_file():
        raise UsageError(f"--comet {place}: COMET's {HPARAMS} belongs at {settings}; it is not there.")
    _check_whole(place)
    return place.absolute()


def _check_whole(place: Path) -> None:
    """Raise ModelError for a checkpoint file whose parts are not what its own checksums say: torch looks at none."""
    try:
        with zipfile.ZipFile(place) as file:
            damaged = file.testzip()
    except zipfile.BadZipFile:
        return  # of an older torch, or none at all, which loading says
    except OSError as error:
        raise ModelError(f"{place}: cannot be read: {error.strerror or error}") from error
    if damaged is not None:
        raise ModelError(f"{place} is damaged: {damaged} in it is not what its checksum says. Fetch it again.")


def _called(place: Path) -> str:
    """`my-comet` of my-comet/ or my-comet/checkpoints/model.ckpt."""
    whole = place.absolute()
    return (whole if whole.is_dir() else whole.parents[1]).name


def _encoder(settings: Path) -> Path:
    """The folder with the encoder's configuration and tokenizer."""
    name = _read(settings).get("pretrained_model")
    if not isinstance(name, str) or not name:
        raise ModelError(f"{settings}: pretrained_model is {name!r}; expected a folder or a hub name.")
    for folder in (Path(name), settings.parent / name):
        if folder.is_dir():
            return _with_tokenizer(folder.absolute(), settings)
    if Path(name).is_absolute():
        raise ModelError(f"{settings}: pretrained_model is {name}; there is no such folder.")
    return _with_tokenizer(_from_hub(name, TOKENIZER, f"{name}, whose tokenizer {settings} asks for,"), settings)


def _with_tokenizer(folder: Path, settings: Path) -> Path:
    """The folder. Raises ModelError where it lacks configuration or tokenizer."""
    for names in ((CONFIG,), WORDS):
        if not any((folder / name).is_file() for name in names):
            raise ModelError(f"{folder}, the pretrained_model of {settings}, has no {' or '.join(names)}.")
    return folder


def _read(settings: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"{settings}: cannot be read: {reason_of(error)}") from error
    if not isinstance(found, dict) or "class_identifier" not in found:
        raise ModelError(f"{settings}: not a COMET checkpoint's: it names no class_identifier.")
    return found


def _from_hub(repository: str, patterns: Sequence[str], what: str) -> Path:
    """A snapshot of some files, from the cache where they are there. Raises ModelError where they cannot be had."""
    from huggingface_hub import errors, snapshot_download

    failures: tuple[type[Exception], ...] = (vars(errors)["HTTPError"], errors.HFValidationError, OSError, ValueError)
    try:
        return Path(snapshot_download(repository, allow_patterns=list(patterns)))
    except failures as error:
        raise ModelError(
            f"COMET: {what} is neither a folder here nor to be had from the hub ({reason_of(error)}). Give a folder "
            f"with {HPARAMS} and {USUAL}, whose pretrained_model is a folder, too; or check the name and the network."
        ) from error


def _digest(files: Sequence[Path]) -> str:
    """Over the files' names and contents."""
    whole = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                whole.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    return whole.hexdigest()[:16]

