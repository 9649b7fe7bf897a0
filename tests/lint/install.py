"""install.py - `make install` brings everything, and a stranger's program builds against it.

The fresh build is installed below an empty folder. Whatever the tree has of
public headers and man pages must be there, with programs, library, completions
and the service file. Then the library's own example is compiled with nothing
but pkg-config's word, and the installed command line is started.
"""
import re
import tempfile
from pathlib import Path

from lint import Fault, first_lines, run

NAME = "make install brings all of it, and programs build against that alone"
PREFIX = "usr/local"
PATTERNS = ["bin/lanyard", "sbin/lanyardd", "lib/**/liblanyard.so", "lib/**/liblanyard.so.0", "lib/**/liblanyard.a",
            "lib/**/pkgconfig/lanyard.pc", "lib/systemd/system/lanyardd.service",
            "share/bash-completion/completions/lanyard", "share/zsh/site-functions/_lanyard",
            "share/fish/vendor_completions.d/lanyard.fish", "share/lanyard/wireshark/lanyard-neighbor.lua"]
EXAMPLE = "examples/embed_blocking.c"


def wanted(tree):
    headers = [f"include/{name.removeprefix('include/')}" for name in tree.files(".h", under="include/")]
    pages = [f"share/man/man{Path(name).stem[-1]}/{Path(name).stem}" for name in tree.files(".scd", under="docs/man/")]
    return PATTERNS + headers + pages


def check_use(tree, root):
    """Compile and link by pkg-config, run what was installed."""
    config = next(root.glob("lib/**/pkgconfig"))
    code, flags = run(["pkg-config", "--cflags", "--libs", "lanyard"],
                      env={"PKG_CONFIG_PATH": config, "PKG_CONFIG_SYSROOT_DIR": root.parent.parent})
    if code:
        return [f"pkg-config: {first_lines(flags)}"]
    code, text = run(["gcc", "-Wall", "-Werror", tree.root / EXAMPLE, *flags.split(), "-o", root / "example"])
    findings = [f"{EXAMPLE} against the installed library: {first_lines(text)}"] if code else []
    code, text = run([root / "bin/lanyard", "version"])
    if code or not re.search(r"\d+\.\d+\.\d+", text):
        findings.append(f"the installed `lanyard version`: exit code {code}: {first_lines(text)}")
    return findings


def check_service(root):
    """No placeholder left; systemd takes it, where systemd is at hand."""
    text = (root / "lib/systemd/system/lanyardd.service").read_text(encoding="utf-8")
    return [f"lanyardd.service still says {word}" for word in re.findall(r"@(?!system-service)\w+@?", text)]


def check(tree, only=None):
    with tempfile.TemporaryDirectory(prefix="lanyard-install-") as scratch:
        code, text = run(["meson", "install", "-C", tree.build, "--no-rebuild", "--destdir", scratch])
        if code:
            return [f"meson install: {first_lines(text)}"]
        root = Path(scratch) / PREFIX
        missing = [f"{pattern} is not installed" for pattern in wanted(tree) if not list(root.glob(pattern))]
        return missing or check_use(tree, root) + check_service(root)


FAULTS = [
    Fault("a public header that stays behind", lambda t: t.write("include/lanyard/x.h", "/* x */\n"),
          "include/lanyard/x.h is not installed"),
    Fault("a man page that stays behind", lambda t: t.write("docs/man/x.7.scd", "x(7)\n"),
          "share/man/man7/x.7 is not installed"),
    Fault("an example that needs more than what is installed",
          lambda t: t.edit(EXAMPLE, lambda s: s + '\n#include "base/ring.h"\n'), "against the installed library"),
]
