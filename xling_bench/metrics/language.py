"""Wrong-language rate: is an output in the language asked for? (Marchisio et al. 2024, section 3: line and word level.)

The paper's line-level pass rate asks whether every line is in the language, its word-level pass rate whether outputs
in other scripts are free of English words. Both are decided here per output: True, False, or None for undecidable
(digits, names, a few letters, too close a call), which no rate may count as either.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import regex

from xling_bench.metrics.langid import (
    ABSENT_FROM,
    DENSE,
    FORBIDDEN,
    MIN_LETTERS,
    RIGHT_FROM,
    WRONG_BELOW,
    Identifier,
    identifier,
    indistinguishable,
    language_requirements,
    language_signature,
    shares,
)

__all__ = [
    "Identifier",
    "identifier",
    "indistinguishable",
    "language_requirements",
    "language_signature",
    "line_pass",
    "right_language",
    "script_share",
    "weight",
    "word_pass",
]

SCRIPTS = {
    "Hans": ("Han", "Bopomofo"),
    "Hant": ("Han", "Bopomofo"),
    "Jpan": ("Han", "Hiragana", "Katakana"),
    "Kore": ("Hangul",),
}
LETTER = regex.compile(r"\p{L}")
KANA = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")
HAN = regex.compile(r"\p{Script=Han}")
DENSE_LETTER = regex.compile(r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]")
INVISIBLE = regex.compile(r"\p{Cf}")
PRINTABLE = regex.compile(r"[!-~]+")
ADDRESS = regex.compile(r"://|[A-Za-z0-9]@[A-Za-z0-9]|[a-z]\.(?:com|net|org|edu|gov)\b")
KANA_RIGHT, KANA_WRONG = 0.1, 0.2  # of Han and kana: Japanese from 0.1, Chinese no longer from 0.2
SHORTEST_WORD = 3  # of a script with case: `km`, `pH` and `e-` belong to every language


def line_pass(text: str, language: str) -> bool | None:
    """Whether every decidable line of `text` is in `language` (any registered code).

    A line is wrong where MIN_LETTERS or more letters of other scripts outnumber the language's own (a letter of
    Chinese, Japanese or Korean counts as three), or where its letters or lingua say so (see `langid`). It is right
    from one letter on where the script decides, from MIN_LETTERS on otherwise. Digits, punctuation and web addresses
    say nothing. Where no line is decidable the lines are taken as one. None: that is not either, or the language is
    unsupported. Chinese of either script is one language. A pass does not rule out `indistinguishable`.
    Raises UsageError for an unregistered language or where its library is not installed.
    """
    by = identifier(language)
    if by is None:
        return None
    language_requirements(language)
    lines = _clean(text).splitlines()
    found = {_line(line, by) for line in lines}
    if False in found:
        return False
    return True if True in found else _line(" ".join(lines), by)


def word_pass(text: str, language: str, allowed: str = "") -> bool | None:
    """Whether `text` has no word in a script foreign to `language`.

    Such a word is a run of letters outside the language's script: all lower case and of SHORTEST_WORD letters or more
    where the script has case (capitals mark names and acronyms), of two or more where it has none. Words of `allowed`
    (a source, context or reference; case ignored) and web addresses never count. None: the language is written in
    Latin letters or unsupported, or `text` has no letter of the language's script. Raises UsageError for an
    unregistered language.
    """
    by = identifier(language)
    if by is None or by.script == "Latn":
        return None
    letter, _, foreign = _patterns(by.script)
    text = _clean(text)
    if not letter.search(text):
        return None
    known = {word.casefold() for word in foreign.findall(_clean(allowed))}
    return not any(_is_word(word) and word.casefold() not in known for word in foreign.findall(text))


def right_language(text: str, language: str, allowed: str = "") -> bool | None:
    """The decision behind "score given right language": False where `line_pass` or `word_pass` fails, else `line_pass`.

    None is undecidable: such outputs are neither right nor wrong.
    """
    line = line_pass(text, language)
    return False if word_pass(text, language, allowed) is False else line


def script_share(text: str, script: str) -> float | None:
    """The share of `script` (ISO 15924) among the letters of `text`, 0 to 1; None where it has none."""
    letters = LETTER.findall(text)
    return len(_patterns(script).letter.findall(text)) / len(letters) if letters else None


def weight(text: str) -> int:
    """How much the letters of `text` say: one each, DENSE each for those of Chinese, Japanese and Korean."""
    return sum(DENSE if DENSE_LETTER.match(letter) else 1 for letter in text if letter.isalpha())


class _Patterns(NamedTuple):
    letter: regex.Pattern[str]  # of the script
    word: regex.Pattern[str]  # a run of the script's letters
    foreign: regex.Pattern[str]  # a run of letters of other scripts


@cache
def _patterns(script: str) -> _Patterns:
    own = "".join(rf"\p{{Script={name}}}" for name in SCRIPTS.get(script, (script,)))
    shared = r"\p{Script=Common}\p{Script=Inherited}"
    return _Patterns(
        regex.compile(rf"[\p{{L}}&&[{own}]]", regex.V1),
        regex.compile(rf"(?:[\p{{L}}&&[{own}]]\p{{M}}*+)+", regex.V1),
        regex.compile(rf"(?:[\p{{L}}--[{own}{shared}]]\p{{M}}*+)+", regex.V1),
    )


def _clean(text: str) -> str:
    """Composed (NFC), without web addresses and invisible joiners."""
    text = PRINTABLE.sub(lambda run: " " if ADDRESS.search(run[0]) else run[0], unicodedata.normalize("NFC", text))
    return INVISIBLE.sub("", text)


def _is_word(run: str) -> bool:
    letters = LETTER.findall(run)
    if any(letter.lower() != letter.upper() for letter in letters):
        return len(letters) >= SHORTEST_WORD and run.islower()
    return len(letters) > 1


def _line(line: str, by: Identifier) -> bool | None:
    letter, _, foreign = _patterns(by.script)
    others = weight("".join(foreign.findall(line)))
    letters = letter.findall(line)
    if others >= weight("".join(letters)):
        return False if others >= MIN_LETTERS else None
    if by.kind == "script":
        return _kana(line, by.script)
    if len(letters) < MIN_LETTERS:
        return None
    lowered = line.lower()
    if by.required and not any(letter in lowered for letter in by.required):
        return False if len(letters) >= ABSENT_FROM else None
    if sum(lowered.count(letter) for letter in by.lacked) >= FORBIDDEN:
        return False
    return True if by.kind == "letters" else _lingua(line, by)


def _kana(line: str, script: str) -> bool | None:
    """Japanese and Chinese share a script: kana tell them apart. True for every other script."""
    if script not in ("Jpan", "Hans", "Hant"):
        return True
    kana, han = len(KANA.findall(line)), len(HAN.findall(line))
    share = kana / max(1, kana + han)
    long_enough = DENSE * (kana + han) >= MIN_LETTERS
    if script == "Jpan":
        return True if share >= KANA_RIGHT else False if long_enough and not kana else None
    return True if not kana else False if long_enough and share >= KANA_WRONG else None


def _lingua(line: str, by: Identifier) -> bool | None:
    """Function words first, then lingua: right by all words of the line, wrong only if the uncapitalised say so too.

    Names look like any language's words: "Variations of Snow and Ice" in a German answer is no sign of English.
    """
    words = _patterns(by.script).word.findall(line)
    lowered = [word.lower() for word in words]
    leads = []  # of the language's own words over a relative's
    for own, rival in by.contrasts:
        counts = [sum(word in known for word in lowered) for known in (own, rival)]
        if counts[1] >= FORBIDDEN and counts[1] > counts[0]:
            return False
        leads.append(counts[0] - counts[1])
    belief = _belief(words, by)
    if belief >= RIGHT_FROM:
        return True if all(lead > 0 for lead in leads) else None
    if belief >= WRONG_BELOW:
        return None
    plain = [word for word in words if not word[0].isupper()]
    if len(plain) < len(words):
        if sum(len(LETTER.findall(word)) for word in plain) < MIN_LETTERS:
            return None
        belief = _belief(plain, by)
    return False if belief < WRONG_BELOW else None


def _belief(words: list[str], by: Identifier) -> float:
    """lingua's share for the language and those accepted for it; midway between the thresholds if it has no clue."""
    found = dict(shares(by.script, " ".join(words)))
    if not found:
        return (WRONG_BELOW + RIGHT_FROM) / 2
    return sum(found.get(key, 0.0) for key in by.accepted)
