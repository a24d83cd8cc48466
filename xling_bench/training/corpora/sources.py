"""Where a training run's texts stand: the kinds of files that a configuration of data may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from xling_bench.core import languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import UsageError

T = TypeVar("T")
Probability = Annotated[float, Field(ge=0, le=1)]


def _paths(given: object) -> object:
    """One path for several; strict validation takes JSON's lists for tuples no more once we have looked at them."""
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


def _column(given: object) -> object:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise ValueError(f"expected a column by its number or its name in the header, got {given!r:.60}")
    return given


Column = Annotated[int | str, BeforeValidator(_column)]
Paths = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_paths)]


def keys_of(values: Mapping[str, T]) -> dict[str, T]:
    """The same under registry keys, whichever codes were used."""
    named: dict[str, T] = {}
    for code, value in values.items():
        key = key_in(code)
        if key in named:
            raise ValueError(f"{code!r} names {key!r} a second time")
        named[key] = value
    return named


def key_in(code: str) -> str:
    try:
        return languages.get(code).key
    except UsageError as error:
        raise ValueError(str(error)) from error  # pydantic says at which key


class _Source(Strict):
    """`name` begins the rows' ids (by default the first file's path). `limit` takes the first rows only: for each pair
    of languages, before any is dropped. `reverse`, `translation` and `monolingual`, of pairs only, override what
    `DataConfig` says.
    """

    name: str = ""
    limit: int | None = Field(default=None, ge=1)
    reverse: Probability | None = None
    translation: bool | None = None
    monolingual: bool | None = None


class _Files(_Source):
    """`files` gives the path for each language, below the data folder; `.gz` may be left out.

    Several paths are read as one file, in their order.
    """

    files: dict[str, Paths]

    _registered = field_validator("files")(keys_of)

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
    columns: dict[str, Column]
    header: bool = False
    score: Column | None = None
    least_score: float | None = Field(default=None, allow_inf_nan=False)

    _registered = field_validator("columns")(keys_of)

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


class Texts(_Files):
    """Documents of one language each, which nothing aligns: a line each, or a paragraph, which blank lines part.

    `limit` is for each language. A document of more than `longest` characters is cut, at white space where it has some,
    into pieces of at most so many, a row each.
    """

    kind: Literal["text"]
    document: Literal["line", "paragraph"] = "line"
    longest: int = Field(default=2000, ge=100)


PairSource = Annotated[Moses | Lines | Tsv | Alpaca | Bactrian, Field(discriminator="kind")]
InstructionSource = Annotated[Alpaca | Bactrian, Field(discriminator="kind")]
