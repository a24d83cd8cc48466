"""Scores segments with COMET. Run by the Python of COMET's own environment; imports nothing of ours.

It reads a JSON object a line and answers each with one, on what was its standard output; whatever libraries print goes
to standard error. The first answer comes unasked: {"versions": {distribution: version}}. Then

    {"import": "comet"}                                     -> {}
    {"load": CKPT, "encoder": DIR, "trust": bool}           -> {"class": ..., "device": ...}
    {"segments": [{"src", "mt", "ref"}, ...], "batch": n}   -> {"scores": [...]}

and {"error": why} where that fails. Its input's end is its own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import sys
import traceback
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCORED_ALIKE = ("regression_metric", "referenceless_regression_metric", "unified_metric", "xcomet_metric")
UNLEARNT = ("position_ids", "dropout_mask", "dropout_fill")  # a checkpoint may lack them


def main() -> None:
    """Answer until there is nothing more to read."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    found = importlib.metadata.distributions()
    answer: dict[str, Any] = {"versions": {each.metadata["Name"]: each.version for each in found}}
    model: Any = None
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        try:
            if "import" in request:
                importlib.import_module(request["import"])
                answer = {}
            elif "load" in request:
                model, answer = load(Path(request["load"]), request["encoder"], request["trust"])
            else:
                answer = {"scores": scores(model, request["segments"], request["batch"])}
        except Exception as error:  # noqa: BLE001 - of any library: told, and the next request may do
            traceback.print_exc()
            said = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {said}" if said else type(error).__name__}


def load(checkpoint: Path, encoder: str, trust: bool) -> tuple[Any, dict[str, str]]:
    """The model in float32, as `comet.load_from_checkpoint` loads it, and what is told of it.

    But: nothing is unpickled except tensors and plain data, unless `trust`; configuration and tokenizer come from the
    folder `encoder`, not from the hub; and weights that lack are an error.
    """
    import torch
    import yaml
    from comet.models import str2model

    warnings.simplefilter("ignore")
    settings = yaml.safe_load((checkpoint.parents[1] / "hparams.yaml").read_text(encoding="utf-8"))
    kind = settings["class_identifier"]
    if kind not in SCORED_ALIKE:
        raise ValueError(f"class_identifier is {kind!r}; expected one of {', '.join(SCORED_ALIKE)}")
    stored = torch.load(checkpoint, map_location="cpu", weights_only=not trust, mmap=zipfile.is_zipfile(checkpoint))
    patched = {"layer_transformation": "softmax"} if settings.get("layer_transformation") == "sparsemax_patch" else {}
    model = str2model[kind].load_from_checkpoint(
        checkpoint, load_pretrained_weights=False, map_location="cpu", strict=False, local_files_only=True,
        pretrained_model=encoder, weights_only=not trust, **patched,
    )  # fmt: skip
    missing = sorted(name for name in model.state_dict().keys() - stored["state_dict"] if not name.endswith(UNLEARNT))
    if missing:
        raise ValueError(f"it lacks {len(missing)} of the model's weights, {missing[0]} among them")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.float().eval().to(device), {"class": kind, "device": device}


def scores(model: Any, segments: Sequence[dict[str, str]], batch: int) -> list[float]:
    """A score each, in the order given; those of about one length are computed together."""
    import torch

    order = sorted(range(len(segments)), key=lambda i: len(segments[i]["src"]))
    found = [0.0] * len(segments)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        inputs = model.prepare_for_inference([segments[i] for i in chosen])
        placed = {name: value.to(model.device) if torch.is_tensor(value) else value for name, value in inputs.items()}
        with torch.inference_mode():
            values = model.predict_step(placed)["scores"].tolist()
        for i, value in zip(chosen, values, strict=True):
            found[i] = value
    return found


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
