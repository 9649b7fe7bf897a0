"""host.py - runs the original's server under CPython:
host.py REPO PORT TIMEOUT_MS ID N: writes N lines "s0".. to ID, prints "RX line" and "DONE"."""
import asyncio
import sys

repo, port, timeout, my_id, count = sys.argv[1:]
sys.path.insert(0, repo)
sys.dont_write_bytecode = True
from iot import server  # noqa: E402


async def app():
    link = await server.client_conn(my_id)

    async def write():
        for i in range(int(count)):
            await link.write(f"s{i}", qos=True, wait=True)
        print("DONE", flush=True)

    writing = asyncio.create_task(write())
    while True:
        line = await link.readline()
        print("RX", line.rstrip("\n"), flush=True)
    await writing


async def main():
    asyncio.create_task(app())
    await server.run({my_id}, False, port=int(port), timeout=int(timeout))


asyncio.run(main())
