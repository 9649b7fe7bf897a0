"""neighbor_frames.py - raw frames: Lanyard's path beside the least it can cost, for run.py.

A veth pair in a namespace of the programs' own (as root), flooded with valid KEEPALIVEs. The bare contender only
counts what its ring brings; ours receives, checks, parses and credits each frame to its session. On a veth pair the
sender does the kernel's work of receiving, too, so its processor time is told as well.
"""
from statistics import median

PLACES = {"split": "one core each", "same": "both on one core"}


def frames(bench):
    if not bench.has("frames_lsoe"):
        return
    kinds = {"ours": "frames_lsoe", "bare": "frames_bare"}
    r = bench.rounds({(kind, place): (program, "-d", bench.args.seconds, "-p", place)
                      for place in PLACES for kind, program in kinds.items()})
    for place, where in PLACES.items():
        group = f"Raw frames, a flood of KEEPALIVEs; {where}"
        for kind, name in (("ours", "lanyard: received, checked, parsed, counted"), ("bare", "bare TPACKET_V3 loop")):
            results = r[kind, place]
            cpu = [round(median(x[side] for x in results)) for side in ("cpu_tx_ns", "cpu_rx_ns")]
            lost = sum(x["lost"] for x in results)
            bench.figure(group, name, "frames/s", [x["rate"] for x in results],
                         note=f"CPU {cpu[0]} + {cpu[1]} ns/frame" + (f", {lost} lost" if lost else ""))
        pairs = list(zip(r["ours", place], r["bare", place]))
        bench.figure(group, "lanyard / bare loop", "x", [a["rate"] / b["rate"] for a, b in pairs], goal=(">=", 0.85))
        bench.figure(group, "receiver's time above the bare loop's", "ns/frame",
                     [a["cpu_rx_ns"] - b["cpu_rx_ns"] for a, b in pairs], goal=("<=", 300))
