"""counting.py - the test command adds up truthfully.

The one number everybody believes is made by tests/results.py. Here it is fed
what programs really do: end well, fail, die in the middle, plan more than they
say, skip, say nothing; and its table is read back.
"""
import importlib.util
import sys
import tempfile
from pathlib import Path

from lint import Fault

NAME = "crashed, short, skipped and silent programs are counted as what they are"
MODULE = "tests/results.py"

JUNIT = """<testsuites><testsuite>
<testcase classname="a.b" name="good"/>
<testcase classname="a.b" name="bad"><failure message="m">why</failure></testcase>
<testcase classname="a.b" name="broken"><error message="m"/></testcase>
<testcase classname="a.b" name="not here"><skipped message="because"/></testcase>
</testsuite></testsuites>"""

# what a program said; did it end well; passed, failed, skipped
PROGRAMS = [
    ("1..2\nok 1 - a\nok 2 - b\n", True, (2, 0, 0)),
    ("1..2\nok 1 - a\nnot ok 2 - b\n# why\n", False, (1, 1, 0)),
    ("1..3\nok 1 - a\nok 2 - b # SKIP no such thing here\nok 3\n", True, (2, 0, 1)),
    ("ok 1 - a\nok 2 - b\n1..2\n", True, (2, 0, 0)),
    ("1..2\nok 1 - what starts with #!\nok 2 # skip\n", True, (1, 0, 1)),
    ("1..3\nok 1 - a\nok 2 - b\n", False, (2, 1, 0)),
    ("1..3\nok 1 - a\nok 2 - b\n", True, (2, 1, 0)),
    ("1..2\nok 1 - a\nok 2 - b\n", False, (2, 1, 0)),
    ("1..2\nnot ok 1 - a\nok 2 - b\n", True, (1, 1, 0)),
    ("ok then\nnothing in TAP\n", True, (1, 0, 0)),
    ("", True, (1, 0, 0)),
    ("", False, (0, 1, 0)),
    ("Bail out! no disk\n", False, (0, 1, 0)),
]

# what pytest said, its exit code, whether it wrote the file above; passed, failed, skipped
RUNS = [
    ("collecting ... collected 4 items\n", 1, True, (1, 2, 1)),
    ("collected 9 items / 5 deselected / 4 selected\n", 1, True, (1, 2, 1)),
    ("collecting ... collected 5 items\n", 1, True, (1, 3, 1)),
    ("collected 9 items / 4 deselected / 5 selected\n", 1, True, (1, 3, 1)),
    ("collected 4 items\nFatal Python error: Segmentation fault\n", -11, False, (0, 1, 0)),
    ("collected 4 items\n", None, False, (0, 1, 0)),
    ("no module named pytest\n", 1, False, (0, 1, 0)),
    ("collected 4 items / 4 deselected / 0 selected\n", 5, False, (0, 0, 0)),
    ("collected 0 items\n", 3, False, (0, 1, 0)),
]


def load(tree):
    spec = importlib.util.spec_from_file_location("results_under_test", tree.root / MODULE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def tally(results, found):
    return tuple(sum(r.outcome == o for r in found) for o in (results.PASSED, results.FAILED, results.SKIPPED))


def check_report(results, outcomes, code, last):
    lines = []
    made = [results.Result("unit", "plain", f"n{i}", o, "why") for i, o in enumerate(outcomes)]
    got = results.report(made, {}, lines.append)
    return [] if (got == 0) == (code == 0) and lines[-1] == last else [
        f"{outcomes}: exit code {got}, last line {lines[-1]!r}, not {last!r}"]


def check(tree, only=None):
    results = load(tree)
    findings = []
    for text, ok, expect in PROGRAMS:
        got = tally(results, results.from_tap("s", "b", "program", text, ok, "exit code 1"))
        if got != expect:
            findings.append(f"{text!r}, ends {'well' if ok else 'badly'}: counted {got}, not {expect}")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "junit.xml"
        path.write_text(JUNIT, encoding="utf-8")
        got = tally(results, results.from_junit("s", "b", path))
        if got != (1, 2, 1):
            findings.append(f"pytest: counted {got}, not (1, 2, 1)")
        for text, code, wrote, expect in RUNS:
            file = path if wrote else path.with_name("none")
            got = tally(results, results.from_pytest("s", "b", "part", file, text, code))
            if got != expect:
                findings.append(f"pytest said {text!r}, code {code}: counted {got}, not {expect}")
    p, f, s = results.PASSED, results.FAILED, results.SKIPPED
    findings += check_report(results, [p, p, s], 0, "2 passed, 0 failed")
    findings += check_report(results, [p, f, s], 1, "1 passed, 1 failed")
    findings += check_report(results, [s], 1, "0 passed, 0 failed")
    findings += check_report(results, [], 1, "0 passed, 0 failed")
    return findings


def breaking(old, new):
    def change(text):
        assert old in text, f"{old} is not in {MODULE} any more"
        return text.replace(old, new)
    return lambda tree: tree.edit(MODULE, change)


FAULTS = [
    Fault("a count that believes in short programs", breaking("planned != count", "planned < count"), "counted (2, 0, 0)"),
    Fault("a count that believes in crashed programs", breaking("elif not ok and not any(", "elif False and not any("),
          "ends badly: counted (2, 0, 0)"),
    Fault("a count that believes in short runs of pytest", breaking(" or len(found) < planned", ""),
          "counted (1, 2, 1), not (1, 3, 1)"),
    Fault("a count that takes a crash of pytest for a run of nothing", breaking("elif code != 0 and not any(", "elif False and any("),
          "code 3: counted (0, 0, 0)"),
    Fault("a count that takes skipped for passed", breaking("outcome = SKIPPED if skipped else FAILED", "outcome = FAILED"),
          "counted (3, 0, 0)"),
    Fault("a count that overlooks errors of pytest", breaking('else case.find("error")', "else None"), "pytest: counted"),
    Fault("an end that is good although nothing was tested", breaking("failed == 0 and passed > 0", "failed == 0"),
          "exit code 0"),
]
