"""What a training file says about its data. Unknown keys, languages and impossible combinations are errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeGuard

from pydantic import BeforeValidator, Field, field_validator, model_validator

from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DataError, XlingError
from xling_bench.core.reading import read_object, read_toml
from xling_bench.training.corpora.mix_config import MixConfig
from xling_bench.training.corpora.sources import (
    InstructionSource,
    PairSource,
    Probability,
    Texts,
    key_in,
    keys_of,
)
from xling_bench.training.corpora.templates import template
from xling_bench.training.corpora.texts import KINDS, Kind


def _is_cap(given: object) -> TypeGuard[int]:
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def _allocation(given: object) -> object:
    """One sentence for all that it may not be: of several types pydantic names each with its inside."""
    wanted = "a number of pairs, 0 or more"
    if isinstance(given, Mapping):
        if wrong := next((key for key, count in given.items() if not _is_cap(count)), None):
            raise ValueError(f"expected {wanted}, for {wrong}, got {given[wrong]!r:.60}")
        return given
    if given is None or isinstance(given, str | Path) or _is_cap(given):
        return given
    raise ValueError(f"expected {wanted}, a table of them by language, or a file of one, got {given!r:.60}")


class DataConfig(Strict):
    """The data of a training run.

    `pairs` and `instructions`: the files. `languages`: whose rows are used, by any code; files of other languages are
    not opened. `pivot`: the language that `pairing = "pivot"` pairs with each other one; "pairwise" pairs all.

    `p_src`: the probability that a response stays in its prompt's language. AFP's `cross_probability` is 1 - p_src, and
    its MIT baseline is p_src = 1. `reverse`: the probability that a pair, a translation or an instruction from pivot to
    X is turned; AFP's code has 0 for pairs from Bactrian-X and 0.5 for OPUS pairs and for instructions.

    `weights`: how often a language is drawn, relative to the others; empty means in proportion to rows, so that an
    epoch has each row once. In pivot pairing a pair weighs what its other language does, in pairwise pairing the
    product of both. `allocation`: pairs for each language but the pivot, {language: number}, or one number for all, or
    a TOML or JSON file of such a table (below the data folder): caps. Which rows fill one depends on the seed, and a
    larger cap keeps those of a smaller one.

    `translation`: pairs are translation tasks in the instruction stream, too. (AFP's paper does not say so; its code
    does it with OPUS-100. There a pair and its task share a training row; here the two streams are independent.) A
    source of pairs may say otherwise for itself, of `reverse` as well. `monolingual`: their sides that are not in the
    pivot (in pairwise pairing all sides) are texts of their own; the same.

    `texts` are learnt whole, as a response without a prompt (continued pre-training). `uses`: which of instructions,
    translations and texts the instruction stream has, of those that there are; so a method can leave out what data
    offer. `instructions_in`: "pivot" takes the pivot's instructions only, "others" all but the pivot's.

    `template`: what stands around instructions and translation tasks, a file of `training/templates/`.

    `mix`: texts are code-mixed, see `MixConfig`. `dictionaries`: {language: file}, below the data folder; one that is
    not named is looked for, as `represent` looks for it. `dictionaries_from`: what stands first in their lines, the
    pivot's words or the others'; where the other direction is needed, they are turned round.

    `decontaminate`: the benchmarks whose test splits are compared with training texts; None: all whose data are there,
    and it is an error if none are; (): no check. `dev_splits`: compare with demonstrations' splits, too. `overlap`:
    what to do about a training text found there. `ngram`: so many words in common are an overlap (`contamination`).
    """

    pairs: tuple[PairSource, ...] = ()
    instructions: tuple[InstructionSource, ...] = ()
    texts: tuple[Texts, ...] = ()
    languages: tuple[str, ...]
    pivot: str = "en"
    pairing: Literal["pivot", "pairwise"] = "pivot"
    p_src: Probability = 0.5
    reverse: Probability = 0.0
    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    allocation: Annotated[Path | int | dict[str, int] | None, BeforeValidator(_allocation)] = None
    translation: bool = False
    monolingual: bool = False
    uses: tuple[Kind, ...] = Field(default=KINDS, min_length=1)
    instructions_in: Literal["all", "pivot", "others"] = "all"
    template: str = "afp"
    mix: MixConfig | None = None
    dictionaries: dict[str, str] = Field(default_factory=dict)
    dictionaries_from: Literal["pivot", "others"] = "pivot"
    decontaminate: tuple[str, ...] | None = None
    dev_splits: bool = False
    overlap: Literal["refuse", "allow", "drop"] = "refuse"
    ngram: int = Field(default=13, ge=2)

    _registered = field_validator("weights", "dictionaries")(keys_of)

    @field_validator("languages")
    @classmethod
    def _languages(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        keys = [key_in(code) for code in codes]
        if twice := next((key for key in keys if keys.count(key) > 1), ""):
            raise ValueError(f"{twice!r} is named twice")
        return tuple(keys)

    @field_validator("pivot")
    @classmethod
    def _pivot(cls, code: str) -> str:
        return key_in(code)

    @field_validator("decontaminate")
    @classmethod
    def _benchmarks(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        try:
            return None if keys is None else tuple(get_benchmark(key).key for key in keys)
        except XlingError as error:
            raise ValueError(str(error)) from error

    @field_validator("template")
    @classmethod
    def _template(cls, name: str) -> str:
        try:
            template(name)
        except XlingError as error:
            raise ValueError(str(error)) from error
        return name

    @property
    def instruction_languages(self) -> tuple[str, ...]:
        """Whose instructions are used."""
        wanted = {"all": self.languages, "pivot": (self.pivot,)}.get(self.instructions_in)
        return tuple(key for key in self.languages if key != self.pivot) if wanted is None else wanted

    @property
    def mixed_languages(self) -> tuple[str, ...]:
        """The languages that `mix` is about, without the pivot."""
        if self.mix is None:
            return ()
        return tuple(self.mix.weights) or tuple(key for key in self.languages if key != self.pivot)

    def offers(self, kind: Kind) -> bool:
        """Whether the instruction stream is to have such rows, if the files hold some."""
        if kind not in self.uses:
            return False
        if kind == "instructions":
            return bool(self.instructions)
        if kind == "translations":
            return any(self.translation if each.translation is None else each.translation for each in self.pairs)
        mono = (self.monolingual if each.monolingual is None else each.monolingual for each in self.pairs)
        return bool(self.texts) or any(mono)

    @property
    def teaches(self) -> bool:
        """Whether there is anything for the instruction stream."""
        return any(self.offers(kind) for kind in KINDS)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.pairs and not self.instructions and not self.texts:
            raise ValueError("pairs, instructions: there is no data; name a source in one of them")
        for name, others in (("instructions", self.instructions), ("texts", self.texts)):
            own = [(each.reverse, each.translation, each.monolingual) for each in others]
            if any(setting is not None for settings in own for setting in settings):
                raise ValueError(
                    f"{name}: `reverse`, `translation` and `monolingual` are for `pairs`; set data.reverse"
                )
        if self.offers("instructions") and not template(self.template).tasks:
            raise ValueError(
                f"template: {self.template!r} is for translations only, and there are instructions; name another, or "
                'leave them out: uses = ["translations"]'
            )
        paired = bool(self.pairs) or (self.p_src < 1 and self.offers("instructions"))
        if self.instructions_in != "all" and self.p_src < 1 and self.offers("instructions"):
            raise ValueError(
                f"instructions_in: {self.instructions_in!r} leaves languages out that responses would cross to with "
                f"p_src = {self.p_src}; set p_src = 1"
            )
        if self.mix is not None and (not self.mixed_languages or self.pivot in self.mixed_languages):
            raise ValueError(f"mix: expected languages beside the pivot, {self.pivot}, to mix with; name them in "
                             "`languages`")  # fmt: skip
        if foreign := [key for key in self.mixed_languages if key not in self.languages]:
            raise ValueError(f"mix.weights: {foreign[0]!r} is not one of the languages {_list(self.languages)}")
        if self.translation and not self.pairs:
            raise ValueError("translation: there are no pairs to translate; name a source in `pairs`")
        if paired and len(self.languages) < 2:
            raise ValueError(f"languages: pairs need two or more, got {len(self.languages)}")
        if self.pairing == "pivot" and self.pivot not in self.languages and paired:
            raise ValueError(
                f"pivot: {self.pivot!r} is not one of the languages {', '.join(self.languages)}; "
                'add it, name another `pivot`, or set pairing = "pairwise"'
            )
        if self.weights and set(self.weights) != set(self.languages):
            raise ValueError(
                f"weights: expected one for each of {', '.join(self.languages)}; got {_list(self.weights)}"
            )
        if self.allocation is not None and (self.pairing != "pivot" or not self.pairs):
            raise ValueError('allocation: it counts pairs with the pivot; it needs `pairs` and pairing = "pivot"')
        for name, sources in (("pairs", self.pairs), ("instructions", self.instructions), ("texts", self.texts)):
            titles = [source.title for source in sources]
            if twice := next((title for title in titles if titles.count(title) > 1), ""):
                raise ValueError(f"{name}: two sources are called {twice!r}; give them different `name`s")
        return self


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


def caps(allocation: Path | int | dict[str, int], wanted: tuple[str, ...], root: Path) -> dict[str, int]:
    """Pairs for each language in `wanted` as `data.allocation` says. Raises DataError as `read_allocation`."""
    if isinstance(allocation, int):
        return dict.fromkeys(wanted, allocation)
    if isinstance(allocation, dict):
        try:
            return _capped(keys_of(allocation), wanted, "data.allocation")
        except ValueError as error:
            raise DataError(f"data.allocation: {error}.") from error
    return read_allocation(root / allocation, wanted)


def read_allocation(path: Path, wanted: tuple[str, ...]) -> dict[str, int]:
    """Pairs per language from a TOML or JSON file, one number for each language in `wanted`, others left out.

    Raises DataError for no such file, one of another shape, or a language without a number.
    """
    if not path.is_file():
        raise DataError(f"data.allocation: there is no file {path}.")
    try:
        counts = keys_of(read_object(path) if path.suffix == ".json" else read_toml(path, DataError))
    except ValueError as error:  # an unknown language
        raise DataError(f"{path}: {error}. Expected TOML or JSON with {{language: number of pairs}}.") from error
    return _capped(counts, wanted, str(path))


def _capped(counts: Mapping[str, object], wanted: tuple[str, ...], where: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for key in wanted:
        count = counts.get(key)
        if not _is_cap(count):
            said = "none" if count is None else repr(count)
            raise DataError(f"{where}: expected the number of pairs of {key}, 0 or more; got {said}")
        found[key] = count
    return found
