"""The prefix tree over token ids: every distinct token in its context is one node, computed once."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import takewhile
from operator import eq


class PrefixTree:
    """Token sequences merged where they begin alike. Grows by `add`; memory grows with distinct tokens only.

    Node i holds token `tokens[i]` at position `depths[i]`, after node `parents[i]` (-1: the first token). Parents come
    before their children. `scored[i]` says that the log-probability of node i given its path is wanted by somebody;
    `requests` has, for each request, the nodes its log-likelihood is the sum of.
    """

    def __init__(self) -> None:
        self.tokens, self.parents, self.depths = array("l"), array("l"), array("l")
        self.scored = bytearray()
        self.requests: list[array[int]] = []
        self._children: dict[tuple[int, int], int] = {}
        self._last: tuple[Sequence[int], array[int]] = ((), array("l"))

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, sequence: Sequence[int], start: int) -> None:
        """Add a request: the log-probability of `sequence[start:]` after `sequence[:start]`.

        Raises ValueError when nothing comes before the scored part, or nothing is scored.
        """
        if not 1 <= start < len(sequence):
            raise ValueError(f"start {start} of {len(sequence)} tokens: expected 1 <= start < length")
        previous, path = self._last
        shared = sum(1 for _ in takewhile(bool, map(eq, previous, sequence)))
        path = path[:shared]
        parent = path[-1] if path else -1
        for token in sequence[shared:]:
            parent = self._child(parent, token)
            path.append(parent)
        self._last = (sequence, path)
        nodes = path[start:]
        for node in nodes:
            self.scored[node] = 1
        self.requests.append(nodes)

    @classmethod
    def unpack(cls, tokens: Sequence[int], parents: Sequence[int], scored: Sequence[int]) -> PrefixTree:
        """The tree with these nodes, without its requests: what another process needs to compute its share."""
        tree = cls()
        for token, parent in zip(tokens, parents, strict=True):
            tree._child(parent, token)
        tree.scored = bytearray(scored)
        return tree

    def _child(self, parent: int, token: int) -> int:
        node = self._children.get((parent, token))
        if node is None:
            node = self._children[parent, token] = len(self.tokens)
            self.tokens.append(token)
            self.parents.append(parent)
            self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)
            self.scored.append(0)
        return node

    def children(self) -> list[list[int]]:
        """The children of each node, in the order they were added; the last list holds the first tokens."""
        found: list[list[int]] = [[] for _ in range(len(self) + 1)]
        for node, parent in enumerate(self.parents):
            found[parent].append(node)
        return found


def common(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens all texts begin with."""
    first, *others = texts
    length = len(first)
    for other in others:
        pairs = zip(first[:length], other, strict=False)
        length = next((i for i, (a, b) in enumerate(pairs) if a != b), min(length, len(other)))
    return length
