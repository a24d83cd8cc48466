"""What a model is called: as somebody chose, else after its folder, its file or its hub name; never by a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath, PureWindowsPath

from xling_bench.core.errors import DataError, UsageError
from xling_bench.core.reading import read_object
from xling_bench.core.text import flat, hidden_in
from xling_bench.results.seal import Result

HUB = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)  # `gpt2`, `facebook/xglm-564M`
WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
# Names of folders that say nothing by themselves: they take their parent's along.
GENERIC = re.compile(
    r"model|hf|final|best|last|latest|merged|adapter|checkpoint|weights|output|(?:checkpoint|step|epoch|iter)[-_]?\d+|\d+",
    re.IGNORECASE,
)
HOMES = ("home", "homes", "users")  # folders whose folders are called after people
SHARD = re.compile(r"-\d{5}-of-\d{5}$")
CACHED = "models--"  # of the hub's cache: models--facebook--xglm-564M/snapshots/COMMIT
DIGITS = 8  # of a fingerprint, where models of one name are told apart
OURS = "xling-bench"


def name_of(place: str, *, local: bool = False) -> str:
    """The name of the model at `place`, by its text alone.

    A hub name stands whole; a folder is called by its last part, a .gguf file by its stem. A part that says nothing
    (`model`, `final`, `checkpoint-500`) takes its parent along: `aligned/model`; never a home folder. `local` says that
    it is a folder or file, whatever it looks like.
    """
    if not local and HUB.fullmatch(place):
        return place
    path = PureWindowsPath(place) if WINDOWS.match(place) else PurePosixPath(place)
    parts = [part for part in path.parts if part not in (path.anchor, "..") and not part.startswith("~")]
    if len(parts) > 2 and parts[-2] == "snapshots" and parts[-3].startswith(CACHED):
        return parts[-3].removeprefix(CACHED).replace("--", "/")
    parts = _without_home(parts)
    if not parts:
        return "model"
    if parts[-1].lower().endswith(".gguf"):
        parts[-1] = SHARD.sub("", parts[-1][: -len(".gguf")]) or parts[-1]
    *above, name = parts
    shown = [name]
    while above and GENERIC.fullmatch(shown[0]):
        shown.insert(0, above.pop())
    return "/".join(shown)


def _without_home(parts: list[str]) -> list[str]:
    """What is below somebody's own folder: of `/home/me/runs/a` it is `runs/a`."""
    ends = [i + 2 for i, part in enumerate(parts[:-1]) if part.lower() in HOMES] + [1] * (parts[:1] == ["root"])
    return parts[max(ends, default=0) :]


def name_here(place: str, adapter: str | None = None) -> str:
    """The name of what `--model` and `--peft` say, on the machine that has them: `base`, or `base+adapter`."""
    names = []
    for text in (place, adapter):
        if text:
            local = Path(text).exists()
            whole = os.path.abspath(text)  # noqa: PTH100 - keeps links, whose names somebody chose; `.` says nothing
            names.append(name_of(whole if local else text, local=local))
    return writable("+".join(names))


def recorded(config: Result) -> tuple[str, str]:
    """(name, identity) of the model in the `config` of a results file: ours of before names were kept, or lm_eval's.

    The identity is a hash of what was typed: models of one name in two places are two.
    """
    arguments = config.get("model_args") or {}
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    place = str(arguments.get("pretrained") or config.get("model_name") or config["model"])
    places = [place, *([str(arguments["peft"])] if arguments.get("peft") else [])]
    whole = "+".join(map(name_of, places))
    return writable(whole), sha256("\0".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def name_in(result: Result) -> str:
    """The name of the model in one of our results.json: the one kept there, or by what was typed."""
    kept = result["xling"].get("name")
    return writable(kept) if isinstance(kept, str) and kept else recorded(result["config"])[0]


def run_names(folder: Path) -> dict[str, str]:
    """{fingerprint: name} of a run folder's model by its run.json, which holds for all of its results; {} where
    there is none, or one without a name."""
    try:
        run = read_object(folder / "run.json")
        return {run["fingerprint"]: writable(run["name"])} if run["name"] else {}
    except (DataError, KeyError, TypeError):
        return {}


def told_apart(paths: Sequence[Path]) -> list[str]:
    """A mark for each of two paths: the fewest parts at its end in which they differ, else A and B. As typed: what
    stands above may be private."""
    parts = [path.parts for path in paths]
    counts = (n for n in range(1, 1 + max(map(len, parts))) if parts[0][-n:] != parts[1][-n:])
    count = next(counts, None)
    return ["A", "B"] if count is None else ["/".join(part[-count:]) for part in parts]


def writable(name: str) -> str:
    """The name on one line, what cannot be seen in it written out: `[U+001B]`, and `[U+DCFF]` for a path's byte that is
    no UTF-8."""
    return flat(name) or "model"


def check_name(name: str, option: str) -> str:
    """The name without spaces around it. Raises UsageError for one that is empty or holds what cannot be seen."""
    shown = name.strip()
    hidden = hidden_in(shown)
    if not shown or hidden:
        what = f"it holds {hidden}, which cannot be seen" if hidden else "it is empty"
        raise UsageError(f"{option} {name!a}: expected a name to show for the model, but {what}.")
    return shown


def distinguished(models: Iterable[tuple[str, str, str]]) -> list[str]:
    """What to call each of (name, harness, identity), so that one name is one model.

    Where plain lm_eval and our runner scored models of one name, lm_eval's is `name (lm_eval)`; several models of one
    name are `name (1a2b3c4d)`, by the fingerprint of their files (of lm_eval, a hash of what was typed).
    Raises UsageError where that makes two names one.
    """
    listed = list(models)
    ours = {name for name, harness, _ in listed if harness == OURS}
    named = [(f"{name} (lm_eval)" if h != OURS and name in ours else name, h, identity) for name, h, identity in listed]
    identities: dict[str, set[tuple[str, str]]] = {}
    for name, *identity in named:
        identities.setdefault(name, set()).add((identity[0], identity[1]))
    shown = [n if len(identities[n]) == 1 else f"{n} ({i[:DIGITS] or 'unknown'})" for n, _, i in named]
    owners: dict[str, tuple[str, str, str]] = {}
    for text, model in zip(shown, named, strict=True):
        if owners.setdefault(text, model) != model:
            raise UsageError(f"two models are called {text!r}: give one another name, NAME=RUN.")
    return shown
