#!/usr/bin/python3
"""run.py - all lints, and for each lint its planted faults. Speaks TAP.

    tests/lint/run.py [--build DIR] [--no-faults] [LINT..]
"""
import argparse
import importlib
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lint import Tree

ROOT = Path(__file__).resolve().parent.parent.parent
LINTS = ["includes", "purity", "symbols", "headers", "compilers", "man", "formatting", "scripts", "words", "small",
         "packages", "counting", "install", "readme"]


def findings_of(lint, tree, only=None):
    try:
        return lint.check(tree, only)
    except Exception:  # a lint that breaks is a finding, not an end
        return traceback.format_exc().splitlines()


def verify(lint, tree, with_faults):
    """[(sentence, findings)] of one lint: the rule itself, then each fault it must notice."""
    said = [(lint.NAME, findings_of(lint, tree))]
    for fault in lint.FAULTS if with_faults else []:
        with tempfile.TemporaryDirectory(prefix="lanyard-lint-") as scratch:
            copy = tree.copy(scratch)
            try:
                touched = fault.plant(copy)
            except Exception:
                said.append((f"notices {fault.what}", traceback.format_exc().splitlines()))
                continue
            found = findings_of(lint, copy, touched)
        missed = [] if any(fault.expect in f for f in found) else [
            f"expected a finding with {fault.expect!r}", *(found[:5] or ["no finding at all"])]
        said.append((f"notices {fault.what}", missed))
    return said


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ask.add_argument("--build", default=ROOT / "build", type=Path)
    ask.add_argument("--no-faults", action="store_true", help="only check the tree")
    ask.add_argument("lints", nargs="*", default=LINTS, metavar="LINT", help=", ".join(LINTS))
    args = ask.parse_args()
    tree = Tree(ROOT, args.build.resolve())
    modules = [importlib.import_module(name) for name in args.lints]
    count, bad = 0, 0
    with ThreadPoolExecutor(2) as pool:
        for name, said in zip(args.lints, pool.map(lambda m: verify(m, tree, not args.no_faults), modules)):
            for sentence, findings in said:
                count += 1
                bad += bool(findings)
                print(f"{'not ok' if findings else 'ok'} {count} - {name}: {sentence}")
                for line in findings[:50]:
                    print(f"# {line}")
                sys.stdout.flush()
    print(f"1..{count}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
