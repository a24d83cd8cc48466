"""What a model's folder holds: whether it is one model and no other, and which of its files a score depends on."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError, reason_of

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")  # as transformers names them
PLAIN = re.compile(r"\w[\w.+-]*\.safetensors")  # a file right beside the one that names it
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
# What is no part of the model, though it lies beside it: other programs' weights, records of training, papers. What
# is not known here counts: a missed file would be a wrong number, one too many asks for another -o folder.
NOT_READ = (*PICKLES, ".h5", ".msgpack", ".ot", ".onnx", ".gguf", ".bin.index.json", ".md", ".pdf", ".png", ".jpg",
            ".jpeg", ".gif", ".svg", ".log", ".out", ".err", ".cff")  # fmt: skip
BOOKKEEPING = {"trainer_state.json", "training_args.json", "run.json", "all_results.json", "train_results.json",
               "eval_results.json", "predict_results.json", "generated_predictions.txt", "latest",
               "zero_to_fp32.py", "xling_training.json"}  # fmt: skip
PAPERS = ("license", "notice", "use_policy", "events.out.tfevents")  # how names begin
MOST_LAYERS = 1000
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
TEMPLATES = "additional_chat_templates"  # the one folder inside that transformers reads


def check_model(folder: Path) -> None:
    """Raise ModelError unless `folder` holds a configuration, one set of safetensors weights and a tokenizer."""
    found = sorted(path.name for path in folder.iterdir())
    if ADAPTER in found:
        _refuse_adapter(folder, found)
    if "config.json" not in found:
        inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
        holds = ", ".join(found[:8]) or "nothing"
        mean = f" Did you mean {folder / inside[-1]}?" if inside else ""  # as `train` leaves it: model/
        raise ModelError(f"{folder} has no config.json; is it a model folder?{mean} It holds: {holds}.")
    _check_layers(folder, weight_files(folder))
    if not any(name.startswith(("tokenizer", "vocab", "spiece", "sentencepiece")) for name in found):
        raise ModelError(f"{folder} has no tokenizer files. Save it with tokenizer.save_pretrained(folder).")


def _check_layers(folder: Path, weights: set[str]) -> None:
    """Refuse a configuration of more layers than there are weights: building them all takes minutes, without a word."""
    from safetensors import SafetensorError, safe_open

    config = _json(folder / "config.json")
    kinds = [part for part in (config, config.get("text_config")) if isinstance(part, dict)]
    counts = [part.get(name) for part in kinds for name in LAYERS]
    layers = max((count for count in counts if isinstance(count, int | float)), default=0)
    if layers <= MOST_LAYERS:  # of which few tensors are honest: layers may share theirs
        return
    tensors = 0
    try:
        for name in weights:
            with safe_open(folder / name, framework="np") as file:
                tensors += len(file.keys())
    except (SafetensorError, OSError):
        return  # loading says what is wrong with the file
    if layers > tensors:
        raise ModelError(
            f"{folder / 'config.json'} says {layers:,.0f} layers, but the weights beside it have {tensors:,} tensors "
            "in all. Fetch or save the model again."
        )


def _refuse_adapter(folder: Path, found: list[str]) -> None:
    if "config.json" in found:
        raise ModelError(
            f"{folder} holds a model and an adapter ({ADAPTER}), which would be loaded without a word. Move the "
            "adapter to a folder of its own, and give that as --peft, or not."
        )
    base = _json(folder / ADAPTER).get("base_model_name_or_path")
    trained = f" (it was trained on {base!r})" if base else ""
    raise ModelError(f"{folder} is an adapter, not a model: give its base{trained} as --model, and it as --peft.")


def check_adapter(folder: Path) -> None:
    """Raise ModelError unless `folder` holds an adapter with safetensors weights."""
    found = sorted(path.name for path in folder.iterdir())
    for name in (ADAPTER, ADAPTER_WEIGHTS):
        if name not in found:
            model = " It is a model: give it as --model." if "config.json" in found and ADAPTER not in found else ""
            raise ModelError(f"adapter folder {folder} has no {name}. {model.strip() or _hint(found)}")


def weight_files(folder: Path) -> set[str]:
    """The names of the files that the weights are in. Raises ModelError, naming files, unless there is one such set.

    Two happen where a model was saved over another one; transformers takes model.safetensors, which may be the old one.
    """
    found = {path.name for path in folder.iterdir()}
    here = {name for name in found if name == WEIGHTS or SHARD.fullmatch(name)}
    wanted = shards(folder / INDEX) if INDEX in found else {WEIGHTS}
    if not here and not wanted & found:
        raise ModelError(f"{folder} has no weights: expected {WEIGHTS}, or shards and {INDEX}. {_hint(sorted(found))}")
    if others := here - wanted:
        if INDEX not in found and WEIGHTS not in found:
            raise ModelError(f"{folder} has no {INDEX}, which says what is in {_few(others)}. {_hint(sorted(found))}")
        raise ModelError(
            f"{folder} holds two sets of weights: {_few(wanted)}{f' of {INDEX}' if INDEX in found else ''}, and "
            f"{_few(others)}. Remove the one that is not meant."
        )
    if unread := {name for name in wanted & found if not (folder / name).is_file()}:
        raise ModelError(f"{folder}: {_few(unread)} cannot be read: a link that leads nowhere, or a folder.")
    if lacking := wanted - found:
        raise ModelError(f"{folder} lacks {_few(lacking)}, which {INDEX} names. Is the copy complete?")
    explicit = _json(folder / "config.json").get("transformers_weights") if "config.json" in found else None
    if explicit not in (None, INDEX if INDEX in found else WEIGHTS):
        raise ModelError(
            f"{folder / 'config.json'} names other weights ({explicit!r}, transformers_weights) than {WEIGHTS} or "
            f"those of {INDEX}. Save it again with save_pretrained()."
        )
    return wanted


def shards(index: Path) -> set[str]:
    """The files that an index file names. Raises ModelError unless each is a safetensors file right beside it.

    Any other would be loaded, too: a pickle, or a file elsewhere, which no fingerprint knows.
    """
    parts = _json(index).get("weight_map")
    if not isinstance(parts, dict) or not parts or not all(isinstance(name, str) for name in parts.values()):
        raise ModelError(f"{index} is damaged: expected {{weight: file}} as its weight_map. Fetch the model again.")
    for name in sorted(set(parts.values())):
        if not PLAIN.fullmatch(name):
            raise ModelError(f"{index} names {name!r}: expected names of .safetensors files beside it, and no others.")
    return set(parts.values())


def check_on_hub(name: str, revision: str | None) -> None:
    """What can be known of a model on the hub by its small files: no adapter, an index of safetensors files only."""
    from transformers.utils import cached_file

    absent = ("gated_repo", "missing_entries", "connection_errors")  # loading will say so
    settings: dict[str, Any] = {f"_raise_exceptions_for_{what}": False for what in absent}
    if cached_file(name, ADAPTER, revision=revision, **settings):
        raise ModelError(f"{name} is, or holds, an adapter: give its base as --model, and it as --peft.")
    if index := cached_file(name, INDEX, revision=revision, **settings):
        shards(Path(index))


def content(folder: Path) -> str:
    """A hash over the files of a model or adapter that a score depends on, and nothing else."""
    digest = hashlib.sha256()
    for path in decisive(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{_hash_of(path)}\n".encode())
    return digest.hexdigest()


def weights_hash(folder: Path) -> str:
    """Sixteen hex digits over the weights of a model or adapter alone, by which a record knows what it is of."""
    names = {ADAPTER_WEIGHTS} if (folder / ADAPTER).is_file() else weight_files(folder)
    told = "".join(f"{name}\0{_hash_of(folder / name)}\n" for name in sorted(names))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _hash_of(path: Path) -> str:
    there = path.stat()
    return _hashed(path, there.st_size, there.st_mtime_ns, there.st_ino)


@lru_cache(maxsize=4096)
def _hashed(path: Path, *_: int) -> str:
    """Of a file as it is now, once in a process: a fingerprint and a record's hash both ask for gigabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decisive(folder: Path) -> list[Path]:
    """The files whose content may change a score, in order.

    Of an adapter its configuration and weights: the tokenizer is its base's. Of a model the weights that are loaded,
    and what lies beside them but for what is known to be never read.
    """
    if (folder / ADAPTER).is_file():
        return [folder / ADAPTER, folder / ADAPTER_WEIGHTS]
    weights = weight_files(folder)
    found = [path for path in folder.iterdir() if path.is_file() and (path.name in weights or _counts(path.name))]
    return sorted([*found, *(folder / TEMPLATES).glob("*.jinja")])


def _counts(name: str) -> bool:
    lowered = name.lower()
    known = lowered.endswith((*NOT_READ, ".safetensors")) or lowered.startswith((".", *PAPERS))
    return not known and name not in BOOKKEEPING


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("a JSON object is expected")
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({reason_of(error)}). Fetch or save the model again.") from error
    return found


def _few(names: set[str]) -> str:
    several = sorted(names)
    return ", ".join(several[:2]) + (f" and {len(several) - 2} more" if several[2:] else "")


def _hint(found: list[str]) -> str:
    pickled = [name for name in found if name.endswith(PICKLES)]
    if pickled:
        return f"{', '.join(pickled)} is a pickle and is never loaded; save again with save_pretrained()."
    return "Save it with model.save_pretrained(folder)."
