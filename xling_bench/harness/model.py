"""Loading a model for evaluation, and telling models apart by their content."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xling_bench.errors import ModelError, UsageError, did_you_mean

BACKENDS = ("hf", "lm-eval-hf")
HASHED = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.py")
UNHASHED = {"trainer_state.json", "run.json", "README.md"}


@dataclass(frozen=True)
class ModelConfig:
    """What the command line says about the model; everything here changes results and is recorded.

    `spec` is `hf:PATH_OR_NAME`. `dtype` `auto` keeps the checkpoint's; log-softmax is float32 in any case.
    `prefix_token` is the id conditioned on where a prompt is empty; None takes the token the tokenizer itself puts
    first (XGLM's `</s>`, not its `<s>`), else the beginning-of-sequence token.
    """

    spec: str
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    peft: str | None = None
    batch_size: int = 16
    max_length: int | None = None
    prefix_token: int | None = None
    chat_template: bool = False
    trust_remote_code: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        """`hf`, the part before the colon."""
        return self.spec.partition(":")[0]

    @property
    def name(self) -> str:
        """The path or hub name, the part after the colon."""
        return self.spec.partition(":")[2]

    def check(self) -> None:
        """Raise UsageError or ModelError early, before anything heavy is imported."""
        if self.backend not in BACKENDS or not self.name:
            raise UsageError(
                f"--model {self.spec!r}: expected hf:PATH_OR_NAME.{did_you_mean(self.backend, BACKENDS)}"
                " For example --model hf:./my-checkpoint or --model hf:facebook/xglm-564M."
            )
        folder = Path(self.name)
        if folder.is_dir():
            check_folder(folder)
        elif folder.is_file() or self.name.startswith((".", "/", "~")) or self.name.count("/") > 1:
            raise ModelError(
                f"model folder {self.name} does not exist. Expected a folder with config.json and *.safetensors."
            )

    def settings(self) -> dict[str, Any]:
        """What changes results besides the weights: not the path, nor how the work is batched and placed."""
        return {k: v for k, v in asdict(self).items() if k not in ("spec", "peft", "device", "batch_size")}


def check_folder(folder: Path) -> None:
    """Raise ModelError unless `folder` holds a configuration, safetensors weights and a tokenizer."""
    found = sorted(path.name for path in folder.iterdir())
    if "config.json" not in found:
        raise ModelError(
            f"{folder} has no config.json; is it a model folder? It holds: {', '.join(found[:8]) or 'nothing'}."
        )
    if not any(name.endswith(".safetensors") for name in found):
        pickled = [name for name in found if name.endswith((".bin", ".pt", ".pth"))]
        hint = (
            f"{', '.join(pickled)} is a pickle and is never loaded; save the model again with save_pretrained()."
            if pickled
            else "Save it with model.save_pretrained(folder)."
        )
        raise ModelError(f"{folder} has no weights: expected *.safetensors. {hint}")
    if not any(name in found for name in ("tokenizer.json", "tokenizer_config.json", "sentencepiece.bpe.model")):
        raise ModelError(f"{folder} has no tokenizer files. Save it with tokenizer.save_pretrained(folder).")


def fingerprint(config: ModelConfig) -> str:
    """Sixteen hex digits that change when the weights, configuration, tokenizer or adapter change.

    A local folder is hashed by content; a hub name by the commit its revision points to, so that the same name with
    new weights is another model.
    """
    digest = hashlib.sha256()
    for name, revision in ((config.name, config.revision), (config.peft, None)):
        if name is None:
            continue
        folder = Path(name)
        digest.update(_folder_hash(folder).encode() if folder.is_dir() else hub_commit(name, revision).encode())
    return digest.hexdigest()[:16]


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    paths = {path for pattern in HASHED for path in folder.glob(pattern) if path.name not in UNHASHED}
    for path in sorted(paths):
        with path.open("rb") as file:
            digest.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def hub_commit(name: str, revision: str | None) -> str:
    """The commit a hub model's revision points to. Raises ModelError when the hub cannot be asked."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        commit = HfApi().model_info(name, revision=revision).sha
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"model {name!r} is neither a folder here nor to be had from the hub ({reason}). "
            "Give the path of a model folder, or check the name, the network and HF_TOKEN."
        ) from error
    return str(commit)


def load(config: ModelConfig) -> Any:
    """Return lm-eval's `HFLM` for the model, ready to score. Raises ModelError with the loader's own reason."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from lm_eval.models.huggingface import HFLM

    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        lm = HFLM(
            pretrained=config.name,
            revision=config.revision or "main",
            dtype=config.dtype,
            softmax_dtype="float32",
            device=device,
            peft=config.peft,
            batch_size=config.batch_size,
            max_length=config.max_length,
            prefix_token_id=config.prefix_token,
            trust_remote_code=config.trust_remote_code,
            use_safetensors=True,
            **config.extra,
        )
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"model {config.name} cannot be loaded: {reason}") from error
    if config.prefix_token is None:
        lm.custom_prefix_token_id = natural_prefix(lm.tokenizer)
    if lm.prefix_token_id is None:
        raise ModelError(
            f"model {config.name}: its tokenizer has no bos or eos token; give one with --prefix-token ID."
        )
    return lm


def natural_prefix(tokenizer: Any) -> int | None:
    """The special token the tokenizer puts before any text, or None.

    lm-eval conditions an empty context on bos; XGLM's tokenizer puts `</s>`, not bos, before every text, so that
    zero-shot and few-shot scoring would start from different tokens.
    """
    with_special = tokenizer("a")["input_ids"]
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    if len(with_special) > len(plain) and with_special[0] in tokenizer.all_special_ids:
        return int(with_special[0])
    return None
