"""small.py - a slave fits a small machine.

The core of a slave, the codec and what of the CoAP engine a server needs, compiled with -Os for this processor,
unused functions left out, are less than 32 KiB of code. Cryptography is not counted: src/crypto/, and seal.c, which
is made of it. Nothing else is needed but memory and string functions and the allocator.
"""
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lint import Fault, run

NAME = "a slave with its codec and engine is less than 32 KiB of code, and needs no more than memory and strings"
LIMIT = 32 << 10
FLAGS = ["-std=gnu17", "-Os", "-DNDEBUG", "-ffunction-sections", "-fdata-sections", "-fno-pie", "-fno-stack-protector",
         "-fno-asynchronous-unwind-tables", "-Iinclude", "-Isrc"]
PARTS = r"src/proto/sos/slave\w*\.c|src/proto/sos/control\.c|src/proto/coap/\w+\.c|src/base/(timers|map|utf8)\.c"
USED = ["new", "free", "ops", "network", "event", "respond", "ignore", "changed", "status"]
ALLOWED = {"calloc", "malloc", "realloc", "free", "memchr", "memcmp", "memcpy", "memmove", "memset", "strchr",
           "strcmp", "strcspn", "strlen", "strncmp"}


def measured(tree, folder):
    """(octets of code, names it needs of others)."""
    sources = [f for f in tree.files(".c") if re.fullmatch(PARTS, f)]

    def compiled(name):
        target = Path(folder) / (name.replace("/", "_") + ".o")
        code, text = run(["gcc", *FLAGS, "-c", name, "-o", target], cwd=tree.root)
        if code:
            raise RuntimeError(text)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, sources))
    whole = Path(folder) / "slave.o"
    roots = [word for name in USED for word in ("-u", f"sos_slave_{name}")]
    code, text = run(["ld", "-r", "--gc-sections", *roots, *objects, "-o", whole])
    if code:
        raise RuntimeError(text)
    sections = run(["size", "-A", whole])[1]
    needs = re.findall(r"^\s*U (\w+)", run(["nm", "-u", whole])[1], re.M)
    return sum(int(n) for n in re.findall(r"^\.text\S*\s+(\d+)", sections, re.M)), set(needs)


def check(tree, only=None):
    if only is not None and not any(re.fullmatch(PARTS, f) or f.endswith(".h") for f in only):
        return []
    with tempfile.TemporaryDirectory() as folder:
        size, needs = measured(tree, folder)
    more = sorted(n for n in needs if n not in ALLOWED and not n.startswith(("lan_", "sos_proof", "sos_seal_")))
    return [f"a slave is {size} octets of code, of {LIMIT}"] * (size > LIMIT) + [
        f"a slave on a small machine needs {name}" for name in more]


def grown(tree):
    def more(text):
        lines = "".join(f"\tx = x * {i}u + (x >> {i % 30 + 1});\n" for i in range(3, 1200))
        text = text.replace("static void tick(", f"static volatile unsigned x;\nstatic void grow(void)\n{{\n{lines}}}\n"
                                                 "static void tick(", 1)
        return text.replace("\tstruct sos_slave *s = core;\n\tif (s->cfg.id && s->up)",
                            "\tstruct sos_slave *s = core;\n\tgrow();\n\tif (s->cfg.id && s->up)", 1)
    return tree.edit("src/proto/sos/slave.c", more)


FAULTS = [
    Fault("a slave that has grown", grown, "octets of code"),
    Fault("a slave that needs the system",
          lambda t: t.edit("src/proto/sos/slave.c", lambda text: text.replace(
              "\tcoap_ops.tick(", "\textern int getpid(void);\n\tnow += (lan_time)getpid();\n\tcoap_ops.tick(", 1)),
          "needs getpid"),
]
