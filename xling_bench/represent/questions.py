"""Which words a model is asked to translate, to see what it thinks of meanwhile (`latent.py`), and how."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xling_bench.core import languages
from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.text import number_of
from xling_bench.core.unit import Unit
from xling_bench.dictionaries import Dictionary
from xling_bench.represent.corpus import text_hash
from xling_bench.represent.words import is_word

WORDS = 100  # a pair, if not said otherwise; Wendler et al. have 104 to 139
SHOTS, SEED = 4, 0
SIDES = ("english", "target", "source")  # whose tokens are counted: the last axis of what a lens reads


@dataclass(frozen=True)
class Question:
    """A word to be translated: the prompt's is `source`; `english` and `targets`, all translations known, go on."""

    source: str
    english: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Questions:
    """Those of one pair, the same for every model. `left_out` says how many words were passed over until enough were
    found, and why."""

    pair: Unit
    asked: tuple[Question, ...]
    left_out: Mapping[str, int]

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """A prompt a question, up to the quotation mark after which the answer goes on. The four examples are other
        questions, drawn anew for each, as Wendler et al. draw them, with a seed of its own."""
        names = [languages.get(key).autonym for key in (self.pair.source, self.pair.target)]
        prompts = []
        for number, question in enumerate(self.asked):
            others = [other for other in self.asked if other is not question]
            drawn = np.random.default_rng([SEED, number]).choice(len(others), SHOTS, replace=False)
            lines = [f'{names[0]}: "{others[at].source}" - {names[1]}: "{others[at].targets[0]}"\n' for at in drawn]
            prompts.append("".join(lines) + f'{names[0]}: "{question.source}" - {names[1]}: "')
        return tuple(prompts)

    @property
    def answers(self) -> list[tuple[tuple[str, ...], ...]]:
        """For each question the words of each of `SIDES`."""
        return [((question.english,), question.targets, (question.source,)) for question in self.asked]

    @property
    def hash(self) -> str:
        """Sixteen hex digits over prompts and answers."""
        answers = (word for question in self.answers for side in question for word in (*side, ""))
        return text_hash([*self.prompts, *answers])

    @property
    def note(self) -> str:
        """What was asked, and what was not."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        return f"latent {self.pair}: {number_of(len(self.asked), 'word')}; passed over: {reasons or 'none'}"


def check_pairs(words: Sequence[str]) -> tuple[Unit, ...]:
    """`de-zh` and the like as pairs of keys, each once. Raises UsageError for what is no pair of two registered
    languages, or one with English, which is what is looked for."""
    found = []
    for word in words:
        source, _, target = word.partition("-")
        if not source or not target:
            raise UsageError(f"--latent {word!r}: expected a source and a target language, such as de-zh.")
        pair = Unit.of(languages.get(source).key, languages.get(target).key)
        if "en" in pair.languages:
            raise UsageError(f"--latent {word}: English is what is looked for between the two; name other languages.")
        found.append(pair)
    return tuple(dict.fromkeys(found))


def check_count(number: int) -> int:
    """How many words a pair. Raises UsageError for fewer than the examples and one more."""
    if number <= SHOTS:
        raise UsageError(f"--latent-words {number}: expected {SHOTS + 1} or more, {SHOTS} of them being examples")
    return number


def choose(pair: Unit, ours: Dictionary, theirs: Dictionary, most: int) -> Questions:
    """The first `most` words that can be asked, in the order of `ours`, the source language's dictionary; `theirs` is
    the target's.

    A source word stands for its English word if it is the one translation of that and translates no other, and both are
    words in their own script. With source and target the same it is the task of repeating a word. No two of source,
    English and target words begin with the same letter: a token of one letter, or byte, would count for both, and
    copying the source would count as English. This leaves the same words for all tokenizers. Raises DataError where
    fewer than five are left.
    """
    meanings = defaultdict(list)
    for english, translations in ours.items():
        for word in translations:
            meanings[word].append(english)
    found: list[Question] = []
    left_out: Counter[str] = Counter()
    for english, known in ours.items():
        made = _question(pair, english, known, theirs.get(english, ()), meanings)
        if isinstance(made, Question):
            found.append(made)
        else:
            left_out[made] += 1
        if len(found) == most:
            break
    questions = Questions(pair, tuple(found), dict(sorted(left_out.items())))
    if len(found) <= SHOTS:
        raise DataError(f"--latent {pair}: the dictionaries leave {number_of(len(found), 'word')}, expected "
                        f"{SHOTS + 1} or more ({questions.note})")  # fmt: skip
    return questions


def _question(pair: Unit, english: str, known: Sequence[str], translations: Sequence[str],
              meanings: Mapping[str, list[str]]) -> Question | str:  # fmt: skip
    """The question, or why there is none."""
    if not translations:
        return "without a translation"
    source = known[0]
    if not is_word(english, "en") or not is_word(source, pair.source):
        return "not one word in its script"
    if len(known) > 1 or len(meanings[source]) > 1:
        return "of several meanings"
    targets = tuple(word for word in translations if is_word(word, pair.target))
    if not targets:
        return "not one word in its script"
    first, last = english[0].casefold(), {word[0].casefold() for word in targets}
    begins = source[0].casefold()
    if first == begins or first in last or (begins in last and pair.source != pair.target):
        return "beginning alike"
    return Question(source, english, targets)
