"""The shared-prefix engine on real weights and real items: on every unit, and deciding as lm-eval's own code does."""

from __future__ import annotations

from typing import Any

import pytest
from planted import effect, planted, size_for, values
from weights import GEMMA, Weights

from xling_bench.catalog import get_task
from xling_bench.evaluation import task as tasks
from xling_bench.models.config import ModelConfig
from xling_bench.models.load import load
from xling_bench.scoring.selfcheck import compare, sample

pytestmark = [pytest.mark.real, pytest.mark.data]
# (task, demonstrations, items): whole texts and short candidates, four scripts, with and without a long trunk
MULTILINGUAL = [
    ("xling_xnli_sw", 0, 6),
    ("xling_pawsx_zh", 0, 8),
    ("xling_xwinograd_ru", 0, 8),
    ("xling_xcopa_th", 5, 4),
]
ENGLISH = [("xling_xnli_en", 0, 8), ("xling_xcopa_en", 0, 12), ("xling_pawsx_de", 5, 3)]


@pytest.fixture
def parts(real: Weights, real_data: Any) -> list[tuple[str, int, int]]:
    """The units to score with a model: those it can read."""
    return MULTILINGUAL if real == GEMMA else ENGLISH


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def engine(real: Weights, request: pytest.FixtureRequest) -> Any:
    return load(ModelConfig(f"hf:{real.folder}", device="cpu", dtype=request.param))


@pytest.fixture(scope="module")
def plain(real: Weights) -> Any:
    return load(ModelConfig(f"lm-eval-hf:{real.folder}", device="cpu", dtype="float32", batch_size=1))


def requests_of(name: str, shots: int, items: int) -> list[Any]:
    spec = get_task(name)
    task = tasks.build(spec, {"metrics": ["acc"]}, spec.family.joiner if shots else None)
    task.set_config(key="num_fewshot", value=shots)
    task.build_all_requests(limit=items, rank=0, world_size=1)
    return list(task.instances)


def decided(requests: list[Any], answers: list[tuple[float, bool]]) -> dict[int, int]:
    sums: dict[int, list[float]] = {}
    for request, answer in zip(requests, answers, strict=True):
        sums.setdefault(request.doc_id, []).append(answer[0])
    return {document: values.index(max(values)) for document, values in sums.items()}


def test_no_unit_falls_back_and_decisions_are_lm_evals(engine: Any, plain: Any, parts: Any, request: Any) -> None:
    """In float32 against lm-eval's `hf`; bfloat16's own noise is larger than many margins, so there only the engine."""
    exact = str(engine.model.dtype) == "torch.float32"
    for name, shots, items in parts if exact else parts[::2]:
        requests = requests_of(name, shots, items)
        engine.start_afresh()
        mine = engine.loglikelihood(requests, disable_tqdm=True)
        how = engine.provenance()
        assert how["backend"] == "shared-prefix", (name, shots, how)
        assert how["self_check"]["difference"] < 2.6 * how["self_check"]["noise"] or exact
        if exact:
            assert how["self_check"]["threshold"] < 0.01 / 10
            theirs = plain.loglikelihood(requests, disable_tqdm=True)
            ours, others = decided(requests, mine), decided(requests, theirs)
            different = {document for document in ours if ours[document] != others[document]}
            assert different <= set(how["near_ties"]), (name, shots, different)
            assert len(how["near_ties"]) <= items / 10
            for (a, greedy), (b, also) in zip(mine, theirs, strict=True):
                assert a == pytest.approx(b, abs=3e-3, rel=3e-5), "lm-eval's sums of float32 are the less exact side"
                assert greedy == also


def test_planted_faults_are_found(engine: Any, parts: Any) -> None:
    """0.01 nats a token in float32, three times the measured noise in bfloat16."""
    inner = engine.engine
    name, shots, items = parts[0]
    asked = [engine._fitted(*engine._split(*each.args)) for each in requests_of(name, shots, items)]
    exact = str(engine.model.dtype) == "torch.float32"
    requests = sample(asked, inner.decoder.dtype)[: 2 if exact else 5]
    right = values(inner, requests)
    target = 0.01 if exact else 3 * compare(inner, requests).noise
    # A position off by one changes Gemma by 0.07 nats a token, less than three times its noise in bfloat16 (0.05).
    for fault in ("dropped prefix", *(["position off by one"] if exact else []), "wrong scale"):
        size = size_for(target, inner, requests, right, rounds=1) if fault == "wrong scale" else 0.0
        changed = effect(fault, inner, requests, size, right)
        assert changed >= target, "a fault that changes nothing proves nothing"
        with planted(fault, inner, size):
            assert not compare(inner, requests).holds, (fault, changed, target)
