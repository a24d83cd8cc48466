"""Telling models apart by their content, not by where they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from xling_bench.core.errors import ModelError, reason_of
from xling_bench.models.config import ModelConfig
from xling_bench.models.contents import content


def fingerprint(config: ModelConfig) -> str:
    """Sixteen hex digits that change when the weights, configuration, tokenizer or adapter change, and only then.

    A GGUF file is hashed by its content, a local folder by that of the files which `contents.decisive` names, and a
    hub name by the commit its revision points to, so that the same name with new weights is another model.
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

    Asked before any file is, so that a hub that does not answer is one error, or, where the cache has the model, asked
    no more in this process. Raises ModelError when neither the hub nor the cache has it.
    """
    from huggingface_hub import HfApi, constants, errors, try_to_load_from_cache

    failures: tuple[type[Exception], ...] = (vars(errors)["HTTPError"], errors.HFValidationError, OSError, ValueError)
    try:
        return str(HfApi().model_info(name, revision=revision).sha)
    except failures as error:
        for file in ("config.json", "adapter_config.json"):
            cached = try_to_load_from_cache(name, file, revision=revision) if name.count("/") <= 1 else None
            if isinstance(cached, str):
                if not isinstance(error, errors.HfHubHTTPError):  # nobody answered
                    constants.HF_HUB_OFFLINE = True  # else every file that is looked for is asked for six times
                return Path(cached).parent.name
        reason = reason_of(error)
        raise ModelError(
            f"{name!r} is neither a folder here nor to be had from the hub ({reason}). "
            "Give the path of a model folder, or check the name, the network and HF_TOKEN. Without a network, give a "
            f"folder that was fetched elsewhere (hf download {name} --local-dir FOLDER), or bring its cache (HF_HOME) "
            "and set HF_HUB_OFFLINE=1."
        ) from error


def revision_of(name: str, revision: str | None) -> str:
    """What to load: the very commit that was fingerprinted, not a branch that may have moved since."""
    return "main" if Path(name).is_dir() else hub_commit(name, revision)
