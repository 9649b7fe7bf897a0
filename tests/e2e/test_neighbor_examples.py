"""The example program of neighbours, and the examples of the man page, do what stands above them."""
import json
import re

from lanyard_test import BUILD, ROOT
from neighbor_cli import Node, addr, mac_of

PAGE = (ROOT / "docs/man/lanyard-neighbor.7.scd").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```\n(.*?)^```$", re.sub(r"\\(.)", r"\1", PAGE), re.S | re.M)


def example(words):
    """The one example of the page with these words, for the interface of a test and without sudo."""
    found = [text for text in EXAMPLES if words in text]
    assert len(found) == 1, f"{words}: in {len(found)} examples"
    return re.sub(r"\beth0\b|'swp\*'", "lan0", found[0]).replace("sudo ", "")


def type_example(lan, ns, words, folder):
    return lan.run("timeout", "50", "bash", "-c", f"export PATH={BUILD}:$PATH; cd {folder} && {example(words)}", ns=ns)


def test_the_table_program_prints_who_is_there_and_what_it_has(lan, two_hosts):
    (a, address_a), (b, address_b) = two_hosts
    table = lan.start("examples/neighbor_table", "lan*", ns=a)
    node = Node(lan, b, "--id", "0b")
    mac = re.escape(mac_of(b))
    table.line("^lan0 is used$")
    table.line(rf"^lan0 {mac} is up, id 0b(:00){{9}}$")
    table.line(rf"^lan0 {mac} has {re.escape(address_b)}/24$")
    node.until_heard({f"{address_a}/24"})
    addr(b, "add", "10.9.9.1/30")
    table.line(rf"^lan0 {mac} has .*10\.9\.9\.1/30")
    b.link("lan0", False)
    table.line(rf"^lan0 {mac} is down: \S")


def test_the_page_s_way_to_wait_for_the_other_end_works(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    waits = type_example(lan, a, "-n 1", tmp_path)
    Node(lan, b).session()
    assert waits.wait() == 0, waits.tail()


def test_the_page_s_signed_nodes_find_each_other(lan, two_hosts, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    one, other = (type_example(lan, ns, "--trust tofu", tmp_path / name) for (ns, _), name in zip(two_hosts, "ab"))
    one.line("  up, id ")
    other.line("  key [0-9a-f]{16}")


def test_events_look_as_the_page_shows_them(lan, two_hosts, tmp_path):
    (a, _), (b, _) = two_hosts
    shown = [json.loads(text) for text in EXAMPLES if text.startswith("{")]
    Node(lan, b, "--id", "6c65616630").link()
    lines = type_example(lan, a, "'swp*' -J", tmp_path)
    up = lines.event("neighbor")
    assert list(up) == list(shown[0])
    assert {**up, "time": 0, "mac": 0, "ifname": 0} == {**shown[0], "time": 0, "mac": 0, "ifname": 0}
    assert {e["event"] for e in lines.events()} <= set(re.findall(r"^\|  _([a-z]+)_$", PAGE, re.M))
