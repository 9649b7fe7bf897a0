"""headers.py - each header compiles on its own: whoever includes it needs nothing else first.

Under gcc and clang; the installed ones also as strict C11 without GNU words,
and as C++, where programs may include them as well.
"""
from concurrent.futures import ThreadPoolExecutor

from lint import Fault, first_lines, run

NAME = "each header compiles alone, installed ones in C11 and C++ as well"
WARN = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror", "-fsyntax-only",
        "-Wno-unused-function"]
OWN = [["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-xc"], ["clang-14", "-std=gnu17", "-D_GNU_SOURCE", "-xc"]]
PUBLIC = [["gcc", "-std=c11", "-pedantic", "-xc"], ["clang-14", "-std=c11", "-pedantic", "-xc"],
          ["g++", "-std=c++11", "-pedantic", "-xc++"], ["clang++-14", "-std=c++11", "-pedantic", "-xc++"]]


def try_one(tree, name, compiler):
    public = name.startswith("include/")
    line = f"#include <{name[8:]}>\n" if public else f'#include "{name[4:]}"\n'
    paths = ["-Iinclude"] if public else ["-Iinclude", "-Isrc"]
    # Twice: the include guard is part of the claim.
    code, text = run([*compiler, *WARN, *paths, "-"], cwd=tree.root, text=line + line)
    return f"{name}: {compiler[0]} {compiler[1]}: {first_lines(text)}" if code else None


def check(tree, only=None):
    work = [(name, compiler) for name in tree.files(".h", only=only) if name.startswith(("include/", "src/"))
            for compiler in (PUBLIC if name.startswith("include/") else OWN)]
    with ThreadPoolExecutor(2) as pool:
        return [f for f in pool.map(lambda w: try_one(tree, *w), work) if f]


FAULTS = [
    Fault("a header that needs another one first",
          lambda t: t.write("src/base/x.h", "static inline size_t lan_x(void)\n{\n\treturn 0;\n}\n"), "src/base/x.h: gcc"),
    Fault("a header without a guard",
          lambda t: t.write("src/base/x.h", "struct lan_x {\n\tint a;\n};\n"), "src/base/x.h: clang-14"),
    Fault("a public header that is no C++",
          lambda t: t.write("include/lanyard/x.h", "#ifndef X\n#define X\nint lan_x(int class);\n#endif\n"),
          "include/lanyard/x.h: g++"),
    Fault("a public header that needs GNU words",
          lambda t: t.write("include/lanyard/x.h", "#ifndef X\n#define X\ntypedef struct { typeof(1) a; } lan_x;\n#endif\n"),
          "include/lanyard/x.h: gcc -std=c11"),
]
