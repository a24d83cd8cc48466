"""Random numbers that depend on a seed and a place in the stream only: no state, no order of access, no library.

numpy promises no equal numbers across its versions; these are SHA-256 and integer arithmetic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

_MASK = (1 << 64) - 1
_ROUNDS = 6


@lru_cache(maxsize=4096)
def key_of(*parts: str | int) -> int:
    """64 bits named by the parts: a seed, what they are for, a language, an epoch."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def mixed(key: int, value: int) -> int:
    """64 bits that look independent for every (key, value): the finaliser of SplitMix64 (Steele et al. 2014)."""
    z = (key + (value + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def uniform(key: int, value: int) -> float:
    """A number in [0, 1)."""
    return (mixed(key, value) >> 11) / (1 << 53)


def chosen(weights: Sequence[float], number: float) -> int:
    """The index that `number` in [0, 1) falls on when indices are as wide as their weights; some weight is above 0."""
    total = sum(weights)
    for index, reached in enumerate(accumulate(weights)):
        if number * total < reached:
            return index
    return max(index for index, weight in enumerate(weights) if weight > 0)  # rounding at the very end


def permuted(index: int, size: int, key: int) -> int:
    """Where `index` of 0..size-1 goes in the permutation named by `key`, in constant time and memory.

    A Feistel network permutes the next power of four; what falls outside 0..size-1 is sent through again.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for turn in range(_ROUNDS):
            left, right = right, left ^ (mixed(key + turn, right) & mask)
        index = left << half | right
        if index < size:
            return index


def quotas(weights: Sequence[float], total: int) -> list[int]:
    """`total` shared out by weight in whole numbers (largest remainders; the first of equal ones)."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    shares = [int(share) for share in exact]
    remainders = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for index in remainders[: total - sum(shares)]:
        shares[index] += 1
    return shares
