"""Scores of factual knowledge (mLAMA): ranked candidates, P@1 over relations, and consistency across languages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def macro_by_relation(items: Sequence[tuple[str, float]]) -> float:
    """Mean over relations of the mean score of each relation's items: mLAMA's P@1 (Kassner et al. 2021).

    `items` are (relation, score) with scores 0..1; every relation weighs the same, however many items it has.
    Raises ValueError without items.
    """
    if not items:
        raise ValueError("no items to average")
    relations: dict[str, list[float]] = {}
    for relation, score in items:
        relations.setdefault(relation, []).append(score)
    return math.fsum(math.fsum(scores) / len(scores) for scores in relations.values()) / len(relations)


def per_token(scores: Sequence[float], tokens: Sequence[int]) -> list[float]:
    """Log-probabilities of the candidates' texts divided by the numbers of tokens (or bytes, characters) they have.

    Raises ValueError for lists of different length or a text without tokens.
    """
    if len(scores) != len(tokens):
        raise ValueError(f"{len(scores)} scores for {len(tokens)} token counts")
    if any(count < 1 for count in tokens):
        raise ValueError(f"a candidate needs at least one token, got {min(tokens)}")
    return [score / count for score, count in zip(scores, tokens, strict=True)]


def ranking(scores: Sequence[float]) -> list[int]:
    """Indices of the candidates, highest score first; candidates of equal score keep their order.

    Raises ValueError for a score that is not a number.
    """
    if any(math.isnan(score) for score in scores):
        raise ValueError("a score is NaN")
    return sorted(range(len(scores)), key=lambda i: -scores[i])


def best(scores: Sequence[float]) -> int:
    """The index of the highest score, the first of several: `ranking(scores)[0]`.

    BMLAMA lists the right answer last in every row, so a model that scores all candidates alike gets 0 there, not
    chance. Raises ValueError without scores or for NaN.
    """
    if not scores:
        raise ValueError("no candidates to choose from")
    if any(map(math.isnan, scores)):
        raise ValueError("a score is NaN")
    return scores.index(max(scores))


def rankc(ranking_a: Sequence[int], ranking_b: Sequence[int]) -> float:
    """RankC of one item in two languages (Qi et al. 2023), in [0, 1]: do both rank the same candidates high?

        RankC = sum_j w_j P@j    P@j = |top_j(a) & top_j(b)| / j    w_j = e^(N-j) / sum_k e^(N-k)    j, k = 1..N

    The rankings are candidate indices, best first, and index i must mean the same candidate in both languages: true of
    BMLAMA rows of equal id, not of mLAMA or mParaRel, whose candidate lists are each language's own. Accuracy plays no
    part; 1 for equal rankings; always 1 for one candidate (34 rows of BMLAMA53), so leave such items out of averages.
    Raises ValueError unless both are permutations of the same 0..N-1, N >= 1: lists of different length cannot be
    parallel.
    """
    n = len(ranking_a)
    if not n or sorted(ranking_a) != list(range(n)) or sorted(ranking_b) != list(range(n)):
        raise ValueError(f"expected two rankings of the same candidates, got {list(ranking_a)} and {list(ranking_b)}")
    seen_a: set[int] = set()
    seen_b: set[int] = set()
    total = weights = 0.0
    for j, (a, b) in enumerate(zip(ranking_a, ranking_b, strict=True), start=1):
        seen_a.add(a)
        seen_b.add(b)
        weight = math.exp(1 - j)  # w_j up to a common factor: e^(N-j) itself overflows from N = 711
        total += weight * len(seen_a & seen_b) / j
        weights += weight
    return total / weights


def mean_rankc(pairs: Iterable[tuple[Sequence[int], Sequence[int]]]) -> float:
    """Mean `rankc` over a corpus's items, given as (ranking in one language, ranking in the other).

    Raises ValueError without items.
    """
    values = [rankc(a, b) for a, b in pairs]
    if not values:
        raise ValueError("no items to average")
    return math.fsum(values) / len(values)
