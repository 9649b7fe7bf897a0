"""readme.py - the README's commands do what it says.

Fenced blocks marked `sh tested` are run, in order, as a newcomer would type
them: in one private place (network, /run and home of its own), against the
fresh build. A comment `# -> text` says what the output must hold, in this order
(`...` stands for anything within a line, a blank for any blanks). A block marked `sh tested background`
keeps running while the later ones do, as in a second terminal; the next block
starts when its expectations have appeared. RUN_SECONDS is set only for
foreground blocks, so that `make run` comes to an end there.
"""
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from lint import Fault, run

NAME = "the README's commands work, and say what it says they say"
FENCE = re.compile(r"^```sh tested( background)?\n(.*?)^```$", re.S | re.M)
EXPECT = re.compile(r"^\s*# -> (.*)$", re.M)
LIMIT = 60  # seconds for one block

# Inside the private place. Each block leaves out-N and code-N behind.
DRIVER = """
set -u
mount -t tmpfs none /run
ip link set lo up
export HOME={scratch}/home
cd {scratch}/tree
n=0
while [ -e {scratch}/block-$n ]; do
    if [ -e {scratch}/background-$n ]; then
        setsid bash -eu {scratch}/block-$n >{scratch}/out-$n 2>&1 </dev/null &
        timeout {limit} /usr/bin/python3 {here} --wait {scratch}/block-$n {scratch}/out-$n $!
    else
        RUN_SECONDS=3 timeout {limit} bash -eu {scratch}/block-$n >{scratch}/out-$n 2>&1 </dev/null
    fi
    echo $? >{scratch}/code-$n
    n=$((n + 1))
done
"""


def missing(block, output):
    """The first expectation that the output does not fulfil, or None."""
    at = 0
    for wanted in EXPECT.findall(block):
        pattern = r"[ \t]+".join(".*".join(re.escape(part) for part in word.split("...")) for word in wanted.split())
        found = re.compile(pattern).search(output, at)
        if not found:
            return wanted
        at = found.end()
    return None


def prepare(scratch, tree, blocks):
    """A tree of links to the sources, with the build in its place and nothing of ours to spoil."""
    (scratch / "home").mkdir()
    place = scratch / "tree"
    place.mkdir()
    for entry in sorted({name.split("/")[0] for name in tree.files()}):
        (place / entry).symlink_to(tree.root / entry)
    (place / "build").symlink_to(tree.build)
    for number, (background, block) in enumerate(blocks):
        (scratch / f"block-{number}").write_text(block, encoding="utf-8")
        if background:
            (scratch / f"background-{number}").touch()


def check(tree, only=None):
    if only is not None and "README.md" not in only:
        return []
    blocks = FENCE.findall(tree.text("README.md"))
    if not blocks:
        return ["README.md has no block marked `sh tested`"]
    findings = []
    with tempfile.TemporaryDirectory(prefix="lanyard-readme-") as name:
        scratch = Path(name)
        prepare(scratch, tree, blocks)
        driver = DRIVER.format(scratch=scratch, here=Path(__file__).resolve(), limit=LIMIT)
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        # A process namespace: whatever a block left running ends with the place.
        code, text = run([*sudo, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                          "bash", "-c", driver], limit=LIMIT * (len(blocks) + 1))
        if code:
            findings.append(f"the private place: exit code {code}: {text.strip()}")
        for number, (_, block) in enumerate(blocks):
            code = (scratch / f"code-{number}").read_text().strip() if (scratch / f"code-{number}").exists() else "none"
            output = (scratch / f"out-{number}").read_text(errors="replace") if code != "none" else ""
            wanted = missing(block, output)
            if code != "0" or wanted is not None:
                findings.append(f"README block {number + 1}: exit code {code}"
                                + (f", nowhere in its output: {wanted}" if wanted is not None else ""))
                findings += [f"    $ {line}" for line in block.splitlines()]
                findings += [f"    {line}" for line in output.splitlines()[-20:]]
        if sudo:
            run(["sudo", "-n", "chown", "-R", str(os.getuid()), name])
    return findings


def readme(*blocks):
    text = "".join(f"```sh {mark}\n{block}\n```\n" for mark, block in blocks)
    return lambda tree: tree.write("README.md", text)


FAULTS = [
    Fault("a command that fails", readme(("tested", "echo fine"), ("tested", "false")), "block 2: exit code 1"),
    Fault("a command that says something else", readme(("tested", "echo good morning\n# -> good ... evening")),
          "nowhere in its output: good ... evening"),
    Fault("a program in the background that does not get there",
          readme(("tested background", "exec sleep 1\n# -> ready")), "nowhere in its output: ready"),
    Fault("a README without commands", lambda t: t.write("README.md", "Lanyard\n"), "no block marked"),
]


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")")[1].split()[0] != "Z"
    except OSError:
        return False


def wait(block, out, pid):
    """Until the output fulfils the block's expectations, or its program has ended without."""
    text = Path(block).read_text(encoding="utf-8")
    deadline = time.monotonic() + LIMIT / 2
    while time.monotonic() < deadline:
        alive = runs(pid)
        if missing(text, Path(out).read_text(encoding="utf-8", errors="replace")) is None:
            return 0
        if not alive:
            return 1
        time.sleep(0.1)
    return 1


if __name__ == "__main__":
    sys.exit(wait(*sys.argv[2:]))
