"""scripts.py - shell scripts pass shellcheck, Python files compile, programs can be started."""
import os
import re

from lint import Fault, first_lines, run

NAME = "scripts pass shellcheck, Python compiles, every program can be started"


def kind(tree, name):
    """'sh', 'python' or None, by name or by first line."""
    if name.endswith(".py"):
        return "python"
    if name.endswith(".sh"):
        return "sh"
    if "." in os.path.basename(name)[1:]:
        return None
    first = tree.text(name).split("\n", 1)[0]
    return "sh" if re.match(r"#!.*\b(ba|da)?sh\b", first) else "python" if re.match(r"#!.*\bpython", first) else None


def check(tree, only=None):
    findings = []
    for name in tree.files(only=only):
        what, text = kind(tree, name), None
        if what == "sh":
            code, text = run(["shellcheck", name], cwd=tree.root)
            if code:
                findings.append(f"{name}: {first_lines(text, 6)}")
        elif what == "python":
            try:
                compile(tree.text(name), name, "exec")
            except SyntaxError as e:
                findings.append(f"{name}:{e.lineno}: {e.msg}")
        if what and tree.text(name).startswith("#!") and not os.access(tree.root / name, os.X_OK):
            findings.append(f"{name}: starts with #! and is not executable")
    return findings


FAULTS = [
    Fault("an unquoted variable", lambda t: t.write("tools/x.sh", "#!/bin/sh\nrm $1\n"), "SC2086"),
    Fault("a bashism under /bin/sh", lambda t: t.write("tools/x.sh", "#!/bin/sh\n[[ -n \"$1\" ]]\n"), "SC3010"),
    Fault("Python that does not parse", lambda t: t.write("tests/x.py", "def x(:\n"), "tests/x.py:1"),
    Fault("a script nobody can start", lambda t: t.write("tools/x.sh", "#!/bin/sh\nexit 0\n"), "not executable"),
]
