"""Loading a model for evaluation, by the program that its tasks want."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.models.backend import Backend
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import revision_of
from xling_bench.models.gguf_header import check_file
from xling_bench.models.prefix import natural_prefix
from xling_bench.models.pretrained import load_tokenizer, never_asks
from xling_bench.models.tokens import check_prefix, settle_pad
from xling_bench.results.naming import name_here


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


def check_chat_template(config: ModelConfig) -> None:
    """Raise UsageError where prompts are to go through a chat template that the model's tokenizer has not; loads the
    tokenizer then, and no weights."""
    if not config.chat_template:
        return
    if config.gguf:
        from xling_bench.models import gguf_model

        with gguf_model.opened(config.gguf) as file:
            tokenizer = gguf_model.load_tokenizer(file)
    else:
        revision = revision_of(config.name, config.revision)
        tokenizer = load_tokenizer(config.name, revision, trust_remote_code=config.trust_remote_code)
    if not getattr(tokenizer, "chat_template", None):
        raise UsageError(f"--chat-template: {name_here(config.name)}'s tokenizer has none; run it without")


def load(config: ModelConfig, program: str = "transformers") -> Backend:
    """The model, ready to score, held by `program` (`ModelConfig.program`).

    Raises ModelError with the loader's own reason.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return LOADERS[program](config)


def _transformers(config: ModelConfig) -> Backend:
    """lm-eval's `HFLM`, or the `SharedPrefixLM` that is one."""
    from xling_bench.models.hf_model import WholeModel
    from xling_bench.models.shared_prefix import SharedPrefixLM

    device = _device(config.device)
    own = config.engine("choose") == "shared-prefix"
    place: dict[str, Any] = {"gguf_file": config.gguf}
    if config.gguf is None:
        place = {"revision": revision_of(config.name, config.revision)}
    backend = partial(SharedPrefixLM, token_budget=config.token_budget) if own else WholeModel
    try:
        with never_asks(f"model {config.name}"), _watched_only():
            lm = backend(
                pretrained=config.name,
                **place,
                dtype="float32" if config.gguf and config.dtype == "auto" else config.dtype,
                softmax_dtype="float32",
                device=device,
                peft=config.peft,
                peft_revision=config.peft and revision_of(config.peft, None),
                batch_size=config.at_once("transformers"),
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
    lm.most_texts = config.batch_size
    check_prefix(lm, config.name)
    settle_pad(lm)
    _check_finite(lm, config)
    lm._rank, lm._world_size = 0, 1  # several processes share the work inside the model, lm-eval sees one
    return lm


@contextmanager
def _watched_only() -> Iterator[None]:
    """No bars of transformers' where nobody watches, also in a program that imported it before us (`core.chatter`)."""
    from transformers.utils import logging

    if sys.stderr.isatty() or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def _vllm(config: ModelConfig) -> Backend:
    from xling_bench.models.vllm_model import VLLMModel

    lm = VLLMModel(config)
    check_prefix(lm, config.name)
    return lm


# The transformers' first, where a run needs both: vLLM keeps what it has taken.
LOADERS: dict[str, Callable[[ModelConfig], Backend]] = {"transformers": _transformers, "vllm": _vllm}


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
