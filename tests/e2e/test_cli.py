"""test_cli.py - the command line's own manners: words, help, exit codes, errors, completion, man synopses.

Nothing here needs a network or a daemon; what the verbs do is in test_cli_link.py
and test_cli_daemon.py.
"""
import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from lanyard_test import ROOT, binary

NOWHERE = {"LANYARD_SOCKET": "/nonexistent/lanyard.sock"}
VERBS = ["link serve", "link connect", "link bridge", "link list", "link show", "link watch", "link send",
         "channel send", "channel recv", "channel list", "channel show", "channel watch",
         "stream serve", "stream connect", "blob send", "blob recv",
         "stream list", "stream show", "stream watch", "stream send",
         "neighbor run", "neighbor list", "neighbor show", "neighbor watch", "neighbor reset", "neighbor roll",
         "neighbor capture", "neighbor decode",
         "sensor master", "sensor device", "sensor list", "sensor show", "sensor watch", "sensor get", "sensor put",
         "sensor post", "sensor delete", "sensor observe", "sensor log", "sensor poke",
         "coap get", "coap put", "coap post", "coap delete", "coap observe", "coap discover",
         "key generate", "key rotate", "key show", "key list", "key watch", "key identity", "key public",
         "key export", "key certify", "key pins", "key forget",
         "config check", "config show", "config reload", "event list", "event watch", "stats list", "status",
         "lab impair", "help", "version"]


def lanyard(*words, env=None, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([binary("lanyard"), *words], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **NOWHERE, **(env or {})}, **options)


def usage(*words):
    """What is said about a command line that is wrong."""
    done = lanyard(*words)
    assert done.returncode == 2, (words, done)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_its_usage_and_ends_with_0(verb):
    by_option = lanyard(*verb.split(), "--help")
    by_word = lanyard("help", *verb.split())
    assert by_option.returncode == by_word.returncode == 0, by_option
    assert by_option.stdout == by_word.stdout
    assert by_option.stderr == ""
    assert f"  lanyard {verb}" in by_option.stdout
    assert "--json" in by_option.stdout


@pytest.mark.parametrize("verb", [v for v in VERBS if v != "version"])
def test_help_of_a_verb_shows_examples_before_the_options(verb):
    text = lanyard(*verb.split(), "-h").stdout
    assert 0 < text.index("Examples") < text.index("Usage") < text.index("Options everywhere")


def test_the_overview_names_every_verb_and_the_exit_codes():
    text = lanyard("--help").stdout
    assert text == lanyard("help").stdout
    for verb in VERBS:
        assert re.search(rf"^  {verb}\b", text, re.M), verb
    for code in ("2 usage", "4 daemon unreachable", "7 partial", "130 interrupted"):
        assert code in " ".join(text.split())


def test_help_lines_fit_a_screen_of_110_columns():
    for words in (["help"], *(["help", *v.split()] for v in VERBS)):
        for line in lanyard(*words).stdout.splitlines():
            assert len(line) <= 110, (words, line)


def test_the_version_is_told_as_text_and_as_json():
    text = lanyard("--version").stdout
    assert re.fullmatch(r"lanyard \d+\.\d+\.\d+\n", text)
    assert lanyard("version").stdout == text
    assert json.loads(lanyard("-j", "version").stdout) == {"schema": 1, "version": text.split()[1]}


def test_unknown_words_end_with_2_and_the_word_that_was_meant():
    assert "did you mean 'link'?" in usage("lnik", "list")
    assert "did you mean 'connect'?" in usage("link", "conect", "localhost", "--id", "1")
    assert "did you mean --listen?" in usage("link", "serve", "--lisen", "x")
    assert "unknown object 'frobnicate'" in usage("frobnicate")
    assert "lanyard help link" in usage("link", "frobnicate")


def test_words_may_be_shortened_while_they_stay_unique():
    assert lanyard("hel", "li", "conn").stdout == lanyard("help", "link", "connect").stdout
    assert "could be serve, show, send" in usage("link", "s")
    assert "could be stream, stats, status" in usage("st")
    assert "could be no-qos, no-wait" in usage("link", "serve", "--no")


def test_too_few_and_too_many_words_end_with_2_and_the_usage():
    assert "usage: lanyard link show NAME" in usage("link", "show")
    assert "'b' is one word too many" in usage("link", "show", "a", "b")
    assert "--id is missing" in usage("link", "connect", "localhost:1")
    assert "--listen needs a value" in usage("link", "serve", "--listen")


@pytest.mark.parametrize("option, value, said", [
    ("--timeout", "soon", "not a duration"), ("--timeout", "-2s", "not a duration"), ("--timeout", "0", "not a duration"),
    ("-n", "0", "1 or more"), ("-n", "1x", "1 or more"), ("-n", "99999999999999999999", "1 or more"),
    ("--color", "blue", "not one of auto|always|never"), ("--max-line", "9Q", "not a size"),
    ("--max-line", "3G", "too large"), ("--duplicate", "maybe", "refuse-unless-silent|refuse|replace"),
    ("--listen", "", "must not be empty"), ("--window", "101", "--window: 1 to 100"),
    ("--timeout", "1ms", "100ms to 1h"), ("--listen", "nonsense", "give ADDR:PORT"),
])
def test_a_value_that_makes_no_sense_ends_with_2_and_says_what_would(option, value, said):
    listen = [] if option == "--listen" else ["--listen", "127.0.0.1:0"]
    assert said in usage("link", "serve", *listen, option, value)


def test_a_dialect_that_is_not_there_yet_is_refused_with_a_clear_word():
    for verb in (["serve"], ["connect", "localhost", "--id", "1"]):
        assert "--dialect session: not in this version (only micropython-iot)" in \
            usage("link", *verb, "--dialect", "session", "--state", "/tmp/x")
    for words in (["stream", "serve", "127.0.0.1:0"], ["stream", "connect", "localhost"],
                  ["blob", "send", "-", "localhost"], ["blob", "recv", "127.0.0.1:0"]):
        assert "--dialect session: not in this version (only serpy1|serpy2)" in usage(*words, "--dialect", "session")


@pytest.mark.parametrize("words", [["-j", "link", "list"], ["link", "-j", "list"], ["link", "list", "-j"],
                                   ["--json", "link", "list"]])
def test_global_options_may_stand_anywhere(words):
    done = lanyard(*words)
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "unreachable"


def test_without_a_daemon_status_says_so_with_what_to_try_and_ends_with_4():
    for words in ([], ["status"], ["link", "list"], ["link"], ["stats"], ["event", "watch"], ["link", "send", "a", "b"],
                  ["config", "reload"]):
        done = lanyard(*words)
        assert done.returncode == 4, words
        assert done.stdout == ""
        assert "no daemon at /nonexistent/lanyard.sock" in done.stderr
        assert "start it with 'lanyardd'" in done.stderr and "-s PATH" in done.stderr


@pytest.mark.parametrize("flag", ["-j", "-J"])
def test_errors_are_json_on_stdout_and_text_on_stderr(flag):
    for words, code in ((["status"], "unreachable"), (["link", "shwo"], "usage"),
                        (["link", "connect", "localhost:1", "--id", "\n"], "usage")):
        done = lanyard(*words, flag)
        document = json.loads(done.stdout)
        assert document["schema"] == 1
        assert document["error"]["code"] == code
        assert document["error"]["what"] in done.stderr
        assert document["error"].get("hint", "") in done.stderr


def test_what_cannot_be_utf_8_still_gives_valid_json():
    done = subprocess.run([binary("lanyard"), b"\xff\xfe\"\\\x01", "-j"], capture_output=True, timeout=30)
    assert done.returncode == 2
    assert "\ufffd" in json.loads(done.stdout.decode())["error"]["what"]


def test_control_characters_of_arguments_do_not_reach_the_terminal():
    done = subprocess.run([binary("lanyard"), "a\033[31mb"], capture_output=True, timeout=30)
    assert b"\033" not in done.stderr
    assert b"a\\x1b[31mb" in done.stderr


def on_a_terminal(*words, **env):
    """What is printed on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([binary("lanyard"), *words], stdout=theirs, stdin=subprocess.DEVNULL,
                               env={**os.environ, "TERM": "xterm", **env})
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        text += piece
        if not piece:
            break
    os.close(ours)
    assert process.wait(30) == 0
    return text


def test_colour_is_for_terminals_and_can_be_had_or_refused():
    bold = b"\033[1m"
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}
    piped = subprocess.run([binary("lanyard"), "help"], capture_output=True, env=environment, timeout=30).stdout
    assert bold not in piped
    assert bold in on_a_terminal("help", NO_COLOR="")
    assert bold not in on_a_terminal("help", NO_COLOR="1")
    assert bold not in on_a_terminal("help", NO_COLOR="", TERM="dumb")
    assert bold not in on_a_terminal("help", "--color=never", NO_COLOR="")
    assert bold in lanyard("help", "--color", "always").stdout.encode()
    assert bold in lanyard("help", env={"CLICOLOR_FORCE": "1", "NO_COLOR": ""}).stdout.encode()


def test_a_closed_stdout_ends_it_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([binary("lanyard"), "help"], stdout=writer, stderr=subprocess.PIPE, timeout=30)
    os.close(writer)
    assert done.returncode == 0 and done.stderr == b""


@pytest.mark.parametrize("words", [["version"], ["help"], ["link", "--help"], ["version", "-j"]])
def test_an_answer_that_cannot_be_written_is_an_error(words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary("lanyard"), *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == "lanyard: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("option,said", [("--expect=,", "no id in --expect"), ("--timeout=10ms", "--timeout: 100ms to 1h"),
                                         ("--timeout=2h", "--timeout: 100ms to 1h")])
def test_a_value_serve_cannot_use_ends_with_2_and_names_its_option(option, said):
    assert said in usage("link", "serve", "--listen", "127.0.0.1:0", option)


def test_config_check_asks_lanyardd(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("link:\n  - name: a\n    role: server\n    listen: 127.0.0.1:8123\n")
    bad.write_text(good.read_text() + "    timout: 2s\n")
    assert lanyard("config", "check", str(good)).returncode == 0
    assert lanyard("config", "check", "-c", str(good)).returncode == 0
    assert lanyard("config", "check", env={"LANYARD_CONFIG": str(good)}).returncode == 0
    assert json.loads(lanyard("config", "check", str(good), "-j").stdout) == \
        {"schema": 1, "valid": True, "file": str(good), "warnings": []}
    done = lanyard("config", "check", str(bad))
    assert done.returncode == 1
    assert f"{bad}:5:" in done.stderr and "timeout" in done.stderr
    done = lanyard("config", "check", str(bad), "-j")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1 and "timout" in error["what"] and "details" not in error
    bad.write_text(bad.read_text() + "    tmeout: 3s\n")
    error = json.loads(lanyard("config", "check", str(bad), "-j").stdout)["error"]
    assert "timout" in error["what"] and "\n" not in error["what"]
    assert len(error["details"]) == 1 and "tmeout" in error["details"][0]
    good.chmod(0o666)
    document = json.loads(lanyard("config", "check", str(good), "-j").stdout)
    assert document["valid"] and len(document["warnings"]) == 1 and "chmod" in document["warnings"][0]


# ---- completion -----------------------------------------------------------------------------------------------------

def words(*typed):
    return [line.split("\t")[0] for line in lanyard("__complete", "words", *typed).stdout.splitlines()]


def test_completion_follows_the_table():
    assert set(v.split()[0] for v in VERBS) == set(words(""))
    assert [f"link {w}" for w in words("link", "")] == [v for v in VERBS if v.startswith("link ")]
    assert words("link", "se") == ["serve", "send"]
    assert words("-j", "link", "--color", "never", "se") == ["serve", "send"]
    assert words("link", "serve", "--dup") == ["--duplicate"]
    assert words("link", "serve", "--duplicate", "re") == ["refuse-unless-silent", "refuse", "replace"]
    assert words("li", "conn", "localhost", "--i") == ["--id"]
    assert words("config", "check", "") == [":files"]
    assert words("--config", "") == [":files"]
    assert words("help", "link", "con") == ["connect"]
    assert words("frobnicate", "") == []
    assert words("link", "show", "") == []  # no daemon: nothing, and nothing said
    assert lanyard("__complete", "words", "link", "show", "").stderr == ""
    assert words("stream", "connect", "") == ["localhost:8000"]
    assert words("stream", "serve", "--dialect", "") == ["serpy1", "serpy2"]
    assert words("blob", "send", "") == [":files"] and words("blob", "send", "x", "") == ["localhost:8000"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid(shell, tmp_path):
    assert shutil.which(shell), f"{shell} is needed for this test"
    script = tmp_path / f"lanyard.{shell}"
    script.write_text(lanyard("__complete", shell).stdout)
    done = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def path_with_us():
    return {**os.environ, **NOWHERE, "PATH": f"{os.path.dirname(binary('lanyard'))}:{os.environ['PATH']}", "TERM": "dumb"}


BASH = r"""
source <(lanyard __complete bash)
compopt() { :; }
try() {
	COMP_LINE=$1 COMP_POINT=${#1}
	# As readline splits: blanks, and = and : as words of their own.
	COMP_WORDS=() COMP_CWORD=-1
	local rest=$1
	while [[ $rest =~ ^\ *([^\ :=]+|[:=]) ]]; do COMP_WORDS+=("${BASH_REMATCH[1]}"); rest=${rest#"${BASH_REMATCH[0]}"}; done
	[[ $1 == *\  ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_lanyard
	echo "${COMPREPLY[*]}"
}
try 'lanyard link co'
try 'lanyard link serve --dup'
try 'lanyard link serve --duplicate rep'
try 'lanyard link connect localhost:81'
complete -p lanyard
"""


def test_bash_completes():
    done = subprocess.run(["bash", "--norc", "-c", BASH], capture_output=True, text=True, env=path_with_us(), timeout=30)
    assert done.stdout.splitlines() == ["connect", "--duplicate", "replace", "8123", "complete -F _lanyard lanyard"], done


def test_fish_completes():
    ask = "lanyard __complete fish | source; complete -C 'lanyard link co'; complete -C 'lanyard link serve --dup'"
    done = subprocess.run(["fish", "--no-config", "-c", ask], capture_output=True, text=True, env=path_with_us(), timeout=30)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["connect", "--duplicate"], done


ZSH = r"""
autoload -Uz compinit && compinit -u -D
source <(lanyard __complete zsh)
# What compadd is given is what would be offered.
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -r -- "$@"; }
try() { words=("$@") CURRENT=$#; _lanyard_shown=(); functions[run]=$functions[_lanyard]; run }
try lanyard link co
try lanyard link serve --dup
print -r -- $_comps[lanyard]
"""


def test_zsh_completes():
    done = subprocess.run(["zsh", "-f", "-c", ZSH], capture_output=True, text=True, env=path_with_us(), timeout=30)
    assert done.stdout.splitlines() == ["connect", "--duplicate", "_lanyard"], done


# ---- man pages ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("page", ["lanyard.1", "lanyard-coap.1", "lanyard-key.1", "lanyard-channel.7", "lanyard-link.7",
                                  "lanyard-neighbor.7", "lanyard-sensor.7", "lanyard-stream.7"])
def test_the_synopsis_of_a_man_page_is_the_table(page):
    """To renew one: put the output of `lanyard __complete man OBJECT` for each object between the marks."""
    text = (ROOT / f"docs/man/{page}.scd").read_text(encoding="utf-8")
    marked = re.findall(r"^; synopsis: ([a-z ]+)\n\n(.*?)\n; end of synopsis$", text, re.M | re.S)
    assert marked
    for objects, synopsis in marked:
        made = "\n".join(lanyard("__complete", "man", thing).stdout for thing in objects.split())
        assert synopsis == made, f"{page}: the synopsis of {objects} differs from the table"


@pytest.mark.parametrize("thing, verbs", [("link", ("serve", "connect")), ("channel", ("send", "recv")),
                                          ("neighbor", ("run", "reset", "roll", "capture", "decode")),
                                          ("sensor", ("master", "device", "log"))])
def test_every_option_of_what_works_without_the_daemon_is_in_its_page_of_section_7(thing, verbs):
    text = (ROOT / f"docs/man/lanyard-{thing}.7.scd").read_text(encoding="utf-8").split("end of synopsis")[1]
    for verb in verbs:
        own = lanyard(thing, verb, "--help").stdout.split("Options\n")[1].split("Options everywhere")[0]
        for option in re.findall(r"^ +(--[a-z-]+)", own, re.M):
            assert f"*{option}*" in text, f"{option} of {verb}"
