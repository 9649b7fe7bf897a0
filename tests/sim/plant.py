#!/usr/bin/python3
"""plant.py - proof that the campaign finds bugs: plant one, see it fail.

Each plants/NAME.plant names a file of the cores and exact lines to replace
(`find:` and `replace:` blocks, each block found exactly once). A patched copy of
the cores is compiled and run; some seed out of the first N has to fail that does not fail
without the plant. The product's sources know nothing of this.

    plant.py --root DIR --cc "gcc .." --ldflags ".." --sound SIM_IOT --seeds N \
             --plants FILE.. --parts OBJECT|LIBRARY..
"""
import argparse
import os
import shutil
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path


def parse(path):
    """[(find, replace)..], file and sentence of a plant."""
    sentence, target, blocks, into = "", None, [], None
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if into is None and line.startswith("# "):
            sentence = line[2:].strip()
        elif line.startswith("file: "):
            target = line[6:].strip()
        elif line.rstrip() == "find:":
            blocks.append(["", ""])
            into = 0
        elif line.rstrip() == "replace:" and into == 0:
            into = 1
        elif into is not None:
            blocks[-1][into] += line
    if not target or not blocks or not all(find for find, _ in blocks):
        sys.exit(f"{path}: needs file:, find: and replace:")
    return sentence, target, blocks


def plant(root, copy, path):
    """Copy the cores, apply the plant. Returns the files to compile."""
    sentence, target, blocks = parse(path)
    for part in ("src/base", "src/crypto", "src/fec", "src/proto", "include"):
        shutil.copytree(root / part, copy / part)
    text = (copy / target).read_text(encoding="utf-8")
    for find, replace in blocks:
        if text.count(find) != 1:
            return sentence, None, f"{target}: found {text.count(find)} times instead of once:\n{find}"
        text = text.replace(find, replace)
    (copy / target).write_text(text, encoding="utf-8")
    sources = [target] if target.endswith(".c") else [
        str(p.relative_to(copy)) for p in sorted((copy / target).parent.glob("*.c"))]
    return sentence, sources, ""


def hunt(args, path):
    """(sentence, found?, detail)"""
    with tempfile.TemporaryDirectory() as where:
        copy = Path(where)
        sentence, sources, why = plant(args.root, copy, path)
        if sources is None:
            return sentence, False, why
        common = [*args.cc, "-std=gnu17", "-D_GNU_SOURCE", "-g", "-O1", "-w", f"-I{copy}/include", f"-I{copy}/src"]
        objects = []
        for source in sources:
            objects.append(f"{copy}/{Path(source).stem}.o")
            subprocess.run([*common, "-c", f"{copy}/{source}", "-o", objects[-1]], check=True)
        subprocess.run([*args.cc, *objects, *args.parts, *args.ldflags, "-o", f"{copy}/sim"], check=True)
        leaky = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # a plant may leak
        run = subprocess.run([f"{copy}/sim", "--seeds", str(args.seeds), "--must-fail"], capture_output=True,
                             text=True, timeout=300, check=False, env=leaky)
        detail = run.stdout + run.stderr
        if run.returncode != 0:
            return sentence, False, detail
        seed = run.stdout.rsplit("found by seed ", 1)[1].strip()
        sound = subprocess.run([args.sound, "--seed", seed], capture_output=True, text=True, timeout=300, check=False)
        if sound.returncode != 0:
            return sentence, False, detail + f"but seed {seed} fails without the plant, too\n"
        return sentence, True, detail


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    ask.add_argument("--root", type=Path, required=True)
    ask.add_argument("--cc", type=shlex.split, required=True)
    ask.add_argument("--ldflags", type=shlex.split, default=[])
    ask.add_argument("--sound", required=True, help="the campaign without a plant")
    ask.add_argument("--seeds", type=int, default=500)
    ask.add_argument("--plants", type=Path, nargs="+", required=True)
    ask.add_argument("--parts", nargs="+", required=True)
    args = ask.parse_args()
    failed = 0
    print(f"1..{len(args.plants)}", flush=True)
    for number, path in enumerate(args.plants, 1):
        sentence, found, detail = hunt(args, path)
        print(f"{'ok' if found else 'not ok'} {number} - the campaign finds it when {sentence}")
        for line in detail.splitlines()[-5:]:
            print(f"# {line}")
        sys.stdout.flush()
        failed += not found
    return failed != 0


sys.exit(main())
