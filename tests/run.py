#!/usr/bin/python3
"""run.py - `make check`: build, run every suite, add it up.

Two trees are built: build/ (what users run) and build-asan/ (the same under
AddressSanitizer and UndefinedBehaviorSanitizer). The C suites and the
end-to-end tests run on both, then the lints beside a minute of fuzzing. Each
step has a time limit and its own process group, so a hang costs its limit and
counts as a failure. The last line is `N passed, N failed`.

What pytest runs mostly waits. Its files run two at a time, each in a process
and a network of its own; tests marked `alone` (they look at the clock closely,
or use both processors) run when these have ended, one after the other.

    tests/run.py [--only SUITE,..] [--builds plain,sanitized] [--fuzz SECONDS]
"""
import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from results import FAILED, Result, from_pytest, from_tap, report, tail

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
MESON_SUITES = ("unit", "vectors", "sim", "oom")
PYTEST_SUITES = ("e2e", "interop")
SUITES = MESON_SUITES + PYTEST_SUITES + ("lint", "fuzz")
BESIDE = 2  # files of pytest at a time
REQUIRED = ("unit", "sim", "oom", "e2e", "lint", "fuzz")  # an empty one is a failure, not a success
BUILDS = {
    "plain": ("build", ["-Dtests=true"]),
    "sanitized": ("build-asan", ["-Dtests=true", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                                 "-Doptimization=1", "-Dwerror=false"]),
}
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


class Run:
    def __init__(self):
        self.results = []
        self.seconds = {}

    def add(self, suite, build, results, took):
        self.results += results
        self.seconds[suite, build] = self.seconds.get((suite, build), 0) + took

    def fail(self, suite, build, name, detail, took=0.0):
        self.add(suite, build, [Result(suite, build, name, FAILED, detail)], took)


def say(text):
    print(text, flush=True)


def as_root(env):
    """Words that make a command run as root with this environment (namespaces need it)."""
    if os.geteuid() == 0:
        return ["env"] + [f"{k}={v}" for k, v in env.items()]
    return ["sudo"] + ([] if sys.stdin.isatty() else ["-n"]) + ["env", f"PATH={os.environ['PATH']}"] + [
        f"{k}={v}" for k, v in env.items()]


live = set()  # children that run now
over = threading.Event()  # interrupted: nothing new begins


def command(words, limit, log, env=None, held=False):
    """Run, streaming to the terminal (held: all of it at the end) and to `log`. Returns (exit code or None on timeout,
    text)."""
    if over.is_set():
        return 130, "interrupted\n"
    title = f"$ {shlex.join(str(w) for w in words)}"
    if not held:
        say(title)
    try:
        child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **(env or {})})
    except OSError as e:
        return 127, f"{words[0]}: {e}\n"
    live.add(child)
    timer = threading.Timer(limit, stop, [child])
    timer.start()
    started, text = time.monotonic(), []
    for raw in child.stdout:
        text.append(raw.decode(errors="replace"))
        if not held:
            sys.stdout.write(text[-1])
            sys.stdout.flush()
    code = child.wait()
    if held:
        say("\n".join([title, "".join(text).rstrip()]))
    timer.cancel()
    live.discard(child)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(text), encoding="utf-8")
    return (code if time.monotonic() - started < limit else None), "".join(text)


def stop(child):
    """End a step and what it started; root's children are ended through sudo."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except PermissionError:
        subprocess.run(["sudo", "-n", "kill", "-KILL", "--", f"-{child.pid}"], check=False)
    except ProcessLookupError:
        pass


def build(run, which):
    directory, options = BUILDS[which]
    started = time.monotonic()
    code, text = command(["tools/build.sh", directory, *options], 300, ROOT / directory / "check" / "build.log")
    if code != 0:
        run.fail("build", which, f"{directory} configures and compiles", tail(text), time.monotonic() - started)
    return code == 0


def meson_suites(run, which, suites):
    directory = ROOT / BUILDS[which][0]
    log = directory / "meson-logs" / "check.json"
    log.unlink(missing_ok=True)
    words = ["meson", "test", "-C", directory, "--no-rebuild", "--logbase", "check"]
    for suite in suites:
        words += ["--suite", suite]
    env = SANITIZER_ENV if which == "sanitized" else {}
    suite_of = {t["name"]: t["suite"] for t in json.loads(
        (directory / "meson-info" / "intro-tests.json").read_text(encoding="utf-8"))}
    code, text = command(words, 400, directory / "check" / "meson.log", env)
    if not log.exists():
        run.fail(suites[0], which, "meson test runs", tail(text))
        return
    for line in log.read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        suite = next(s for s in suites if any(s == of.split(":")[-1] for of in suite_of[name]))
        ok = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
        why = f"{test['result']}, exit code {test['returncode']}"
        found = from_tap(suite, which, name, test.get("stdout", ""), ok, why)
        for r in found:
            if r.outcome == FAILED and test.get("stderr") and test["stderr"] not in r.detail:
                r.detail += "\n" + tail(test["stderr"])
        run.add(suite, which, found, test["duration"])
    if code is None:
        run.fail(suites[0], which, "meson test ends in time", tail(text))


def strays(which):
    """Tests that no suite here would ever run."""
    tests = json.loads((ROOT / BUILDS[which][0] / "meson-info" / "intro-tests.json").read_text(encoding="utf-8"))
    found = [t["name"] for t in tests if not any(s.split(":")[-1] in MESON_SUITES for s in t["suite"])]
    found += [str(p.relative_to(ROOT)) for pattern in ("test_*.py", "*_test.py")
              for p in (ROOT / "tests").rglob(pattern) if p.parent.name not in PYTEST_SUITES]
    return found


def pytest_part(which, suite, part, mark, path):
    """The results of the tests below `path` with this mark. Never raises: others run beside it."""
    directory = ROOT / BUILDS[which][0]
    junit, log = (directory / "check" / suite / f"{part}.{end}" for end in ("xml", "log"))
    env = {"LANYARD_BUILD": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= SANITIZER_ENV if which == "sanitized" else {}
    words = as_root(env) + [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short", "-m", mark,
                            f"--junit-xml={junit}", path]
    try:
        junit.unlink(missing_ok=True)
        code, text = command(words, 900, log, held=True)
        return from_pytest(suite, which, part, junit, text, code)
    except Exception:
        return [Result(suite, which, f"{part}: the test command itself", FAILED, traceback.format_exc())]


def pytest_suite(run, which, suite):
    files = sorted((ROOT / "tests" / suite).glob("test_*.py"), key=lambda p: -p.stat().st_size)  # the long ones first
    if not files:
        return
    started = time.monotonic()
    with ThreadPoolExecutor(BESIDE) as pool:
        parts = [pool.submit(pytest_part, which, suite, p.stem, "not alone", f"tests/{suite}/{p.name}") for p in files]
    found = [r for part in parts for r in part.result()]
    found += pytest_part(which, suite, "alone", "alone", f"tests/{suite}")
    run.add(suite, which, found, time.monotonic() - started)


def tap_program(run, suite, words, limit, env=None):
    started = time.monotonic()
    code, text = command(words, limit, ROOT / "build" / "check" / f"{suite}.log", env)
    why = "time limit" if code is None else f"exit code {code}"
    run.add(suite, "-", from_tap(suite, "-", suite, text, code == 0, why), time.monotonic() - started)


def step(run, suite, which, work, *args):
    """One step; should it break itself, that is a failure like any other."""
    try:
        return work(run, *args)
    except Exception:
        run.fail(suite, which, "the test command itself", traceback.format_exc())
        return None


def interrupted(number, frame):
    over.set()
    for child in list(live):
        stop(child)
    raise KeyboardInterrupt


def main():
    os.chdir(ROOT)
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ask.add_argument("--only", default=",".join(SUITES), help="suites to run")
    ask.add_argument("--builds", default=",".join(BUILDS), help="builds to run them on")
    ask.add_argument("--fuzz", type=int, default=60, help="seconds of fuzzing in all")
    args = ask.parse_args()
    only, builds = args.only.split(","), args.builds.split(",")
    if set(only) - set(SUITES) or set(builds) - set(BUILDS):
        ask.error(f"suites are {', '.join(SUITES)}; builds are {', '.join(BUILDS)}")

    run = Run()
    built = [which for which in builds if step(run, "build", which, build, which)]
    for which in built:
        suites = [s for s in MESON_SUITES if s in only]
        if suites:
            step(run, suites[0], which, meson_suites, which, suites)
        for suite in PYTEST_SUITES:
            if suite in only:
                step(run, suite, which, pytest_suite, which, suite)
    with ThreadPoolExecutor(2) as pool:  # these two measure no time: side by side
        if "lint" in only:
            pool.submit(step, run, "lint", "-", tap_program, "lint", [PYTHON, "tests/lint/run.py"], 480)
        if "fuzz" in only:
            pool.submit(step, run, "fuzz", "-", tap_program, "fuzz", ["tests/fuzz/run.sh"], args.fuzz + 480,
                        {"FUZZ_TIME": str(args.fuzz)})
    for name in strays(built[0]) if built else []:
        run.fail("build", "-", f"{name} belongs to a suite", f"the suites are {', '.join(SUITES)}")
    for suite in REQUIRED:
        if suite in only and not any(r.suite == suite for r in run.results):
            run.fail(suite, "-", "there are tests to run", "the suite is empty")
    return report(run.results, run.seconds, say)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
