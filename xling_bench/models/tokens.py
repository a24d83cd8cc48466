"""Special tokens of a model: looked at when it is loaded, for each use that a run makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xling_bench.core.errors import ModelError
from xling_bench.models.backend import Backend

# What a generation_config.json may hold without changing which token greedy decoding takes.
HARMLESS = {"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "transformers_version",
            "_from_model_config", "use_cache", "cache_implementation", "max_length"}  # fmt: skip


def check_prefix(lm: Backend, name: str) -> None:
    """Raise ModelError unless there is a token to condition an empty prompt on, and the model knows it."""
    if lm.prefix_token_id is None:
        raise ModelError(f"model {name}: its tokenizer has no bos or eos token; give one with --prefix-token ID.")
    if lm.prefix_token_id >= lm.rows:
        raise ModelError(f"--prefix-token {lm.prefix_token_id}: the model's vocabulary is smaller than that.")


def check_end(lm: Backend, name: str) -> None:
    """Raise ModelError unless the tokenizer names an end token that the model can write: where generation ends."""
    end, how = lm.tokenizer.eos_token_id, "or leave out the tasks that generate text"
    if end is None:
        known = [lm.tokenizer.convert_ids_to_tokens(token) for token in end_ids(lm.generation_config)]
        hint = f" (generation_config.json names {' and '.join(map(repr, known))})" if known else ""
        raise ModelError(
            f"model {name}: its tokenizer has no end token, so no generated text would end. Name it as eos_token in "
            f"tokenizer_config.json{hint}, {how}."
        )
    if end >= lm.rows:
        raise ModelError(
            f"model {name}: its end token {lm.tokenizer.eos_token!r} is number {end}, but it has {lm.rows} rows of "
            f"embeddings, so no generated text would end. Name another eos_token in tokenizer_config.json, {how}."
        )


def end_ids(generation_config: Mapping[str, object]) -> list[int]:
    """The end tokens that a generation_config.json names: none, one, or several."""
    own = generation_config.get("eos_token_id")
    return [own] if isinstance(own, int) else list(own) if isinstance(own, list) else []


def odd_joiner(tokenizer: Any, joiner: str) -> str:
    """What is odd about `joiner`, the text between demonstrations, for this model; empty if nothing is."""
    ids = tokenizer(joiner, add_special_tokens=False)["input_ids"]
    if joiner.isspace():
        return "" if ids else f"the tokenizer drops {joiner!r}: demonstrations are not separated"
    if joiner == "</s>" and not (len(ids) == 1 and ids[0] in tokenizer.all_special_ids):
        what = "an ordinary token" if len(ids) == 1 else f"{len(ids)} ordinary tokens"
        return f"the papers' joiner </s> is {what} for this model; few-shot runs may want --joiner auto (its end token)"
    return ""


def settle_pad(lm: Backend) -> None:
    """Let batches be padded with a token the model knows: which one changes nothing, for it is masked.

    lm-eval makes one up where the tokenizer has none, and people add one to the tokenizer alone.
    """
    tokenizer, begin = lm.tokenizer, lm.prefix_token_id
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= lm.rows and begin is not None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(begin)


def ignored_settings(lm: Backend) -> list[str]:
    """The names of what the model's generation_config.json asks for and greedy decoding does without."""
    asked = lm.generation_config.keys() - HARMLESS
    return sorted(name for name in asked if not name.startswith("output_"))
