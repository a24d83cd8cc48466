"""Commands in processes of their own, forked from an interpreter that has imported the libraries already.

Importing torch, transformers and lm_eval is most of what a small command costs. A forked process has its own memory,
files, streams, environment and exit code, as one that was started; `test_runner` compares the two. Tests of starting,
killing and of several processes at once start theirs (`python -m xling_bench`).

There are two such interpreters: one has imported this package, too; the other has not, and its commands import the copy
that their PYTHONPATH names (`guides`). `python warm.py ask ...` is a command for a shell that has itself forked.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

# What libraries, and `chatter.quiet`, set when they are imported, in the interpreter that forks as in the tests' own.
SET_BY_LIBRARIES = ("KMP_", "PIP_", "TORCHINDUCTOR_", "HF_XET_", "TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM",
                    "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE")  # fmt: skip
APART = ("XLING_", "PYTEST_CURRENT_TEST", *SET_BY_LIBRARIES)


def command(*arguments: str, environment: dict[str, str], timeout: int = 600) -> subprocess.CompletedProcess[str]:
    """`xling-bench ARGUMENTS`. Libraries read variables when imported: if one that is not ours differs, a new start."""
    return run("xling_bench", *arguments, environment=environment, timeout=timeout)


def run(program: str, *arguments: str, environment: dict[str, str], timeout: int = 600) -> Any:
    """The same of another program: `xling_bench`, `lm_eval`, or `-c`, Python given as text."""
    server = Server.running(ours=program != "lm_eval")  # which imports this package late
    if settings(environment) != server.settings:
        how = [program] if program == "-c" else ["-m", program]
        return subprocess.run([sys.executable, *how, *arguments], env=environment, capture_output=True, text=True,
                              timeout=timeout)  # fmt: skip
    return server.command(program, arguments, environment, timeout)


def settings(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(APART)}


class Server:
    """The interpreter that forks. It answers one request after the other, and ends with its input."""

    def __init__(self, *, ours: bool) -> None:
        self.settings = settings(dict(os.environ))
        self.folder = tempfile.mkdtemp()  # a socket's path is short
        self.address = str(Path(self.folder, "socket"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen()
            self.process = subprocess.Popen(
                [sys.executable, __file__, "serve", str(listener.fileno()), *(["ours"] if ours else [])],
                env=self.settings, stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
            )  # fmt: skip
        atexit.register(self.close)

    @staticmethod
    @cache
    def running(*, ours: bool) -> Server:
        return Server(ours=ours)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder)

    def shell(self, program: str) -> str:
        """The beginning of a shell's command that has `program` forked, with the shell's folder and environment."""
        return f'"{sys.executable}" -I -S "{__file__}" ask "{self.address}" {program}'

    def command(self, program: str, arguments: tuple[str, ...], environment: dict[str, str], timeout: int) -> Any:
        with Path(os.devnull).open() as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                code = ask(self.address, program, arguments, environment, (nothing, out, err), timeout)
            except TimeoutError as error:
                self.process.kill()
                raise subprocess.TimeoutExpired(arguments, timeout) from error
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(list(arguments), code, *texts)


def ask(address: str, program: str, arguments: Any, environment: dict[str, str], streams: Any, timeout: int) -> int:
    """The exit code of `program`, forked, which has these streams and this process's folder."""
    request = {"program": program, "arguments": list(arguments), "environment": environment, "folder": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(timeout)
        server.connect(address)
        socket.send_fds(server, [b"\n"], [stream.fileno() for stream in streams])
        server.sendall(json.dumps(request).encode())
        server.shutdown(socket.SHUT_WR)
        code = server.recv(16)
    assert code, "the interpreter that forks has ended: see what the first command's test captured"
    return int(code)


def serve(listener: socket.socket, *, ours: bool) -> int:
    """The server's loop."""
    from xling_bench.core.chatter import quiet

    quiet()
    import lm_eval.evaluator  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401
    from transformers.models.bloom import modeling_bloom  # noqa: F401
    from transformers.models.llama import modeling_llama  # noqa: F401
    from transformers.models.xglm import modeling_xglm  # noqa: F401

    if ours:
        import xling_bench.cli.main
        import xling_bench.evaluation.runner
        import xling_bench.models.shared_prefix  # noqa: F401
    else:
        for name in [name for name in sys.modules if name.partition(".")[0] == "xling_bench"]:
            del sys.modules[name]
    gc.freeze()  # no process goes through all these objects again, and so copies none of their pages
    while listener in select.select([sys.stdin, listener], [], [])[0]:
        connection, _ = listener.accept()
        with connection:
            _, streams, *_ = socket.recv_fds(connection, 1, 3)
            request = json.load(connection.makefile("rb"))
            if request["program"] == "lm_eval":
                index_once()
            child = os.fork()
            if not child:
                listener.close()
                connection.close()
                become(request, streams, ours=ours)
            for stream in streams:
                os.close(stream)
            connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
    return 0


@cache
def index_once() -> None:
    """Every `lm_eval` indexes the 14,000 task files of its own: those that are forked find them read. Other releases
    index in other ways, and have it done each time."""
    try:
        from lm_eval.tasks import _index

        read, own = _index.load_yaml, Path(_index.__file__).parent
        files = list(_index.TaskIndex._iter_yaml_files(own))
    except (ImportError, AttributeError):
        return
    known = {}
    for path in files:
        try:
            known[path] = read(path, resolve_func=False, recursive=True)
        except Exception:  # noqa: BLE001, S112 - there are such; a process reads it again and says so
            continue

    def load_yaml(path: Path, **how: bool) -> dict[str, Any]:
        usual = how == {"resolve_func": False, "recursive": True}
        return dict(known[path]) if usual and path in known else read(path, **how)

    _index.load_yaml = load_yaml
    gc.freeze()


def become(request: dict[str, Any], streams: list[int], *, ours: bool) -> NoReturn:
    """Do in this process, which was forked, what was asked for."""
    for number, (stream, name) in enumerate(zip(streams, ("stdin", "stdout", "stderr"), strict=True)):
        os.dup2(stream, number)
        os.close(stream)
        old = getattr(sys, name)  # of another kind of file, perhaps: one can go back in a file, but not in a pipe
        new = open(number, old.mode, 1 if name == "stderr" else -1, old.encoding, old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
    own, environment = len(folders(os.environ)), request["environment"]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(request["folder"])
    if not ours:
        sys.path[: 1 + own] = [request["folder"], *folders(environment)]
    if request["program"] == "xling_bench":
        from xling_bench.cli.main import script

        script(request["arguments"])
    other(request["program"], request["arguments"])


def folders(environment: Any) -> list[str]:
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]


def other(program: str, arguments: list[str]) -> NoReturn:
    """What the interpreter does with `-m lm_eval` or `-c`, to the end of the process."""
    code = 0
    try:
        if program == "-c":
            exec(arguments[0], {"__name__": "__main__"})  # noqa: S102 - a test's own text
        else:
            sys.argv = [program, *arguments]
            import_module(f"{program}.__main__").cli_evaluate()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 - said as the interpreter says it
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "ask":
        sys.exit(ask(where, rest[0], rest[1:], dict(os.environ), (sys.stdin, sys.stdout, sys.stderr), 600))
    sys.path[0] = str(Path.cwd())  # as `python -m xling_bench` has it
    sys.exit(serve(socket.socket(fileno=int(where)), ours=rest == ["ours"]))
