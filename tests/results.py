"""results.py - what a test run adds up to.

One Result per sentence that was checked: a TAP line of a C program or lint, a
test case of pytest, one fuzz target. A program that dies, hangs, or says fewer
sentences than it planned adds a failure of its own, so a crash can never look
like a shorter success. Skipped is a third outcome, always shown, never passed.
"""
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
TAP_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*?)(?:\s*#\s*((?i:skip|todo)\b.*))?$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)\b")
PYTEST_PLAN = re.compile(r"\bcollected (\d+) items?((?: / \d+ \w+)*)")


@dataclass
class Result:
    suite: str  # "unit", "e2e", ...
    build: str  # "plain", "sanitized", "-"
    name: str
    outcome: str
    detail: str = ""  # why it failed or was skipped: a log's tail


def tail(text, lines=40):
    """The end of a log, where the reason is."""
    kept = text.rstrip().splitlines()[-lines:]
    return "\n".join(line[:400] for line in kept)


def from_tap(suite, build, program, text, ok, why=""):
    """Results of one TAP program. `ok`: it ended well; `why`: how it ended if not."""
    found, planned, count = [], None, 0
    notes = {}  # index of a failure: the "# why" lines that follow it
    for line in text.splitlines():
        if line.startswith("#") and found and found[-1].outcome == FAILED:
            notes.setdefault(len(found) - 1, []).append(line[1:].strip())
        plan = TAP_PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
            continue
        match = TAP_LINE.match(line)
        if not match:
            continue
        count += 1
        bad, _, name, note = match.groups()
        name = f"{program}: {name.strip()}" if name.strip() else program
        skipped = (note or "").lower().startswith("skip")
        outcome = SKIPPED if skipped else FAILED if bad else PASSED
        found.append(Result(suite, build, name, outcome, (note or "") if skipped else ""))
    for index, result in enumerate(found):
        if result.outcome == FAILED:
            result.detail = tail("\n".join(notes[index])) if index in notes else tail(text)
    if planned is not None and planned != count:
        found.append(Result(suite, build, f"{program}: says all {planned} sentences it planned",
                            FAILED, f"{why}\n{tail(text)}"))
    elif not ok and not any(r.outcome == FAILED for r in found):
        found.append(Result(suite, build, f"{program}: ends well", FAILED, f"{why}\n{tail(text)}"))
    elif ok and not found:
        found.append(Result(suite, build, program, PASSED))
    return found


def from_junit(suite, build, path):
    """Results of a pytest run, from its JUnit file."""
    found = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '').split('.')[-1]}: {case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        if bad is not None:
            found.append(Result(suite, build, name, FAILED, tail(bad.text or bad.get("message", ""))))
        elif skip is not None:
            found.append(Result(suite, build, name, SKIPPED, skip.get("message", "")))
        else:
            found.append(Result(suite, build, name, PASSED))
    return found


def from_pytest(suite, build, part, path, text, code):
    """Results of one run of pytest: its JUnit file, if it came to write one, and what it said. `code`: None: time limit."""
    why = "time limit" if code is None else f"exit code {code}"
    found = from_junit(suite, build, path) if path.exists() else []
    plan = PYTEST_PLAN.search(text)
    selected = plan and re.search(r"(\d+) selected", plan[2])
    planned = int((selected or plan)[1]) if plan else None
    if planned == 0 and code == 5:  # none of them has the mark that was asked for
        return found
    if planned is None or len(found) < planned:
        found.append(Result(suite, build, f"{part}: runs all {planned or ''} tests it found", FAILED, f"{why}\n{tail(text)}"))
    elif code != 0 and not any(r.outcome == FAILED for r in found):
        found.append(Result(suite, build, f"{part}: ends well", FAILED, f"{why}\n{tail(text)}"))
    return found


def report(results, seconds, out):
    """The table, the failures, the skips and the last line. Returns the exit code."""
    rows = {}
    for r in results:
        row = rows.setdefault((r.suite, r.build), {PASSED: 0, FAILED: 0, SKIPPED: 0})
        row[r.outcome] += 1
    for r in (r for r in results if r.outcome == FAILED):
        out(f"\nFAILED  {r.suite} ({r.build})  {r.name}")
        for line in r.detail.splitlines():
            out(f"    {line}")
    for r in (r for r in results if r.outcome == SKIPPED):
        out(f"SKIPPED {r.suite} ({r.build})  {r.name}: {r.detail}")
    out(f"\n{'suite':<10} {'build':<10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for (suite, build), row in rows.items():
        took = seconds.get((suite, build))
        out(f"{suite:<10} {build:<10} {row[PASSED]:>7} {row[FAILED]:>7} {row[SKIPPED]:>8}"
            f" {took if took is not None else 0:>8.1f}")
    passed = sum(row[PASSED] for row in rows.values())
    failed = sum(row[FAILED] for row in rows.values())
    skipped = sum(row[SKIPPED] for row in rows.values())
    if skipped:
        out(f"{skipped} skipped: not counted below, reasons above")
    out(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1
