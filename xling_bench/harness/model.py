"""Loading a model for evaluation, and telling models apart by their content."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xling_bench.errors import ModelError, UsageError, did_you_mean, reason_of
from xling_bench.harness.gguf_header import check_file, refuse_options
from xling_bench.harness.tokens import check_prefix, settle_pad
from xling_bench.scoring.folder import check_adapter, check_model, content
from xling_bench.scoring.prefix import natural_prefix
from xling_bench.scoring.pretrained import load_tokenizer, never_asks

# How --model begins, and who computes log-likelihoods then.
BACKENDS = {"hf": "shared-prefix", "gguf": "shared-prefix", "lm-eval-hf": "lm-eval", "lm-eval-gguf": "lm-eval"}
# Fields that say where the model is and how work is batched and placed.
UNSETTLING = ("spec", "peft", "device", "batch_size", "token_budget")
DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")  # of the weights, as torch calls them


@dataclass(frozen=True)
class ModelConfig:
    """What the command line says about the model; everything here changes results and is recorded.

    `spec` is `hf:PATH_OR_NAME`, or `gguf:FILE` for a GGUF file, or `lm-eval-hf:PATH_OR_NAME`, `lm-eval-gguf:FILE` to
    rank candidates by lm-eval's own code instead of the shared-prefix engine: slower, the same decisions.
    `token_budget` is how many tokens the engine computes at once (None: by the device), `batch_size` how many texts are
    generated at once. `dtype` `auto` keeps the checkpoint's (float32 for a GGUF file, whose weights are dequantised);
    log-softmax is float32 in any case.
    `prefix_token` is the id conditioned on where a prompt is empty; None takes the token the tokenizer itself puts
    first (XGLM's `</s>`, not its `<s>`), else the beginning-of-sequence token.
    """

    spec: str
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    peft: str | None = None
    batch_size: int = 16
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
        if self.batch_size < 1:
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

    def settings(self) -> dict[str, Any]:
        """What changes results besides the weights: not the path, nor how the work is batched and placed."""
        return {k: v for k, v in asdict(self).items() if k not in UNSETTLING}


def _check_place(name: str, what: str, check: Any) -> None:
    folder = Path(name)
    if folder.is_dir():
        check(folder)
    elif folder.is_file() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"{what} folder {name} does not exist. Expected a folder with safetensors weights.")


def fingerprint(config: ModelConfig) -> str:
    """Sixteen hex digits that change when the weights, configuration, tokenizer or adapter change, and only then.

    A GGUF file is hashed by its content, a local folder by that of the files which `scoring.folder.decisive` names, and
    a hub name by the commit its revision points to, so that the same name with new weights is another model.
    """
    digest = hashlib.sha256()
    for name, revision in ((config.name, config.revision), (config.peft, None)):
        if name is not None:
            digest.update(_content(name, revision, file=name == config.gguf).encode())
    return digest.hexdigest()[:16]


def _content(name: str, revision: str | None, *, file: bool) -> str:
    if file:
        with Path(name).open("rb") as whole:
            return hashlib.file_digest(whole, "sha256").hexdigest()
    return content(Path(name)) if Path(name).is_dir() else hub_commit(name, revision)


def hub_commit(name: str, revision: str | None) -> str:
    """The commit a hub model's revision points to; offline, that of the local cache.

    Raises ModelError when neither the hub nor the cache has the model.
    """
    from huggingface_hub import HfApi, errors, try_to_load_from_cache

    failures: tuple[type[Exception], ...] = (vars(errors)["HTTPError"], errors.HFValidationError, OSError, ValueError)
    try:
        return str(HfApi().model_info(name, revision=revision).sha)
    except failures as error:
        for file in ("config.json", "adapter_config.json"):
            cached = try_to_load_from_cache(name, file, revision=revision) if name.count("/") <= 1 else None
            if isinstance(cached, str):
                return Path(cached).parent.name
        reason = reason_of(error)
        raise ModelError(
            f"{name!r} is neither a folder here nor to be had from the hub ({reason}). "
            "Give the path of a model folder, or check the name, the network and HF_TOKEN."
        ) from error


def revision_of(name: str, revision: str | None) -> str:
    """What to load: the very commit that was fingerprinted, not a branch that may have moved since."""
    return "main" if Path(name).is_dir() else hub_commit(name, revision)


def end_token(config: ModelConfig) -> str:
    """The text of the model's own end token, for `--joiner auto`. Raises ModelError when it has none."""
    if config.gguf:
        if end := check_file(config.gguf).token("eos"):
            return end
        raise ModelError(f"--joiner auto: {config.name} names no end token; use --joiner paper.")
    revision = revision_of(config.name, config.revision)
    tokenizer = load_tokenizer(config.name, revision, trust_remote_code=config.trust_remote_code)
    if not tokenizer.eos_token:
        raise ModelError(f"--joiner auto: the tokenizer of {config.name} has no end token; use --joiner paper.")
    return str(tokenizer.eos_token)


def load(config: ModelConfig) -> Any:
    """Return lm-eval's `HFLM` for the model, ready to score, or the `SharedPrefixLM` that is one.

    Raises ModelError with the loader's own reason.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xling_bench.harness.loading import WholeModel
    from xling_bench.harness.shared_prefix import SharedPrefixLM

    device = _device(config.device)
    own = config.scoring == "shared-prefix"
    place: dict[str, Any] = {"gguf_file": config.gguf}
    if config.gguf is None:
        place = {"revision": revision_of(config.name, config.revision)}
    backend = partial(SharedPrefixLM, token_budget=config.token_budget) if own else WholeModel
    try:
        with never_asks(f"model {config.name}"):
            lm = backend(
                pretrained=config.name,
                **place,
                dtype="float32" if config.gguf and config.dtype == "auto" else config.dtype,
                softmax_dtype="float32",
                device=device,
                peft=config.peft,
                peft_revision=config.peft and revision_of(config.peft, None),
                batch_size=config.batch_size,
                max_length=config.max_length,
                prefix_token_id=config.prefix_token,
                trust_remote_code=config.trust_remote_code,
                use_safetensors=True,
            )
        if config.prefix_token is None:
            lm.custom_prefix_token_id = natural_prefix(lm.tokenizer)
    except ModelError:
        raise
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        raise ModelError(f"model {config.name} cannot be loaded: {reason_of(error)}") from error
    check_prefix(lm, config.name)
    settle_pad(lm)
    _check_finite(lm, config)
    lm._rank, lm._world_size = 0, 1  # several processes share the work inside the model, lm-eval sees one
    return lm


def _check_finite(lm: Any, config: ModelConfig) -> None:
    """Generation hides NaN: greedy decoding of a damaged model writes something, and scores 0 like a bad one."""
    import torch

    with torch.no_grad():
        logits = lm.model(torch.tensor([[lm.prefix_token_id]], device=lm.device)).logits
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            f"model {config.name}: its output is not finite: its weights are damaged, or --dtype overflows."
        )


def _device(name: str | None) -> str:
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] == "meta":
        raise UsageError("--device meta: a device without memory computes nothing")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: {reason_of(error)}") from error
    return name
