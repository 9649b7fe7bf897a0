"""man.py - the man pages build, are clean, and leave nothing out.

Every source is built by docs/man/meson.build and passes scdoc and mandoc;
every verb of the command line stands in a page of section 1 or 7; every public
function stands in a page of section 3, whose example programs compile, without
a warning, against the installed headers and the library.
"""
import re
import tempfile
from pathlib import Path

import symbols
from lint import Fault, first_lines, run

NAME = "man pages build cleanly, name every verb and function, and their examples compile"
# What scdoc itself writes before every heading and list, whatever the source says.
SCDOC_OWN = re.compile(r"skipping paragraph macro: PP (?:empty|after S[HS])")
PROGRAM = re.compile(r"^```\n(.*?)^```$", re.S | re.M)


def pages(tree):
    return {Path(name).name[:-4]: tree.text(name) for name in tree.files(".scd", under="docs/man/")}


def plain(text):
    """Without scdoc's marks."""
    return re.sub(r"\\(.)", r"\1", text.replace("*", ""))


def check_page(name, text):
    code, roff = run(["scdoc"], text=text)
    if code:
        return [f"{name}: scdoc: {first_lines(roff)}"]
    code, said = run(["mandoc", "-Tlint", "-W", "warning"], text=roff)
    return [f"{name}: {line}" for line in said.splitlines() if not SCDOC_OWN.search(line)]


def check_examples(tree, name, text):
    findings = []
    for number, program in enumerate((p for p in PROGRAM.findall(text) if "int main(" in p), 1):
        source = re.sub(r"\\(.)", r"\1", program)
        with tempfile.TemporaryDirectory() as scratch:
            code, said = run(["gcc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{tree.root}/include",
                              "-xc", "-", "-xnone", tree.build / symbols.LIBRARY, "-o", f"{scratch}/example"],
                             text=source)
        if code:
            findings.append(f"{name}: example {number}: {first_lines(said)}")
    return findings


def verbs(tree):
    """["link serve", "status", ...], as the program itself completes them."""
    def words(*typed):
        code, text = run([tree.build / "lanyard", "__complete", "words", *typed, ""])
        if code:
            raise RuntimeError(f"lanyard __complete words: {text}")
        return [line.split("\t")[0] for line in text.splitlines() if not line.startswith((":", "-"))]
    return [f"{thing} {verb}".strip() for thing in words()
            for verb in (words(thing) if thing not in ("help", "version") else [])
            or [""]]


def check(tree, only=None):
    have, findings = pages(tree), []
    listed = set(re.findall(r"'([\w.-]+\.\d)'", tree.text("docs/man/meson.build")))
    findings += [f"docs/man/{p}.scd is not in docs/man/meson.build" for p in sorted(set(have) - listed)]
    findings += [f"docs/man/meson.build lists {p}, which is not there" for p in sorted(listed - set(have))]
    for name, text in have.items():
        findings += check_page(name, text)
        if name.endswith(".3"):
            findings += check_examples(tree, name, text)
    library = plain("".join(text for name, text in have.items() if name.endswith(".3")))
    findings += [f"{name}() of {header} is in no page of section 3" for name, header in symbols.promised(tree).items()
                 if not re.search(rf"\b{name}\b", library)]
    commands = plain("".join(text for name, text in have.items() if name.endswith((".1", ".7"))))
    findings += [f"`lanyard {verb}` is in no page of section 1 or 7" for verb in verbs(tree)
                 if not re.search(rf"\b{verb}\b", commands)]
    return findings


PAGE = "docs/man/liblanyard.3.scd"
FAULTS = [
    Fault("a page that scdoc does not take", lambda t: t.write("docs/man/x.7.scd", "no title\n"), "x.7: scdoc"),
    Fault("a page that is not built", lambda t: t.write("docs/man/x.7.scd", 'x(7)\n\n# NAME\n\nx - y\n'),
          "x.7.scd is not in"),
    Fault("a page that mandoc takes for something else",
          lambda t: t.write("docs/man/x.7.scd", "x(7)\n\n# NAME\n\nx - y\n\n\\.foo bar\n"), "x.7: mandoc"),
    Fault("a function that no page tells of", lambda t: t.edit(PAGE, lambda s: s.replace("lan_loop_wake", "lan_loop_x")),
          "lan_loop_wake() of"),
    Fault("an example that does not compile", lambda t: t.edit(PAGE, lambda s: s.replace("int answered", "int amswered")),
          "example 2"),
    Fault("a verb that no page tells of",
          lambda t: set().union(*(t.edit(f, lambda s: s.replace("impair", "x")) for f in t.files(".scd"))),
          "`lanyard lab impair` is in no page"),
]
