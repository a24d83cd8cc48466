"""What a run needs of the program that holds its model. Nothing outside this room knows which program that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypedDict

from xling_bench.models.config import Provenance

Prompt = tuple[str, Mapping[str, object]]  # a context, and lm-eval's settings of the text that goes on from it
Ranked = list[tuple[float, bool]]  # log-likelihood, and whether every token was the likeliest


class Circumstances(TypedDict):
    """What a text's last bit depends on besides the unit's facts: batches, device and libraries."""

    batch_size: int
    batch_tokens: int | None
    device: str
    libraries: dict[str, str]


class Backend(Protocol):
    """A loaded model that ranks and generates, as lm-eval's `LM` and for our runner.

    `called` is lm-eval's name of the program, `team` the processes that share its work (`scoring.parallel`; or None),
    `notes` say what is odd about the model, `truncated` are lm-eval's numbers of the documents that lost their
    beginning since `start_afresh`, `generation_config` is what the model's file of that name asks for, `rows` how
    many tokens have an embedding.
    """

    called: str
    team: Any
    tokenizer: Any
    notes: tuple[str, ...]
    truncated: set[int]

    @property
    def dtype(self) -> str:
        """Of the weights, as torch calls it."""

    @property
    def rows(self) -> int: ...

    @property
    def max_length(self) -> int:
        """Tokens of prompt and answer together."""

    @property
    def prefix_token_id(self) -> int | None:
        """What an empty prompt is conditioned on."""

    @property
    def generation_config(self) -> Mapping[str, object]: ...

    @property
    def batch_limits(self) -> tuple[int, int | None]:
        """How many texts are generated at once, and how many tokens of theirs, if these count."""

    @property
    def token_budget(self) -> int | None:
        """Tokens scored at once, where the program computes by tokens."""

    def use_token_budget(self, tokens: int) -> None:
        """Score so many at once from now on."""

    def start_afresh(self) -> None:
        """Forget what was found out, so that a unit's result does not depend on the units before it."""

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> Ranked:
        """Of each request's continuation. Raises DataError for one that does not fit the model."""

    def texts(self, batch: Sequence[Prompt], tick: Callable[[int], object] = ...) -> list[str]:
        """One greedy text for each prompt, cut at its stop strings, without special tokens; `tick` hears of each."""

    def tok_encode(self, string: str) -> list[int]:
        """The tokens of a prompt."""

    def check_known(self, *parts: list[int]) -> None:
        """Raise ModelError for a token without an embedding."""

    def provenance(self) -> Provenance:
        """How log-likelihoods are computed, for the results file."""

    def circumstances(self) -> Circumstances:
        """Those of this model, here."""

    def close(self) -> None:
        """Give back the memory that the model takes."""
