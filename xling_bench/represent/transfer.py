"""A linear head that is trained on one language's states and tested on others': the survey's View II, Eq. 3.

The head is fixed once it has learnt from the pivot's states. It is right in another language as far as some projection
of the states shows the task's features larger than the language's, and training on the pivot alone finds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.unit import Unit
from xling_bench.represent.measurer import Load, Measured, with_intervals
from xling_bench.represent.transfer_items import Indices, Items, Transfer

Matrix = NDArray[np.float64]
Head = Callable[[Matrix], Indices]  # of features (N, F) the classes (N,)

FOLDS = 5
# The prior variance of a logit: C, the inverse of the penalty, is this over the number of (standardised) features, so
# that heads on one text and on two are bound alike. Of what we tried, about the best on English training rows.
SPREAD = 2.0
ROUNDS = 300  # of the optimiser
HEAD = f"logistic regression, standardised, C {SPREAD:g} / features"


def measure(task: Transfer, load: Load, layers: Sequence[int], tick: Callable[[int], object]) -> list[Measured]:
    """All numbers of one model's states, `load(side, layer)` (texts, D); `tick` hears of each layer.

        transfer_KEY      accuracy, 0 to 1: at `en` in the pivot itself, at `en-de` in another language
        transfer_gap_KEY  the pivot's accuracy less the other's, on the items that both have; of all languages (no
                          pair) less their mean, on the items that all have
        transfer_cv_KEY   at `en`: accuracy on the training items, each by a head that has not seen its fold: what a
                          layer is chosen by, so that no test item has a say in it

    Intervals resample test items, with all their translations, by the clusters that the benchmark declares.
    """
    found: list[Measured] = []
    names = _names(task)
    for layer in layers:
        x = features(load(task.train.side, layer), task.train.places)
        held = cross_validated(x, task.train)
        found += with_intervals({(Unit(task.pivot), names[2]): held}, layer, codes(task.train.clusters))
        head = fit_head(x, task.train.labels)
        right = {}
        for language, items in task.tests.items():
            said = head(features(load(items.side, layer), items.places))
            right[language] = said == items.labels
        found += _tested(task, right, layer)
        tick(1)
    return found


def majority(task: Transfer) -> list[Measured]:
    """The baseline without a model: the class that most of the training items have, said of every item."""
    most = int(np.bincount(task.train.labels).argmax())
    return _tested(task, {language: items.labels == most for language, items in task.tests.items()}, None)


def features(states: NDArray[np.floating], places: Indices) -> Matrix:
    """What a head sees of items, from their texts' states (texts, D): an item's text u itself, (N, D), or of two texts
    u and v (u, v, |u - v|, u * v), (N, 4 D) (InferSent, Conneau et al. 2017): whether one follows from the other is no
    sum of what each says by itself."""
    parts = [states[column].astype(np.float64) for column in places.T]  # (N, D) each
    if len(parts) == 2:
        u, v = parts
        parts = [u, v, np.abs(u - v), u * v]
    return np.concatenate(parts, axis=1)


def fit_head(x: Matrix, labels: Indices) -> Head:
    """Multinomial logistic regression on features (N, F), standardised by these, with an L2 penalty (`SPREAD`)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if (labels == labels[0]).all():  # of a fold of very few items: what is seen is all that can be said
        return lambda x: np.full(len(x), labels[0])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=SPREAD / x.shape[1], max_iter=ROUNDS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it stopped at ROUNDS
        model.fit(x, labels)
    head: Head = model.predict
    return head


def cross_validated(x: Matrix, items: Items) -> Matrix:
    """Whether each item's class is said by a head that has learnt from the other folds, (N,), 0 or 1. Items of one
    cluster are in one fold; the clusters take turns in the items' order, in which the classes take turns, too."""
    clusters = codes(items.clusters)
    folds = clusters % min(FOLDS, int(clusters.max()) + 1)
    right = np.zeros(len(x))
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        right[held] = fit_head(x[~held], items.labels[~held])(x[held]) == items.labels[held]
    return right


def codes(clusters: Sequence[str]) -> Indices:
    """Clusters numbered in their order."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    return np.array([numbers[name] for name in clusters])


def _names(task: Transfer) -> tuple[str, str, str]:
    key = task.benchmark.key
    return f"transfer_{key}", f"transfer_gap_{key}", f"transfer_cv_{key}"


def _tested(task: Transfer, right: dict[str, NDArray[np.bool_]], layer: int | None) -> list[Measured]:
    """Accuracies and gaps, of outcomes by language: every test item of the pivot a row, NaN where a language lacks
    it."""
    accuracy, gap, _ = _names(task)
    whole = task.tests[task.pivot]
    rows = {item: row for row, item in enumerate(whole.ids)}
    outcomes: dict[tuple[Unit | None, str], Matrix] = {}
    gaps = []
    for language, own in right.items():
        there = np.full(len(rows), np.nan)
        there[[rows[item] for item in task.tests[language].ids]] = own
        if language == task.pivot:
            pivot = outcomes[Unit(language), accuracy] = there
            continue
        pair = Unit.of(task.pivot, language)
        outcomes[pair, accuracy] = there
        outcomes[pair, gap] = pivot - there
        gaps.append(outcomes[pair, gap])
    mean = np.mean(gaps, axis=0)  # NaN where a language lacks the item
    if not np.isnan(mean).all():
        outcomes[None, gap] = mean
    return with_intervals(outcomes, layer, codes(whole.clusters))
