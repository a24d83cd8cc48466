"""Changes to states that take out what says which language they are of: fitted on some sentences, used on others.

Survey 3.6. Each is fitted at one layer, on the states of parallel sentences, and is an affine map for each language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import UsageError, did_you_mean

Matrix = NDArray[np.float64]
Vectors = NDArray[np.float32]
States = Mapping[str, NDArray[np.floating]]  # (N, D) of each language, row by row translations
# Of a language's dictionary: (N, D) of the pivot's words, (N, D) of their translations. Only `rotate_dictionary` asks.
Words = Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]]
NO_WORDS: Words = {}


@dataclass(frozen=True)
class Change:
    """x -> (x - `shift`) `turn`, then without its part in the columns of `removed`, which are orthonormal.

    `shift` (D,), `turn` (D, D) or None, `removed` (D, r) or None.
    """

    shift: Matrix
    turn: Matrix | None = None
    removed: Matrix | None = None

    def __call__(self, states: NDArray[np.floating]) -> Vectors:
        """The changed states, float32 (N, D)."""
        found = states - self.shift
        if self.turn is not None:
            found = found @ self.turn
        if self.removed is not None:
            found = found - (found @ self.removed) @ self.removed.T
        changed: Vectors = found.astype(np.float32)
        return changed


def centre(states: States, pivot: str, words: Words = NO_WORDS) -> dict[str, Change]:
    """Each language's own mean is taken off."""
    return {language: Change(_mean(own)) for language, own in states.items()}


def lsar(states: States, pivot: str, words: Words = NO_WORDS) -> dict[str, Change]:
    """The low-rank subspace of the languages' means is projected away (LSAR, Xie et al. 2022), the same for all.

    The means are split into a common vector and language-specific ones of rank languages - 1, orthogonal to it: what
    all languages share stays. Two languages or more.
    """
    means = np.stack([_mean(own) for own in states.values()], axis=1)  # (D, L)
    rank = means.shape[1] - 1
    middle = means.mean(1, keepdims=True)
    left, size, right = np.linalg.svd(means - middle, full_matrices=False)
    low = middle + (left[:, :rank] * size[:rank]) @ right[:rank]  # (D, L)
    ones = np.linalg.pinv(low).T @ np.ones(means.shape[1])  # (D,)
    length = float(ones @ ones)
    common = ones / length if length > 0 else middle[:, 0]
    left, size, _ = np.linalg.svd(low - common[:, None], full_matrices=False)
    known = size[:rank] > 1e-10 * max(float(size[0]), 1e-300)
    removed = left[:, :rank][:, known]
    nothing = np.zeros(means.shape[0])
    return {language: Change(nothing, removed=removed) for language in states}


def rotate(states: States, pivot: str, words: Words = NO_WORDS) -> dict[str, Change]:
    """After centring, each language is turned onto the pivot: orthogonal Procrustes on their pairs (Schoenemann 1966).

    With fewer sentences than dimensions the directions that they do not span are turned at will.
    """
    changes = centre(states, pivot)
    for language, change in list(changes.items()):
        if language != pivot:
            changes[language] = Change(change.shift, turn=procrustes(states[language], states[pivot]))
    return changes


def rotate_dictionary(states: States, pivot: str, words: Words = NO_WORDS) -> dict[str, Change]:
    """The same with the turn that lays a dictionary's words onto their translations (RotateAlign, Kulshreshtha et al.
    2020, from a dictionary).

    Words and sentences lie in different places, so each is centred by itself: the words give the turn, on states
    without their means; what is taken off a sentence is the sentences' mean, as in `centre`.
    """
    changes = centre(states, pivot)
    for language, (onto, own) in words.items():
        changes[language] = Change(changes[language].shift, turn=procrustes(own, onto))
    return changes


def procrustes(own: NDArray[np.floating], onto: NDArray[np.floating]) -> Matrix:
    """The orthogonal (D, D) matrix that turns the rows of `own` (N, D), without their mean, nearest to those of `onto`,
    without theirs."""
    left, _, right = np.linalg.svd((own - _mean(own)).T @ (onto - _mean(onto)))
    turn: Matrix = left @ right
    return turn


Fit = Callable[[States, str, Words], dict[str, Change]]  # of states by language, the pivot, and states of words
FROM_DICTIONARY = "rotate-dictionary"
INTERVENTIONS: dict[str, Fit] = {"centre": centre, "lsar": lsar, "rotate": rotate, FROM_DICTIONARY: rotate_dictionary}


def check_interventions(words: Sequence[str]) -> tuple[str, ...]:
    """The words, each once. Raises UsageError for one that there is not."""
    for word in words:
        if word not in INTERVENTIONS:
            meant = did_you_mean(word, INTERVENTIONS)
            raise UsageError(f"--intervene {word!r}:{meant} Expected some of {', '.join(INTERVENTIONS)}.")
    return tuple(dict.fromkeys(words))


def _mean(states: NDArray[np.floating]) -> Matrix:
    mean: Matrix = states.mean(0, dtype=np.float64)
    return mean
