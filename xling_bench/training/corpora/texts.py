"""Pairs and instructions, and the strings AFP puts around them.

The strings are those of Li et al. 2024 (AFP), in the authors' code at commit 744a46e (2024-05-09), letter for letter.
Their prompts are in English whatever the languages, the language is named in English, and it is named even where the
response stays in the prompt's language.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xling_bench.core import languages

CIF_FORMAT = "{instruction} {input} Answer in {tgt_lang}: {output}"
CIF_FORMAT_WITHOUT_INPUT = "{instruction} Answer in {tgt_lang}: {output}"
TRANSLATION_FORMATS = ("{input} Translate into {tgt_lang}: {output}", "{input} = {output}")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences that translate each other. `id` is the source's name and the row's, the same in every language.

    `reverse`: the probability that it is drawn turned. `translation`: it is a translation task, too.
    """

    id: str
    source: str
    target: str
    source_language: str
    target_language: str
    reverse: float = 0.0
    translation: bool = False

    def turned(self) -> Pair:
        """The same with its sides exchanged."""
        return replace(
            self, source=self.target, target=self.source, source_language=self.target_language,
            target_language=self.source_language,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instruction:
    """A prompt and its response: `prompt + response` is the text to learn, of which the response counts.

    The prompt ends with the space before the response. A tokeniser may join that space to the response's first word:
    where the response begins is the longest common prefix of the tokens of `prompt` and of `prompt + response`.
    """

    id: str
    prompt: str
    response: str
    source_language: str
    response_language: str


@dataclass(frozen=True, slots=True)
class Task:
    """One instruction in one language, as Alpaca has it; `input` may be empty."""

    instruction: str
    input: str
    output: str


def english_name(language: str) -> str:
    """The name in a prompt: Chinese for `zh`."""
    return languages.get(language).name


def instruction_of(identifier: str, asked: Task, language: str, answered: Task, response_language: str) -> Instruction:
    """`asked`'s prompt in `language` with `answered`'s output in `response_language`: AFP's CIF sample."""
    form = CIF_FORMAT if asked.input.strip() else CIF_FORMAT_WITHOUT_INPUT
    prompt = form.format(
        instruction=asked.instruction, input=asked.input, tgt_lang=english_name(response_language), output=""
    )
    return Instruction(identifier, prompt, answered.output, language, response_language)


def translation_of(pair: Pair, template: int) -> Instruction:
    """The pair as a translation task in one of AFP's two templates (0 or 1)."""
    form = TRANSLATION_FORMATS[template]
    prompt = form.format(input=pair.source, tgt_lang=english_name(pair.target_language), output="")
    return Instruction(pair.id, prompt, pair.target, pair.source_language, pair.target_language)
