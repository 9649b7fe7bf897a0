"""packages.py - tools/packages.txt is true and whole.

Each package is one that apt knows; each tool in the third column comes from
its package; and each program that our scripts start is in the table or part of
every Debian (the essential and required packages). Programs are found by their
place: the first word of a shell command, the first string of a list that
Python hands to a process.
"""
import functools
import os
import re
import shutil

from lint import Fault, run

NAME = "every package is known to apt, and every tool in use comes from a listed one"
LIST = "tools/packages.txt"

KEYWORDS = set("""if then elif else fi for while until do done case esac in select function time coproc
    . : [ [[ ! { } alias bg break builtin cd command continue declare dirs echo enable eval exec exit export false
    fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly
    return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait""".split())
SHELL_START = re.compile(r"""(?:^|[|;&({]|\$\(|\b(?:then|do|else|exec|if|while|until|time|env|sudo|command)\s|!\s)\s*
    (?:[A-Za-z_]\w*=[^\s(]*\s+)*@?([a-z][\w.+-]*)(?=[\s;)|&]|$)""", re.X | re.M)
GIVEN = {"git", "make", "sudo"}  # what the README asks for
PYTHON_START = re.compile(r"""\b(?:run|command|Popen|check_output|check_call|call)\(\s*\[\s*["']([a-z][\w.+-]*)["']""")


def table(tree):
    """[(purpose, package, [tools])]"""
    rows = [line.split() for line in tree.text(LIST).splitlines() if line.strip() and not line.startswith("#")]
    return [(row[0], row[1], row[2:]) for row in rows]


def shell_commands(text):
    text = re.sub(r"<<-?\s*(['\"]?)(\w+)\1.*?^\s*\2$", "", text, flags=re.S | re.M)  # here-documents
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"(^|\s)#.*$", "", text, flags=re.M)
    text = re.sub(r"\(\(.*?\)\)", "X", text)  # arithmetic
    text = re.sub(r"'[^'\n]*'", "''", text)
    text = re.sub(r'"(?:[^"\\$\n]|\\.|\$(?!\())*"', '""', text)  # keep strings that hold $( )
    functions = set(re.findall(r"^\s*(?:function\s+)?(\w+)\s*\(\)", text, re.M))
    patterns = set(re.findall(r"^\s*([\w|* -]+)\)\s", text, re.M))
    arms = {word.strip() for p in patterns for word in p.split("|")}
    return {w for w in SHELL_START.findall(text) if w not in KEYWORDS and w not in functions and w not in arms}


def commands_of(tree, name):
    text = tree.text(name)
    if name == "Makefile":
        recipes = "\n".join(line.strip().lstrip("@-") for line in text.splitlines() if line.startswith("\t"))
        return shell_commands(re.sub(r"\$\([A-Z_]+\)|\$\(if .*\)|\$\(\w+ [^)]*\)\)?", "X", recipes))
    if name.endswith(".py"):
        return set(PYTHON_START.findall(text))
    first = text.split("\n", 1)[0]
    return shell_commands(text) if name.endswith(".sh") or re.match(r"#!.*sh\b", first) else set()


@functools.cache
def in_every_debian(tool):
    """Is it from an essential or required package? Asks dpkg who owns the file."""
    path = shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        return False
    candidates = {path, os.path.realpath(path)} | {p.removeprefix("/usr") for p in (path, os.path.realpath(path))}
    code, text = run(["dpkg-query", "-S", *sorted(candidates)])
    owners = {o for line in text.splitlines() if ": " in line and "no path" not in line
              for o in line.split(": ")[0].split(", ")}
    for owner in owners:
        code, text = run(["dpkg-query", "-W", "-f", "${Essential} ${Priority}", owner])
        if code == 0 and ("yes" in text or "required" in text):
            return True
    return False


@functools.cache
def provides(package, tool):
    """Does the package, or one it depends on, hold the tool? True where it is not installed:
    a peer of the benchmark, say, leaves nothing to compare."""
    code, text = run(["dpkg-query", "-L", package])
    if code:
        return True
    code, needs = run(["dpkg-query", "-W", "-f", "${Pre-Depends}, ${Depends}", package])
    for other in re.findall(r"(?:^|, )([a-z][\w.+-]*)", needs):
        text += run(["dpkg-query", "-L", other])[1]
    files = text.splitlines()
    if tool.startswith("/"):
        return tool in files
    return any(re.search(rf"/s?bin/{re.escape(tool)}$", f) for f in files)


def check(tree, only=None):
    rows, findings = table(tree), []
    packages = sorted({package for _, package, _ in rows})
    code, text = run(["apt-cache", "show", *packages])
    known = set(re.findall(r"^Package: (.*)$", text, re.M))
    findings += [f"{LIST}: apt does not know {p}" for p in packages if p not in known]
    tools = set(GIVEN)
    for _, package, names in rows:
        tools.update(names)
        if not names:
            findings.append(f"{LIST}: {package} is there for nothing")
        findings += [f"{LIST}: {package} does not bring {t}" for t in names
                     if package in known and not provides(package, t)]
    for name in tree.files():
        for tool in sorted(commands_of(tree, name) - tools):
            if not in_every_debian(tool):
                findings.append(f"{name}: starts {tool}, which no package of {LIST} brings")
    return findings


FAULTS = [
    Fault("a package that does not exist",
          lambda t: t.edit(LIST, lambda s: s + "build no-such-package-x x\n"), "apt does not know no-such-package-x"),
    Fault("a tool claimed of the wrong package",
          lambda t: t.edit(LIST, lambda s: s + "build gcc frobnicate\n"), "gcc does not bring frobnicate"),
    Fault("a shell script that needs an unlisted program",
          lambda t: t.write("tools/x.sh", "#!/bin/sh\nset -e\njq . <x | xmllint -\n"), "starts xmllint"),
    Fault("a Python test that needs an unlisted program",
          lambda t: t.write("tests/e2e/x.py", "import subprocess\nsubprocess.run([\"socat\", \"-\"])\n"), "starts socat"),
    Fault("a list that lost the formatter",
          lambda t: t.edit(LIST, lambda s: s.replace("clang-format-14 ", "gcc ").replace(" clang-format-14", "")),
          "starts clang-format-14"),
]
