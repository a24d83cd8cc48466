"""What transformers loads of a model before its weights; code that comes with it runs where the user said so, else is
refused by name. Nobody is ever asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xling_bench.core.errors import ModelError, reason_of

ALLOW = "Read it, and give --trust-remote-code if it may run here."


@contextmanager
def never_asks(what: str, allow: str = ALLOW) -> Iterator[None]:
    """Within it transformers refuses a model's own code instead of asking on the terminal whether it may run.

    Our loaders say `trust_remote_code` and are not asked: this is for what another library loads besides. Raises
    ModelError where `what` cannot be loaded without its code; `allow` says what to do then.
    """
    from transformers import dynamic_module_utils as loading

    usual, loading.TIME_OUT_REMOTE_CODE = loading.TIME_OUT_REMOTE_CODE, 0  # no time to answer: no question
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ModelError(f"{what} needs code of its own, which was not run. {allow}") from error
    finally:
        loading.TIME_OUT_REMOTE_CODE = usual


def load_tokenizer(name: str, revision: str | None, *, trust_remote_code: bool, allow: str = ALLOW) -> Any:
    """The tokenizer of a model folder or hub name. Raises ModelError when it cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        with never_asks(f"the tokenizer of {name}", allow):
            tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=trust_remote_code)
        tokenizer("a")  # some settings of a wrong kind are met only here
    except ModelError:
        raise
    except Exception as error:  # the tokenizer libraries raise bare Exception for a damaged file
        raise ModelError(f"{name}: the tokenizer cannot be loaded: {reason_of(error)}") from error
    return tokenizer


def load_config(name: str, revision: str | None, *, trust_remote_code: bool) -> Any:
    """The configuration of a model folder or hub name. Raises ModelError when it cannot be read."""
    from transformers import AutoConfig

    try:
        with never_asks(f"model {name}"):
            return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=trust_remote_code)
    except ModelError:
        raise
    except Exception as error:  # transformers raises a dozen unrelated types for an unusable folder or name
        raise ModelError(f"model {name}: its configuration cannot be read: {reason_of(error)}") from error


def check_class(name: str, revision: str | None, *, trust_remote_code: bool) -> None:
    """Raise ModelError unless there is a class to load the model by: transformers' or, where trusted, its own."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES as TWO_SIDED

    found = load_config(name, revision, trust_remote_code=trust_remote_code)
    loader = AutoModelForSeq2SeqLM if found.model_type in TWO_SIDED else AutoModelForCausalLM
    if type(found) in loader._model_mapping:
        return
    if loader.__name__ not in (getattr(found, "auto_map", None) or {}):
        raise ModelError(f"model {name}: {found.model_type!r} is no language model that transformers knows.")
    if not trust_remote_code:
        raise ModelError(f"model {name} needs code of its own, which was not run. {ALLOW}")
