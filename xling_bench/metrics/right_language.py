"""Metrics of whether answers are in the language asked for, and of those answers alone that are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xling_bench.metrics.langid import language_requirements, language_signature
from xling_bench.metrics.language import line_pass, right_language, word_pass
from xling_bench.metrics.metric import Answer, Expected, Metric


def in_right_language(metric: Metric) -> Metric:
    """`metric` of the outputs in the right language (`f1_right` of `f1`): of other items for every language and model.

    A gold's own words are of no wrong language.
    """

    def rule(expected: Expected) -> str:
        lid = _identified(expected)
        return f"{metric.signature(expected)}+{lid}"

    def statistics(answer: Answer) -> Any:
        right = answer.once("right", lambda: right_language(answer.text, answer.language, allowed=_allowed(answer)))
        return metric.statistics(answer) if right and metric.statistics is not None else None

    name, meaning = f"{metric.name}_right", f"{metric.name} of the outputs in the right language"
    return replace(metric, name=name, meaning=meaning, rule=rule, statistics=statistics, label="", by_code_points=False,
                   partial=True, conditional=True)  # fmt: skip


def _allowed(answer: Answer) -> str:
    return " ".join(answer.golds)


def _identified(expected: Expected) -> str:
    language_requirements(expected.language)
    return language_signature(expected.language).replace("|", ",")


def _lines(answer: Answer) -> float | None:
    return _share(line_pass(answer.text, answer.language))


def _words(answer: Answer) -> float | None:
    return _share(word_pass(answer.text, answer.language, allowed=_allowed(answer)))


def _share(passed: bool | None) -> float | None:
    return None if passed is None else float(passed)


METRICS = (
    Metric("right_language", "share of decidable outputs whose every line is in the right language", _identified,
           statistics=_lines, partial=True),
    Metric("right_words", "share of outputs without a word of a foreign script", _identified, statistics=_words,
           partial=True),
)  # fmt: skip
