"""What a loss is: one term of what is minimised, with its settings, what it needs, and what is said of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, ValidationError

from xling_bench.core.declare import Strict
from xling_bench.core.errors import UsageError
from xling_bench.training.complaint import complaint

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network

Mode = Literal["plain", "code", "paper"]
Learn = Literal["response", "text"]
Need = Literal["pairs", "instructions"]
NEEDS: dict[Need, str] = {"pairs": "translation pairs", "instructions": "instructions"}  # the streams that there are
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Kept(Protocol):
    """What a loss keeps between updates, such as a queue."""

    def updated(self, network: Network) -> None:
        """Called after every update of the weights, in every process."""

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint must hold so that a run that goes on ends in the same bytes. The same in every process."""

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` gave. Raises KeyError or RuntimeError for something else."""


class Loss(Strict, ABC):
    """One term of the weighted sum. A file of this folder holds one, and the file's name is the loss's: in logs, in
    messages, and in recipes.

    Fields are its settings, each a key `<name>_<field>` of a recipe's [method]. Their defaults are those of `mode =
    "plain"`; `code` and `paper` hold what these modes have instead. A loss whose weight is 0 is not run, and its data
    are not drawn. A field `layer` is a layer of the model and checked to be one.

    Recipes are checked without torch: a loss's file imports it where it computes.
    """

    name: ClassVar[str]
    needs: ClassVar[Need]
    code: ClassVar[Mapping[str, Any]] = {}
    paper: ClassVar[Mapping[str, Any]] = {}
    every_parameter: ClassVar[bool] = False  # True: all of them get a gradient, so that replication need not look
    short_keys: ClassVar[bool] = False  # True: keys but the weight's are the fields' names alone (AFP's two losses)

    weight: Weight = 0.0

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.name = cls.__module__.rpartition(".")[2]

    @abstractmethod
    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """The loss of `rows`, a scalar with its gradient, before its weight; lower is better.

        rows: at least one; of `pairs` one (2B, T), whose rows i and B + i translate each other; of `instructions` those
        of one batch, of one or several widths. divisor: what the sum over what is counted is divided by, see `count`;
        None: by what is counted in `rows`.
        """

    def count(self, rows: Sequence[Tokens]) -> int | None:
        """How many things, e.g. tokens, the loss of `rows` is the mean of.

        Where an update has several parts, or several processes, their sums are then divided by all of them: `divisor`.
        None: a part's loss is a whole, as where the rows of a part are each other's negatives; the update's is the mean
        of its parts', which for a mean over pairs is that over all of the update's: every part has as many. A mean over
        anything else must count it, or how an update is divided changes what is learnt.
        """
        return None

    def noted(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """{name: scalar} to be logged beside the loss of `rows`, the mean over parts and processes."""
        return {}

    @property
    def links(self) -> bool:
        """Whether words of pairs are to be linked by the dictionaries of [data] (`Tokens.links`)."""
        return False

    @property
    def beside(self) -> Mapping[str, int | None]:
        """The models that it holds beside the one that learns, for an estimate of memory: {what tells it apart: the
        number of its lower layers that are held}, None for a whole one. A teacher's name is its place."""
        return {}

    @property
    def teachers(self) -> tuple[str, ...]:
        """Folders or hub names of the models that it asks of `network.references.teacher`. They stand in the record of
        what is trained, with what they learnt themselves, and a run that goes on must have the same."""
        return ()

    def begin(self, network: Network) -> Kept | None:
        """Asked for once in a run, before its first update: what this loss keeps, found as `network.kept[self.name]`
        then. The place to load what it compares with (`network.references`), too."""
        return None

    def check_model(self, layers: int) -> None:
        """Raise UsageError for what a model of so many layers cannot do, naming the key."""
        layer = getattr(self, "layer", 1)
        if not 1 <= layer <= layers:
            key = next(key for key, field in self.keys().items() if field == "layer")
            raise UsageError(f"method.{key}: the model has layers 1 to {layers}; there is no layer {layer}.")

    def check_references(self, config: Any, *, trust_remote_code: bool) -> None:
        """Raise UsageError or ModelError where another model, e.g. a teacher, does not fit that of `config`
        (transformers'), naming the key. Nothing is loaded but configurations."""

    def check_batch(self, rows: int, processes: int) -> None:
        """Raise UsageError where so many rows in a part, on each of so many processes, teach nothing."""

    def describe(self, layers: int, learn: Learn) -> str:
        """The loss in a phrase, with what it is set to. layers: the model's; learn: what of instructions is learnt."""
        return f"{self.name.replace('_', ' ')} loss"

    @property
    def unit(self) -> str:
        """What its number is, in a few words for a terminal: `nats per token`. Empty: not said."""
        return ""

    @classmethod
    def keys(cls) -> dict[str, str]:
        """{key in a recipe's [method]: field}."""
        short = cls.model_fields.keys() - {"weight"} if cls.short_keys else ()
        return {field if field in short else f"{cls.name}_{field}": field for field in cls.model_fields}

    @classmethod
    def of(cls, mode: Mode, method: Mapping[str, Any]) -> Self:
        """As `method` sets it by its keys; what that lacks is the mode's. Raises ValueError for what does not fit."""
        own = {field: method[key] for key, field in cls.keys().items() if key in method}
        try:
            return cls(**{**{"plain": {}, "code": cls.code, "paper": cls.paper}[mode], **own})
        except ValidationError as error:
            raise ValueError(complaint(error, cls)) from error

    def settings(self) -> dict[str, Any]:
        """{key in a recipe's [method]: value}."""
        return {key: getattr(self, field) for key, field in self.keys().items()}


class LossToBase(Loss, ABC):
    """One that holds the model against the one that training began with: a second model in memory."""

    @property
    def beside(self) -> Mapping[str, int | None]:
        """The base."""
        return {"base": None}

    def begin(self, network: Network) -> Kept | None:
        """The base is loaded."""
        network.references.base()
        return None
