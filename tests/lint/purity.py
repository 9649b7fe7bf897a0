"""purity.py - the cores call nobody.

What the include lint forbids by name, this one proves on the object code: the
undefined symbols of liblanyard-cores.a are memory and string functions, the
allocator and what the compiler puts in (assert, 128-bit division). No system call, clock,
environment, standard output, thread or random number can be reached.
"""
import re
import shutil
import tempfile
from pathlib import Path

from lint import Fault, run

NAME = "the cores call nothing but memory, strings and the allocator"
ALLOWED = set("""
    memcpy memmove memset memcmp memchr memrchr memmem
    strlen strnlen strcmp strncmp strchr strrchr strspn strcspn
    malloc calloc realloc free
    __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    __memcpy_chk __memmove_chk __memset_chk
    __udivti3 __umodti3 __divti3 __modti3
""".split())
ARCHIVE = "liblanyard-cores.a"


def symbols(archive):
    """(defined, {undefined: member}) of an archive."""
    defined, undefined, member = set(), {}, "?"
    code, text = run(["nm", "-P", archive])
    if code:
        raise RuntimeError(text)
    for line in text.splitlines():
        head = re.match(r".*\[(.*)\]:$", line)
        if head:
            member = Path(head.group(1)).name
            continue
        name, kind = line.split()[:2]
        if kind == "U":
            undefined.setdefault(name, member)
        else:
            defined.add(name)
    return defined, undefined


def check(tree, only=None):
    archive = tree.build / ARCHIVE
    if not archive.exists():
        return [f"{archive.name} is not built"]
    defined, undefined = symbols(archive)
    if len(defined) < 20:
        return [f"{archive.name} defines {len(defined)} symbols: is this the whole of it?"]
    return [f"{member} calls {name}" for name, member in sorted(undefined.items())
            if name not in ALLOWED and name not in defined]


def calling(expression, header):
    """A fault: one more member in a copy of the archive, that calls something."""
    def plant(tree):
        build = Path(tempfile.mkdtemp(dir=tree.root))
        # The real archive is thin (it names its members); the copy holds them.
        code, text = run(["ar", "t", ARCHIVE], cwd=tree.build)
        members = text.split()
        (build / "x.c").write_text(f"#include <{header}>\nlong lan_x(void);\nlong lan_x(void) "
                                   f"{{ return (long){expression}; }}\n")
        code, text = run(["gcc", "-D_GNU_SOURCE", "-c", "x.c"], cwd=build)
        assert code == 0, text
        if (tree.build / ARCHIVE).read_bytes().startswith(b"!<thin>"):
            members = [tree.build / m for m in members]
            code, text = run(["ar", "rc", build / ARCHIVE, *members, "x.o"], cwd=build)
        else:
            shutil.copy(tree.build / ARCHIVE, build)
            code, text = run(["ar", "r", ARCHIVE, "x.o"], cwd=build)
        assert code == 0, text
        tree.build = build
        return set()
    return plant


FAULTS = [
    Fault("a core that reads the clock", calling("time(0)", "time.h"), "x.o calls time"),
    Fault("a core that asks the environment", calling("getenv(\"HOME\")", "stdlib.h"), "x.o calls getenv"),
    Fault("a core that draws a random number", calling("random()", "stdlib.h"), "x.o calls random"),
    Fault("a core that prints", calling("puts(\"\")", "stdio.h"), "x.o calls puts"),
]
