"""What a run's data were, as run.json keeps it: plain data, whose keys are in the order in which they are written."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Dropped = dict[str, int]  # why rows were left out, and how many
By = Literal["exact", "ngram"]  # how a training text is an evaluation text


class PairRows(TypedDict):
    """What became of the rows of one pair of languages: read = kept + all dropped."""

    read: int
    kept: int
    dropped: Dropped


class Unmatched(TypedDict):
    """Ids that only one of two languages has: how many, and the first of them."""

    count: int
    first: list[str]


class SourceReport(TypedDict):
    """One source of pairs (`rows`, by pair of languages), of instructions (`kept` and without a partner, by language)
    or of texts (`kept`). `dropped_in_reading` is by reason, or by language and reason; `foreign_script` the share of
    letters that are of the language's script, where it is low; `hash` of the kept rows before overlaps and allocation
    take theirs.
    """

    source: str
    kind: str
    files: dict[str, list[str]]
    hash: str
    rows: NotRequired[dict[str, PairRows]]
    kept: NotRequired[dict[str, int]]
    dropped_in_reading: Dropped | dict[str, Dropped]
    dropped_without_partner: NotRequired[dict[str, int]]
    foreign_script: dict[str, float]
    unmatched_ids: dict[str, Unmatched]


class OverlapExample(TypedDict):
    """A training row that is an evaluation item, and the beginning of the text they share."""

    training: str
    evaluation: str
    how: By
    text: str


class OverlapCount(TypedDict):
    """Different training texts that overlap with one language of a benchmark, by how (exact where it is so in any
    split) and by the item's split, with the first of them. A text of items of several splits counts in each."""

    exact: int
    ngram: int
    splits: dict[str, int]
    examples: list[OverlapExample]


class Compared(TypedDict):
    """Evaluation texts that training texts are compared with: {benchmark: {"language split": rows}}, and what of them
    is not there."""

    checked: dict[str, dict[str, int]]
    missing: dict[str, list[str]]


class Settled(TypedDict):
    """What was done about overlaps, and which there are: {benchmark: {language: count}}."""

    policy: str
    ngram: int
    rows: dict[str, int]
    found: dict[str, dict[str, OverlapCount]]


class OverlapReport(Compared):
    """Both. Where nothing is compared (`policy` is `unchecked`) there is nothing settled."""

    policy: str
    ngram: NotRequired[int]
    rows: NotRequired[dict[str, int]]
    found: NotRequired[dict[str, dict[str, OverlapCount]]]


class Allocated(TypedDict):
    """Pairs of a language with the pivot: how many may be taken, are there, and are taken."""

    cap: int
    there: int
    taken: int


class Allocation(TypedDict, total=False):
    """Of a configuration with an allocation: what became of it, by language."""

    allocation: dict[str, Allocated]


class MixedLanguage(TypedDict):
    """One language's dictionary, and what becomes of words in the draws that were looked at.

    `entries` words with `pairs` translations, `same` of them by themselves; `segmenter`: what parts texts into words.
    Of `words` words, `known` are in it, `replaced` are drawn to be replaced, `changed` by another word.
    """

    file: str
    hash: str
    entries: int
    pairs: int
    same: int
    segmenter: str
    words: int
    known: int
    replaced: int
    changed: int


class Mixing(TypedDict):
    """Code-mixing at `rate`, as the first `draws` of the first epoch have it."""

    rate: float
    draws: int
    languages: dict[str, MixedLanguage]


class Links(TypedDict):
    """One language's dictionary, and how many words of the first pairs of that language it links."""

    file: str
    hash: str
    pairs: int
    links: int


class Lost(TypedDict):
    """Rows that the model cannot learn from, for one reason: how many, and where the first stand."""

    count: int
    first: list[str]


class LanguageRows(TypedDict):
    """Rows of one language that are in the streams."""

    pairs: int
    instructions: int
    texts: int


class DataReport(Allocation):
    """Everything that is known of the data of a run. `template`: what `data.template` names, with its strings."""

    seed: int
    config: dict[str, object]
    template: dict[str, object]
    pairs: list[SourceReport]
    instructions: list[SourceReport]
    texts: list[SourceReport]
    mixing: Mixing | None
    links: dict[str, Links]
    overlaps: OverlapReport
    unlearnable: dict[str, dict[str, Lost]]
    languages: dict[str, LanguageRows]
