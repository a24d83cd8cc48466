"""Punctuation and white space of prompts, told in signs that languages share: `?` is Arabic's ؟ and Greek's ; too.

What `audit` compares of them between languages: ends of sentences (so, how many there are), colons, brackets, list
marks, signs; white space around texts and where nobody sees it. Commas inside sentences are each language's own.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from xling_bench.catalog.prompt import PLACEHOLDER
from xling_bench.core.languages import Language
from xling_bench.core.text import hidden_in

STOP, ASK, EXCLAIM, COLON, SEMICOLON, OPEN, CLOSE, ITEM, COMMA = ".", "?", "!", ":", ";", "(", ")", "-", ","
ENDS = (STOP, ASK, EXCLAIM, COMMA)
GREEK = "Grek"  # asks with a semicolon
WITHOUT_ENDS = ("Thai", "Laoo")  # a sentence, and a part of one, ends in a space or in nothing
# One alternative each; the sign that stands for it in every language.
CLASSES = {
    ITEM: r"(?<=^|\n)[^\S\n]*(?:[-*+•‣·–—]|\p{N}+[.)、．])(?=\s)",
    STOP: r"[.。．｡।॥۔։።။។᱾…]+(?!\p{N})",
    ASK: r"[?？؟፧՞\u037e]",
    EXCLAIM: r"[!！՜]",
    COLON: r"[:：፦፥]",
    SEMICOLON: r"[;；؛፤]",
    OPEN: r"[(（\[［{｛【〔<＜](?!\p{Lu}+\])",
    CLOSE: r"(?<!\[\p{Lu}+)[)）\]］}｝】〕>＞]",
    COMMA: r"(?<=^\s*)[,，،、፣၊]|[,，،、፣၊](?=\s*$)",  # beside a blank; others are each language's own
}
MARK = regex.compile("|".join(f"({pattern})" for pattern in CLASSES.values()) + r"|([\p{S}*_/\\@&%])")
AGAIN = regex.compile(r"(?<![\p{L}\p{M}])([\p{L}\p{M}]{2,})(?:[\s\p{P}]+\1(?![\p{L}\p{M}])){2,}", regex.IGNORECASE)
STRAY = regex.compile(r"(?<=\S)[^\S\n]{2,}(?=\S)|[^\S\n]+(?=\n)|(?<=\n)[^\S\n]+")
SIGNS = tuple(CLASSES)


def marks(template: str, language: Language) -> tuple[str, ...]:
    """The punctuation of a template, with its blanks by name between; names of languages have none."""
    for name in (language.name, language.autonym):
        if "(" in name:
            template = template.replace(name, name.translate({ord("("): None, ord(")"): None}))
    return _marks_between(template, language.script == GREEK)


@lru_cache(maxsize=4096)
def _marks_between(template: str, greek: bool) -> tuple[str, ...]:
    found: list[str] = []
    end = 0
    for match in PLACEHOLDER.finditer(template):
        found += [*_marks(template[end : match.start()], greek), match[0]]
        end = match.end()
    return (*found, *_marks(template[end:], greek))


def _marks(text: str, greek: bool) -> list[str]:
    found = []
    for match in MARK.finditer(text):
        index = match.lastindex or 0
        sign = SIGNS[index - 1] if index <= len(SIGNS) else match[0]
        found.append(ASK if sign == SEMICOLON and greek else sign)
    return found


def has_ends(language: Language) -> bool:
    """Whether the language marks where a sentence or a part of one ends."""
    return language.script not in WITHOUT_ENDS


@lru_cache(maxsize=4096)
def repeated(template: str) -> int:
    """How many words stand three times in a row, or more often (twice, many languages double words)."""
    return sum(len(AGAIN.findall(text)) for text in PLACEHOLDER.split(template)[::3])


def edges(text: str) -> str:
    """The white space before and after a text, as `' '...''`; of one that is nothing else, all of it before."""
    bare = text.lstrip()
    return f"{text[: len(text) - len(bare)]!r}...{bare[len(bare.rstrip()) :]!r}"


@lru_cache(maxsize=4096)
def unseen(text: str) -> str:
    """The first invisible character as `U+200B`; the joiners that Indic and Arabic scripts need are none."""
    return hidden_in(text.translate(dict.fromkeys(map(ord, "\n\u200c\u200d"))))


@lru_cache(maxsize=4096)
def stray(template: str) -> int:
    """How many runs of white space are where nobody sees them: doubled, at the end or at the beginning of a line."""
    return len(STRAY.findall(template))
