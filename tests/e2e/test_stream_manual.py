"""lanyard-stream(7) says what is true: its examples do what stands above them, its options are those there are."""
import json
import os
import re
import tarfile

import pytest

from lanyard_test import BUILD, ROOT, free_port, wait_for

PAGE = (ROOT / "docs/man/lanyard-stream.7.scd").read_text(encoding="utf-8")
SYNOPSIS, REST = PAGE.split("; end of synopsis")
EXAMPLES = re.findall(r"^```\n(.*?)^```$", re.sub(r"\\(.)", r"\1", PAGE), re.S | re.M)
ADDRESS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|hub\.local|instrument\.local):8000")


@pytest.fixture
def type_example(lan, tmp_path):
    """Run the example of the page that contains some words, as a person in tmp_path would, at another address."""
    def start(words, address):
        found = [text for text in EXAMPLES if words in text]
        assert len(found) == 1, f"{words}: in {len(found)} examples"
        line = ADDRESS.sub(address, found[0])
        assert line != found[0]
        # timeout ends the whole pipeline, not only its shell
        return lan.run("timeout", "50", "bash", "-c", f"cd {tmp_path} && {line}",
                       env={"PATH": f"{BUILD}:{os.environ['PATH']}", "NO_COLOR": "1"})
    return start


@pytest.fixture
def address():
    return f"127.0.0.1:{free_port()}"


def listening(proc):
    proc.line("listening on ", stream="err")
    return proc


def test_a_number_is_doubled_by_the_command_and_comes_back(type_example, address):
    listening(type_example("echo $((x * 2))", address))
    client = type_example("<<< 7", address)
    assert client.wait() == 0 and client.out == ["14"]


def test_a_server_echoes(type_example, address):
    listening(type_example("--echo", address))
    client = type_example("<<< 7", address)
    assert client.wait() == 0 and client.out == ["7"]


def test_a_file_and_a_folder_are_sent_and_received(type_example, address, tmp_path):
    (tmp_path / "image.raw").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "one.txt").write_text("1", encoding="utf-8")
    receiver = listening(type_example("--dir incoming", address))
    assert type_example("image.raw", address).wait() == 0
    assert type_example("results.tar", address).wait() == 0
    receiver.line("^incoming/results.tar$")
    assert receiver.out == ["incoming/image.raw", "incoming/results.tar"]
    assert (tmp_path / "incoming/image.raw").read_bytes() == (tmp_path / "image.raw").read_bytes()
    with tarfile.open(tmp_path / "incoming/results.tar") as tar:
        assert "results/one.txt" in tar.getnames()


def test_values_are_collected_as_json_across_an_outage(lan, type_example, address, tmp_path):
    values = tmp_path / "values.jsonl"
    type_example("values.jsonl", address)
    for text in "first", "second":
        server = listening(lan.start("lanyard", "stream", "serve", address, "--dialect", "serpy1"))
        server.line("^lanyard: connection 1 from ", stream="err")
        server.send(f"{text}\n")
        wait_for(lambda: f'"text":"{text}"' in values.read_text(encoding="utf-8"), what=text)
        assert server.stop() == 0
    messages = [e for e in map(json.loads, values.read_text(encoding="utf-8").splitlines()) if e["event"] == "message"]
    assert [(e["type"], e["text"], e["mode"]) for e in messages] == [("bytes", "first", 0), ("bytes", "second", 0)]


def test_acknowledged_lines_go_through(lan, type_example, address, tmp_path):
    (tmp_path / "lines.txt").write_text("one\ntwo\n", encoding="utf-8")
    server = listening(lan.start("lanyard", "stream", "serve", address, "--dialect", "serpy1"))
    client = type_example("--mode 1 --reconnect --resend", address)
    assert client.wait() == 0
    assert server.out == ["one", "two"]


def test_what_the_page_shows_of_json_is_what_is_printed(lan):
    shown = json.loads(next(text for text in EXAMPLES if text.startswith("{")))
    other = lan.start("lanyard", "stream", "serve", "127.0.0.1:0", "--dialect", "serpy2", "-J")
    sender = lan.start("lanyard", "stream", "connect", other.event("stream-opened")["peer"], "--dialect", "serpy2",
                       "--type", "float")
    sender.send("21.5\n")
    printed = other.event("message")
    assert list(printed) == list(shown) and {**printed, "time": 0} == {**shown, "time": 0}
    assert {e["event"] for e in other.events()} <= set(re.findall(r"_([a-z-]+)_", REST))


@pytest.mark.parametrize("verb", ["stream serve", "stream connect", "blob send", "blob recv"])
def test_every_option_is_explained(lan, verb):
    helped = lan.start("lanyard", *verb.split(), "--help")
    assert helped.wait() == 0
    own = "\n".join(helped.out).split("Options\n")[1].split("Options everywhere")[0]
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", own, re.M)
    assert options and [o for o in options if f"*{o}*" not in REST] == []
