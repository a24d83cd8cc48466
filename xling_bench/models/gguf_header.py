"""The head of a GGUF file: what is in it, read without loading it. Says early and clearly why a file cannot be used."""

from __future__ import annotations

import mmap
import re
import struct
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError, UsageError
from xling_bench.core.extras import installing

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
# Architectures by the name that files give them, where transformers' table has another.
RENAMED = {"qwen2moe": "qwen2_moe", "qwen3moe": "qwen3_moe", "gpt-oss": "gpt_oss", "minimax-m2": "minimax_m2"}
NOT_ARCHITECTURES = {"general", "tokenizer"}
SCALES = ("attention.scale", "logit_scale", "residual_scale", "embedding_scale")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the file. `size` is its number of values, `end` where its bytes end in the file."""

    name: str
    kind: str
    size: int
    end: int


@dataclass(frozen=True)
class Header:
    """Keys and tensors of a GGUF file."""

    keys: dict[str, Any]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """`gemma3`, `llama`, as the file calls it."""
        return str(self.keys["general.architecture"])

    def own(self, name: str, default: Any = None) -> Any:
        """The architecture's key of this name."""
        return self.keys.get(f"{self.architecture}.{name}", default)

    @property
    def quantisation(self) -> str:
        """`Q4_K_M`: what the file says its weights are, else the type that most of them have."""
        from gguf import LlamaFileType

        said = self.keys.get("general.file_type")
        known = {int(kind): kind.name for kind in LlamaFileType}
        if said in known:
            return str(known[said]).removeprefix("MOSTLY_").removeprefix("ALL_")
        return max(self.kinds, key=self.kinds.__getitem__)

    @property
    def kinds(self) -> Counter[str]:
        """How many tensors there are of each type."""
        return Counter(tensor.kind for tensor in self.tensors)

    @property
    def mixture(self) -> str:
        """`F32 109, Q5_0 81`: how many tensors there are of each type."""
        return ", ".join(f"{kind} {number}" for kind, number in self.kinds.most_common())

    def token(self, name: str) -> str | None:
        """The text of a special token (`bos`, `eos`, `padding`, ...); None where the file names none."""
        tokens, number = self.keys.get("tokenizer.ggml.tokens", []), self.keys.get(f"tokenizer.ggml.{name}_token_id")
        return str(tokens[number]) if number is not None and number < len(tokens) else None


def check_file(name: str) -> Header:
    """The file's header. Raises ModelError for a file that cannot be used, saying why and what to do."""
    path = Path(name)
    if path.is_dir():
        files = sorted(file.name for file in path.glob("*.gguf"))
        holds = f" It holds {', '.join(files[:4])}." if files else " A folder of safetensors is --model hf:FOLDER."
        raise ModelError(f"{name} is a folder: --model gguf:FILE takes one file.{holds}")
    if not path.is_file():
        raise ModelError(f"GGUF file {name} does not exist. Expected a file on this machine, gguf:./model.gguf.")
    if SPLIT.search(path.name):
        raise ModelError(f"{name} is one part of a split GGUF file; join them first: llama-gguf-split --merge.")
    if find_spec("gguf") is None:
        raise ModelError(f"--model gguf:FILE needs the package gguf: {installing('gguf')}")
    try:
        stat = path.stat()
        header = _read(str(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ModelError(f"GGUF file {name} cannot be read: {error.strerror or error}") from error
    if header.keys.get("split.count", 1) > 1:
        raise ModelError(f"{name} is one part of a split GGUF file; join them first: llama-gguf-split --merge.")
    _check_architecture(name, header)
    _check_scaling(name, header)
    return header


def refuse_options(revision: str | None, *, remote_code: bool) -> None:
    """Raise UsageError for options that mean nothing for a file."""
    if revision is not None:
        raise UsageError("--revision: a GGUF file has no revisions; they are the hub's. Leave it out.")
    if remote_code:
        raise UsageError("--trust-remote-code: a GGUF file holds no code. Leave it out.")


@lru_cache(maxsize=2)
def _read(name: str, size: int, _changed: int) -> Header:
    """The header; size and time of change tell the file from one that was there before."""
    with Path(name).open("rb") as file:
        if file.read(4) != MAGIC:
            raise ModelError(f"{name} is no GGUF file: it does not begin with {MAGIC.decode()}.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                header = _Reader(name, content).header()
            except (struct.error, IndexError, OverflowError, ValueError, MemoryError, RecursionError) as error:
                raise ModelError(f"GGUF file {name} is damaged or cut short: its head cannot be read.") from error
    end = max((tensor.end for tensor in header.tensors), default=0)
    if end > size:
        raise ModelError(f"GGUF file {name} is cut short: it has {size} bytes of {end}. Copy or download it again.")
    if "general.architecture" not in header.keys or not header.tensors:
        raise ModelError(f"GGUF file {name} holds no model: it names no architecture or has no weights.")
    if "tokenizer.ggml.tokens" not in header.keys:
        raise ModelError(f"GGUF file {name} holds no tokenizer.")
    _check_types(name, header)
    return header


def _check_types(name: str, header: Header) -> None:
    """Raise ModelError for a key of ours that holds another kind of value than GGUF says."""
    numbers = [key for key in header.keys if key.endswith("_token_id")] + ["split.count", "general.file_type"]
    kinds: dict[str, type] = {"general.architecture": str, "tokenizer.ggml.tokens": list, **dict.fromkeys(numbers, int)}
    for key, kind in kinds.items():
        value = header.keys.get(key)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, int) and value < 0)):
            raise ModelError(f"GGUF file {name} is damaged: {key} is {str(value)[:40]!r}, expected {kind.__name__}.")


class _Reader:
    """Reads values one after another. Everything is little-endian."""

    def __init__(self, name: str, content: mmap.mmap) -> None:
        self.name, self.content, self.at = name, content, 4

    def header(self) -> Header:
        (version,) = self.numbers("I")
        if version not in VERSIONS:
            raise ModelError(f"{self.name} is GGUF version {version}; versions 2 and 3 can be read (little-endian).")
        tensors, keys = self.numbers("QQ")
        found = {self.string(): self.value(*self.numbers("I")) for _ in range(keys)}
        entries = [self.entry() for _ in range(tensors)]
        step = found.get("general.alignment", 32)
        if not isinstance(step, int) or step < 1:
            raise ModelError(f"GGUF file {self.name} is damaged: general.alignment is {str(step)[:40]!r}.")
        start = -(-self.at // step) * step
        return Header(found, tuple(self.tensor(start, *entry) for entry in entries))

    def numbers(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self.content, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found

    def string(self) -> str:
        (length,) = self.numbers("Q")
        if self.at + length > len(self.content):
            raise IndexError(length)
        self.at += length
        return self.content[self.at - length : self.at].decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, length = self.numbers("IQ")
            if length > len(self.content):
                raise IndexError(length)
            if inner in NUMBERS:
                return list(self.numbers(f"{length}{NUMBERS[inner]}"))
            return [self.value(inner) for _ in range(length)]
        if kind not in NUMBERS:
            raise ValueError(kind)
        return self.numbers(NUMBERS[kind])[0]

    def entry(self) -> tuple[str, int, int, int]:
        name = self.string()
        (rank,) = self.numbers("I")
        if rank > 8:
            raise ValueError(rank)
        shape = self.numbers(f"{rank}Q")
        kind, offset = self.numbers("IQ")
        return name, prod(shape), kind, offset

    def tensor(self, start: int, name: str, size: int, kind: int, offset: int) -> Tensor:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        try:
            known = GGMLQuantizationType(kind)
            values, octets = GGML_QUANT_SIZES[known]
        except (ValueError, KeyError):
            raise ModelError(
                f"{self.name}: its tensor {name} has type {kind}, which the installed package gguf does not know. "
                "A newer one may: pip install -U gguf"
            ) from None
        return Tensor(name, known.name, size, start + offset + size // values * octets)


def _check_architecture(name: str, header: Header) -> None:
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    known = {*GGUF_SUPPORTED_ARCHITECTURES} - NOT_ARCHITECTURES
    try:
        from transformers.integrations.gguf import GGUF_ARCHS  # newer ones have a second table

        known |= {*GGUF_ARCHS}
    except ImportError:
        pass
    if RENAMED.get(header.architecture, header.architecture) not in known:
        raise ModelError(
            f"{name} holds a model of architecture {header.architecture!r}, which transformers does not read from "
            f"GGUF. It reads {', '.join(sorted(known))}. A folder of safetensors may do: --model hf:FOLDER."
        )


def _check_scaling(name: str, header: Header) -> None:
    """Raise ModelError where the file asks for a computation that transformers' reader passes over silently."""
    ignored = [key for key in SCALES if header.own(key) not in (None, 0.0, 1.0)]
    ignored += [key for key in ("rope.scale_linear",) if header.own(key) not in (None, 0.0, 1.0)]
    if header.own("rope.scaling.type", "linear") != "none" and header.own("rope.scaling.factor", 1.0) not in (0.0, 1.0):
        ignored.append("rope.scaling.type" if header.own("rope.scaling.type") else "rope.scaling.factor")
    if header.own("attention.causal", True) is False:
        ignored.append("attention.causal")
    if header.architecture in ("phi3", "qwen2", "llama") and header.own("attention.sliding_window", 0):
        ignored.append("attention.sliding_window")
    if (kind := header.keys.get("general.type", "model")) != "model":
        raise ModelError(f"{name} says general.type = {kind}: it holds no model by itself.")
    if header.architecture == "gpt-oss" and "rope.scaling.type" in ignored:
        ignored.remove("rope.scaling.type")
    if ignored:
        said = ", ".join(f"{header.architecture}.{key} = {header.own(key)}" for key in ignored)
        raise ModelError(
            f"{name} says {said}, which transformers does not read from GGUF: it would be another model. "
            "Use its folder of safetensors: --model hf:FOLDER."
        )
