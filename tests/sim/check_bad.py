#!/usr/bin/python3
"""check_bad.py - wrong scenarios are refused with file, line and reason.

Each file of bad/ begins with `# complains LINE: REASON`; the runner has to fail
and to say `FILE:LINE: REASON`.

    check_bad.py RUNNER FILE..
"""
import subprocess
import sys


def main():
    runner, files = sys.argv[1], sys.argv[2:]
    failed = 0
    print(f"1..{len(files)}")
    for number, file in enumerate(files, 1):
        with open(file, encoding="utf-8") as f:
            wanted = f.readline().removeprefix("# complains ").strip()
        run = subprocess.run([runner, file], capture_output=True, text=True, timeout=60, check=False)
        ok = run.returncode != 0 and f"{file}:{wanted}" in run.stderr.splitlines()
        print(f"{'ok' if ok else 'not ok'} {number} - a wrong scenario is refused: {wanted}")
        if not ok:
            print(f"# found: {run.stderr.splitlines()[:1]}")
            failed += 1
    return failed != 0


sys.exit(main())
