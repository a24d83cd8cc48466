"""Is the number that an answer ends in the right one? The project's rule, and those of lm-eval's MGSM tasks."""

from __future__ import annotations

import re
import string
import tomllib
import unicodedata
from decimal import Decimal
from functools import cache
from math import prod
from pathlib import Path

import regex

from xling_bench.metrics.metric import Answer, Expected, Metric

RULE = 3  # raise with every change to what `exact_number` decides
FACTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
SAID_BEFORE: dict[str, list[str]] = FACTS["said_before"]
LMEVAL_STRICT: dict[str, str] = FACTS["lmeval_strict"]
EVERYWHERE = (*SAID_BEFORE["en"], "####", "\\boxed{")  # GSM8K's own mark, and what models write in LaTeX

DIGIT = regex.compile(r"\p{Nd}")
NARROW = regex.compile(r"(?<=\p{Nd})[\u00a0\u2009\u202f](?=\p{Nd}{3}(?!\p{Nd}))")  # spaces that part thousands
LATEX = regex.compile(r"(?<=\p{Nd})(?:\\[,;:! ]|\{,\})(?=\p{Nd}{3}(?!\p{Nd}))")  # 1{,}200, 1\,200: thousands
MINUS = regex.compile(r"[\u2010\u2012\u2013\u2212]")
RAISED = regex.compile(r"[\u00b2\u00b3\u00b9\u2070-\u208e]")  # exponents, footnotes, indices: no digits of a number
FRACTION = regex.compile(r"(\p{Nd}) ?([\u00bc-\u00be\u2150-\u215e])|[\u00bc-\u00be\u2150-\u215e]")
SQUARED = regex.compile(r"(?<=[0-9] ?[cdkm]?m)\^?[23](?![0-9])")  # of 12 m2, also what NFKC makes of one sign
SCALES = {"万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8, "千": 10**3}
# A minus after a digit is an operation's: 10-3, 10 - 3. Before units (kilogram, kilometre, ...) 千 is "kilo".
SIGN = r"(?:(?<![\p{L}\p{Nd})\]])(?<![\p{Nd})\]]\s)-\p{Sc}?)?"
PLAIN, SCALE = r"[0-9]++(?:[.,'][0-9]++)*+", "(?:[万萬億亿]|千(?![克米瓦卡])){1,2}+"
NUMBER = regex.compile(
    rf"{SIGN}(?:(?:{PLAIN}{SCALE}){{1,4}}+(?:{PLAIN})?"
    r"|(?<![0-9][.,']?)[1-9][0-9]{0,2}(?: [0-9]{3})+(?:[.,][0-9]+)?(?![0-9]|[.,'][0-9])"
    rf"|{PLAIN}|(?<![\p{{L}}0-9.)\]])\.[0-9]+)"
)
SCALED = regex.compile(rf"({PLAIN})((?:{SCALE})?)")
ENDS = regex.compile(r"\n|[。！？።।]|[.!?](?=\s|$)")

LMEVAL_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")  # lm-eval's filter `flexible-extract`
LMEVAL_INVALID = "[invalid]"
UNPUNCTUATED = str.maketrans("", "", string.punctuation)


def answer_of(text: str, language: str) -> frozenset[Decimal]:
    """The values that the number of an answer in `language` (a key of the registry) may have; none without a number.

    It stands in the sentence after the last of the words that announce it (MGSM's "Die Antwort lautet", English's in
    every language, `####`, `\\boxed{`; in any case of letters): the number after its last `=`, or else its first. Where
    nothing announces it, or no number follows, it is the text's last number. See `values` for how it is read.
    Nothing is computed: 10² and 12 m² are 10 and 12; 1/2 and 2^10 are two numbers each. A letter before a number does
    not hinder it (Xhosa's ama5, Shona's ka3), so that the 2 of `x2` is one.
    """
    text = _plain(text)
    places = [match.end() for match in _cues(language).finditer(text)]
    if places:
        sentence = ENDS.split(text[places[-1] :].lstrip(), maxsplit=1)[0]
        if found := NUMBER.findall(sentence.rpartition("=")[2]) or NUMBER.findall(sentence):
            return values(found[0], first=True)
    found = NUMBER.findall(text)
    return values(found[-1]) if found else frozenset()


def values(number: str, *, first: bool = False) -> frozenset[Decimal]:
    """What a number in ASCII digits can mean: with a currency after its minus, `.`, `,`, `'` or spaces between digits,
    and 万, 億, 亿, 千 behind them: 1万2000 is 12000, 2千万 20000000 (三万, without digits, is no number).

    With both a point and a comma, the last one, if it stands once, is the decimal sign. Of one kind, several in front
    of groups of two or three digits part thousands; otherwise they part a list, whose last number counts. A single one
    is a decimal sign, and in front of three digits it may part thousands as well: 1.200 is 1200 in German and 1.2 in
    English, and a text of either language may hold either, so it is both. Spaces in front of three digits may part
    thousands or a list: 1 200 is 1200 and 200 (1 if `first`), 25 000 only 25000.
    """
    sign = -1 if number.startswith("-") else 1
    number = regex.sub(r"^\.", "0.", regex.sub(r"^-?\p{Sc}?", "", number))
    if " " in number:
        groups = number.split(" ")
        found = {sign * value for value in _plain_values("".join(groups))}
        if not any(group.startswith("0") for group in groups):
            found |= {sign * value for value in _plain_values(groups[0])} if first else _plain_values(groups[-1])
        return frozenset(found)
    sums = {Decimal(0)}
    for digits, scales in SCALED.findall(number):
        scale = prod(SCALES[character] for character in scales)
        sums = {total + scale * value for total in sums for value in _plain_values(digits)}
    return frozenset(sign * total for total in sums)


def _plain_values(number: str) -> frozenset[Decimal]:
    """`values` without sign, spaces and multipliers."""
    marks = [mark for mark in number if mark in ".,'"]
    if not marks:
        return frozenset({Decimal(number)})
    groups = re.split(r"[.,']", number)
    whole = Decimal("".join(groups))
    decimal = Decimal("".join(groups[:-1]) + "." + groups[-1])
    if len(set(marks)) > 1:
        return frozenset({decimal if marks.count(marks[-1]) == 1 else whole})
    if len(marks) > 1:
        grouped = len(groups[-1]) == 3 and all(len(group) in (2, 3) for group in groups[1:])
        return frozenset({whole if grouped else Decimal(groups[-1])})
    thousands = len(groups[1]) == 3 and len(groups[0]) <= 3 and groups[0] not in ("", "0")
    if marks[0] == "'":
        return frozenset({whole if thousands else Decimal(groups[-1])})
    return frozenset({decimal, whole} if thousands else {decimal})


@cache
def _cues(language: str) -> regex.Pattern[str]:
    cues = dict.fromkeys(map(_plain, (*SAID_BEFORE.get(language, ()), *EVERYWHERE)))
    return regex.compile("|".join(map(regex.escape, cues)), regex.IGNORECASE)


def _plain(text: str) -> str:
    """NFKC (full-width digits, ligatures), digits of all scripts as ASCII's, one minus, no hard space inside a number;
    or LaTeX's marks of thousands; 1½ as 1.5, and before NFKC, which makes 102 of 10², nothing raised or lowered."""
    text = FRACTION.sub(_decimal, RAISED.sub("", LATEX.sub("", NARROW.sub("", text))))
    text = MINUS.sub("-", unicodedata.normalize("NFKC", text))
    text = DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text).replace("٬", ",").replace("٫", ".")
    return SQUARED.sub("", text)


def _decimal(match: regex.Match[str]) -> str:
    """A vulgar fraction as a decimal one: `.5` behind a digit, else `0.5`."""
    part = str(unicodedata.numeric(match[2] or match[0]))
    return match[1] + part[1:] if match[1] else part


def _exact(answer: Answer) -> float:
    found = answer_of(answer.text, answer.language)
    return float(any(value in found for gold in answer.golds for value in values(_plain(gold))))


def lmeval_extract(text: str, expression: re.Pattern[str], place: int = 0) -> str:
    """What lm-eval 0.4.13's `regex` filter takes from a text: of the match at `place` the first group that is not
    empty, without outer space; `[invalid]` without a match."""
    found = expression.findall(text)
    if not found:
        return LMEVAL_INVALID
    match = found[place]
    groups = [match] if isinstance(match, str) else [group for group in match if group]
    return groups[0].strip() if groups else LMEVAL_INVALID


def lmeval_equal(text: str, gold: str) -> bool:
    """lm-eval's `exact_match` with `ignore_case` and `ignore_punctuation`: "1.5" is "15" to it."""
    return text.lower().translate(UNPUNCTUATED) == gold.lower().translate(UNPUNCTUATED)


def _lmeval(name: str, meaning: str, expression: str | None, *, place: int = 0) -> Metric:
    """A metric by one of lm-eval's filters; by language where `expression` is None."""

    def pattern(language: str) -> re.Pattern[str]:
        return re.compile(expression or LMEVAL_STRICT.get(language, LMEVAL_STRICT["en"]))

    def statistics(answer: Answer) -> float:
        said = lmeval_extract(answer.text, pattern(answer.language), place)
        return float(any(lmeval_equal(said, gold) for gold in answer.golds))

    def rule(expected: Expected) -> str:
        own = "" if expression else f"-{expected.language if expected.language in LMEVAL_STRICT else 'en'}"
        return f"lm-eval-0.4.13,{name.removeprefix('lmeval_')}{own}"

    return Metric(name, meaning, rule, statistics=statistics)


def _whole(answer: Answer) -> float:
    return float(any(lmeval_equal(answer.text, gold) for gold in answer.golds))


METRICS = (
    Metric("exact_number", "the number that the answer ends in equals the right one, by value",
           f"number,after-cue-or-last,rule={RULE}", statistics=_exact, label="exact number"),
    _lmeval("lmeval_flexible", "lm-eval's `flexible-extract`: the last number's digits equal the right one's",
            LMEVAL_FLEXIBLE.pattern, place=-1),
    _lmeval("lmeval_strict", "lm-eval's `strict-match` of mgsm_native_cot: the number after the language's own words",
            None),
    _lmeval("lmeval_strict_en", "lm-eval's `strict-match` of mgsm_en_cot and afrimgsm_cot: after \"The answer is\"",
            LMEVAL_STRICT["en"]),
    Metric("lmeval_remove_whitespace", "lm-eval's `remove_whitespace` of mgsm_direct: the whole output is the number",
           "lm-eval-0.4.13,remove_whitespace", statistics=_whole),
)  # fmt: skip
