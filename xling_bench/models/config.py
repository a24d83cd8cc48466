"""Which model, and how it is loaded: what changes results and is recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from xling_bench.core.errors import ModelError, UsageError, did_you_mean
from xling_bench.models.contents import check_adapter, check_model
from xling_bench.models.gguf_header import check_file, refuse_options

# How --model begins: who ranks candidates then, and who generates. These are engines, a fact of every result.
ENGINES = {
    "hf": ("shared-prefix", "hf"),
    "gguf": ("shared-prefix", "hf"),
    "lm-eval-hf": ("lm-eval", "hf"),
    "lm-eval-gguf": ("lm-eval", "hf"),
    "vllm": ("shared-prefix", "vllm"),
}
KINDS = ("choose", "generate")
LIKELIHOODS = ("shared-prefix", "vllm")
# Fields that say where the model is, how work is batched and placed, and who does it, which is a fact of its own.
UNSETTLING = ("spec", "peft", "device", "batch_size", "token_budget", "likelihood", "tensor_parallel",
              "data_parallel", "vllm_python")  # fmt: skip
# Texts that transformers' own loop generates at once, and that are handed to vLLM, which fills its batches itself.
AT_ONCE = {"transformers": 16, "vllm": 512}
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
    rank candidates by lm-eval's own code instead of the shared-prefix engine: slower, the same decisions. With
    `vllm:PATH_OR_NAME` vLLM generates, on `tensor_parallel` GPUs; candidates are ranked by the shared-prefix engine all
    the same, unless `likelihood` is `vllm`. With `vllm_python`, an interpreter, vLLM runs in a process of its own, in
    that one's environment, and with `data_parallel` above 1 in so many, which share the units.
    `token_budget` is how many tokens the engine computes at once (None: by the device), `batch_size` how many texts are
    generated at once, at most (None: as many as fit, by their tokens). `dtype` `auto` keeps the checkpoint's (float32
    for a GGUF file, whose weights are dequantised); log-softmax is float32 in any case.
    With `chat_template` prompts go through the tokenizer's own (in Jinja's sandbox), demonstrations as turns of user
    and assistant unless `fewshot_as_multiturn` (lm-eval's name for it) is False: then all in one turn of the user's.
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
    likelihood: str | None = None
    tensor_parallel: int = 1
    data_parallel: int = 1
    vllm_python: str | None = None
    max_length: int | None = None
    prefix_token: int | None = None
    chat_template: bool = False
    fewshot_as_multiturn: bool | None = None
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
    def begins(self) -> str:
        """How `spec` begins: one of `ENGINES`."""
        return self.spec.partition(":")[0]

    def engine(self, kind: str) -> str:
        """Who does tasks of this kind: `choose` (`shared-prefix`, `lm-eval`, `vllm`) or `generate` (`hf`, `vllm`)."""
        ranks, generates = ENGINES[self.begins]
        return generates if kind == "generate" else (self.likelihood or ranks)

    @property
    def engines(self) -> dict[str, str]:
        """Who does what, by kind of task."""
        return {kind: self.engine(kind) for kind in KINDS}

    @property
    def apart(self) -> bool:
        """Whether vLLM runs in processes of its own."""
        return self.vllm_python is not None or self.data_parallel > 1

    def program(self, kind: str) -> str:
        """The program that holds the model for tasks of this kind: `transformers` or `vllm`."""
        return "vllm" if self.engine(kind) == "vllm" else "transformers"

    @property
    def turns(self) -> bool:
        """Whether demonstrations are turns of a conversation."""
        return self.chat_template and self.fewshot_as_multiturn is not False

    def at_once(self, program: str) -> int:
        """Texts that are generated at once."""
        return self.batch_size or AT_ONCE[program]

    def check(self) -> None:
        """Raise UsageError or ModelError early, before anything heavy is imported."""
        if self.begins not in ENGINES or not self.name:
            kind = "gguf" if self.spec.endswith(".gguf") else "hf"
            meant = f" Did you mean {kind}:{self.spec}?" if Path(self.spec).exists() and self.spec else ""
            raise UsageError(
                f"--model {self.spec!r}: expected hf:PATH_OR_NAME, for example --model hf:./my-checkpoint or --model "
                f"hf:facebook/xglm-564M, gguf:FILE, vllm:PATH_OR_NAME (or lm-eval-hf:... for lm-eval's own scoring)."
                f"{meant}"
            )
        self._check_engine()
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
        if self.fewshot_as_multiturn and not self.chat_template:
            raise UsageError("--fewshot-as-multiturn: turns are a chat template's; give --chat-template as well")
        if self.gguf:
            refuse_options(self.revision, remote_code=self.trust_remote_code)
            check_file(self.gguf)
        else:
            _check_place(self.name, "model", check_model)
        if self.peft is not None:
            _check_place(self.peft, "adapter (--peft)", check_adapter)

    def _check_engine(self) -> None:
        """Raise UsageError for options of an engine that is not asked for."""
        if self.likelihood is not None and self.likelihood not in LIKELIHOODS:
            raise UsageError(f"--likelihood {self.likelihood!r}: expected one of {', '.join(LIKELIHOODS)}")
        if self.tensor_parallel < 1:
            raise UsageError(f"--tensor-parallel {self.tensor_parallel}: expected a number of GPUs >= 1")
        if self.data_parallel < 1:
            raise UsageError(f"--data-parallel {self.data_parallel}: expected a number of processes >= 1")
        if self.apart and self.likelihood == "vllm":
            raise UsageError("--likelihood vllm: vLLM in processes of its own generates only; leave out --engine auto, "
                             "--vllm-python and --data-parallel")  # fmt: skip
        asked = {
            "--likelihood": self.likelihood is not None,
            "--tensor-parallel": self.tensor_parallel != 1,
            "--data-parallel": self.data_parallel != 1,
            "--vllm-python": self.vllm_python is not None,
        }
        for option, given in asked.items():
            if given and self.begins != "vllm":
                raise UsageError(f"{option} is for --model vllm:PATH_OR_NAME or --engine auto, not {self.spec}")
        if self.begins == "vllm" and self.name.endswith(".gguf"):
            raise UsageError(f"--model {self.spec}: vLLM takes a folder or a hub name here; use gguf:{self.name}.")

    def settings(self) -> dict[str, object]:
        """What changes results besides the weights: not the path, nor how the work is batched and placed."""
        kept = {k: v for k, v in asdict(self).items() if k not in (*UNSETTLING, "fewshot_as_multiturn")}
        return kept | ({"fewshot_as_multiturn": self.turns} if self.chat_template else {})


def _check_place(name: str, what: str, check: Any) -> None:
    folder = Path(name)
    if folder.is_dir():
        check(folder)
    elif folder.is_file() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{what} folder {name} does not exist. Expected a folder with safetensors weights.")
