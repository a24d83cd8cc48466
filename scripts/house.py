"""How the package is built: `python scripts/house.py [FOLDER]` prints, of the source of xling_bench or FOLDER,

rooms   its folders and the modules at its top, with files, lines, functions, and those with `dict[str, Any]` (or
        Mapping) in the type of a parameter or of what they return, as such or by an alias, wherever that is defined
arrows  which room imports from which, by how many statements that run, those inside functions too. What stands under
        `if TYPE_CHECKING` never runs and is told apart; modules looked up by a text are not seen
cycles  rooms, and modules, that reach each other along imports
names   modules of one name; modules, functions, parameters and fields called by a word that says little
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

VAGUE = ("find", "some", "told", "how", "kept")
DICT = re.compile(r"([\w.]+\.)?(dict|Dict|Mapping|MutableMapping)\[str, ([\w.]+\.)?Any\]")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Module:
    """One file. `imports`: (module, line, whether it runs); `names`: an imported name's module and its name there."""

    name: str
    path: Path
    room: str
    lines: int
    tree: ast.Module
    imports: set[tuple[str, int, bool]] = field(default_factory=set)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)


def read(folder: Path) -> dict[str, Module]:
    """All modules below a package's folder, by dotted name, with the imports among them."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        text, parts = path.read_text(encoding="utf-8"), path.relative_to(folder).with_suffix("").parts
        name = ".".join([folder.name, *parts]).removesuffix(".__init__")
        found[name] = Module(name, path.relative_to(folder), parts[0], text.count("\n"), ast.parse(text))
    for module in found.values():
        blocks = [node for node in ast.walk(module.tree) if isinstance(node, ast.If)]
        typing = [part for block in blocks if "TYPE_CHECKING" in ast.unparse(block.test) for part in block.body]
        never = {id(node) for part in typing for node in ast.walk(part)}
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            source = getattr(node, "module", "")
            if source is None or getattr(node, "level", 0):
                raise SystemExit(f"{module.path}, line {node.lineno}: a relative import; write the module's whole name")
            for entry in node.names:
                whole = ".".join(filter(None, (source, entry.name)))
                of, name = (whole, "") if whole in found else (source, entry.name)
                module.names[entry.asname or entry.name] = (of, name)
                if of in found and of != module.name:
                    module.imports.add((of, node.lineno, id(node) not in never))
    return found


def cycles(graph: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """The largest groups whose members all reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        reached[start], ahead = set(), [start]
        while ahead:
            new = graph[ahead.pop()] - reached[start]
            reached[start] |= new
            ahead += new
    return sorted({tuple(sorted(b for b in reached[a] if a in reached[b])) for a in graph if a in reached[a]})


def aliases(modules: dict[str, Module]) -> set[tuple[str, str]]:
    """All aliases of types that hold `dict[str, Any]`, those made of others and those handed on by imports too."""
    made = [(module, getattr(node, "target", None) or node.targets[0], node.value)
            for module in modules.values() for node in module.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]  # fmt: skip
    known: set[tuple[str, str]] = set()
    while True:
        new = {(module.name, ast.unparse(name)) for module, name, value in made if holds_dict(value, module, known)}
        new |= {(module.name, name) for module in modules.values() for name, of in module.names.items() if of in known}
        if new <= known:
            return known
        known |= new


def holds_dict(node: ast.AST, module: Module, known: set[tuple[str, str]]) -> bool:
    """Whether a type holds `dict[str, Any]` or a `known` alias."""
    name = ast.unparse(node)
    first, _, last = name.rpartition(".")
    meant = {(module.name, name), module.names.get(name), (module.names.get(first, ("",))[0], last)}
    here = bool(DICT.fullmatch(name) or meant & known)
    return here or any(holds_dict(part, module, known) for part in ast.iter_child_nodes(node))


def rooms(modules: dict[str, Module]) -> Iterator[str]:
    """A line for each room and one for all."""
    known, counts = aliases(modules), defaultdict(Counter)
    for module in modules.values():
        functions = [node for node in ast.walk(module.tree) if isinstance(node, FUNCTION)]
        types = [[f.returns, *(n.annotation for n in ast.walk(f.args) if isinstance(n, ast.arg))] for f in functions]
        dicts = sum(any(part and holds_dict(part, module, known) for part in listed) for listed in types)
        for room in ("(all)", module.room):
            counts[room] += Counter(files=1, lines=module.lines, functions=len(functions), dicts=dicts)
    yield f"{f'{len(counts) - 1} rooms':<20}{'files':>6}{'lines':>8}{'functions':>11}  with dict[str, Any]"
    for room, of in sorted(counts.items()):
        yield f"  {room:<18}{of['files']:>6}{of['lines']:>8}{of['functions']:>11}{of['dicts']:>6}"


def arrows(modules: dict[str, Module]) -> Iterator[str]:
    """Arrows between rooms, and cycles."""
    pairs = [(m.room, modules[of].room, runs) for m in modules.values() for of, _, runs in m.imports]
    found = Counter((a, b) for a, b, runs in pairs if runs and a != b)
    typed = {(a, b) for a, b, runs in pairs if not runs and a != b} - set(found)
    yield f"\n{len(found)} arrows between rooms, {found.total()} imports; {len(typed)} more for types only"
    for room in sorted({a for a, _ in found}):
        yield f"  {room} -> " + ", ".join(f"{b} {n}" for (a, b), n in sorted(found.items()) if a == room)
    by_room = {m.room: {b for a, b in found if a == m.room} for m in modules.values()}
    by_module = {m.name: {of for of, _, runs in m.imports if runs} for m in modules.values()}
    for what, groups in (("rooms", cycles(by_room)), ("modules", cycles(by_module))):
        yield "\n".join([f"\ncycles between {what}: {len(groups)}", *(f"  {', '.join(group)}" for group in groups)])


def names(modules: dict[str, Module]) -> Iterator[str]:
    """Names that stand for several modules, and names that say little."""
    stems, vague = defaultdict(list), Counter[tuple[str, str]]()
    for module in modules.values():
        stems[module.path.stem].append(module.path.as_posix())
        found = [("modules", module.path.stem)]
        found += [("functions", n.name) for n in ast.walk(module.tree) if isinstance(n, FUNCTION)]
        found += [("parameters", node.arg) for node in ast.walk(module.tree) if isinstance(node, ast.arg)]
        fields = [part for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) for part in node.body]
        found += [("fields", ast.unparse(part.target)) for part in fields if isinstance(part, ast.AnnAssign)]
        vague.update((kind, name) for kind, name in found if set(VAGUE) & set(name.split("_")))
    twice = {stem: paths for stem, paths in sorted(stems.items()) if len(paths) > 1 and stem != "__init__"}
    yield f"\nmodule names that occur more than once: {len(twice)}, of {sum(map(len, twice.values()))} modules"
    yield from (f"  {stem}: {', '.join(paths)}" for stem, paths in twice.items())
    yield f"\ncalled {', '.join(VAGUE)}: {vague.total()}"
    for kind in ("modules", "functions", "parameters", "fields"):
        own = [f"{name} {n}" for (of, name), n in sorted(vague.items()) if of == kind]
        yield f"  {kind}: {', '.join(own) or 'none'}"


if __name__ == "__main__":
    package = read(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "xling_bench").resolve())
    print("\n".join(line for part in (rooms, arrows, names) for line in part(package)))
