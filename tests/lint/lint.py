"""lint.py - what a lint is.

A lint is a module with a NAME (a sentence), a function `check(tree, only)` that
returns findings (one line each; none means it holds), and FAULTS: ways to break
the rule in a private copy of the tree. The runner plants each fault once and
demands that the finding appears, so a lint that cannot fail does not survive.

`only` is None, or the set of files a fault touched: a lint that looks at each
file on its own may then skip the others.
"""
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable


@dataclass
class Fault:
    what: str  # completes "notices ..."
    plant: Callable  # (copy: Tree) -> set of touched files
    expect: str  # a part of the finding


class Tree:
    """The sources, and the plain build of them."""

    def __init__(self, root, build, files=None):
        self.root = Path(root)
        self.build = Path(build)
        self._files = files if files is not None else self._listed()

    def _listed(self):
        listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=self.root,
                                 capture_output=True, text=True, check=True).stdout
        return sorted(f for f in listing.split("\0") if f and (self.root / f).is_file())

    def files(self, *suffixes, under="", only=None):
        return [f for f in self._files if f.startswith(under) and (not suffixes or f.endswith(suffixes))
                and (only is None or f in only)]

    def text(self, name):
        return (self.root / name).read_bytes().decode(errors="replace")  # line ends as they are

    def copy(self, to):
        for name in self._files:
            target = Path(to) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.root / name, target)
        return Tree(to, self.build, list(self._files))

    def write(self, name, text):
        """Plant a file; returns what `plant` has to return."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name not in self._files:
            self._files.append(name)
        return {name}

    def edit(self, name, change):
        return self.write(name, change(self.text(name)))

    def remove(self, name):
        self._files.remove(name)
        os.unlink(self.root / name)
        return {name}


def run(words, cwd=None, text=None, env=None, limit=120):
    """A command's exit code and what it said, both channels together."""
    done = subprocess.run([str(w) for w in words], cwd=cwd, input=text or "", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit,
                          env={**os.environ, **(env or {})}, check=False)
    return done.returncode, done.stdout


def first_lines(text, count=3):
    return " | ".join(line.strip() for line in text.strip().splitlines()[:count])
