"""formatting.py - C files look as .clang-format says (`make format` does it)."""
from lint import Fault, run

NAME = "C files are formatted by .clang-format"


def check(tree, only=None):
    files = tree.files(".c", ".h", only=only)
    findings = []
    for at in range(0, len(files), 20):
        code, text = run(["clang-format-14", "--dry-run", "-Werror", *files[at:at + 20]], cwd=tree.root)
        if code:
            findings += sorted({line.split(":")[0] + ": not formatted; `make format` does it"
                                for line in text.splitlines() if "error:" in line}) or [text]
    return findings


FAULTS = [
    Fault("a line indented with spaces",
          lambda t: t.write("src/base/x.c", "int x(void)\n{\n    return 0;\n}\n"), "src/base/x.c: not formatted"),
]
