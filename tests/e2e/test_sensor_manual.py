"""lanyard-sensor(7) and lanyard-coap(1) say what is true: their examples do what stands above them."""
import re
import subprocess

import pytest
from daemon_sensor import WAIT, device
from daemon_test import once
from lanyard_test import BUILD, ROOT
from test_config_import_casand import INI
from test_sensor_master import cable, fetch  # noqa: F401  (a fixture)


def examples(page):
    text = re.sub(r"\\(.)", r"\1", (ROOT / f"docs/man/{page}.scd").read_text(encoding="utf-8"))
    return re.findall(r"^```\n(.*?)^```$", text, re.S | re.M)


EXAMPLES = examples("lanyard-sensor.7") + examples("lanyard-coap.1")


def example(words, line=0):
    """The one example with these words, for the interface of a test and without sudo."""
    found = {text for text in EXAMPLES if words in text}
    assert len(found) == 1, f"{words}: in {len(found)} examples"
    return re.sub(r"\beth0\b", "lan0", found.pop()).replace("sudo ", "").splitlines()[line]


def type_example(lan, ns, command):
    return lan.run("timeout", "50", "bash", "-c", f"export PATH={BUILD}:$PATH; cd {lan.folder} && {command}", ns=ns)


@pytest.fixture
def here(cable):  # noqa: F811
    cable[0].run("ip", "link", "set", "lo", "up")
    return cable[0]


# ---- sensor(7) ------------------------------------------------------------------------------------------------------

def test_a_master_in_one_command_shows_its_slave_to_the_web(lan, cable, here):  # noqa: F811
    proc = type_example(lan, here, example("ttl=600") + " --first-hello 100ms")
    device(lan, cable[1], 169)
    proc.line("  169  running", WAIT)
    url = example("ttl=600", 1)
    assert url == "curl http://127.0.0.1:8004/casan/169/t1"
    assert fetch(here, 8004, "/casan/169/t1") == (200, "21.5")


def test_the_imported_configuration_is_one_of_lanyardd(lan, here):
    (lan.folder / "casand.conf").write_text(INI)
    assert type_example(lan, here, example("config import")).wait(WAIT) == 0
    assert once(lan, "--check", "-c", lan.folder / "lanyard.yaml")[0] == 0


def test_the_file_of_the_originals_is_served_as_it_is(lan, cable, here):  # noqa: F811
    (lan.folder / "casand.conf").write_text("network ethernet lan0\nslave id 169\ntimer firsthello 1\n")
    proc = type_example(lan, here, example("master -c casand.conf"))
    device(lan, cable[1], 169)
    proc.line("  169  running", WAIT)


def test_two_networks_with_a_key_a_token_and_tls(lan, cable, here):  # noqa: F811
    generate, serve = example("slave170.key"), example("slave170.key", 1)
    (lan.folder / "token").write_text("secret-of-the-plant\n")
    (lan.folder / "token").chmod(0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=h", "-keyout", "master.key", "-out", "master.crt"], check=True, capture_output=True,
                   cwd=lan.folder)
    (lan.folder / "master.key").chmod(0o600)
    assert type_example(lan, here, generate).wait(WAIT) == 0
    proc = type_example(lan, here, serve + " --first-hello 100ms")
    device(lan, cable[1], 170, options=("--key-file", lan.folder / "slave170.key"))
    proc.line("  170  running", WAIT)


def test_who_is_on_the_radio_waits_for_it(lan, here):
    proc = type_example(lan, here, example("--unlisted list"))
    proc.event("net", WAIT, state="down")
    assert proc.running()


# ---- coap(1) --------------------------------------------------------------------------------------------------------

@pytest.fixture
def server(lan, here):
    proc = lan.start("lanyard", "sensor", "device", "--net", "udp:[::1]:5683", "--resource", "temperature;obs=21.5",
                     "-J", ns=here)
    proc.event("net", WAIT, up=True)
    return here


def test_a_value_and_the_same_for_programs(lan, server):
    plain, program = example("jq -r .payload"), example("jq -r .payload", 1)
    proc = type_example(lan, server, plain)
    assert proc.wait(WAIT) == 0 and proc.out == ["21.5"]
    proc = type_example(lan, server, program.replace("jq -r .payload", "cat"))
    assert proc.wait(WAIT) == 0 and '"payload": "21.5"' in "\n".join(proc.out)


def test_a_file_goes_by_blocks_to_a_device(lan, server):
    lan.start("lanyard", "sensor", "device", "--net", "udp:127.0.0.1:5683", "--resource", "firmware=", "--max-body", "60K", "-J",
              ns=server).event("net", WAIT, up=True)
    (lan.folder / "image.bin").write_bytes(bytes(range(256)) * 8)
    proc = type_example(lan, server, example("--block 64").replace("192.0.2.9", "127.0.0.1"))
    assert proc.wait(WAIT) == 0, proc.tail()
    back = lan.start("lanyard", "coap", "get", "coap://127.0.0.1/firmware", "-o", lan.folder / "back", ns=server)
    assert back.wait(WAIT) == 0 and (lan.folder / "back").read_bytes() == bytes(range(256)) * 8


def test_values_of_a_sensor_on_the_cable(lan, cable, here):  # noqa: F811
    there = cable[1]
    mac = re.search(r"link/ether ([0-9a-f:]+)", there.run("ip", "-o", "link", "show", "lan0").stdout).group(1)
    sensor = device(lan, there, 7, "t1;obs=1")
    master = lan.start("lanyard", "sensor", "master", "--net", "ethernet:lan0", "--slave", "7", "--first-hello", "100ms", "-n", "1",
                       ns=here)
    assert master.wait(WAIT) == 0, master.tail() + sensor.tail()
    proc = type_example(lan, here, example("-n 3").replace("02:00:00:00:00:0b", mac))
    proc.lines(1, WAIT)
    for value in "23":
        put = lan.start("lanyard", "coap", "put", f"coap+eth://lan0/{mac}/t1", "-e", value, ns=here)
        assert put.wait(WAIT) == 0, put.tail()
        proc.line(f"^{value}$", WAIT)
    assert proc.wait(WAIT) == 0 and proc.out == ["1", "2", "3"]
