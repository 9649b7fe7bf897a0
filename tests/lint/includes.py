"""includes.py - which folder may include which (ARCHITECTURE.md, dependencies).

base <- crypto, fec <- proto <- drv <- api <- hub <- daemon; base <- io <- drv; base <- store <- api;
cli and lab speak to the api, base and io, never to the daemon; examples see
installed headers only. One protocol does not include another, except where one
is carried by the other. The pure folders see six headers of C and no system.
"""
import posixpath
import re

from lint import Fault

NAME = "every include points down the architecture"

C_ONLY = {"stdint.h", "stdbool.h", "stddef.h", "string.h", "limits.h", "stdlib.h", "assert.h"}
ERRORS = {"lanyard/base.h", "lanyard/err.h"}
ANY = None

# layer: (folders of src/, public headers, system headers); ANY: all that no special rule forbids
RULES = {
    "base": ({"base"}, ERRORS, C_ONLY),
    "crypto": ({"base", "crypto"}, ERRORS, ANY),
    "fec": ({"base", "fec"}, ERRORS, C_ONLY),
    "proto": ({"base", "crypto", "fec", "proto"}, ERRORS, C_ONLY),
    "io": ({"base", "io"}, ERRORS | {"lanyard/loop.h"}, ANY),
    "drv": ({"base", "crypto", "proto", "io", "drv"}, ANY, ANY),
    "api": ({"base", "crypto", "proto", "io", "store", "drv", "api"}, ANY, ANY),
    "store": ({"base", "store"}, ERRORS, ANY),
    "hub": ({"base", "io", "api", "store", "hub"}, ANY, ANY),
    "daemon": ({"base", "io", "api", "store", "hub", "daemon"}, ANY, ANY),
    "cli": ({"base", "io", "api", "lab", "cli"}, ANY, ANY),
    "lab": ({"base", "io", "api", "lab", "cli", "proto/xbee"}, ANY, ANY),  # it plays the module
    "public": (set(), ANY, {"stdint.h", "stdbool.h", "stddef.h"}),
    "examples": (set(), ANY, ANY),
}
CARRIED = {("sos", "coap"), ("blob", "session")}
SPECIAL = [  # header, layers that may include it
    (re.compile(r"^uv\.h$"), {"io", "drv", "api", "examples"}),
    (re.compile(r"^(sodium|openssl/|intel-ipsec-mb)"), {"crypto"}),
    (re.compile(r"^isa-l"), {"fec"}),
    (re.compile(r"^(libmnl/|curl/|microhttpd)"), {"io"}),
    (re.compile(r"^immintrin\.h$"), {"proto"}),  # instructions, no system
    (re.compile(r"^sqlite3\.h$"), {"store"}),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)


def layer_of(name):
    parts = name.split("/")
    if parts[0] == "include":
        return "public"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else "examples" if parts[0] == "examples" else None


def family(path):
    """The protocol a path below src/proto belongs to; None for proto.h itself."""
    parts = path.split("/")
    return parts[1] if parts[0] == "proto" and len(parts) > 2 else None


def judge(name, layer, quote, target, exists):
    folders, public, system = RULES[layer]
    if target.startswith("lanyard/"):
        if public is not ANY and target not in public:
            return f"{layer}/ may not include <{target}>"
        return None if quote == "<" else f"<{target}> is a public header: use angle brackets"
    if quote == "<":
        for pattern, layers in SPECIAL:
            if pattern.match(target):
                return None if layer in layers else f"only {'/, '.join(sorted(layers))}/ may include <{target}>"
        return None if system is ANY or target in system else f"{layer}/ may not include <{target}>"
    if not target.endswith(".h"):
        return f'"{target}" is not a header'
    if layer == "examples":  # a header beside them may hold what they share
        shared = "/" not in target and exists(f"examples/{target}")
        return None if shared else f'examples include installed headers only, not "{target}"'
    if not exists(f"src/{target}"):
        beside = posixpath.join(posixpath.dirname(name), target)
        return f'write "{beside[4:]}", the path from src/' if exists(beside) else f'"{target}" does not exist'
    if not folders & {target.split("/")[0], posixpath.dirname(target)}:
        return f'{layer}/ may not include "{target}"'
    mine, theirs = family(name[4:]), family(target)
    if layer == "proto" and theirs not in (None, mine) and (mine, theirs) not in CARRIED:
        return f'protocol {mine} may not include protocol {theirs} ("{target}")'
    return None


def check(tree, only=None):
    present = set(tree.files())
    findings = []
    for name in tree.files(".c", ".h", only=only):
        layer = layer_of(name)
        if layer is None:
            continue
        if layer not in RULES:
            findings.append(f"{name}: src/{layer}/ is in no rule of the architecture")
            continue
        for quote, target in INCLUDE.findall(tree.text(name)):
            problem = judge(name, layer, quote, target, present.__contains__)
            if problem:
                findings.append(f"{name}: {problem}")
    return findings


def adding(name, line):
    return lambda tree: tree.write(name, f"{line}\n")


FAULTS = [
    Fault("a protocol that reads the clock's header", adding("src/proto/iot/x.c", "#include <time.h>"),
          "proto/ may not include <time.h>"),
    Fault("a base module that prints", adding("src/base/x.c", "#include <stdio.h>"), "<stdio.h>"),
    Fault("a protocol that includes another",
          lambda t: t.write("src/proto/coap/coap.h", "\n") | t.write("src/proto/iot/x.c", '#include "proto/coap/coap.h"\n'),
          "protocol iot may not include protocol coap"),
    Fault("io that knows a protocol", adding("src/io/x.c", '#include "proto/proto.h"'), "io/ may not include"),
    Fault("base that looks up", adding("src/base/x.h", '#include "proto/proto.h"'), "base/ may not include"),
    Fault("a command line that uses the daemon's insides",
          lambda t: t.write("src/daemon/x.h", "\n") | t.write("src/cli/x.c", '#include "daemon/x.h"\n'),
          "cli/ may not include"),
    Fault("libuv outside io, drv and api", adding("src/daemon/x.c", "#include <uv.h>"), "may include <uv.h>"),
    Fault("a crypto library outside crypto", adding("src/proto/iot/x.c", "#include <sodium.h>"), "<sodium.h>"),
    Fault("another crypto library outside crypto", adding("src/api/x.c", "#include <intel-ipsec-mb.h>"),
          "only crypto/ may include <intel-ipsec-mb.h>"),
    Fault("OpenSSL outside crypto", adding("src/drv/x.c", "#include <openssl/evp.h>"),
          "only crypto/ may include <openssl/evp.h>"),
    Fault("ISA-L outside the erasure code", adding("src/proto/iot/x.c", "#include <isa-l/erasure_code.h>"),
          "only fec/ may include <isa-l/erasure_code.h>"),
    Fault("an erasure code that encrypts", adding("src/fec/x.c", '#include "crypto/crypto.h"'),
          'fec/ may not include "crypto/crypto.h"'),
    Fault("an erasure code that prints", adding("src/fec/x.c", "#include <stdio.h>"), "<stdio.h>"),
    Fault("an HTTP server outside io", adding("src/api/x.c", "#include <microhttpd.h>"), "<microhttpd.h>"),
    Fault("a database outside the store", adding("src/api/x.c", "#include <sqlite3.h>"), "<sqlite3.h>"),
    Fault("a store that polls", adding("src/store/x.c", '#include "io/loop.h"'), "store/ may not include"),
    Fault("crypto that knows a protocol", adding("src/crypto/x.c", '#include "proto/proto.h"'),
          'crypto/ may not include "proto/proto.h"'),
    Fault("an example that uses internals", adding("examples/x.c", '#include "base/ring.h"'), "installed headers only"),
    Fault("a public header that needs the system", adding("include/lanyard/x.h", "#include <sys/socket.h>"),
          "public/ may not include"),
    Fault("a file included by its bare name", adding("src/base/x.c", '#include "ring.h"'), 'write "base/ring.h"'),
    Fault("a C file included into another", adding("src/base/x.c", '#include "base/ring.c"'), "is not a header"),
    Fault("a folder that the architecture does not know", adding("src/util/x.c", ""), "no rule"),
]
