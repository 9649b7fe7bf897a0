# board.py - runs the original's Client under MicroPython:
#     micropython board.py REPO FAKES UASYNCIO ID HOST PORT TIMEOUT_MS N WAIT
# writes N lines "c0".."cN-1" with qos, prints "RX line" and "DONE".
import sys

repo, fakes, package, my_id, host, port, timeout, count, wait = sys.argv[1:]
for folder in (repo, fakes, package):
    if folder != "-":
        sys.path.insert(0, folder)
import uasyncio as asyncio
from iot import client


async def reader(link):
    while True:
        line = await link.readline()
        print("RX", line.rstrip("\n"))


async def main():
    link = client.Client(my_id, host, int(port), ssid="x", pw="x", timeout=int(timeout))
    await link
    asyncio.create_task(reader(link))
    for i in range(int(count)):
        await link.write("c%d" % i, qos=True, wait=wait == "1")
    print("DONE")
    while True:
        await asyncio.sleep(1)


asyncio.run(main())
