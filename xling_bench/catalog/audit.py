"""Are prompts the same in every language? A form's skeleton in each, held against that of most: what is left of a
template when its words are taken as words.

Scores of languages compare only where the same is asked in the same shape: the same blanks in the same order, the same
lines, labels, headings, punctuation and white space, an instruction everywhere or nowhere. What words say is not read:
nobody sees here that a question asks for something else, or in another language of the same script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from xling_bench.catalog.declarations import in_script
from xling_bench.catalog.names import TaskSpec
from xling_bench.catalog.prompt import PLACEHOLDER, Form, section_words
from xling_bench.catalog.punctuation import ENDS, edges, has_ends, marks, repeated, stray, unseen
from xling_bench.core.languages import PIVOT, Language
from xling_bench.core.text import is_blank

TEXT, COLON, QUOTE = "text", ":", '"'
LATIN = "Latn"
PIECE = regex.compile(
    r"""(?P<lines>\n+) | (?P<mask>\[\p{Lu}+\]) | (?P<heading>\#+) | (?P<quote>["“”„«»‹›「」『』]+)
      | (?P<colon>[:：](?=\s*(?:\n|$)|\s*["“”„«»‹›「」『』])) | (?P<text>[\p{L}\p{M}\p{N}])""",
    regex.VERBOSE,
)
LETTER = regex.compile(r"[\p{L}\p{M}\p{N}]")
Skeleton = tuple[str, ...]
Shape = Mapping[str, object]  # by part of a form


class Difference(NamedTuple):
    """What is otherwise in one language than in most: a task, the file with its words, the part of its form."""

    task: str
    language: str
    file: str
    part: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.task} ({self.language}, {self.file}): {self.part} is otherwise than in most languages: "
            f"expected {self.expected}; found {self.found}"
        )


def audit(specs: Iterable[TaskSpec]) -> list[Difference | str]:
    """Every difference between the languages of each benchmark and prompt family among `specs`, and a line for a
    difference that is declared (`differs` of a form) but is not there. What most languages have is expected, of equally
    many what English has. A declared difference is none."""
    groups: dict[tuple[str, str], list[TaskSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.family.key, spec.benchmark.key), []).append(spec)
    found: list[Difference | str] = []
    for (family, benchmark), members in groups.items():
        declared = members[0].family.forms[benchmark].differs
        differences = _differences(members)
        found += [each for each in differences if each.language not in declared]
        here = {spec.language.key for spec in members}
        for language in declared.keys() & here - {each.language for each in differences}:
            declaration = f"templates/{family}/family.toml: forms.{benchmark}: differs.{language}"
            found.append(f"{declaration} is declared, but it is as most languages")
    return found


def _differences(specs: Sequence[TaskSpec]) -> list[Difference]:
    shapes = [{**shape(spec.form(), spec.language), **_words(spec)} for spec in specs]
    found = []
    for part in dict.fromkeys(name for one in shapes for name in one):
        there = [(spec, one[part]) for spec, one in zip(specs, shapes, strict=True) if part in one]
        counts = Counter(value for _, value in there)
        most = max(counts.values())
        english = next((value for spec, value in there if spec.language.key == PIVOT), None)
        usual = english if counts[english] == most else next(x for x, n in counts.items() if n == most)
        for spec, value in there:
            if value != usual:
                family = spec.family
                words = f"templates/{family.words_of or family.key}/{spec.language.key}.toml"
                file = words if family.forms[spec.benchmark.key].sections else f"templates/{family.key}/family.toml"
                found.append(
                    Difference(spec.name, spec.language.key, file, part, _said(usual), _said(value))
                )
    return found


def shape(form: Form, language: Language) -> Shape:
    """What is compared of a form, by part: with all languages, with those that part words by spaces (a word that
    touches a blank is one with it there), with those of another script than Latin (which words are in their own)."""
    templates: dict[str, str] = {}
    for name in ("prompt", "lettered", "candidate", "unconditional", "answer", "no_answer", "labels"):
        value = getattr(form, name)
        templates |= {f"{name} ({k})": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    shapes: dict[str, object] = {}
    for name, template in templates.items():
        shapes[f"markers of {name}"] = skeleton = skeleton_of(template)
        if not template:
            continue
        shapes[f"blanks of {name}"] = tuple(part for part in skeleton if part.startswith("{"))
        shapes[f"instruction of {name}"] = _instruction(skeleton)
        shapes[f"cue at the end of {name}"] = skeleton[-1:] in ((TEXT,), (COLON,))
        if language.spaces_between_sentences:
            shapes[f"words glued to blanks of {name}"] = _glued(template)
        if language.script != LATIN:
            shapes[f"words of {name} in another script"] = _foreign(template, language.script)
        shapes |= _punctuation(name, template, language)
    if language.spaces_between_sentences:
        shapes["separator"] = repr(form.separator)
    shapes |= {"separator's lines": form.separator.count("\n"), "number of stops": len(form.stop),
               "max_tokens": form.max_tokens, "labels": tuple(form.labels),
               "labels without a word": tuple(k for k, v in form.labels.items() if is_blank(v))}  # fmt: skip
    return shapes


def _punctuation(name: str, template: str, language: Language) -> Shape:
    """Punctuation between blanks, and the white space that nobody sees."""
    found = marks(template, language)
    shapes: dict[str, object] = {
        f"punctuation of {name}": tuple(mark for mark in found if mark not in ENDS),
        f"white space around {name}": edges(template),
        f"stray white space in {name}": stray(template),
        f"invisible characters in {name}": unseen(template),
        f"words three times in {name}": repeated(template),
    }
    if has_ends(language):
        shapes[f"sentences of {name}"] = tuple(mark for mark in found if mark in ENDS or mark.startswith("{"))
    return shapes


def _words(spec: TaskSpec) -> Shape:
    """The white space around each word of the language's file; a word that is a space, only where spaces part words."""
    family, language = spec.family, spec.language
    words = section_words(family, family.forms[spec.benchmark.key], spec.benchmark.key, language)
    return {
        f"white space around the word {name}": edges(word.text)
        for name, word in words.items()
        if word.text.strip() or language.spaces_between_sentences
    }


@lru_cache(maxsize=4096)  # English families ask the same in every language
def skeleton_of(template: str) -> Skeleton:
    """A template without its words: blanks by name, line breaks, headings, `[MASK]`, colons that end a label, quotation
    marks of any kind, and `text` for a run of words."""
    found: list[str] = []
    end = 0
    for match in PLACEHOLDER.finditer(template):
        found += [*_pieces(template[end : match.start()]), match[0]]
        end = match.end()
    return (*found, *_pieces(template[end:]))


def _pieces(text: str) -> list[str]:
    found: list[str] = []
    for match in PIECE.finditer(text):
        kind = match.lastgroup
        piece = {"text": TEXT, "colon": COLON, "quote": QUOTE}.get(kind or "", match[0].replace("\n", "\\n"))
        if not (piece == TEXT and found and found[-1] == TEXT):
            found.append(piece)
    return found


def _instruction(skeleton: Skeleton) -> bool:
    """Whether lines of words stand before the first line that has a blank: what a system's text would be."""
    line: list[str] = []
    for part in skeleton:
        if part.startswith("{"):
            return False
        if part.startswith("\\n") and TEXT in line:
            return True
        line = [] if part.startswith("\\n") else [*line, part]
    return False


def _glued(template: str) -> tuple[str, ...]:
    """The blanks that a letter stands next to."""
    return tuple(
        match[0]
        for match in PLACEHOLDER.finditer(template)
        if LETTER.fullmatch(template[match.start() - 1 : match.start()]) or LETTER.match(template, match.end())
    )


def _foreign(template: str, script: str) -> tuple[str, ...]:
    """Of each run of words between blanks, whether it is in the language's script."""
    parts = PLACEHOLDER.split(template)[::3]
    return tuple("own" if in_script(part, script) else "other" for part in parts if LETTER.search(part))


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "nothing"
    return {True: "one", False: "none"}.get(value, str(value)) if isinstance(value, bool) else str(value)
