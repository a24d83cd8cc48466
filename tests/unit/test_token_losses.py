"""The output layer's losses: the naive formula's values and gradients, whoever computes them."""

import itertools
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from xling_bench.core.errors import MissingPackageError, TrainingError, UsageError
from xling_bench.scoring.head import Head
from xling_bench.training.batches import Sample, padded
from xling_bench.training.kernels import kernel
from xling_bench.training.losses.instruction import Instruction
from xling_bench.training.objective import objective
from xling_bench.training.token_losses import causal_lm, labelled, token_losses

VOCABULARY = 23


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def head(*, bias: bool = False, softcap: float | None = None, scale: float | None = None) -> Head:
    torch.manual_seed(3)
    return Head(torch.nn.Linear(6, VOCABULARY, bias=bias), softcap, scale)


def naive(hidden: torch.Tensor, labels: torch.Tensor, head: Head) -> torch.Tensor:
    """Every logit of the vocabulary at every position, one token after the other."""
    logits = torch.nn.functional.linear(hidden, head.layer.weight, head.layer.bias)
    logits = logits if head.scale is None else logits * head.scale
    logits = logits if head.softcap is None else head.softcap * torch.tanh(logits / head.softcap)
    found = [
        -torch.log_softmax(logits[b, t - 1], -1)[labels[b, t]]
        for b, t in itertools.product(range(labels.shape[0]), range(1, labels.shape[1]))
        if labels[b, t] != -100
    ]
    return torch.stack(found).mean()


@pytest.mark.parametrize("torchs_own", [True, False])
@pytest.mark.parametrize("chunk", [1, 4, 1000])
@pytest.mark.parametrize(
    "settings_", [{}, {"bias": True}, {"bias": True, "scale": 0.3}, {"softcap": 2.0, "bias": True}]
)
def test_causal_lm_is_the_mean_over_labelled_tokens(monkeypatch, torchs_own, chunk, settings_) -> None:
    if not torchs_own:
        monkeypatch.delattr(torch.nn, "LinearCrossEntropyOptions", raising=False)
    labels = torch.randint(0, VOCABULARY, (3, 5), generator=torch.Generator().manual_seed(0))
    labels[0, :3] = labels[2, 3:] = -100
    results = []
    for loss in (naive, lambda *given_: causal_lm(*given_, chunk=chunk)):
        hidden, layer = normal(1, 3, 5, 6).requires_grad_(), head(**settings_)
        value = loss(hidden, labels, layer)
        (2 * value).backward()
        results.append([value.detach(), hidden.grad, *(p.grad for p in layer.layer.parameters())])
    for want, got in zip(*results, strict=True):
        assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_a_head_that_is_no_plain_layer_still_has_a_loss() -> None:
    """As with an adapter on it: the layer is called, and its weight is not touched."""
    plain = head()
    wrapped = Head(torch.nn.Sequential(plain.layer), None, None)
    states, targets = normal(1, 9, 6), torch.arange(9)
    assert wrapped.weight is None
    assert_close(token_losses(states, targets, wrapped, chunk=4), token_losses(states, targets, plain))


def test_a_kernel_replaces_the_chunks() -> None:
    seen = []

    def kernel(states, targets, given_):
        seen.append((states.shape, targets.tolist(), given_))
        return states.sum()

    layer = head()
    assert float(token_losses(torch.ones(2, 6), torch.tensor([1, 2]), layer, kernel=kernel)) == 12
    assert seen == [((2, 6), [1, 2], layer)]


def test_under_autocast_the_loss_is_close_and_float32() -> None:
    states, targets, layer = normal(1, 200, 6), torch.arange(200) % VOCABULARY, head()
    exact = float(token_losses(states, targets, layer).detach())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = token_losses(states, targets, layer, chunk=64).detach()
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(exact, rel=0.01)


def test_labels_in_the_first_column_count_for_nothing() -> None:
    places, targets = labelled(torch.tensor([[7, -100, 8], [9, 1, -100]]))
    assert (places.tolist(), targets.tolist()) == ([1, 3], [8, 1])


def test_no_label_is_an_error() -> None:
    with pytest.raises(TrainingError, match="No token of the batch has a label"):
        causal_lm(torch.ones(1, 3, 6), torch.tensor([[5, -100, -100]]), head())


def test_what_the_instruction_loss_is_divided_by() -> None:
    rows = [padded([Sample([1, 2, 3, 4], 2), Sample([1, 2, 3], 1)]), padded([Sample([1, 2], 2)])]
    assert [Instruction(per=per).count(rows) for per in ("token", "sample")] == [2 + 2 + 0, 3]
    with pytest.raises(UsageError, match="per: Input should be 'token' or 'sample', got \"word\""):
        objective(per="word")


def test_a_kernel_that_cannot_run_here_is_one_error(monkeypatch) -> None:
    assert kernel("torch") is None
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers", None)
    with pytest.raises(MissingPackageError, match=r"pip install '\.\[liger\]'"):
        kernel("liger")
    there = SimpleNamespace(LigerFusedLinearCrossEntropyLoss=None)
    monkeypatch.setitem(sys.modules, "liger_kernel", SimpleNamespace(transformers=there))
    monkeypatch.setitem(sys.modules, "liger_kernel.transformers", there)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(UsageError, match="needs a GPU"):
        kernel("liger")
