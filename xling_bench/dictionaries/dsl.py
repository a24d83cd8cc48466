r"""Dictionaries in Lingvo's DSL, plain or packed (.dsl, .dsl.dz, .dsl.gz), such as Wiktionary's.

A headword begins at a line's start; lines below it that begin with white space are its entry:

    flower
        [b][c darkblue]~[/c][/b] [p]<n>[/p] [i](reproductive structure)[/i]
        [m1]bloem [p]<f>[/p] [c gray]/blum/[/c], bloesem \[poetic\][/m]

Translations stand in [m1], [trn] and the like, parted by commas. What is said about them, in brackets, between slashes
or set off by mark-up, is left out: flower is bloem, bloesem.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from xling_bench.core.errors import DataError
from xling_bench.core.reading import read_bytes, unpack
from xling_bench.dictionaries.seen import check_seen

STARTS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"#\0": "utf-16-le", b"\0#": "utf-16-be"}
_TRANSLATIONS = re.compile(r"\[(?:m\d?|trn)\]")
_ABOUT = re.compile(
    r"\[(p|c|i|com|s|t|lang|ref|url)\b[^\]]*\].*?\[/\1\]"  # set off by mark-up
    r"|\{\{.*?\}\}|<<.*?>>|\\\[.*?\\\]|\{.*?\}|\([^()]*\)"
    r"|(?<!\S)/\S.*?/(?=[\s,;]|\[|$)"  # a transcription
)
_TAG = re.compile(r"(?<!\\)\[/?[^\]]*\]")
_REST = re.compile(r"[/\\\[\]()|\"=<>]")  # a transcription, a remark, two words in one: no translation by itself
_PARTS = re.compile(r"[,;、，；]")


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The file's pairs of a headword and a translation, in its order. Raises DataError for a file without any, and for
    control characters."""
    heads: list[str] = []
    entry, count = False, 0
    for number, line in enumerate(_text(path).replace("\r\n", "\n").split("\n"), 1):
        check_seen(line, f"{path}, line {number}")
        if not line.strip() or line.startswith("#"):
            continue
        if not line[0].isspace():
            heads = [line] if entry else [*heads, line]  # headwords above one another share the entry below
            entry = False
            continue
        entry = True
        if not _TRANSLATIONS.search(line):
            continue
        for translation in _translations(line):
            for head in heads:
                if word := _words(head):
                    count += 1
                    yield word, translation
    if not count:
        raise DataError(f"{path}: expected DSL entries with translations in [m1]...[/m] or [trn]...[/trn], got none.")


def _text(path: Path) -> str:
    """UTF-16, as Lingvo writes it, with a byte-order mark or without (the first character, #, is ASCII), or UTF-8."""
    raw = read_bytes(path) if path.suffix == ".dsl" else unpack(path)
    code = next((code for start, code in STARTS.items() if raw.startswith(start)), "utf-8-sig")
    try:
        return raw.decode(code)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not valid {code.upper()} ({error.reason} at byte {error.start})") from error


def _translations(line: str) -> Iterator[str]:
    before = ""
    while before != line:  # brackets within brackets, from the inside
        before, line = line, _ABOUT.sub(" ", line)
    for part in _PARTS.split(_TAG.sub(" ", line)):
        word = _words(part)
        if word and not _REST.search(word):
            yield word


def _words(text: str) -> str:
    """Without escapes, unsorted parts ({to }go) and what is left of a remark."""
    plain = re.sub(r"\\(.)", r"\1", re.sub(r"\{.*?\}", "", text))
    return " ".join(plain.split()).strip(" :→")
