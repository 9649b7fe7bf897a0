"""The stream examples do what their opening comments say: against each other, and against plain sockets."""
import hashlib
import socket
import struct
import threading

import pytest

INT, STR, BYTES = 0x01, 0x21, 0x81
IMAGE = 512 * 512 * 4
# SHA-256 of what numpy 1.24 made of the same formula, as the original's server sent it.
IMAGES = {1: "0658bb797ef5e25d34bbc3235cfb0508fbfcdd9dafe945c635722f2b18d08ea1",
          12: "f6bcf464cf8214763d110f80308ce806d87dd12a6c75d607bcdd7e1c1e3adbdd",
          30: "0ae32cdf54b062cf7e3e459558529ca8dbb145e0754d2ab5f9cc6c3a51f49fa1"}


def block(kind, payload):
    """One message of serpy2."""
    return b"\xde\xca\xfe\xca\xfe" + struct.pack("<BII", kind, sum(payload) & 0xFFFFFFFF, len(payload)) + payload


def number(value):
    return block(INT, struct.pack("<q", value))


def take(stream):
    """The next message of a stream's makefile(): (kind, payload), or None at its end."""
    head = stream.read(14)
    if len(head) < 14:
        return None
    assert head[:5] == b"\xde\xca\xfe\xca\xfe"
    kind, checksum, size = struct.unpack("<BII", head[5:])
    payload = stream.read(size)
    assert len(payload) == size and sum(payload) & 0xFFFFFFFF == checksum
    return kind, payload


@pytest.fixture
def example(lan):
    def start(name, *words):
        return lan.start(f"examples/stream_{name}", *words)
    return start


@pytest.fixture
def serve(example):
    """A server example on a free port: (process, address)."""
    def start(name, *words):
        proc = example(name, "127.0.0.1:0", *words)
        return proc, proc.line(r"^listening on (\S+)$").group(1)
    return start


@pytest.fixture
def dial():
    """Plain connections to an address, with a limit on each wait."""
    opened = []

    def connect(address):
        host, port = address.rsplit(":", 1)
        opened.append(socket.create_connection((host, int(port)), timeout=10))
        return opened[-1]
    yield connect
    for conn in opened:
        conn.close()


@pytest.fixture
def imitation():
    """A server in a thread that answers each message of each connection with answer(kind, payload): its address."""
    listeners = []

    def serve_one(conn, answer):
        with conn, conn.makefile("rb") as stream:
            while message := take(stream):
                conn.sendall(answer(*message))

    def accept(listener, answer):
        while True:
            try:
                conn = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=serve_one, args=(conn, answer), daemon=True).start()

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, answer), daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]
    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_every_value_comes_back_the_same_and_the_client_ends_the_server(example, serve):
    server, address = serve("pingpong_server")
    client = example("pingpong_client", address)
    client.line(r"^10 cycles in \d+\.\d{3} seconds$")
    client.line("^0 ping-pong errors$")
    assert client.wait() == 0
    assert server.wait() == 0
    assert [line for line in server.out if line.startswith("str ")] == ["str hello", "str yes µù"] * 10 + ["str /KTHXBYE"]


def test_a_value_that_comes_back_changed_is_an_error(example, imitation):
    address = imitation(lambda kind, payload: block(kind, payload.replace(b"hello", b"hellp")))
    client = example("pingpong_client", address)
    client.line("^10 ping-pong errors$", timeout=20)
    assert client.wait() == 1
    assert client.out.count("ping pong error, value 1") == 10


def test_a_ping_pong_without_a_server_says_so(example):
    with socket.create_server(("127.0.0.1", 0)) as s:
        address = "127.0.0.1:%d" % s.getsockname()[1]
    client = example("pingpong_client", address)
    assert client.wait() == 1
    client.line(f"^{address}: ", stream="err")


def test_images_arrive_pixel_by_pixel(example, serve):
    server, address = serve("instrument_server")
    client = example("instrument_client", address)
    client.line(rf"^received {30 * IMAGE} bytes in \d+\.\d+ seconds$", timeout=30)
    client.line(r"^[1-9]\d*\.\d MB/s, [1-9]\d*\.\d frames/s$")
    client.line("^0 errors$")
    assert (client.wait(), server.wait()) == (0, 0)
    assert server.out.count("data ignored") == 40


def test_an_image_is_to_the_bit_what_numpy_made(serve, dial):
    server, address = serve("instrument_server")
    conn = dial(address)
    conn.sendall(b"".join(number(p) for p in IMAGES) + block(STR, b"hello"))
    stream = conn.makefile("rb")
    for digest in IMAGES.values():
        kind, payload = take(stream)
        assert (kind, hashlib.sha256(payload).hexdigest()) == (BYTES, digest)
    conn.sendall(block(STR, b"/KTHXBYE"))
    assert server.wait() == 0


def test_one_wrong_pixel_is_an_error(example, serve, dial, imitation):
    _, address = serve("instrument_server")
    conn = dial(address)
    stream = conn.makefile("rb")

    def answer(kind, payload):
        if kind != INT:
            return b""
        conn.sendall(block(kind, payload))
        image = bytearray(take(stream)[1])
        if payload[0] == 12:
            image[-1] ^= 0x40
        return block(BYTES, image)
    client = example("instrument_client", imitation(answer))
    client.line("^10 errors$", timeout=40)
    assert client.wait() == 1
    assert client.out.count("image 12: other content") == 10


@pytest.mark.parametrize("dialect", [[], ["serpy1"]], ids=["serpy2", "serpy1"])
def test_what_one_says_in_the_chat_all_others_hear(example, serve, dialect):
    server, address = serve("broadcast", *dialect)
    ann, bob, eve = chats = [example("chat", address, *dialect) for _ in range(3)]
    for chat in chats:
        chat.line("^-+ Connected -+$")
    server.until(lambda: sum(line.endswith(" has come") for line in server.out) == 3, what="three connections")
    ann.send("/name=ann\nhello, µ\n")
    bob.line("^>>> ann : hello, µ$")
    eve.line("^>>> ann : hello, µ$")
    bob.send("/nonsense\nhi\n")
    bob.line("^there is no such command$")
    ann.line(r"^>>> no name \(use /name=NAME\) : hi$")
    assert not [line for line in ann.out if "hello" in line], "nobody hears himself"
    eve.send("/stop\n")
    assert eve.wait() == 0
    server.line(" has gone: ")
    ann.send("/KTHXBYE\n")
    assert server.wait() == 0
    bob.line("^-+ Disconnected: ")


def test_a_chat_comes_back_when_its_server_does(lan, example, serve):
    server, address = serve("broadcast")
    relay = lan.relay(address, "--unit", "chunk")
    ann, bob = example("chat", relay.address), example("chat", address)
    ann.line("^-+ Connected -+$"), bob.line("^-+ Connected -+$")
    relay.command("cut now")
    ann.line("^-+ Disconnected: ")
    ann.until(lambda: sum("Connected" in line for line in ann.out) == 2, what="connected again")
    ann.send("again\n")
    bob.line("^>>> .* : again$")


def test_who_does_not_listen_holds_up_nobody(example, serve, dial):
    server, address = serve("broadcast")
    deaf, hears, says = dial(address), dial(address), dial(address)
    server.until(lambda: sum(line.endswith(" has come") for line in server.out) == 3, what="three connections")
    sent = block(BYTES, bytes(256 * 1024))
    stream = hears.makefile("rb")
    for _ in range(80):  # 20 MiB: more than the system and a queue of the server hold for the deaf one
        says.sendall(sent)
        assert take(stream) == (BYTES, bytes(256 * 1024))
    server.line(r"^1 has missed [1-9]\d*: ")
    assert not deaf.recv(1, socket.MSG_PEEK) == b"", "and it is still connected"
