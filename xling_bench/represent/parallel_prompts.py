"""Instructions in several languages, joined by their ids, and the templates that they are asked in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xling_bench.benchmarks.textfiles import locate_any, read_lines
from xling_bench.core import languages
from xling_bench.core.errors import DataError, MissingDataError, UsageError, did_you_mean, reason_of
from xling_bench.core.reading import parse_json
from xling_bench.core.text import number_of
from xling_bench.data.source import current_source
from xling_bench.models import chat
from xling_bench.represent.corpus import text_hash

HPLT, PLACE = "hplt", "{lang}"  # a set that is known; in the name of a FILE: one file a language
HPLT_FILES = ("alpaca/hplt_test/test_{lang}.jsonl", "test-data/test_{lang}.jsonl")  # below the data folder
CHAT, ALPACA, AFP = TEMPLATES = ("chat", "alpaca", "afp")
# Stanford Alpaca's prompt without input (Taori et al. 2023, train.py); its words stay English, as its translators' do.
ALPACA_FORM = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
AFP_FORM = "{instruction} Answer in {language}:"  # what `train` learns, without the space that a response begins with
STOPS = {CHAT: (), ALPACA: ("\n###",), AFP: ()}  # a base model goes on to the next instruction


@dataclass(frozen=True)
class Prompts:
    """{language: {id: instruction}}, the pivot first and in its order; other languages have no other ids.

    `notes` name the lines that are broken, and ids that the pivot lacks.
    """

    name: str
    pivot: str
    sides: dict[str, dict[str, str]]
    notes: tuple[str, ...] = ()

    def hash(self, *languages: str) -> str:
        """Sixteen hex digits over ids and instructions of these languages, of all where none is named."""
        parts = [text for key in languages or sorted(self.sides) for row in self.sides[key].items() for text in row]
        return text_hash([*(languages or sorted(self.sides)), *parts])


def read_prompts(given: str, pivot: str, others: Sequence[str], limit: int | None = None) -> Prompts:
    """What `--answers` names: `hplt` below XLING_DATA_DIR, or a name with `{lang}` for files of JSON lines with `id`
    and `prompt`. `limit` takes the pivot's first.

    A line that is no JSON, or has an id that the pivot lacks, is left out in its language and named in the notes.
    Raises UsageError for a name without `{lang}`, MissingDataError for a language that is not there, DataError for a
    line of another form, an id that stands twice, or fewer than 2 instructions that a language shares with the pivot.
    """
    sides: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    for language in (pivot, *others):
        sides[language] = _read(_path(given, language), language, notes)
    known = list(sides[pivot])
    for language, rows in sides.items():
        if strange := [key for key in rows if key not in known]:
            notes.append(f"left out: {number_of(len(strange), 'instruction')} in {language} with an id that {pivot} "
                         f"lacks, such as {strange[0]:.40}")  # fmt: skip
        sides[language] = {key: rows[key] for key in known[:limit] if key in rows}
        if len(sides[language]) < 2:
            shared = number_of(len(sides[language]), "instruction")
            raise DataError(f"--answers {given}: {language} shares {shared} with {pivot}, by `id`; expected 2 or more.")
    return Prompts(Path(given).name, pivot, sides, tuple(notes))


def _path(given: str, language: str) -> Path:
    if given == HPLT:
        source = current_source()
        if source.kind != "files" or source.root is None:
            raise UsageError(f"--answers {HPLT} is read from files: set XLING_DATA_DIR (or --data-dir) to their "
                             "folder.")  # fmt: skip
        codes = dict.fromkeys([language, *languages.get(language).aliases])
        names = [name.replace(PLACE, code) for code in codes for name in HPLT_FILES]
        if found := locate_any(source.root, names):
            return found
        raise MissingDataError(f"--answers {HPLT}: there are no instructions in {language} ({names[0]} below "
                               f"{source.root}); leave it out of --langs.")  # fmt: skip
    if PLACE not in given:
        meant = did_you_mean(given, [HPLT])
        raise UsageError(f"--answers {given!r}:{meant} Expected {HPLT}, or a name with {PLACE} for files of JSON lines "
                         "with id and prompt.")  # fmt: skip
    path = Path(given.replace(PLACE, language))
    if not path.is_file():
        raise MissingDataError(f"--answers {given}: there is no file {path}.")
    return path


def _read(path: Path, language: str, notes: list[str]) -> dict[str, str]:
    rows: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), 1):
        where = f"{path}, line {number}"
        try:
            row: Any = parse_json(line, str(path), line=number)
        except DataError:
            notes.append(f"line {number} of {path.name} is no JSON, so this instruction is not asked in {language}")
            continue
        texts = [row.get(name) if isinstance(row, dict) else None for name in ("id", "prompt")]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise DataError(f"{where}: expected an object with texts `id` and `prompt`, got {line[:60]!r}")
        key, prompt = map(str, texts)
        if key in rows:
            raise DataError(f"{where}: the id {key!r:.60} stands there a second time")
        rows[key] = prompt
    return rows


def check_template(word: str | None) -> str | None:
    """One of `TEMPLATES`, or None: the model's own chat template, where it has one, else Alpaca's. Raises UsageError
    for anything else."""
    if word is not None and word not in TEMPLATES:
        raise UsageError(f"--answer-template {word!r}:{did_you_mean(word, TEMPLATES)} Expected one of "
                         f"{', '.join(TEMPLATES)}.")  # fmt: skip
    return word


def settled(template: str | None, tokenizer: Any, name: str) -> str:
    """The template that a model is asked in. Raises UsageError for `chat` where its tokenizer has none."""
    own = bool(getattr(tokenizer, "chat_template", None))
    if template == CHAT and not own:
        raise UsageError(f"--answer-template {CHAT}: {name}'s tokenizer has no chat template; give {ALPACA} or {AFP}.")
    return template or (CHAT if own else ALPACA)


def asked(template: str, tokenizer: Any, instruction: str, language: str) -> str:
    """The text that the answer goes on from. Raises UsageError for a chat template that does not take it."""
    if template == ALPACA:
        return ALPACA_FORM.format(instruction=instruction)
    if template == AFP:
        return AFP_FORM.format(instruction=instruction, language=languages.get(language).name)
    try:
        return str(tokenizer.apply_chat_template([{"role": "user", "content": instruction}], tokenize=False,
                                                 add_generation_prompt=True, **chat.settings(tokenizer)))  # fmt: skip
    except Exception as error:  # a template is a program of somebody's
        raise UsageError(f"the model's chat template fails ({reason_of(error)}); give --answer-template {ALPACA} or "
                         f"{AFP}.") from error  # fmt: skip
