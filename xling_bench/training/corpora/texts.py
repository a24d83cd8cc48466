"""Pairs and instructions, and how a task becomes a prompt and a response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from xling_bench.core import languages
from xling_bench.training.corpora.templates import Template

Kind = Literal["instructions", "translations", "texts"]  # what stands in the instruction stream
KINDS: tuple[Kind, ...] = ("instructions", "translations", "texts")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences that translate each other. `id` is the source's name and the row's, the same in every language;
    `number` counts the source's rows from 0.

    `reverse`: the probability that it is drawn turned. `translation`: it is a translation task, too; `monolingual`: its
    sides are texts of their own.
    """

    id: str
    source: str
    target: str
    source_language: str
    target_language: str
    reverse: float = 0.0
    translation: bool = False
    monolingual: bool = False
    number: int = 0

    def turned(self) -> Pair:
        """The same with its sides exchanged."""
        return replace(
            self, source=self.target, target=self.source, source_language=self.target_language,
            target_language=self.source_language,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A document of one language, or a piece of one; `ends` where the document does."""

    id: str
    text: str
    language: str
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Instruction:
    """A prompt and its response: `prompt + response` is the text to learn, of which the response counts.

    Where the prompt ends with a space, a tokeniser may join it to the response's first word: where the response begins
    is the longest common prefix of the tokens of `prompt` and of `prompt + response`. A monolingual text is a response
    without a prompt. `ends`: the model may stop where the response does; not so after a piece of a longer text.
    """

    id: str
    prompt: str
    response: str
    source_language: str
    response_language: str
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """One instruction in one language, as Alpaca has it; `input` may be empty."""

    instruction: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A task and the form that it will be filled in: what stands in a training text, before it is one text.

    `language` is the input's and the output's is `response_language`; the instruction is in `instruction_language`.
    `names`: the template's.
    """

    id: str
    kind: Kind
    task: Task
    form: str
    language: str
    response_language: str
    instruction_language: str
    ends: bool = True
    names: Mapping[str, str] = field(default_factory=dict)

    def filled(self) -> Instruction:
        """The text to learn."""
        prompt = self.form.format(
            instruction=self.task.instruction, input=self.task.input,
            language=english_name(self.response_language, self.names), source=english_name(self.language, self.names),
            target=english_name(self.response_language, self.names),
        )  # fmt: skip
        return Instruction(self.id, prompt, self.task.output, self.language, self.response_language, self.ends)


def english_name(language: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """The name in a prompt: Chinese for `zh`; that of `names` where it has one."""
    found = languages.get(language)
    return names.get(found.key, found.name)


def instruction_of(
    template: Template, identifier: str, asked: Task, language: str, answered: Task, response_language: str
) -> Draft:
    """`asked`'s prompt in `language` with `answered`'s output in `response_language`."""
    task = Task(asked.instruction, asked.input, answered.output)
    form, ways = template.around(asked.input), (language, response_language, language)
    return Draft(identifier, "instructions", task, form, *ways, names=template.names)


def translation_of(template: Template, pair: Pair, draw: int) -> Draft:
    """The pair as a translation task. `draw`, any number, chooses among bare forms; instructions go by the row."""
    ends = pair.source_language, pair.target_language
    if template.translations:
        form = template.translations[draw % len(template.translations)]
        task = Task("", pair.source, pair.target)
        return Draft(pair.id, "translations", task, form, *ends, ends[0], names=template.names)
    wording = template.translation_instructions[pair.number % len(template.translation_instructions)]
    source, target = (english_name(each, template.names) for each in ends)
    instruction = wording.format(source=source, target=target)
    task = Task(instruction, pair.source, pair.target)
    return Draft(pair.id, "translations", task, template.around(pair.source), *ends, "en", names=template.names)


def text_of(text: Text) -> Draft:
    """A text that is learnt as it stands."""
    return Draft(text.id, "texts", Task("", "", text.text), "", text.language, text.language, text.language, text.ends)
