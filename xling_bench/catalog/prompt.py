"""Prompt families: `templates/<family>/family.toml` plus one words file per language, resolved into forms.

A form is what one benchmark looks like in one language. Placeholders are `{field}` for the row's fields (and
`{label}` / `{choice}` for the candidate being scored) and `{w.word}` for a word of the language's file. Replacement
is plain text: no attribute access, no expressions, so neither a template nor a data row can run anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from xling_bench.catalog.benchmark import Benchmark
from xling_bench.core import content, languages
from xling_bench.core.declare import Strict
from xling_bench.core.errors import DeclarationError, UsageError, did_you_mean
from xling_bench.core.languages import Language
from xling_bench.core.reading import read_toml

PLACEHOLDER = re.compile(r"\{(w\.)?([a-z_0-9]+)\}")
SPACE_BETWEEN_FIELDS = re.compile(r"(?<=\}) +(?=\{)")


class Wording(Strict):
    """One string in one language, and where it comes from.

    `source`: `paper` (printed in a paper or its released code, named by `where`), `native` (written by a speaker) or
    `machine` (translated by a program). `reviewed_by` names the speaker who checked it; empty means nobody has.
    `script` (ISO 15924) is given only where the benchmark writes the language in another script than the registry's.
    """

    text: str
    source: Literal["paper", "native", "machine"]
    reviewed_by: str = ""
    where: str = ""
    script: str = ""


class FormDeclaration(Strict):
    """One benchmark's form before a language's words are put in.

    `choose`: every candidate is the whole text scored (sum of token log-probabilities), after `prompt` and `separator`,
    which are context only. `by` names a row field that picks one of several `prompt`s or `candidate`s (XCOPA: cause or
    effect). `lettered` is a line of the list of candidates, `{letter}. {choice}`: the lines stand at `{lettered}` in
    the prompt, and the candidates scored may be their letters, `{letter}`. `unconditional` is the prompt that says
    nothing of the item, by which PMI measures how likely a candidate is anyway; empty where there is no such prompt.
    `stripped` names the fields of the row that lose the white space around them.
    `generate`: the model continues `prompt`; a demonstration is prompt + `separator` + `answer`.
    `words` names the sections of the language files; `chosen` says why, where no paper gives the prompt;
    `differs`, by language, why it is otherwise there than in most (`tasks audit`).
    """

    kind: Literal["choose", "generate"]
    words: str | tuple[str, ...] = ""
    prompt: str | dict[str, str] = ""
    lettered: str = ""
    candidate: str | dict[str, str] = ""
    unconditional: str = ""
    stripped: tuple[str, ...] = ()
    by: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    answer: str = ""
    no_answer: str = ""
    separator: str = ""
    stop: tuple[str, ...] = ()
    max_tokens: int = Field(default=0, ge=0)
    source: str = ""
    chosen: str = ""
    differs: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "choose" and not self.candidate:
            raise ValueError("a `choose` form needs `candidate`")
        if self.kind == "generate" and not (self.prompt and self.answer and self.max_tokens and self.stop):
            raise ValueError("a `generate` form needs `prompt`, `answer`, `stop` and `max_tokens`")
        if (isinstance(self.candidate, dict) or isinstance(self.prompt, dict)) != bool(self.by):
            raise ValueError("`by` and a table of prompts or candidates go together")
        if self.kind == "generate" and (self.by or self.lettered or self.unconditional):
            raise ValueError("`by`, `lettered` and `unconditional` are of `choose` forms")
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections of a language's file that the form takes its words from."""
        return tuple(filter(None, (self.words,) if isinstance(self.words, str) else self.words))


class Family(Strict):
    """A prompt family. `speaks` is the language of its own words, and so of the names it calls languages by.

    `joiner` follows each demonstration; the papers' `</s>` is replaced by the model's own end token under
    `run --joiner auto`. `words_of` names the family whose files of words it uses, if not its own.
    """

    key: str
    title: str
    source: str
    joiner: str
    speaks: Literal["english", "item"] = "english"
    words_of: str = ""
    forms: dict[str, FormDeclaration]


class Form(Strict):
    """A form in one language: only row fields are left as placeholders."""

    kind: Literal["choose", "generate"]
    prompt: str | dict[str, str] = ""
    lettered: str = ""
    candidate: str | dict[str, str] = ""
    unconditional: str = ""
    stripped: tuple[str, ...] = ()
    by: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    answer: str = ""
    no_answer: str = ""
    separator: str = ""
    stop: tuple[str, ...] = ()
    max_tokens: int = 0

    def compact(self) -> dict[str, object]:
        """The form as plain data without its empty parts, as it stands in the compiled YAML."""
        return {k: v for k, v in self.model_dump(mode="json").items() if v not in ("", {}, [], 0)}

    def digest(self) -> str:
        """Twelve hex digits over the form: the template hash that travels in every signature."""
        text = json.dumps(self.compact(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace `{name}` by `values[name]`, once: braces inside values stay as they are.

    Raises DeclarationError for a placeholder without a value.
    """
    pieces, end = _pieces(template)
    try:
        return "".join([text + values[name] for text, name in pieces]) + end
    except KeyError as missing:
        known = ", ".join(sorted(values))
        raise DeclarationError(f"placeholder {{{missing.args[0]}}} has no value here; known: {known}") from None


@lru_cache(maxsize=1024)  # there are a few, and hundreds of thousands of rows to put into each
def _pieces(template: str) -> tuple[list[tuple[str, str]], str]:
    """Each placeholder with the text before it, and the text after the last."""
    parts = PLACEHOLDER.split(template)
    names = [(word or "") + name for word, name in zip(parts[1::3], parts[2::3], strict=True)]
    return list(zip(parts[0::3], names, strict=False)), parts[-1]


@cache
def families() -> dict[str, Family]:
    """All declared prompt families by key."""
    found = {}
    for path in content.files("templates/*/family.toml"):
        try:
            family = Family(**read_toml(path))
        except ValidationError as error:
            first = error.errors()[0]
            raise DeclarationError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if family.key != path.parent.name:
            raise DeclarationError(f"{path}: key is {family.key!r}; expected the folder's name")
        found[family.key] = family
    return found


def get_family(key: str) -> Family:
    """Return the family, or raise UsageError with the nearest known keys."""
    if key not in families():
        raise UsageError(
            f"unknown prompt family {key!r}.{did_you_mean(key, families())} Known: {', '.join(families())}."
        )
    return families()[key]


@cache
def words(family: str, language: str) -> dict[str, dict[str, Wording]]:
    """Return {section: {word: literal}} of a family's file for a language; empty where it has none."""
    path = content.file(f"templates/{family}/{language}.toml")
    if not path.is_file():
        return {}
    return _read_words(path)


def _read_words(path: Path) -> dict[str, dict[str, Wording]]:
    data = read_toml(path)
    if data.pop("language", None) != path.stem:
        raise DeclarationError(f"{path}: expected `language = {path.stem!r}` in the first line")
    try:
        return {name: {key: Wording(**value) for key, value in section.items()} for name, section in data.items()}
    except (ValidationError, TypeError, AttributeError) as error:
        raise DeclarationError(f"{path}: every literal is {{ text, source, reviewed_by }}: {error}") from error


def has_form(family: Family, benchmark: Benchmark, language: str) -> bool:
    """Whether the family can pose the benchmark in the language."""
    form = family.forms.get(benchmark.key)
    return form is not None and set(form.sections) <= words(family.words_of or family.key, language).keys()


def resolve_form(family: Family, benchmark: Benchmark, language: Language, *, source: Language | None = None) -> Form:
    """Return the form in `language`; `source` is the other side of a translation pair.

    In Chinese, Japanese and Thai the family's space between two placeholders is dropped, and so is the separator's
    when the family speaks the item's language, unless a word says what it is.
    Raises DeclarationError when the family lacks the benchmark or the language lacks a word.
    """
    declared = family.forms.get(benchmark.key)
    if declared is None:
        raise UsageError(f"prompt family {family.key!r} has no form for {benchmark.key!r}.")
    section = section_words(family, declared, benchmark.key, language)
    values = {f"w.{name}": literal.text for name, literal in section.items()}
    for side, which in (("source_name", source), ("target_name", language)):
        if which is not None:
            values[f"w.{side}"] = which.name if family.speaks == "english" else which.autonym

    def put(template: str) -> str:
        # Only the family's own spaces go; a space inside a language's words was put there by somebody who knows it.
        template = template if language.spaces_between_sentences else SPACE_BETWEEN_FIELDS.sub("", template)
        return PLACEHOLDER.sub(lambda m: fill(m[0], values) if m[1] else m[0], template)

    form = declared.model_dump(exclude={"words", "source", "chosen", "differs"})
    for name in ("prompt", "lettered", "candidate", "unconditional", "labels", "separator", "answer", "no_answer"):
        form[name] = {k: put(v) for k, v in form[name].items()} if isinstance(form[name], dict) else put(form[name])
    form["stop"] = tuple(map(put, declared.stop))
    if family.speaks == "item" and not language.spaces_between_sentences and "{" not in declared.separator:
        form["separator"] = declared.separator.strip(" ")
    return Form(**form)


def section_words(family: Family, form: FormDeclaration, benchmark: str, language: Language) -> dict[str, Wording]:
    """The words of a form's sections. Raises DeclarationError for a section that the language lacks."""
    key, found = family.words_of or family.key, dict[str, Wording]()
    for name in form.sections:
        if not (section := words(key, language.key).get(name)):
            where = content.file(f"templates/{key}/{language.key}.toml")
            raise DeclarationError(f"{where}: no [{name}] words for {benchmark} in {language.name}")
        found |= section
    return found


def demo_form(family: Family, benchmark: Benchmark, unit: str, form: Form, demo_lang: str | None) -> tuple[str, Form]:
    """The unit and form demonstrations come in: the task's own, or those of `demo_lang`.

    Raises UsageError for a language the benchmark lacks, or for tasks that are language pairs.
    """
    if not demo_lang:
        return unit, form
    language = languages.get(demo_lang)
    if benchmark.pairs is not None:
        raise UsageError(f"demo_lang: {benchmark.title} tasks are language pairs; demonstrations are of the same pair.")
    if language.key not in benchmark.languages:
        raise UsageError(f"demo_lang: {benchmark.title} has no {language.name}.")
    if language.key == unit:
        return unit, form
    return language.key, resolve_form(family, benchmark, language)


def unreviewed(family: Family, benchmark: str, language: str) -> list[str]:
    """Names of the words in a benchmark's prompt that came from a machine and that nobody has reviewed."""
    section = section_words(family, family.forms[benchmark], benchmark, languages.get(language))
    return [name for name, word in section.items() if word.source == "machine" and not word.reviewed_by]


def word_files() -> list[tuple[str, Language]]:
    """Every (family, language) that has a words file."""
    paths = [path for path in content.files("templates/*/*.toml") if path.name != "family.toml"]
    return [(path.parent.name, languages.get(path.stem)) for path in paths]
