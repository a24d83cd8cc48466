"""Which rule a task's metrics follow, whether they can be computed here, and their values for one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xling_bench.errors import DataError, XlingError
from xling_bench.metrics import bleu, langid, language, qa, rouge, text
from xling_bench.metrics.unicode import contains_unicode, normalize_unicode

SQUAD = {"xquad": "squad-v1.1", "indicqa": "squad-v2", "mlama": "squad-v1.1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to be scored: the benchmark and language it is for, its right answers, and whether it says that there
    is none (IndicQA)."""

    benchmark: str
    language: str
    text: str
    golds: Sequence[str]
    abstained: bool = False


def rule(name: str, benchmark: str, answer_language: str) -> str:
    """How `name` is computed, in one word for signatures, without `|`.

    Raises MissingPackageError or MissingDataError where a package or file for it is not there, DataError for a wrong
    file. Nothing heavy is imported.
    """
    if name in FIXED_RULES:
        return FIXED_RULES[name]
    stem, _, variant = name.partition("_")
    if variant == "right" or stem == "right":
        langid.language_requirements(answer_language)
        lid = langid.language_signature(answer_language).replace("|", ",")
        return lid if stem == "right" else f"{rule(stem, benchmark, answer_language)}+{lid}"
    if variant == "unicode":
        return f"unicode-nfkc-{answer_language}"
    if variant == "corrected":
        return f"mlqa-{answer_language}-corrected"
    if stem in rouge.TYPES:
        return rouge.rouge_signature(answer_language, ROUGE_WORDS[variant])
    if stem in BLEU_TOKENIZERS:
        tokenizer = BLEU_TOKENIZERS[stem](answer_language)
        bleu.require_bleu(tokenizer)
        return bleu.bleu_signature(tokenizer).replace("|", ",")
    return f"mlqa-{answer_language}" if benchmark == "mlqa" else SQUAD[benchmark]


def _word_tokenizer(answer_language: str) -> str:
    tokenizer = bleu.bleu_tokenizer(answer_language)
    if tokenizer is None:
        raise DataError(f"BLEU has no tokeniser for {answer_language}: expected a language written with spaces.")
    return tokenizer


FIXED_RULES = {
    "acc": "sum-logprob",
    "acc_token": "mean-logprob-per-token",
    "acc_byte": "logprob-per-byte",
    "acc_char": "logprob-per-character",
    "p1": "mean-logprob-per-token,macro",
    "p1_sum": "sum-logprob,macro",
    "contains": "substring,lower",
    "chrf": text.chrf_signature(),
}
ROUGE_WORDS = {"": rouge.OFFICIAL, "segmented": rouge.SEGMENTED}
BLEU_TOKENIZERS: dict[str, Callable[[str], str]] = {
    "bleu": _word_tokenizer,
    "spbleu": lambda _: "flores200",
    "spbleu101": lambda _: "flores101",
}


def rules(names: Iterable[str], benchmark: str, answer_language: str) -> tuple[dict[str, str], dict[str, str]]:
    """({metric: its rule}, {metric that cannot be computed here: why}), in the order given."""
    known: dict[str, str] = {}
    unavailable: dict[str, str] = {}
    for name in names:
        try:
            known[name] = rule(name, benchmark, answer_language)
        except XlingError as error:
            unavailable[name] = str(error)
    return known, unavailable


def score_text(names: Iterable[str], answer: Answer) -> dict[str, Any]:
    """{metric: an item's score in [0, 1], or its statistics}; a metric that does not exist for the item is absent."""
    have = _Scores(answer)
    found = {name: have.value(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


class _Scores:
    """Values of one answer; what several metrics need is computed once."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._kept: dict[str, Any] = {}

    def value(self, name: str) -> Any:
        if name not in self._kept:
            self._kept[name] = self._value(name)
        return self._kept[name]

    def _value(self, name: str) -> Any:
        answer = self.answer
        stem, _, variant = name.partition("_")
        if name == "right_language":
            return _share(language.line_pass(answer.text, answer.language))
        if name == "right_words":
            return _share(language.word_pass(answer.text, answer.language, allowed=" ".join(answer.golds)))
        if variant == "right":
            right = language.right_language(answer.text, answer.language, allowed=" ".join(answer.golds))
            return self.value(stem) if right else None
        if name == "chrf":
            return text.chrf_statistics(answer.text, answer.golds[0])
        if name in BLEU_TOKENIZERS:
            return bleu.bleu_statistics(answer.text, answer.golds[0], BLEU_TOKENIZERS[name](answer.language))
        if stem in rouge.TYPES:
            return self._all_rouge(variant)[stem]
        return self._answer(name)

    def _all_rouge(self, variant: str) -> Mapping[str, float]:
        name = f"rouge_{variant}"
        if name not in self._kept:
            words = ROUGE_WORDS[variant]
            self._kept[name] = rouge.rouge(self.answer.text, self.answer.golds[0], self.answer.language, words)
        found: Mapping[str, float] = self._kept[name]
        return found

    def _answer(self, name: str) -> float | None:
        """Scores of a short answer against its golds."""
        answer = self.answer
        said = "" if answer.abstained else answer.text
        stem, _, variant = name.partition("_")
        if name == "contains":
            return qa.contains(said, answer.golds)
        if name == "contains_unicode":
            return contains_unicode(said, answer.golds, normalize_unicode(answer.language))
        if answer.benchmark == "indicqa":
            squad = variant != "unicode"
            parts = self._indicqa(qa.normalize_squad if squad else normalize_unicode(answer.language))
            return parts.get(name if squad else stem)
        if variant == "unicode":
            normalize = normalize_unicode(answer.language)
        elif variant == "corrected":
            normalize = qa.normalize_mlqa_corrected(answer.language)
        else:
            official = answer.benchmark == "mlqa"
            normalize = qa.normalize_mlqa(answer.language) if official else qa.normalize_squad
        return (qa.exact if stem == "exact" else qa.f1)(said, answer.golds, normalize)

    def _indicqa(self, normalize: qa.Rule) -> Mapping[str, float]:
        return qa.indicqa_parts(self.answer.text, self.answer.golds, abstained=self.answer.abstained, rule=normalize)


def _share(passed: bool | None) -> float | None:
    return None if passed is None else float(passed)
