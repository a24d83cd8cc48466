"""Text from outside (names, items, what files and libraries say), written so that it is shown and does nothing else.

    visible     several lines: items' texts, answers
    flat, line  one line: names, notes; `line` is also short
    terminal    what is printed; JSON stays JSON
    markdown, latex, xml, spreadsheet   what stands in such a file: its own marks are text there

The page's layout escapes HTML by itself, and is given `visible` and `line`.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from xling_bench.core.errors import UsageError

# C0 and C1 controls but tab and line feed; bidi embeddings, overrides and isolates, which can show text in another
# order than it is stored (marks such as U+200F, which Arabic and Hebrew need, stay); lone surrogates, non-characters,
# annotations and tags, which nobody sees.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# No text: a lone surrogate ("\\ud800" in JSON), which cannot be encoded; NUL and its like, which come from damage.
# Official files do hold U+0008, U+001D and C1 controls in places.
DAMAGE = re.compile("[\ud800-\udfff\0-\7\x0e-\x1b]")
# White space, and what Unicode calls ignorable or leaves empty: a text of nothing else shows nothing.
BLANK = re.compile(
    "[\\s\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]*"
)
LONGEST = 600
LONGEST_NAME = 80


def visible(text: object, most: int = LONGEST) -> str:
    """`text` with hidden characters written as `[U+202E]`, cut after `most` characters with the length it had.

    Raises UsageError when `most` is less than 1.
    """
    if most < 1:
        raise UsageError(f"at least one character must be shown, got {most}")
    whole = str(text)
    cut = HIDDEN.sub(lambda found: _code(found[0]), whole[:most])
    return cut if len(whole) <= most else f"{cut} … ({len(whole):,} characters)"


def flat(text: object) -> str:
    """`text` on one line, white space folded; whatever cannot be seen (format characters, too: of two names that look
    alike one would be taken for the other) is written as `[U+200B]`."""
    folded = " ".join(str(text).split())
    return folded if folded.isprintable() else "".join(c if c.isprintable() else _code(c) for c in folded)


def line(text: object, most: int = LONGEST_NAME) -> str:
    """`flat`; where it is longer than `most`, its beginning and end with a hash between them, so that two long names
    stay two."""
    folded = " ".join(str(text).split())
    if len(folded) > most:
        digest = sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:6]
        middle = f"…{digest}…" if most > 30 else "…"
        half = max(1, (most - len(middle)) // 2)
        folded = f"{folded[:half]}{middle}{folded[-half:]}"
    return flat(folded)


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: no character, or only white space and such as U+200B."""
    return BLANK.fullmatch(text) is not None


def hidden_in(text: str) -> str:
    """The first character of `text` that cannot be seen, as `U+200B`; empty where all can."""
    return next((f"U+{ord(c):04X}" for c in text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"), "")


def terminal(text: str) -> str:
    """The text with control characters and those that turn its direction as `\\u001b`: data and file names may hold
    sequences that a terminal obeys. Line breaks and tabs stay; JSON stays JSON."""
    return HIDDEN.sub(lambda found: json_escape(found[0]), text)


def json_escape(character: str) -> str:
    """`\\u001b`; two of them beyond U+FFFF, as in JSON."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


# What Markdown, or GitHub after it, acts on: ends of cells, code, HTML, entities, links, images, addresses, mentions,
# issues; emphasis, struck out and mathematics where a mark can open them (before a space it cannot). The rest stays
# readable in a terminal: `exact_unicode`, `12.3*`, `45.6 [40, 50]` and `<0.001` are only text.
_MARKS = re.compile(
    r"[|\\`]|<(?=[a-z/!?])|&(?=#?\w+;)|\](?=[(\[:])|@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)|:(?=//)|(?<=www)\."
    r"|(?<![^\W_])_+|_+(?![^\W_])|[*~$](?=\S)",
    re.IGNORECASE,
)
# What begins a heading, a quotation, a list or a line across the page, where a text begins a line.
_EMOJI = re.compile(r":(?=[a-z+-][\w+-]*:)", re.IGNORECASE)
_START = re.compile(r"(?:#{1,6}|[-+*>])(?=\s)|>|[-=*_]{2,}$|(?<=\d)[.)](?=\s)")


def markdown(text: object) -> str:
    """`flat` for a paragraph or cell of Markdown: no markup, link, image, emoji, mention or cell of its own."""
    shown = flat(text)
    number = re.match(r"\d{1,9}(?=[.)]\s)", shown)
    start = number.end() if number else 0
    begins = _START.match(shown, start)
    end = start if begins is None else begins.end()
    escaped, rest = "".join(map(_entity, shown[start:end])), _EMOJI.sub(":\u200b", shown[end:])
    return shown[:start] + escaped + _MARKS.sub(lambda found: "".join(map(_entity, found[0])), rest)


_COMMAND = re.compile(r"&#96;(xling-bench [\w .=-]+)&#96;")


def markdown_sentence(text: object) -> str:
    """`markdown` of a sentence of ours, in which commands (`xling-bench run`) stay code."""
    return _COMMAND.sub(r"`\1`", markdown(text))


def _entity(mark: str) -> str:
    # GitHub looks for mentions, issues and emoji after entities are resolved: a character of no width parts them.
    return f"&#{ord(mark)};" + "&#8203;" * (mark in "@#-")


_LATEX = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}",
          "<": r"\textless{}", ">": r"\textgreater{}", "\N{DAGGER}": r"\textdagger{}"}  # fmt: skip


def latex(text: object) -> str:
    """`flat` for a cell of a LaTeX table; one that begins with `[` or `*` is no argument of the row's end before it."""
    shown = "".join(_LATEX.get(c, "\\" + c if c in "&%$#_{}" else c) for c in flat(text))
    return "{}" * (shown[:1] in ("[", "*")) + shown


def xml(text: object) -> str:
    """Several lines without what XML cannot hold or what hides; the XML writer escapes the rest."""
    return HIDDEN.sub(lambda found: _code(found[0]), str(text))


# Where one begins: full-width and small marks and the sign of minus, too, and after what parts cells in many countries.
_FORMULA = re.compile(r"(^|;\s*)(?=[=+\-@＝＋－＠﹦﹢﹣﹫−])")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|inf)( \(\d+/\d+\))?\*?")  # with a note of ours


def spreadsheet(value: object) -> object:
    """A cell of a CSV file: text is `flat`, and after an apostrophe where a spreadsheet would take it for a formula.
    What is no text (a number) stays."""
    if not isinstance(value, str):
        return value
    shown = flat(value)
    return shown if len(shown) < 2 or _NUMBER.fullmatch(shown) else _FORMULA.sub(r"\1'", shown)


def number_of(number: int, what: str) -> str:
    """`1 result`, `2,000 results`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _code(character: str) -> str:
    return f"[U+{ord(character):04X}]"
