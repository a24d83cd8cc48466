"""Which model, and how it is loaded: what changes results and is recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from xling_bench.core.errors import ModelError, UsageError, did_you_mean
from xling_bench.models.contents import check_adapter, check_model
from xling_bench.models.gguf_header import check_file, refuse_options

# How --model begins, and who computes log-likelihoods then.
BACKENDS = {"hf": "shared-prefix", "gguf": "shared-prefix", "lm-eval-hf": "lm-eval", "lm-eval-gguf": "lm-eval"}
# Fields that say where the model is and how work is batched and placed.
UNSETTLING = ("spec", "peft", "device", "batch_size", "token_budget")
DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")  # of the weights, as torch calls them


class Provenance(TypedDict, total=False):
    """How log-likelihoods were computed, as a results file has it: `why` by lm-eval itself where the engine was asked
    for. `near_ties` are lm-eval's numbers of the items whose best candidate is best by no more than rounding, or these
    items' ids."""

    backend: str
    why: str
    token_budget: int
    halved: int
    self_check: dict[str, float | None]
    near_ties: list[int | str]


@dataclass(frozen=True)
class ModelConfig:
    """What the command line says about the model; everything here changes results and is recorded.

    `spec` is `hf:PATH_OR_NAME`, or `gguf:FILE` for a GGUF file, or `lm-eval-hf:PATH_OR_NAME`, `lm-eval-gguf:FILE` to
    rank candidates by lm-eval's own code instead of the shared-prefix engine: slower, the same decisions.
    `token_budget` is how many tokens the engine computes at once (None: by the device), `batch_size` how many texts are
    generated at once, at most (None: as many as fit, by their tokens). `dtype` `auto` keeps the checkpoint's (float32
    for a GGUF file, whose weights are dequantised); log-softmax is float32 in any case.
    `prefix_token` is the id conditioned on where a prompt is empty; None takes the token the tokenizer itself puts
    first (XGLM's `</s>`, not its `<s>`), else the beginning-of-sequence token.
    """

    spec: str
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    peft: str | None = None
    batch_size: int | None = None
    token_budget: int | None = None
    max_length: int | None = None
    prefix_token: int | None = None
    chat_template: bool = False
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """The path or hub name, the part after the colon."""
        return self.spec.partition(":")[2]

    @property
    def gguf(self) -> str | None:
        """The GGUF file that the model is, or None."""
        return self.name if self.spec.partition(":")[0].endswith("gguf") else None

    @property
    def scoring(self) -> str:
        """Who computes log-likelihoods: `shared-prefix` or `lm-eval`."""
        return BACKENDS[self.spec.partition(":")[0]]

    def check(self) -> None:
        """Raise UsageError or ModelError early, before anything heavy is imported."""
        if self.spec.partition(":")[0] not in BACKENDS or not self.name:
            kind = "gguf" if self.spec.endswith(".gguf") else "hf"
            meant = f" Did you mean {kind}:{self.spec}?" if Path(self.spec).exists() and self.spec else ""
            raise UsageError(
                f"--model {self.spec!r}: expected hf:PATH_OR_NAME, for example --model hf:./my-checkpoint or --model "
                f"hf:facebook/xglm-564M, gguf:FILE (or lm-eval-hf:... for lm-eval's own scoring).{meant}"
            )
        if self.dtype not in DTYPES:
            meant = did_you_mean(self.dtype, DTYPES)
            raise UsageError(f"--dtype {self.dtype!r}:{meant} Expected one of {', '.join(DTYPES)}.")
        if self.token_budget is not None and self.token_budget < 1:
            raise UsageError(f"--token-budget {self.token_budget}: expected a number >= 1")
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size}: expected a number >= 1")
        if self.max_length is not None and self.max_length < 2:
            raise UsageError(f"--max-length {self.max_length}: expected a number of tokens >= 2")
        if self.prefix_token is not None and self.prefix_token < 0:
            raise UsageError(f"--prefix-token {self.prefix_token}: expected a token id >= 0")
        if self.gguf:
            refuse_options(self.revision, remote_code=self.trust_remote_code)
            check_file(self.gguf)
        else:
            _check_place(self.name, "model", check_model)
        if self.peft is not None:
            _check_place(self.peft, "adapter (--peft)", check_adapter)

    def settings(self) -> dict[str, object]:
        """What changes results besides the weights: not the path, nor how the work is batched and placed."""
        return {k: v for k, v in asdict(self).items() if k not in UNSETTLING}


def _check_place(name: str, what: str, check: Any) -> None:
    folder = Path(name)
    if folder.is_dir():
        check(folder)
    elif folder.is_file() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{what} folder {name} does not exist. Expected a folder with safetensors weights.")
