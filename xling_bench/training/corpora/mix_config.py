"""What a configuration of data says about code-mixing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from xling_bench.core.declare import Strict
from xling_bench.training.corpora.sources import Probability, keys_of
from xling_bench.training.corpora.texts import KINDS, Kind


class MixConfig(Strict):
    """Words are replaced by their translations, each with probability `rate` if it is in the dictionary.

    `direction`: "from-pivot" mixes texts in the pivot with words of another language (COMMIT), "to-pivot" texts in the
    others with the pivot's words (its alignment beforehand). `uses`: which of instructions, translations and texts are
    mixed. `template`: the filled prompt is mixed, its template too (COMMIT's naive variant); False keeps the template.

    `weights`: how often a language is mixed into a row of the pivot, relative to the others; empty: all languages but
    the pivot alike. Languages that it does not name are not mixed with.

    `segment`: texts of languages without spaces are parted into words by the segmenter that ROUGE has for them (extra
    `rouge`), so that they can be mixed; False: by white space, as COMMIT's code does, which leaves nearly all as it is.
    """

    rate: Probability
    direction: Literal["from-pivot", "to-pivot"] = "from-pivot"
    uses: tuple[Kind, ...] = Field(default=KINDS, min_length=1)
    template: bool = False
    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    segment: bool = True

    _registered = field_validator("weights")(keys_of)
