"""Which nodes of a prefix tree are computed together: trunks, whose keys and values are kept, and rows that follow.

A row is a piece of the tree in one sequence: its tokens see their ancestors only. A trunk is a path that so many rows
begin with that computing it once, by itself, is worth a forward pass. The plan is a function of the requests, the
model's width and the constants here; how many rows make a batch is decided by the token budget when they run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from xling_bench.scoring.tree import PrefixTree

# Attention over one more token of a row costs about 1 / (ATTENTION * width) of computing that token once more.
ATTENTION = 6
MAX_ROW = 1024  # tokens of a row made of several branches


@dataclass
class Row:
    """A piece of the tree below a trunk, in preorder: `nodes`, and for each where in the row its subtree ends.

    `asked` are the indices whose children's log-probabilities are read off here: a node in several rows, because the
    tree was split after it, is read off in the first.
    """

    nodes: list[int]
    ends: list[int]
    asked: list[int] = field(default_factory=list)


@dataclass
class Trunk:
    """A path of nodes computed on its own after those of `depth` trunks above, and the rows that follow it.

    `length` is the number of tokens from the start to its end. The root has no nodes and depth 0.
    """

    nodes: list[int]
    depth: int
    length: int
    rows: list[Row] = field(default_factory=list)
    trunks: list[Trunk] = field(default_factory=list)

    def walk(self) -> Iterator[Trunk]:
        """This trunk and all below, parents first."""
        waiting = [self]
        while waiting:
            trunk = waiting.pop()
            yield trunk
            waiting.extend(reversed(trunk.trunks))


class _Segment:
    """A path without branches: the tree with its unbranched stretches folded."""

    __slots__ = ("below", "nodes", "size")

    def __init__(self, nodes: list[int]) -> None:
        self.nodes, self.below = nodes, list[_Segment]()
        self.size = len(nodes)


class _Piece(NamedTuple):
    """A part of a segment's subtree that becomes one row, without the path to it; `parts` are child pieces."""

    size: int
    segment: _Segment
    parts: list[_Piece]


def make_plan(tree: PrefixTree, width: int, worth: int, most: int = MAX_ROW) -> Trunk:
    """The plan for all requests of `tree`; `width` is the model's hidden size, `worth` the tokens that a forward pass
    of its own has to save, `most` the length of a row of several branches. Tokens that nothing follows are scored but
    never computed."""
    root = Trunk([], 0, 0)
    waiting = [(root, _fold(tree))]
    while waiting:
        trunk, segments = waiting.pop()
        deeper, pieces = _split(segments, width, worth, most)
        trunk.rows = [_row(piece) for piece in pieces]
        for path in deeper:
            nodes = [node for segment in path for node in segment.nodes]
            trunk.trunks.append(Trunk(nodes, trunk.depth + 1, trunk.length + len(nodes)))
            waiting.append((trunk.trunks[-1], path[-1].below))
    return root


def _fold(tree: PrefixTree) -> list[_Segment]:
    """The tree's computed nodes (those with children) as segments; returns the first ones."""
    children = tree.children()
    inner = [[node for node in nodes if children[node]] for nodes in children]
    first: list[_Segment] = []
    waiting = [(node, first) for node in reversed(inner[-1])]
    order: list[tuple[_Segment, list[_Segment]]] = []
    while waiting:
        node, siblings = waiting.pop()
        nodes = [node]
        while len(inner[nodes[-1]]) == 1:
            nodes.append(inner[nodes[-1]][0])
        segment = _Segment(nodes)
        siblings.append(segment)
        order.append((segment, segment.below))
        waiting.extend((child, segment.below) for child in reversed(inner[nodes[-1]]))
    for segment, below in reversed(order):
        segment.size += sum(child.size for child in below)
    return first


def _split(segments: list[_Segment], width: int, worth: int, most: int) -> tuple[list[list[_Segment]], list[_Piece]]:
    """Trunks (paths of segments) and rows right below a trunk."""
    trunks: list[list[_Segment]] = []
    pieces: list[_Piece] = []
    for first in segments:
        made = _pieces(first, width, set(), most)
        ends = set[_Segment]()
        waiting = [([first], len(first.nodes))]
        while waiting:
            path, length = waiting.pop()
            if (len(made[path[-1]]) - 1) * length >= worth:
                trunks.append(path)
                ends.add(path[-1])
            elif len(made[path[-1]]) > 1:
                waiting.extend(([*path, child], length + len(child.nodes)) for child in reversed(path[-1].below))
        pieces += (_pieces(first, width, ends, most) if ends else made)[first]
    return trunks, pieces


def _pieces(first: _Segment, width: int, without: set[_Segment], most: int) -> dict[_Segment, list[_Piece]]:
    """For each segment from `first` down, how its subtree falls into rows; what is below `without` has trunks.

    Rows that share a path compute it once each: branches stay together while the path they save costs more than the
    attention over each other's tokens.
    """
    order, waiting = list[tuple[_Segment, int]](), [(first, len(first.nodes))]
    while waiting:
        segment, length = waiting.pop()
        order.append((segment, length))
        waiting.extend((child, length + len(child.nodes)) for child in segment.below)
    made: dict[_Segment, list[_Piece]] = {}
    for segment, length in reversed(order):
        parts = [piece for child in segment.below for piece in made[child]]
        own = len(segment.nodes)
        if segment in without or (segment.below and not parts):
            made[segment] = []
        elif not parts:
            made[segment] = [_Piece(own, segment, [])]
        else:
            groups = _group(parts, length, ATTENTION * width, most)
            made[segment] = [_Piece(own + sum(part.size for part in group), segment, group) for group in groups]
    return made


def _group(parts: list[_Piece], path: int, scale: int, most: int) -> list[list[_Piece]]:
    """Neighbouring pieces that are cheaper in one row than in several, after `path` common tokens."""
    groups, size = [[parts[0]]], parts[0].size
    for part in parts[1:]:
        if path + size + part.size <= most and _together(size, part.size, path, scale):
            groups[-1].append(part)
            size += part.size
        else:
            groups.append([part])
            size = part.size
    return groups


def _together(a: int, b: int, path: int, scale: int) -> bool:
    """Whether a and b tokens after `path` common ones cost less in one row than in two."""
    return 2 * a * b - path * path <= path * scale


def _row(piece: _Piece) -> Row:
    """The piece's nodes in preorder. A segment split over rows is computed in each."""
    nodes: list[int] = []
    ends: list[int] = []
    waiting: list[tuple[_Piece, int]] = [(piece, -1)]
    while waiting:
        part, begin = waiting.pop()
        if begin >= 0:  # the subtree is complete: its own segment's nodes end here
            ends[begin : begin + len(part.segment.nodes)] = [len(nodes)] * len(part.segment.nodes)
            continue
        waiting.append((part, len(nodes)))
        nodes += part.segment.nodes
        ends += [0] * len(part.segment.nodes)
        waiting.extend((child, -1) for child in reversed(_merged(part.parts)))
    return Row(nodes, ends)


def _merged(parts: list[_Piece]) -> list[_Piece]:
    """Pieces of one and the same segment, side by side, as one: the row holds their path once."""
    found: dict[_Segment, _Piece] = {}
    for part in parts:
        before = found.get(part.segment)
        found[part.segment] = part if before is None else part._replace(parts=before.parts + part.parts)
    return list(found.values())
