"""What a training file says about its data. Unknown keys, languages and impossible combinations are errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from xling_bench.catalog.benchmark import get_benchmark
from xling_bench.core import languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DataError, UsageError, XlingError
from xling_bench.core.reading import read_object, read_toml

T = TypeVar("T")
Probability = Annotated[float, Field(ge=0, le=1)]


def _paths(given: object) -> object:
    """One path for several; strict validation takes JSON's lists for tuples no more once we have looked at them."""
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


Paths = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_paths)]


def _keys(values: Mapping[str, T]) -> dict[str, T]:
    """The same under registry keys, whichever codes were used."""
    named: dict[str, T] = {}
    for code, value in values.items():
        key = _key(code)
        if key in named:
            raise ValueError(f"{code!r} names {key!r} a second time")
        named[key] = value
    return named


def _key(code: str) -> str:
    try:
        return languages.get(code).key
    except UsageError as error:
        raise ValueError(str(error)) from error  # pydantic says at which key


class _Source(Strict):
    """`name` begins the rows' ids (by default the first file's path). `limit` takes the first rows only: for each pair
    of languages, before any is dropped. `reverse` and `translation`, of pairs only, override what `DataConfig` says.
    """

    name: str = ""
    limit: int | None = Field(default=None, ge=1)
    reverse: Probability | None = None
    translation: bool | None = None


class _Files(_Source):
    """`files` gives the path for each language, below the data folder; `.gz` may be left out.

    Several paths are read as one file, in their order.
    """

    files: dict[str, Paths]

    _registered = field_validator("files")(_keys)

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        if not self.files:
            raise ValueError("files: name at least one")
        return self

    @property
    def title(self) -> str:
        """What the source is called in ids and reports."""
        return self.name or next(iter(self.files.values()))[0]


class Moses(_Files):
    """Two files, aligned by line (OPUS-100, News-Commentary, Tatoeba, TICO-19)."""

    kind: Literal["moses"]

    @model_validator(mode="after")
    def _two(self) -> Self:
        if len(self.files) != 2:
            raise ValueError(f"files: a `moses` source has two languages, got {len(self.files)}; for more use `lines`")
        return self


class Lines(_Files):
    """A file for each language, all aligned by line, so that any two make pairs (NTREX)."""

    kind: Literal["lines"]


class Tsv(_Source):
    """One file with a row a line: `columns` gives each language's column, counted from 1 or named in the header.

    `score` is a column with a number that must reach `least_score` (WikiMatrix: the margin, in column 1). Cells are
    unquoted.
    """

    kind: Literal["tsv"]
    file: str
    columns: dict[str, int | str]
    header: bool = False
    score: int | str | None = None
    least_score: float | None = Field(default=None, allow_inf_nan=False)

    _registered = field_validator("columns")(_keys)

    @model_validator(mode="after")
    def _columns(self) -> Self:
        used = [*self.columns.values(), *([] if self.score is None else [self.score])]
        if len(self.columns) < 2 or len(set(used)) < len(used):
            raise ValueError("columns: name at least two languages, each in a column of its own")
        if any(isinstance(column, int) and column < 1 for column in used):
            raise ValueError("columns are counted from 1")
        if not self.header and any(isinstance(column, str) for column in used):
            raise ValueError("columns with names need `header = true`")
        if (self.score is None) != (self.least_score is None):
            raise ValueError("`score` and `least_score` belong together")
        return self

    @property
    def title(self) -> str:
        """What the source is called in ids and reports."""
        return self.name or self.file


class _Tasks(_Files):
    """As pairs, such a source gives the texts of `field`: AFP's code uses instructions, never inputs or outputs."""

    field: Literal["instruction", "input", "output"] = "instruction"


class Alpaca(_Tasks):
    """A JSON list of {instruction, input, output} for each language, aligned by row or by `id`."""

    kind: Literal["alpaca"]
    align: Literal["row", "id"] = "row"


class Bactrian(_Tasks):
    """Bactrian-X: for each language the rows {id, instruction, input, output}, aligned by id."""

    kind: Literal["bactrian"]


PairSource = Annotated[Moses | Lines | Tsv | Alpaca | Bactrian, Field(discriminator="kind")]
InstructionSource = Annotated[Alpaca | Bactrian, Field(discriminator="kind")]


class DataConfig(Strict):
    """The data of a training run.

    `pairs` and `instructions`: the files. `languages`: whose rows are used, by any code; files of other languages are
    not opened. `pivot`: the language that `pairing = "pivot"` pairs with each other one; "pairwise" pairs all.

    `p_src`: the probability that a response stays in its prompt's language. AFP's `cross_probability` is 1 - p_src, and
    its MIT baseline is p_src = 1. `reverse`: the probability that a pair, a translation or an instruction from pivot to
    X is turned; AFP's code has 0 for pairs from Bactrian-X and 0.5 for OPUS pairs and for instructions.

    `weights`: how often a language is drawn, relative to the others; empty means in proportion to rows, so that an
    epoch has each row once. In pivot pairing a pair weighs what its other language does, in pairwise pairing the
    product of both. `allocation`: a TOML or JSON file (below the data folder), {language: number of pairs}, a cap for
    each language but the pivot; which rows fill it depends on the seed, and a larger cap keeps those of a smaller one.

    `translation`: pairs are translation tasks in the instruction stream, too. (AFP's paper does not say so; its code
    does it with OPUS-100. There a pair and its task share a training row; here the two streams are independent.) A
    source of pairs may say otherwise for itself, of `reverse` as well.

    `decontaminate`: the benchmarks whose test splits are compared with training texts; None: all whose data are there,
    and it is an error if none are; (): no check. `dev_splits`: compare with demonstrations' splits, too. `overlap`:
    what to do about a training text found there. `ngram`: so many words in common are an overlap (`contamination`).
    """

    pairs: tuple[PairSource, ...] = ()
    instructions: tuple[InstructionSource, ...] = ()
    languages: tuple[str, ...]
    pivot: str = "en"
    pairing: Literal["pivot", "pairwise"] = "pivot"
    p_src: Probability = 0.5
    reverse: Probability = 0.0
    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    allocation: Path | None = None
    translation: bool = False
    decontaminate: tuple[str, ...] | None = None
    dev_splits: bool = False
    overlap: Literal["refuse", "allow", "drop"] = "refuse"
    ngram: int = Field(default=13, ge=2)

    _registered = field_validator("weights")(_keys)

    @field_validator("languages")
    @classmethod
    def _languages(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        keys = [_key(code) for code in codes]
        if twice := next((key for key in keys if keys.count(key) > 1), ""):
            raise ValueError(f"{twice!r} is named twice")
        return tuple(keys)

    @field_validator("pivot")
    @classmethod
    def _pivot(cls, code: str) -> str:
        return _key(code)

    @field_validator("decontaminate")
    @classmethod
    def _benchmarks(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        try:
            return None if keys is None else tuple(get_benchmark(key).key for key in keys)
        except XlingError as error:
            raise ValueError(str(error)) from error

    @property
    def translates(self) -> bool:
        """Whether some pairs are translation tasks."""
        return any(self.translation if source.translation is None else source.translation for source in self.pairs)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.pairs and not self.instructions:
            raise ValueError("pairs, instructions: there is no data; name a source in one of them")
        if any(source.reverse is not None or source.translation is not None for source in self.instructions):
            raise ValueError("instructions: `reverse` and `translation` are for `pairs`; set data.reverse")
        if self.translation and not self.pairs:
            raise ValueError("translation: there are no pairs to translate; name a source in `pairs`")
        if (self.pairs or self.p_src < 1) and len(self.languages) < 2:
            raise ValueError(f"languages: pairs need two or more, got {len(self.languages)}")
        if self.pairing == "pivot" and self.pivot not in self.languages and (self.pairs or self.p_src < 1):
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
        for name, sources in (("pairs", self.pairs), ("instructions", self.instructions)):
            titles = [source.title for source in sources]
            if twice := next((title for title in titles if titles.count(title) > 1), ""):
                raise ValueError(f"{name}: two sources are called {twice!r}; give them different `name`s")
        return self


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


def read_allocation(path: Path, wanted: tuple[str, ...]) -> dict[str, int]:
    """Pairs per language from a TOML or JSON file, one number for each language in `wanted`, others left out.

    Raises DataError for no such file, one of another shape, or a language without a number.
    """
    if not path.is_file():
        raise DataError(f"data.allocation: there is no file {path}.")
    try:
        counts = _keys(read_object(path) if path.suffix == ".json" else read_toml(path, DataError))
    except ValueError as error:  # an unknown language
        raise DataError(f"{path}: {error}. Expected TOML or JSON with {{language: number of pairs}}.") from error
    for key in wanted:
        count = counts.get(key)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            found = "none" if count is None else repr(count)
            raise DataError(f"{path}: expected the number of pairs of {key}, 0 or more; got {found}")
    return {key: counts[key] for key in wanted}
