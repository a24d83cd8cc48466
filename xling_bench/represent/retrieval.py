"""Measures by nearest neighbours, in float64, a block of queries at a time.

x are N queries, y their N translations, row by row, of length 1 each (`unit`); s(x, y) is their product, the cosine.
All outcomes are per query, so that their means have intervals: queries are drawn, the candidates stay as they are (a
drawn pool would hold duplicates). A tie counts against the query: "nearest" is strictly nearest. Cosines of one value
come out of a product of matrices with different last bits, so those within `TIE` are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
BLOCK = 1024  # queries at once: 8 MB a thousand candidates
TIE = 1e-12
NEIGHBOURS = 10  # of CSLS (Lample et al. 2018)


def unit(states: NDArray[np.floating]) -> Matrix:
    """The rows at length 1, float64 (N, D). A row of zeros stays one: its cosine with anything is 0."""
    vectors = states.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Matrix = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return found


@dataclass(frozen=True)
class Neighbours:
    """What each query sees among the candidates, (N,) each.

    `own` is s(x_i, y_i); `other` the largest s(x_i, y_j) with j != i; `rank` that of y_i, from 1; `near` the mean of
    the `NEIGHBOURS` largest s(x_i, y_j).
    """

    own: Matrix
    other: Matrix
    rank: Matrix
    near: Matrix


def neighbours(queries: Matrix, candidates: Matrix) -> Neighbours:
    """`Neighbours` of queries (N, D) among candidates (N, D)."""
    size = len(queries)
    found = Neighbours(*(np.empty(size) for _ in range(4)))
    count = min(NEIGHBOURS, size)
    for rows, similar in _blocks(queries, candidates):
        at = np.arange(len(similar)), np.arange(size)[rows]
        own = similar[at]
        found.near[rows] = np.partition(similar, size - count, axis=1)[:, size - count :].mean(1)
        similar[at] = -np.inf
        found.own[rows] = own
        found.other[rows] = similar.max(1)
        found.rank[rows] = 1 + (similar >= own[:, None] - TIE).sum(1)
    return found


def nearest_within(vectors: Matrix) -> Matrix:
    """The largest s(x_i, x_j) with j != i, (N,)."""
    return neighbours(vectors, vectors).other


def weak(found: Neighbours) -> Matrix:
    """Whether the nearest target-language sentence is the translation (survey, Eq. 1), 0 or 1 a query."""
    return (found.own > found.other + TIE).astype(np.float64)


def strong(found: Neighbours, within: Matrix) -> Matrix:
    """Whether the translation is nearer than every other sentence of the query's own language (survey, Eq. 2), as it is
    written; `within` is `nearest_within` of the queries."""
    return (found.own > within + TIE).astype(np.float64)


def pooled(found: Neighbours, within: Matrix) -> Matrix:
    """Whether the translation is the nearest among the sentences of both languages: the survey's prose on Eq. 2."""
    return (found.own > np.maximum(found.other, within) + TIE).astype(np.float64)


def reciprocal_rank(found: Neighbours) -> Matrix:
    """1 / rank of the translation. With English queries its mean is gamma of Extrapolating's scaling law."""
    return 1.0 / found.rank


def csls(queries: Matrix, candidates: Matrix, near: Matrix, theirs: Matrix) -> Matrix:
    """Whether the translation is nearest by 2 s(x, y) - r(x) - r(y) (Lample et al. 2018), 0 or 1 a query.

    r is the mean cosine to the 10 nearest of the other side: `near` of `neighbours`, and `theirs` the candidates' own.
    r(x) is the same for all candidates of a query and changes no decision.
    """
    found = np.empty(len(near))
    for rows, similar in _blocks(queries, candidates):
        scores = 2.0 * similar - theirs[None, :]
        at = np.arange(len(scores)), np.arange(len(near))[rows]
        own = scores[at]
        scores[at] = -np.inf
        found[rows] = own > scores.max(1) + TIE
    return found


def mexa(there: Neighbours, back: Neighbours) -> Matrix:
    """Whether c_ii is strictly greater than every other entry of its row and of its column (Kargaran et al., MEXA), 0
    or 1 a sentence. `there` are the pivot's neighbours in the language, `back` the language's in the pivot."""
    return weak(there) * weak(back)


def _blocks(queries: Matrix, candidates: Matrix) -> Iterator[tuple[slice, Matrix]]:
    for start in range(0, len(queries), BLOCK):
        rows = slice(start, min(start + BLOCK, len(queries)))
        yield rows, queries[rows] @ candidates.T


def overlap_vectors(ours: tuple[str, ...], theirs: tuple[str, ...], grams: int = 3) -> tuple[Matrix, Matrix]:
    """The string-overlap baseline: texts by how often each run of `grams` characters stands in them, (N, V) each.

    Products of rows are the cosines of these counts, for the rows are scaled by their whole lengths; V are the runs
    that both sides have, in order: others change no product across the sides. Texts are compared in folded case.
    """
    counted = [[_grams(text.casefold(), grams) for text in side] for side in (ours, theirs)]
    known = [set().union(*side) for side in counted]
    places = {gram: place for place, gram in enumerate(sorted(known[0] & known[1]))}
    found = []
    for side in counted:
        vectors = np.zeros((len(side), len(places)))
        for row, counts in enumerate(side):
            length = sum(count * count for count in counts.values()) ** 0.5
            for gram, count in counts.items():
                if gram in places:
                    vectors[row, places[gram]] = count / length
        found.append(vectors)
    return found[0], found[1]


def _grams(text: str, size: int) -> dict[str, int]:
    padded = f" {text} "
    counts: dict[str, int] = {}
    for start in range(max(1, len(padded) - size + 1)):
        gram = padded[start : start + size]
        counts[gram] = counts.get(gram, 0) + 1
    return counts
