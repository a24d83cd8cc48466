"""A training run: recipe and data to an aligned checkpoint, in the form of the model it started from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError, DeclarationError, ModelError, UsageError
from xling_bench.core.files import write_text
from xling_bench.core.reading import read_object
from xling_bench.data.source import Source
from xling_bench.results.lineage import Lineage
from xling_bench.training.amounts import amounts, sizes_of
from xling_bench.training.base import check_adapter, check_base
from xling_bench.training.checkpoint import can_go_on, check, checkpoints, settle, step_of
from xling_bench.training.claim import ALIGNMENT, LOG, MODEL, RUN, claimed, compare, processes, usable
from xling_bench.training.corpora import Streams
from xling_bench.training.corpora.streams import InstructionStream, PairStream
from xling_bench.training.extension import finished, lengths, set_aside
from xling_bench.training.losses import NEEDS
from xling_bench.training.needs import Needs
from xling_bench.training.planned import Drawn, Evaluated, Plan, Preflight, RunFacts
from xling_bench.training.provenance import Record, teachers_of
from xling_bench.training.recipe import Recipe
from xling_bench.training.recipe_parts import ModelPart
from xling_bench.training.run_facts import facts_of, sentences_of
from xling_bench.training.sharding import check_sharding, sharded

if TYPE_CHECKING:
    from xling_bench.training.interruption import Asked
    from xling_bench.training.pace import Run


def preflight(
    recipe: Recipe, output: Path | None, source: Source, *, trust_remote_code: bool = False, extend: bool = False
) -> Preflight:
    """Everything that can be wrong before data are read, which may take minutes: model, folder, kernel, evaluation.

    Raises what the run itself would raise. A package or GPU that only the run needs is asked for here, too.
    """
    from xling_bench.training.early import with_data
    from xling_bench.training.kernels import kernel
    from xling_bench.training.trajectory import layers_of

    objective = recipe.method.objective()
    base = check_base(recipe, objective, trust_remote_code=trust_remote_code)
    check_adapter(recipe, trust_remote_code=trust_remote_code)
    if output is not None:
        usable(output)
        if recipe.run.epochs is None:  # else the updates are not known yet, and are compared when they are
            compare(output, {"recipe": recipe.model_dump(mode="json"), "processes": processes()}, extend=extend)
    kernel(recipe.model.kernel)
    check_sharding(recipe)
    sizes = amounts(recipe, processes())
    for loss in objective.active:
        loss.check_batch(sizes[loss.needs]["part"], processes())
    if recipe.alignment.every:
        layers_of(recipe, base["layers"])
    tasks, missing = with_data(recipe.evaluate.tasks, source) if recipe.evaluate.every else ([], [])
    evaluated: Evaluated = {"tasks": [spec.name for spec, _ in tasks], "no_data": missing}
    return {"model": base, "evaluate": evaluated}


def plan(recipe: Recipe, streams: Streams, found: Preflight, needs: Needs) -> Plan:
    """What a run would do. `found` is what `preflight` returned; `needs` of memory and disk.

    Raises DataError where the data have nothing for a loss that is to be learnt.
    """
    sizes = amounts(recipe, processes())
    drawn = {name: size["update"] for name, size in sizes.items()}
    told: Drawn = {"sizes": sizes, "rows": {}, "epochs": {}, "each": {}, "pairs": 0, "instructions": 0}
    for name in NEEDS:
        stream: PairStream | InstructionStream | None = getattr(streams, name)
        if drawn[name] and stream is None:
            wanting = [loss.name for loss in recipe.method.objective().needing(name)]
            raise DataError(
                f"data.{name}: none is left to learn from (see allocation and overlaps), but the recipe's "
                f"{' and '.join(wanting)} {'loss needs' if len(wanting) == 1 else 'losses need'} them. Add a source, "
                f"or set {', '.join(f'method.{loss}_weight = 0' for loss in wanting)}."
            )
        told[name] = recipe.run.steps * drawn[name]
        told["rows"][name] = rows = len(stream) if drawn[name] and stream is not None else 0
        told["epochs"][name] = epochs = told[name] / rows if rows else 0.0
        told["each"][name] = (
            {group: epochs * rate for group, rate in stream.rates.items()} if rows and stream is not None else {}
        )
    return {
        "recipe": recipe.model_dump(mode="json"),
        "objective": recipe.method.objective().settings(),
        "processes": processes(),
        **found,
        **told,
        "data": streams.report,
        "alignment": sentences_of(streams.held_out),
        "needs": needs,
    }


def train(
    recipe: Recipe, streams: Streams, output: Path, fingerprint: str, *, before: Lineage | None = None,
    source: Source | None = None, trust_remote_code: bool = False, extend: bool = False, finish: bool = False,
) -> Path:  # fmt: skip
    """Train, or go on from the last whole checkpoint in `output`; returns the folder of the finished model.

    With `finish` nothing more is learnt: the model is that of the last checkpoint (of a run that stops early the best
    one so far), and run.json says after which update the run ended.

    A finished run goes on where the recipe has more updates, and its schedule's rates do not depend on their number, or
    `extend` is given; the model that it had is then `model-<updates>`.

    `fingerprint` is the base model's, `before` what is on record of it; `source` is where early evaluation reads
    development splits.

    Writes run.json (resolved recipe, data report with hashes, versions), log.jsonl, alignment.jsonl where
    `streams.held_out` is measured, checkpoint-<step>/ and, at the end, model/. Killed at any moment and started again
    with the same recipe, on the same machine and as many processes, it ends in the same bytes. Raises UsageError when
    `output` holds a run of another recipe, data or model, naming what differs; TrainingError for a loss that is no
    number; OutputError when the disk refuses, or another process trains into the folder: the last checkpoint stays
    whole.
    """
    from transformers.utils.logging import disable_progress_bar

    from xling_bench.training.interruption import Asked

    disable_progress_bar()  # of loading and writing: ours is the one of training
    facts, teachers = facts_of(recipe, streams, fingerprint), teachers_of(recipe)
    if teachers:
        facts["teachers"] = {place: teacher.fingerprint for place, teacher in teachers.items()}
    asked, first = Asked(), os.environ.get("RANK", "0") == "0"
    with claimed(output, facts, extend=extend), asked.listening():
        had = lengths(output, output / RUN)
        longer = bool(had) and had[-1] < recipe.run.steps and not finish
        facts["extended"] = had if longer else had[:-1]
        if longer and first:
            set_aside(output, output / MODEL, finished(output / RUN) or had[-1])
        if longer or not (output / MODEL).is_dir():
            record = Record(
                recipe, streams.report, before, fingerprint=fingerprint, processes=processes(), teachers=teachers
            )
            _train(
                recipe, streams, output, facts, source, record, asked, trust_remote_code=trust_remote_code,
                finish=finish,
            )  # fmt: skip
        elif first:  # a kill may have come between the model and this
            settle(output, recipe.run.keep, _best(output), keep_optimizer=recipe.run.keep_optimizer)
    return output / MODEL


def _train(
    recipe: Recipe, streams: Streams, output: Path, facts: RunFacts, source: Source | None, record: Record,
    asked: Asked, *, trust_remote_code: bool, finish: bool,
) -> None:  # fmt: skip
    from xling_bench.training.base import load_base
    from xling_bench.training.callbacks import cut_off
    from xling_bench.training.interruption import Halt, Interrupted
    from xling_bench.training.kernels import kernel
    from xling_bench.training.loop import AlignmentTrainer
    from xling_bench.training.shards import ShardedTrainer
    from xling_bench.training.step import AlignmentStep
    from xling_bench.training.stopping import Stopping
    from xling_bench.training.trajectory import Trajectory

    last = next(reversed(checkpoints(output)), None)
    if last is not None:
        check(last)
        if step_of(last) < recipe.run.steps and not finish and not can_go_on(last):
            raise ModelError(
                f"{last} has no optimiser state: it was dropped when the run was finished (run.keep_optimizer = true "
                "keeps it), so the run cannot go on from there. Start another run from its weights, in another -o."
            )
        record.go_on(last)
    elif finish:
        raise UsageError(f"{output}: there is no checkpoint to make the model of, so the run cannot be ended here.")
    fused = kernel(recipe.model.kernel)
    model, tokenizer = load_base(recipe, last, trust_remote_code=trust_remote_code)
    beside = _references(recipe, streams, model, trust_remote_code=trust_remote_code)
    objective = recipe.method.objective()
    step = AlignmentStep(model, objective, autocast=_autocast(recipe), kernel=fused, references=beside)
    examples = _examples(recipe, streams, tokenizer, step.network.packs, linker=streams.linker)
    early = _early(recipe, tokenizer, source)
    kind = ShardedTrainer if sharded() else AlignmentTrainer
    trainer = kind(step, examples, tokenizer, output, _loop(recipe, facts["extended"]), early, record)
    trainer.add_callback(Halt(asked, trainer.total))
    if streams.held_out is not None:
        held = streams.held_out
        trainer.add_callback(Trajectory(output / ALIGNMENT, recipe, held.corpus, tokenizer, held.lexicons))
    write_text(output / RUN, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    stopping = Stopping(output, recipe.stop, trainer.total) if recipe.stop.by else None
    ended = step_of(last) if last else 0
    if stopping is not None:
        trainer.best = lambda step: (stopping.best(step) or (None,))[0]
        trainer.add_callback(stopping)  # after all that measures
    if finish:
        for name in (LOG, ALIGNMENT):  # lines of updates after the checkpoint are of no model
            cut_off(output / name, ended)
    elif stopping is None or not stopping.over(ended):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
        ended = trainer.state.global_step
        asked.learning = False  # what is left has no update to wait for: a signal ends it where it stands
        if asked.agree(trainer.total):  # in the last update, too: what was said of it holds
            raise Interrupted(asked.number)
    chosen = None if stopping is None else stopping.chosen(ended)
    if chosen is not None:
        facts["chosen"] = chosen
    if finish and ended < recipe.run.steps:
        facts["finished"] = {"step": ended, "of": recipe.run.steps}
    if {"chosen", "finished"} & facts.keys() and os.environ.get("RANK", "0") == "0":
        write_text(output / RUN, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    trainer.finish(output / MODEL, ended if chosen is None else chosen["step"])


def _best(output: Path) -> int | None:
    """The update whose weights a finished run's model has, if that was chosen."""
    chosen = read_object(output / RUN).get("chosen") if (output / RUN).is_file() else None
    return chosen["step"] if isinstance(chosen, dict) and isinstance(chosen.get("step"), int) else None


def _autocast(recipe: Recipe) -> Any:
    import torch

    return torch.bfloat16 if recipe.model.precision == "bfloat16" else None


def _examples(recipe: Recipe, streams: Streams, tokenizer: Any, packs: bool, *, linker: Any = None) -> Any:
    import torch

    from xling_bench.training.examples import OVERHEAD, OVERHEAD_ON_DEVICE, Examples

    sizes, steps = sizes_of(recipe, processes()), recipe.run.steps
    overhead = OVERHEAD_ON_DEVICE if torch.cuda.is_available() else OVERHEAD
    return Examples(
        tokenizer, streams.pairs, streams.instructions, sizes, steps, packs=packs, overhead=overhead,
        pivot=recipe.data.pivot, linker=linker,
    )  # fmt: skip


def _references(recipe: Recipe, streams: Streams, model: Any, *, trust_remote_code: bool) -> Any:
    """Models beside the one that learns: its base anew, also where the run goes on, and teachers by their path."""
    from xling_bench.training.base import load_base
    from xling_bench.training.references import References

    known = {name for loss in recipe.method.objective().active for name in loss.teachers}

    def load(path: str | None) -> tuple[Any, Any]:
        if path is not None and path not in known:
            raise DeclarationError(f"{path} teaches, but no loss names it in its `teachers`: it would be on no record.")
        own = {} if path is None else {"model": ModelPart(path=path), "adapter": type(recipe.adapter)()}
        return load_base(recipe.model_copy(update=own), None, trust_remote_code=trust_remote_code)

    def tokenise(tokenizer: Any, texts: tuple[str, ...]) -> Any:
        return _examples(recipe, streams, tokenizer, packs=False).pairs_of(texts)

    return References(model, load, tokenise)


def _early(recipe: Recipe, tokenizer: Any, source: Source | None) -> Any:
    """What the trainer evaluates on the way, and how often; None where nothing is asked for."""
    from xling_bench.training.early import EarlyEvaluation

    wanted = recipe.evaluate
    if not wanted.every:
        return None
    if source is None:
        raise UsageError("evaluate: say where benchmark data come from (XLING_DATA_DIR, XLING_DATA).")
    return EarlyEvaluation(wanted.tasks, tokenizer, source, wanted.limit), wanted.every


def _loop(recipe: Recipe, extended: list[int]) -> Run:
    from xling_bench.training.pace import Run

    run = recipe.run
    return Run(
        run.steps, run.lr, run.weight_decay, run.schedule, run.warmup, run.clip, run.seed, run.save_every,
        run.log_every, run.keep, run.keep_optimizer, bool(extended),
    )  # fmt: skip
