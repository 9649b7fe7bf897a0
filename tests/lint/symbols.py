"""symbols.py - what liblanyard.so shows: lan_ names, and all that its headers promise."""
import re
import tempfile
from pathlib import Path

from lint import Fault, run

NAME = "the shared library exports lan_ names only, and each function of its headers"
LIBRARY = "liblanyard.so"
PROMISE = re.compile(r"\bLAN_API\b[^;{]*?\b(lan_\w+)\s*\(", re.S)


def exported(library):
    code, text = run(["nm", "-D", "--defined-only", "-P", library])
    if code:
        raise RuntimeError(text)
    return {line.split()[0].split("@")[0] for line in text.splitlines() if line.split()[1] not in "A"}


def promised(tree):
    names = {}
    for header in tree.files(".h", under="include/lanyard/"):
        code = re.sub(r"/\*.*?\*/|^[ \t]*#[^\n]*", "", tree.text(header), flags=re.S | re.M)
        for name in PROMISE.findall(code):
            names[name] = header
    return names


def check(tree, only=None):
    library = tree.build / LIBRARY
    if not library.exists():
        return [f"{LIBRARY} is not built"]
    has, wants = exported(library), promised(tree)
    if not wants:
        return ["no function with LAN_API found in include/lanyard/"]
    return [f"{LIBRARY} exports {name}" for name in sorted(has) if not name.startswith("lan_")] + [
        f"{header} declares {name}, which {LIBRARY} does not export"
        for name, header in sorted(wants.items()) if name not in has]


def leaking(tree):
    """A shared library that has what the real one has, and one name more."""
    build = Path(tempfile.mkdtemp(dir=tree.root))
    source = "int oops(void);\nint oops(void) { return 0; }\n"
    source += "".join(f"void {name}(void);\nvoid {name}(void) {{ }}\n" for name in promised(tree))
    code, text = run(["gcc", "-fno-builtin", "-shared", "-fPIC", "-x", "c", "-", "-o", build / LIBRARY], text=source)
    assert code == 0, text
    tree.build = build
    return set()


FAULTS = [
    Fault("a name that is not ours", leaking, "exports oops"),
    Fault("a declared function that is not there",
          lambda t: t.write("include/lanyard/x.h", "LAN_API LAN_WUR enum lan_err\nlan_oops(int a,\n\tint b);\n"),
          "declares lan_oops"),
]
