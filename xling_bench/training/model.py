"""Hidden states of a transformers causal language model as training needs them, found out by trying, not by name."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from xling_bench.core.errors import ModelError, UnsupportedModelError, UsageError
from xling_bench.scoring.decoder import split
from xling_bench.scoring.fused import fused_attention
from xling_bench.scoring.head import Head
from xling_bench.training.batches import Tokens
from xling_bench.training.buffers import Buffers
from xling_bench.training.token_losses import CHUNK, SumLoss, token_losses

if TYPE_CHECKING:
    from xling_bench.training.losses.loss import Kept
    from xling_bench.training.references import References


class Network:
    """A causal language model whose lower layers can be run alone. It shares the model's parameters and adds none."""

    def __init__(self, model: Any, *, chunk: int = CHUNK, kernel: SumLoss | None = None) -> None:
        """chunk, kernel: see `token_losses`."""
        self.model, self.body = split(model)
        self.chunk, self.kernel = chunk, kernel
        self.buffers, self.in_place = Buffers(self.model), False
        self.depth = int(self.model.config.get_text_config().num_hidden_layers)
        lists = [
            name
            for name, child in self.body.named_children()
            if isinstance(child, torch.nn.ModuleList) and len(child) == self.depth
        ]
        if len(lists) != 1:
            raise UnsupportedModelError(
                f"{type(self.body).__name__} should hold its {self.depth} layers in one list of its own, to run the "
                f"lower ones alone; it has {len(lists)} such lists."
            )
        self.layers = lists[0]
        # By the identity of rows' ids, which are held so that no others can have it, and by layer.
        self.shared: dict[int, tuple[torch.Tensor, dict[int, torch.Tensor]]] | None = None
        self.references: References  # models that do not learn, and what losses keep: `AlignmentStep` gives them
        self.kept: dict[str, Kept] = {}
        self.takes_positions = "position_ids" in inspect.signature(self.body.forward).parameters

    @property
    def head(self) -> Head:
        """The output layer. Asked for anew each time: sharding replaces a layer's weight."""
        return Head.of(self.model)

    def token_losses(self, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Sum over m of -log P(targets[m] | states[m]): (M, D) of the last layer and (M,) to a scalar."""
        return token_losses(states, targets, self.head, chunk=self.chunk, kernel=self.kernel, in_place=self.in_place)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Forward and backward happen inside: fused attention for XGLM, which transformers has in eager form only.

        Backward too: gradient checkpointing runs layers again, and must find the same attention. It works outside too.
        """
        with fused_attention(self.body), self.buffers.used() as self.in_place:
            yield
        self.in_place = False

    def check(self, layer: int) -> None:
        """Refuse a layer that the model does not have."""
        if not 1 <= layer <= self.depth:
            raise UsageError(f"The model has layers 1 to {self.depth}; there is no layer {layer}.")

    def states(self, tokens: Tokens, layer: int | None = None) -> torch.Tensor:
        """The hidden states (N, T, D) that `output_hidden_states=True` calls `hidden_states[layer]`.

        That is, the output of the layer-th layer, the first being 1, as it enters the next: not normalised. Only of the
        last, `layer == depth` or None, the final norm is part: it is what the output layer takes. For a lower layer,
        those above are not computed, and get no gradient from it.
        """
        return self.several(tokens, [layer])[0]

    def several(self, tokens: Tokens, layers: Sequence[int | None]) -> list[torch.Tensor]:
        """`states` of each of the layers, by one pass through the highest. Within `sharing`, what was computed for one
        loss serves the next."""
        if tokens.mask is None and not self.packs:
            raise UnsupportedModelError(
                f"{type(self.model).__name__} does not keep packed samples apart: it has no use for their positions. "
                "Give it one sample a row (`padded`), in batches of like length (`buckets`)."
            )
        wanted = [self.depth if layer is None else layer for layer in layers]
        for layer in wanted:
            self.check(layer)
        known = {} if self.shared is None else self.shared.setdefault(id(tokens.ids), (tokens.ids, {}))[1]
        if lacking := sorted(set(wanted) - known.keys()):
            known |= self._computed(tokens, lacking)
        return [known[layer] for layer in wanted]

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Within it, the states of the same rows at the same layer are computed once: for one step's losses, which
        begin and end before the rows or the weights change."""
        self.shared = {}
        try:
            yield
        finally:
            self.shared = None

    def _computed(self, tokens: Tokens, layers: list[int]) -> dict[int, torch.Tensor]:
        """`layers` ascend. Of the last, the body's own output; of those below, what enters the next."""
        found: dict[int, torch.Tensor] = {}

        def catcher(layer: int) -> Callable[..., None]:
            def catch(_layer: Any, _given: Any, output: Any) -> None:
                found[layer] = output if isinstance(output, torch.Tensor) else output[0]

            return catch

        highest = layers[-1]
        body = self.body if highest == self.depth else self._lower(highest)
        below = [layer for layer in layers if layer < self.depth]
        hooks = [getattr(body, self.layers)[layer - 1].register_forward_hook(catcher(layer)) for layer in below]
        try:
            last = self._run(body, tokens)  # of lower layers with the final norm, which is nobody's: it is freed
        finally:
            for hook in hooks:
                hook.remove()
        if lost := [layer for layer in below if layer not in found]:
            raise ModelError(f"Layer {lost[0]} was left out of a forward pass: train with layerdrop = 0.")
        return found | ({self.depth: last} if highest == self.depth else {})

    def copied(self, layer: int) -> Network:
        """Layers 1 to `layer` with parameters of their own: as these are now, in evaluation mode, without gradients.

        It has `states` of these layers only, and no output layer.
        """
        other = copy.copy(self)
        other.body = copy.deepcopy(self.body if layer == self.depth else self._lower(layer))
        other.body.requires_grad_(False).eval()
        other.shared = None
        return other

    def follow(self, network: Network, layer: int, rate: float) -> None:
        """Of what `network.copied(layer)` gave: each parameter becomes rate * its own + (1 - rate) * the network's."""
        ahead = network.body if layer == network.depth else network._lower(layer)
        with torch.no_grad():
            for mine, theirs in zip(self.body.parameters(), ahead.parameters(), strict=True):
                whole = theirs.full_tensor() if hasattr(theirs, "full_tensor") else theirs  # of a sharded model
                mine.lerp_(whole.detach().to(mine), 1 - rate)

    def _lower(self, layer: int) -> Any:
        """The body with layers 1 to `layer` only: the same modules, parameters and hooks, in another list.

        A view, not an exception thrown at the layer: sharded models need every module's own end of forward. Made each
        time, because the body's own attributes, such as `training`, may have changed.
        """
        view = copy.copy(self.body)
        view._modules = dict(self.body._modules)  # torch has no public way to share submodules
        view._modules[self.layers] = getattr(self.body, self.layers)[:layer]
        return view

    def _run(self, body: Any, tokens: Tokens) -> torch.Tensor:
        given: dict[str, Any] = {"input_ids": tokens.ids, "attention_mask": tokens.mask, "use_cache": False}
        if self.takes_positions:  # XGLM counts padding on the left as positions unless told otherwise
            given["position_ids"] = tokens.positions
        hidden: torch.Tensor = body(**given).last_hidden_state
        return hidden

    @cached_property
    def packs(self) -> bool:
        """Whether samples in one row, each with positions from 0, are kept apart. Tried once, on eight tokens.

        The states of a sample must be the same to the last bit whatever stands before it, and those it has by itself.
        """
        if not self.takes_positions:
            return False
        device = self.body.get_input_embeddings().weight.device
        places = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 4]], device=device)

        def last_five(ids: list[int]) -> torch.Tensor:
            given = torch.tensor([ids], device=device)
            positions = places[:, -len(ids) :]
            states: torch.Tensor = self.body(input_ids=given, position_ids=positions, use_cache=False).last_hidden_state
            return states[0, -5:].float()

        modes = [(module, module.training) for module in self.body.modules()]
        self.body.eval()
        try:
            with torch.no_grad():
                sample = [5, 6, 7, 8, 9]
                one, other, alone = (last_five(before + sample) for before in ([2, 3, 4], [7, 2, 6], []))
        finally:
            for module, training in modes:
                module.training = training
        off = float((one - alone).norm()) / float(alone.norm())  # bfloat16 rounds otherwise in a longer row
        return torch.equal(one, other) and off < 0.1


def recompute(model: Any) -> None:
    """Keep each layer's input only and run the layer again in the backward pass (gradient checkpointing).

    Raises UnsupportedModelError for a model that cannot.
    """
    name = "activation_checkpointing_enable"  # transformers' newer name; 5.10 has only the older
    try:
        getattr(model, name if hasattr(model, name) else "gradient_checkpointing_enable")({"use_reentrant": False})
    except ValueError as error:
        raise UnsupportedModelError(f"model.gradient_checkpointing: {error}") from error


def untie(model: Any) -> None:
    """Give the output layer a weight of its own, a copy of the embeddings'; nothing changes where it has one.

    AFP's code trains XGLM so, 826.6 M parameters instead of 564.5 M, and does not say so in the configuration it saves;
    here the configuration says it, and the checkpoint holds both.
    """
    layer = split(model)[0].get_output_embeddings()
    if layer.weight is model.get_input_embeddings().weight:
        layer.weight = torch.nn.Parameter(layer.weight.detach().clone())
        model.config.tie_word_embeddings = False
