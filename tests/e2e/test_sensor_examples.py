"""The example program of devices, and what liblanyard-sensor(3) and lanyard sensor device --help show of it."""
from lanyard_test import free_port


def client(lan, port, path, *words, method="get"):
    return lan.run("coap-client-notls", "-B", "5", "-m", method, *words, f"coap://127.0.0.1:{port}/{path}")


def test_the_example_device_tells_the_load_and_has_a_lamp(lan):
    port = free_port()
    device = lan.start("examples/sensor_device", f"udp:127.0.0.1:{port}")
    load = client(lan, port, "load")
    load.line(r"^\d+\.\d\d$")
    watcher = client(lan, port, "led", "-s", "20", "-w")
    watcher.line("^off$")
    assert client(lan, port, "led", "-e", "on", method="put").wait() == 0
    watcher.line("^on$")
    device.line("^led on$")
    listed = client(lan, port, ".well-known/core")
    listed.line('^</load>;title="Load";obs,</led>;rt="lamp";obs$')
    assert client(lan, port, "led", "-e", "x" * 40, method="put").line("^4.13", stream="err")


def test_the_example_device_says_what_is_wrong(lan):
    wrong = lan.start("examples/sensor_device", "ethernet:lan0")
    assert wrong.wait() == 1
    wrong.line("^id 0: ids are 1", stream="err")
