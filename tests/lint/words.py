"""words.py - what no tracked file may hold: foreign paths, debts without an issue, stray blanks, endless files."""
import io
import re
import tokenize

from lint import Fault

NAME = "no foreign paths, no debt without an issue, no stray blanks, no file too long to read"

# Written so that this file does not match itself.
FORBIDDEN = [
    (re.compile(r"(?<![\w./$~-])/wor[k]/|/tmp/[w]/|/(?:home|Users)/(?!user\b)[a-z]"), "names a path of somebody's machine"),
    (re.compile(r"\.librar[y]/|before-sto[p]|subagen[t]"), "names a tool of somebody's machine"),
    (re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b(?!.*#\d)"), "has a debt without an issue number"),
    (re.compile(r"[ \t]+$"), "ends in a blank"),
    (re.compile(r"\r$"), "ends in a carriage return"),
    (re.compile(r"^(?:<<<<<<<|>>>>>>>) "), "is a merge conflict"),
]
SOURCES = (".c", ".h", ".py", ".sh")
LONGEST = {".h": 300}
LONGEST_OTHER = 600
BINARY = (".pcap", ".bin", ".png", ".zst", ".gz")
DATA = ("tests/vectors/", "tests/fuzz/corpus/", "tests/fuzz/finds/", "tests/fuzz/seeds/", "tests/sim/seeds/")


def indented_with_tabs(text):
    try:
        return any(t.type == tokenize.INDENT and "\t" in t.string
                   for t in tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return False  # the lint of scripts tells what is wrong with it


def check(tree, only=None):
    findings = []
    for name in tree.files(only=only):
        if name.endswith(BINARY) or name.startswith(DATA):
            continue
        text = tree.text(name)
        if "\0" in text:
            continue
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            findings += [f"{name}:{number}: {what}" for pattern, what in FORBIDDEN if pattern.search(line)]
        if lines[-1] and text:
            findings.append(f"{name}: the last line has no end")
        if name.endswith(SOURCES):
            most = next((n for end, n in LONGEST.items() if name.endswith(end)), LONGEST_OTHER)
            if len(lines) - 1 > most:
                findings.append(f"{name}: {len(lines) - 1} lines, at most {most}: split it")
        if name.endswith((".c", ".h")) and not text.startswith("/*"):
            findings.append(f"{name}: does not open with a comment that says what it is")
        if name.endswith(".py") and indented_with_tabs(text):
            findings.append(f"{name}: Python indented with tabs")
    return findings


def line(text):
    return lambda tree: tree.write("src/base/x.c", f"/* x */\n{text}\n")


FAULTS = [
    Fault("a path of a machine", line("/* see /wor" + "k/main/x */"), "path of somebody"),
    Fault("a home folder", line("/* see /hom" + "e/anna/x */"), "path of somebody"),
    Fault("a debt without an issue", line("/* TOD" + "O: later */"), "debt"),
    Fault("a blank at the end of a line", line("int x; "), "ends in a blank"),
    Fault("a line of DOS", line("int x;\r"), "carriage return"),
    Fault("a merge left half done", line("<<<<<<" + "< HEAD"), "merge conflict"),
    Fault("a last line without end", lambda t: t.write("docs/x.md", "text"), "no end"),
    Fault("a file of 601 lines", line("\n" * 599), "601 lines"),
    Fault("a header of 301 lines", lambda t: t.write("src/base/x.h", "/* x */\n" + "\n" * 300), "at most 300"),
    Fault("Python indented with tabs", lambda t: t.write("tests/x.py", "if True:\n\tpass\n"), "with tabs"),
    Fault("a C file that does not say what it is", lambda t: t.write("src/base/x.c", "int x;\n"), "open with"),
]
