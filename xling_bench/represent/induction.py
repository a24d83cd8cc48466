"""Bilingual lexicon induction: words' translations are looked for among the other language's, by their vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from xling_bench.represent.retrieval import NEIGHBOURS, TIE, Matrix


def precision(words: Matrix, candidates: Matrix, right: Sequence[Collection[int]]) -> Matrix:
    """Precision@1 by CSLS, 0 or 1 a word, (N,).

    words (N, D) and candidates (M, D) of length 1 each (`retrieval.unit`); right: of each word the candidates that
    translate it, one at least. The nearest is that of the largest 2 s(x, y) - r(x) - r(y), r being the mean cosine to
    the 10 nearest of the other side (Lample et al. 2018, Section 2.3); r(x) changes no decision. Glavas et al. (2019)
    evaluate dictionaries so, on XLing-Eval's words. A tie with a wrong word counts as wrong.
    """
    similar = words @ candidates.T  # (N, M)
    count = min(NEIGHBOURS, len(words))
    near = np.partition(similar, len(words) - count, axis=0)[len(words) - count :].mean(0)  # r(y), (M,)
    scores = 2.0 * similar - near[None, :]
    is_right = np.zeros(scores.shape, dtype=bool)
    for row, places in enumerate(right):
        is_right[row, list(places)] = True
    best = np.where(is_right, scores, -np.inf).max(1)
    found: Matrix = (best > np.where(is_right, -np.inf, scores).max(1) + TIE).astype(np.float64)
    return found
