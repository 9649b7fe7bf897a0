#!/usr/bin/python3
"""made.py PROGRAM FILE - is FILE still what PROGRAM makes? One line of TAP."""
import subprocess
import sys
from pathlib import Path

program, file = sys.argv[1:]
made = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
same = made.returncode == 0 and made.stdout == Path(file).read_text(encoding="utf-8")
print("ok" if same else "not ok", "1 -", f"{Path(program).name} makes {Path(file).name}")
if not same:
    print(f"# renew it: {Path(program).name} > {Path(file).name}", made.stderr, sep="\n# ")
print("1..1")
sys.exit(0 if same else 1)
