"""A classifier of languages: how much of a state says which language it is of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

FOLDS = 5
SENTENCES = 200  # of each language, at most
ROUNDS = 200  # of the optimiser: what it has not settled by then changes no decision that we saw


def language_probe(states: Sequence[NDArray[np.floating]]) -> Matrix:
    """The share of each sentence's translations whose language a logistic regression names, (N,), 0 to 1.

    Its mean is the probe's accuracy: 1 / languages is chance, lower is more language-neutral (Libovicky et al. 2020).
    `states`: (N, D) of each of two languages or more, of the same N sentences, of which the first `SENTENCES` count.
    Five folds over sentences: all translations of a sentence are in one fold, so that nothing is learnt of its meaning;
    sentence i is in fold i mod 5. Dimensions are scaled by the training folds' standard deviations. Fewer than five
    sentences are as many folds. Raises ValueError for one language or one sentence.
    """
    from sklearn.linear_model import LogisticRegression

    count = min(len(states[0]), SENTENCES)
    if len(states) < 2 or count < 2:
        raise ValueError("a probe needs two languages and two sentences")
    x = np.stack([side[:count].astype(np.float32) for side in states])  # (languages, N, D); float64 takes twice as long
    folds = np.arange(count) % min(FOLDS, count)
    right = np.zeros((len(states), count))
    for fold in range(int(folds.max()) + 1):
        learnt, held = x[:, folds != fold], x[:, folds == fold]
        flat = learnt.reshape(-1, x.shape[2])
        middle, spread = flat.mean(0, dtype=np.float64), flat.std(0, dtype=np.float64)
        middle, spread = middle.astype(np.float32), spread.astype(np.float32)
        spread[spread == 0] = 1.0
        labels = np.repeat(np.arange(len(states)), learnt.shape[1])
        model = LogisticRegression(max_iter=ROUNDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it stopped at ROUNDS
            model.fit((flat - middle) / spread, labels)
        named = model.predict((held.reshape(-1, x.shape[2]) - middle) / spread).reshape(held.shape[:2])
        right[:, folds == fold] = named == np.arange(len(states))[:, None]
    shares: Matrix = right.mean(0)
    return shares
