"""What a task's texts are in: one language, or an ordered pair of two."""

from __future__ import annotations


class Unit(str):
    """`de`, or `en-de`: source and target of a translation, context and question of MLQA.

    It is a text, so that files, tables and signatures hold it as it is written; what its parts are is said here alone.
    """

    __slots__ = ()

    @classmethod
    def of(cls, source: str, target: str) -> Unit:
        """The pair of two language keys."""
        return cls(f"{source}-{target}")

    @property
    def languages(self) -> tuple[str, ...]:
        """The keys of its language, or of its two."""
        return tuple(self.split("-"))

    @property
    def is_pair(self) -> bool:
        """Whether it is of two languages."""
        return "-" in self

    @property
    def source(self) -> str:
        """The first language: translated from, or the context's."""
        return self.languages[0]

    @property
    def target(self) -> str:
        """The last language: translated into, or the question's; of a single language the same as `source`."""
        return self.languages[-1]


def is_pair(unit: str) -> bool:
    """Whether a unit as tables hold it is of two languages."""
    return Unit(unit).is_pair
