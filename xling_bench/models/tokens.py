"""Special tokens of a model: looked at when it is loaded, for each use that a run makes of them."""

from __future__ import annotations

from typing import Any

from xling_bench.core.errors import ModelError

# What a generation_config.json may hold without changing which token greedy decoding takes.
HARMLESS = {"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "transformers_version",
            "_from_model_config", "use_cache", "cache_implementation", "max_length"}  # fmt: skip


def check_prefix(lm: Any, name: str) -> None:
    """Raise ModelError unless there is a token to condition an empty prompt on, and the model knows it."""
    if lm.prefix_token_id is None:
        raise ModelError(f"model {name}: its tokenizer has no bos or eos token; give one with --prefix-token ID.")
    if lm.prefix_token_id >= rows_of(lm):
        raise ModelError(f"--prefix-token {lm.prefix_token_id}: the model's vocabulary is smaller than that.")


def check_end(lm: Any, name: str) -> None:
    """Raise ModelError unless the tokenizer names an end token that the model can write: where generation ends."""
    end, how = lm.tokenizer.eos_token_id, "or leave out the tasks that generate text"
    if end is None:
        own = lm.model.generation_config.eos_token_id if lm.model.generation_config is not None else None
        ids = [own] if isinstance(own, int) else list(own or [])
        known = [lm.tokenizer.convert_ids_to_tokens(token) for token in ids]
        hint = f" (generation_config.json names {' and '.join(map(repr, known))})" if known else ""
        raise ModelError(
            f"model {name}: its tokenizer has no end token, so no generated text would end. Name it as eos_token in "
            f"tokenizer_config.json{hint}, {how}."
        )
    if end >= rows_of(lm):
        raise ModelError(
            f"model {name}: its end token {lm.tokenizer.eos_token!r} is number {end}, but it has {rows_of(lm)} rows of "
            f"embeddings, so no generated text would end. Name another eos_token in tokenizer_config.json, {how}."
        )


def odd_joiner(tokenizer: Any, joiner: str) -> str:
    """What is odd about `joiner`, the text between demonstrations, for this model; empty if nothing is."""
    ids = tokenizer(joiner, add_special_tokens=False)["input_ids"]
    if joiner.isspace():
        return "" if ids else f"the tokenizer drops {joiner!r}: demonstrations are not separated"
    if joiner == "</s>" and not (len(ids) == 1 and ids[0] in tokenizer.all_special_ids):
        what = "an ordinary token" if len(ids) == 1 else f"{len(ids)} ordinary tokens"
        return f"the papers' joiner </s> is {what} for this model; few-shot runs may want --joiner auto (its end token)"
    return ""


def settle_pad(lm: Any) -> None:
    """Let batches be padded with a token the model knows: which one changes nothing, for it is masked.

    lm-eval makes one up where the tokenizer has none, and people add one to the tokenizer alone.
    """
    tokenizer, begin = lm.tokenizer, lm.prefix_token_id
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows_of(lm) and begin is not None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(begin)


def rows_of(lm: Any) -> int:
    """How many tokens the model has an embedding for."""
    return int(lm.model.get_input_embeddings().num_embeddings)


def ignored_settings(lm: Any) -> list[str]:
    """The names of what the model's generation_config.json asks for and greedy decoding does without."""
    asked = lm.model.generation_config.to_diff_dict().keys() - HARMLESS
    return sorted(name for name in asked if not name.startswith("output_"))
