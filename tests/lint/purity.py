"""purity.py - the cores call nobody.

What the include lint forbids by name, this one proves on the object code: the
undefined symbols of liblanyard-cores.a are memory and string functions, the
allocator, what the compiler puts in (assert, 128-bit division, bit counts, what
the processor can), the functions of liblanyard-crypto.a, and by name those of ISA-L that the erasure code is made
of. No system call, clock, environment, standard output, thread or random number
can be reached. (liblanyard-crypto.a itself stands on libraries that could; its
header promises that they do not after lan_crypto_init.)
"""
import re
import shutil
import tempfile
from pathlib import Path

from lint import Fault, run

NAME = "the cores call nothing but memory, strings and the allocator"
ALLOWED = set("""
    memcpy memmove memset memcmp memchr memrchr memmem
    strlen strnlen strcmp strncmp strchr strrchr strspn strcspn
    malloc calloc realloc free
    __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    __memcpy_chk __memmove_chk __memset_chk
    __udivti3 __umodti3 __divti3 __modti3 __popcountdi2 __cpu_model
    ec_init_tables ec_encode_data ec_encode_data_update gf_inv gf_mul
""".split())
CRYPTO = "liblanyard-crypto.a"
IMPURE = {"lan_rsa_generate"}  # of the latter: draws random numbers itself, for the key files alone
ARCHIVE = "liblanyard-cores.a"


def symbols(archive):
    """(defined, {undefined: member}) of an archive."""
    defined, undefined, member = set(), {}, "?"
    code, text = run(["nm", "-P", archive])
    if code:
        raise RuntimeError(text)
    for line in text.splitlines():
        head = re.match(r".*\[(.*)\]:$", line)
        if head:
            member = Path(head.group(1)).name
            continue
        name, kind = line.split()[:2]
        if kind == "U":
            undefined.setdefault(name, member)
        else:
            defined.add(name)
    return defined, undefined


def check(tree, only=None):
    archive = tree.build / ARCHIVE
    if not archive.exists():
        return [f"{archive.name} is not built"]
    defined, undefined = symbols(archive)
    if len(defined) < 20:
        return [f"{archive.name} defines {len(defined)} symbols: is this the whole of it?"]
    crypto, _ = symbols(tree.build / CRYPTO)
    crypto = {name for name in crypto if name.startswith("lan_")} - IMPURE
    return [f"{member} calls {name}" for name, member in sorted(undefined.items())
            if name not in ALLOWED and name not in defined and name not in crypto]


def copy_archive(archive, build, more=()):
    """The archive into another folder, with more members. The real one may be thin (it names its members)."""
    source = archive.parent
    thin = archive.read_bytes().startswith(b"!<thin>")
    code, text = run(["ar", "t", archive.name], cwd=source)
    assert code == 0, text
    if thin:
        more = [source / member for member in text.split()] + list(more)
    else:
        shutil.copy(archive, build)
    if more:
        code, text = run(["ar", "rc", build / archive.name, *more], cwd=build)
        assert code == 0, text


def calling(expression, header):
    """A fault: one more member in a copy of the archive, that calls something."""
    def plant(tree):
        build = Path(tempfile.mkdtemp(dir=tree.root))
        (build / "x.c").write_text(f"#include <{header}>\nlong lan_x(void);\nlong lan_x(void) "
                                   f"{{ return (long){expression}; }}\n")
        code, text = run(["gcc", "-D_GNU_SOURCE", f"-I{tree.root}/include", f"-I{tree.root}/src", "-c", "x.c"],
                         cwd=build)
        assert code == 0, text
        copy_archive(tree.build / ARCHIVE, build, ["x.o"])
        copy_archive(tree.build / CRYPTO, build)
        tree.build = build
        return set()
    return plant


FAULTS = [
    Fault("a core that reads the clock", calling("time(0)", "time.h"), "x.o calls time"),
    Fault("a core that asks the environment", calling("getenv(\"HOME\")", "stdlib.h"), "x.o calls getenv"),
    Fault("a core that draws a random number", calling("random()", "stdlib.h"), "x.o calls random"),
    Fault("a core that goes past our crypto to the library below",
          calling("sodium_init()", "sodium.h"), "x.o calls sodium_init"),
    Fault("a core that asks OpenSSL for random bytes",
          calling("RAND_bytes(0, 0)", "openssl/rand.h"), "x.o calls RAND_bytes"),
    Fault("a core that makes an RSA key",
          calling("lan_rsa_generate(2048, 0, 0, 0)", "crypto/crypto.h"), "x.o calls lan_rsa_generate"),
    Fault("a core that uses more of ISA-L than the erasure code",
          calling("crc32_ieee(0, 0, 0)", "isa-l/crc.h"), "x.o calls crc32_ieee"),
    Fault("a core that prints", calling("puts(\"\")", "stdio.h"), "x.o calls puts"),
]
