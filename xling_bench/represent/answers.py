"""A model's answers to the same instructions in several languages: made batch by batch, and kept.

    answers/KEY/de.json      [{"id", "prompt", "answer"}, ...], in the pivot's order; KEY hashes the model and how it
                             was asked
    answers/KEY/asked.json   the template that it was asked in, and how many tokens an answer may have
    answers/index.json       [{"model", "key", "languages"}, ...] of the last command
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

from xling_bench.core.errors import DataError, OutputError, UsageError
from xling_bench.core.files import write_text
from xling_bench.core.reading import read_json, read_object
from xling_bench.metrics.language import language_requirements, language_signature
from xling_bench.represent.parallel_prompts import STOPS, Prompts, asked, settled

BATCH = 16  # answers that are made together, and kept: what a killed process has to do again
TOKENS = 128  # of an answer, at most, if nothing else is asked for
ABOUT, INDEX = "asked.json", "index.json"
CODE = ("models", "scoring", "represent/answers.py", "represent/parallel_prompts.py")  # what decides an answer


class Row(TypedDict):
    """An instruction and its answer, which is empty where the model ended at once."""

    id: str
    prompt: str
    answer: str


@dataclass(frozen=True)
class Asking:
    """What is asked: `template` as `parallel_prompts.check_template` has it; answers have at most `tokens` tokens."""

    prompts: Prompts
    template: str | None = None
    tokens: int = TOKENS

    def check(self) -> None:
        """Raise UsageError for a number of tokens that is none, or a language whose recognition lacks its library."""
        if self.tokens < 1:
            raise UsageError(f"--answer-tokens {self.tokens}: expected 1 or more")
        for language in self.prompts.sides:
            language_requirements(language)

    def facts(self) -> dict[str, Any]:
        """What decides answers besides the model and our code: of the instructions the pivot's, so that one more
        language asks none again."""
        prompts = self.prompts
        return {"instructions": prompts.name, "asked": prompts.hash(prompts.pivot), "pivot": prompts.pivot,
                "asked_in": self.template or "auto", "max_new_tokens": self.tokens}  # fmt: skip

    @property
    def identified(self) -> dict[str, str]:
        """What tells each language."""
        return {language: language_signature(language) for language in self.prompts.sides}


class Answers:
    """One model's, in `folder`."""

    def __init__(self, folder: Path, asking: Asking) -> None:
        self.folder, self.asking = folder, asking

    def missing(self) -> list[str]:
        """The languages whose answers are not all there; parts that a kill left beside whole ones go."""
        sides = self.asking.prompts.sides
        if not (self.folder / ABOUT).is_file():
            return list(sides)
        missing = [key for key, prompts in sides.items() if _kept(self._path(key), prompts) is None]
        for key in sides.keys() - missing:
            self._drop_parts(key)
        return missing

    @property
    def template(self) -> str:
        """What the model was asked in."""
        return str(read_object(self.folder / ABOUT, OutputError)["template"])

    @cached_property
    def rows(self) -> dict[str, dict[str, str]]:
        """{language: {id: answer}}, when none is missing."""
        found = {}
        for key, prompts in self.asking.prompts.sides.items():
            rows = _kept(self._path(key), prompts)
            if rows is None:
                raise OutputError(f"{self._path(key)} changed meanwhile; start again.")
            found[key] = {row["id"]: row["answer"] for row in rows}
        return found

    @cached_property
    def said(self) -> dict[str, list[str]]:
        """{language: ids of the answers that are not empty}."""
        return {key: [number for number, answer in rows.items() if answer.strip()] for key, rows in self.rows.items()}

    @property
    def sides(self) -> dict[str, tuple[str, ...]]:
        """{language: its answers that are not empty}, of languages that have some."""
        return {key: tuple(self.rows[key][number] for number in ids) for key, ids in self.said.items() if ids}

    def write(self, lm: Any, name: str, tick: Callable[[int], object]) -> None:
        """Have `lm` (`models.load.load`), called `name`, give what is missing, batch by batch; `tick` hears of each.

        What is there is never made again. Raises UsageError for a template that it lacks, or where prompt and answer
        do not fit the model; ModelError where no answer would end.
        """
        from xling_bench.models.tokens import check_end

        check_end(lm, name)
        template, missing = settled(self.asking.template, lm.tokenizer, name), self.missing()
        about = {"template": template, "max_new_tokens": self.asking.tokens}
        write_text(self.folder / ABOUT, json.dumps(about) + "\n")
        for language in missing:
            lm.start_afresh()  # what is found out of one language decides nothing in another
            self._language(lm, language, self._contexts(lm, name, template, language), STOPS[template], tick)

    def _contexts(self, lm: Any, name: str, template: str, language: str) -> dict[str, str]:
        """{id: the text that the answer goes on from}, the longest first: memory runs out at once or never."""
        lengths: dict[str, int] = {}
        contexts: dict[str, str] = {}
        for key, text in self.asking.prompts.sides[language].items():
            contexts[key] = asked(template, lm.tokenizer, text, language)
            tokens = lm.tok_encode(contexts[key])
            lm.check_known(tokens)
            lengths[key] = len(tokens)
            if len(tokens) + self.asking.tokens > lm.max_length:
                raise UsageError(
                    f"instruction {key} in {language}: {len(tokens)} tokens and {self.asking.tokens} for the answer do "
                    f"not fit {name}, which takes {lm.max_length}; lower --answer-tokens, or leave it out."
                )
        return {key: contexts[key] for key in sorted(contexts, key=lambda key: (-lengths[key], key))}

    def _language(self, lm: Any, language: str, contexts: Mapping[str, str], stops: Sequence[str],
                  tick: Callable[[int], object]) -> None:  # fmt: skip
        prompts, made = self.asking.prompts.sides[language], dict[str, str]()
        settings = {"until": list(stops), "max_gen_toks": self.asking.tokens, "do_sample": False}
        order = list(contexts)
        for start in range(0, len(order), BATCH):
            ids, path = order[start : start + BATCH], self._path(f"{language}.part{start:04d}")
            rows = _kept(path, {key: prompts[key] for key in ids})
            if rows is None:
                texts = lm.texts([(contexts[key], settings) for key in ids])
                rows = [Row(id=key, prompt=prompts[key], answer=text.strip())
                        for key, text in zip(ids, texts, strict=True)]  # fmt: skip
                _write(path, rows)
            made |= {row["id"]: row["answer"] for row in rows}
            tick(len(ids))
        _write(self._path(language), [Row(id=key, prompt=text, answer=made[key]) for key, text in prompts.items()])
        self._drop_parts(language)

    def _path(self, stem: str) -> Path:
        return self.folder / f"{stem}.json"

    def _drop_parts(self, language: str) -> None:
        for path in self.folder.glob(f"{language}.part*.json"):
            path.unlink()


def _kept(path: Path, prompts: Mapping[str, str]) -> list[Row] | None:
    """The rows of a file, if it is there, whole, and of these instructions."""
    try:
        if not path.is_file():
            return None
        rows: list[Row] = read_json(path)
        fits = [(row["id"], row["prompt"]) for row in rows] == list(prompts.items())
        return rows if fits and all(isinstance(row["answer"], str) for row in rows) else None
    except (DataError, TypeError, KeyError):
        return None


def _write(path: Path, rows: Sequence[Row]) -> None:
    write_text(path, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


def write_index(folder: Path, entries: Sequence[tuple[str, str, list[str]]]) -> None:
    """answers/index.json: (model, KEY, languages) of each."""
    listed = [{"model": name, "key": key, "languages": languages} for name, key, languages in entries]
    write_text(folder / INDEX, json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
