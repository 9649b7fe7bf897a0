"""compilers.py - clang finds nothing either.

The build proves gcc free of warnings (-Werror). This asks clang the same
question about every file of the build, with the very same flags.
"""
import json
import shlex
from concurrent.futures import ThreadPoolExecutor

from lint import Fault, first_lines, run

NAME = "clang compiles every C file of the build without a warning"
DROPPED = ("-c", "-MD", "-fdiagnostics-color=always")


def command_of(entry):
    words = shlex.split(entry["command"])
    if words[0].rsplit("/", 1)[-1] == "ccache":
        del words[0]
    out = ["clang-14", "-fsyntax-only", "-Werror", "-Wno-unknown-warning-option"]
    skip = False
    for word in words[1:]:
        if skip or word in DROPPED:
            skip = False
        elif word in ("-o", "-MQ", "-MF"):
            skip = True
        else:
            out.append(word)
    return out


def entries(tree):
    """Compile commands, once per file: the static and the shared library compile the same ones."""
    database = json.loads((tree.build / "compile_commands.json").read_text(encoding="utf-8"))
    return list({e["file"]: e for e in database if e["file"].endswith(".c")}.values())


def check(tree, only=None):
    def one(entry):
        code, text = run(command_of(entry), cwd=entry["directory"])
        return f"{entry['file'].removeprefix('../')}: {first_lines(text)}" if code else None
    work = entries(tree)
    if only is not None:
        work = [dict(work[0], command=work[0]["command"].replace(work[0]["file"], str(tree.root / f)), file=f)
                for f in only]
    with ThreadPoolExecutor(2) as pool:
        return [f for f in pool.map(one, work) if f]


FAULTS = [
    Fault("a warning that only clang gives",
          lambda t: t.write("src/base/x.c", "int lan_x(int a);\nint lan_x(int a)\n{\n\ta = a;\n\treturn a;\n}\n"),
          "explicitly assigning"),
]
