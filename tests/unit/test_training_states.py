"""Hidden states of a layer, padded on either side, packed or in buckets: those of transformers' own forward pass."""

import pytest
import torch
from architectures import NAMES, random_model
from plain_step import CORE, PACKING, SAMPLES, TEXTS, VOCABULARY, gradients, model, same, shared
from torch.testing import assert_close

from xling_bench.core.errors import ModelError, UnsupportedModelError, UsageError
from xling_bench.training.batches import bins, buckets, packed, padded, pairs
from xling_bench.training.model import Network
from xling_bench.training.objective import objective
from xling_bench.training.step import AlignmentStep


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", NAMES)
def test_states_of_a_layer_are_transformers_own(name, side) -> None:
    network = Network(shared(name))
    tokens, right = pairs(*TEXTS, side=side), pairs(*TEXTS)
    with torch.no_grad():
        want = shared(name)(
            input_ids=right.ids, attention_mask=right.mask.long(), output_hidden_states=True
        ).hidden_states
        for layer in (1, 2, None):
            expected = want[layer or 2][right.mask]
            assert_close(network.states(tokens, layer)[tokens.mask], expected, rtol=1e-4, atol=1e-4)
            with network.ready():
                assert_close(network.states(tokens, layer)[tokens.mask], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CORE)
def test_only_the_lower_layers_are_run(name) -> None:
    network = model(name)
    ran = []
    layers = getattr(network.base_model, Network(network).layers)
    for number, layer in enumerate(layers, start=1):
        layer.register_forward_hook(lambda *_, n=number: ran.append(n))
    Network(network).states(pairs(*TEXTS), 2)
    assert ran == [1, 2]
    assert len(layers) == 3
    assert all(len(layer._forward_hooks) == 1 for layer in layers)


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_a_layer_out_of_range_names_the_range(layer) -> None:
    with pytest.raises(UsageError, match=f"layers 1 to 3; there is no layer {layer}"):
        AlignmentStep(model("llama"), objective(layer=layer))


def test_the_lower_part_follows_the_models_mode() -> None:
    network = model("xglm", dropout=0.5)
    lower, tokens = Network(network), pairs(*TEXTS)
    assert torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))
    network.train()
    assert not torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))


def test_attention_dropout_is_kept_by_the_fused_attention() -> None:
    network = model("xglm", attention_dropout=0.5).train()
    lower, tokens = Network(network), pairs(*TEXTS)
    with lower.ready():
        assert not torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))


def test_a_layer_that_layerdrop_skips_is_an_error() -> None:
    network = model("xglm", layerdrop=1.0).train()
    with pytest.raises(ModelError, match="train with layerdrop = 0"):
        Network(network).states(pairs(*TEXTS), 1)


def test_a_body_without_its_own_list_of_layers_is_refused() -> None:
    network = random_model("opt", VOCABULARY, ffn_dim=48, word_embed_proj_dim=32, max_position_embeddings=64)
    with pytest.raises(UnsupportedModelError, match="OPTModel should hold its 2 layers in one list"):
        Network(network)


def step_gradients(name: str, parts, **settings) -> tuple[float, dict]:
    network = random_model(name, VOCABULARY, **settings)
    step = AlignmentStep(network)
    with step.ready():
        losses = step(None, parts)
        losses.total.backward()
    return float(losses.parts["instruction"]), gradients(network)


@pytest.mark.parametrize("name", PACKING)
def test_packed_samples_are_as_if_alone(name) -> None:
    """Of Gemma, Mistral too, whose layers see a window of five tokens."""
    network = Network(shared(name))
    with torch.no_grad():
        together = network.states(packed([SAMPLES[:2], SAMPLES[2:]], length=14))
        for row, start, sample in ((0, 0, SAMPLES[0]), (0, 8, SAMPLES[1]), (1, 0, SAMPLES[2])):
            alone = network.states(padded([sample]))[0]
            assert_close(together[row, start : start + len(alone)], alone, rtol=1e-4, atol=1e-4)
    rows = [[SAMPLES[i] for i in row] for row in bins([len(s.ids) for s in SAMPLES], 12)]
    assert len(rows) == 2
    loss, got = step_gradients(name, [packed(rows)])
    want_loss, want = step_gradients(name, [padded(SAMPLES)])
    assert loss == pytest.approx(want_loss, rel=1e-4)
    same(got, want, rtol=1e-3)


@pytest.mark.parametrize("name", ["xglm", "bloom"])
def test_models_that_cannot_keep_packed_samples_apart_say_so(name) -> None:
    with pytest.raises(UnsupportedModelError, match=r"does not keep packed samples apart.*`padded`.*`buckets`"):
        AlignmentStep(shared(name))(None, [packed([SAMPLES])])


@pytest.mark.parametrize("name", ["xglm", "bloom", "llama"])
def test_buckets_are_as_one_batch(name) -> None:
    parts = [padded([SAMPLES[i] for i in batch]) for batch in buckets([len(s.ids) for s in SAMPLES], 12, 3)]
    assert [len(part.ids) for part in parts] == [1, 2]
    loss, got = step_gradients(name, parts)
    want_loss, want = step_gradients(name, [padded(SAMPLES)])
    assert loss == pytest.approx(want_loss, rel=1e-4)
    same(got, want)


def test_finding_out_about_packing_leaves_modes_alone() -> None:
    network = model("llama").train()
    network.model.layers[1].eval()
    assert Network(network).packs
    assert [network.model.training, network.model.layers[0].training, network.model.layers[1].training] == [
        True, True, False,
    ]  # fmt: skip
