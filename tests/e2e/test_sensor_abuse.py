"""test_sensor_abuse.py - a sensor master that is abused: floods of control messages, HTTP clients that are slow, silent or
lie, and noise on a serial line. Memory stays what it was, the slaves that are associated go on working, and what is
refused is counted, each.
"""
import pytest
from lanyard_test import wait_for
from sensor_abuse import ROOM, SLAVES, Plant, asking, grown, memory_of

pytestmark = pytest.mark.alone

SECONDS = 2
DROPS = ("net_kernel_drops", "net_drop_length", "net_drop_other")

# ---- floods of control messages -------------------------------------------------------------------------------------

def under_flood(plant, kind, counters, figure, at_rest, whose=()):
    """A flood while the slaves are asked: what was counted, and the last statistics."""
    before = plant.stats()
    with asking(plant) as askers:
        sent, most = plant.flood(kind, SECONDS, whose)
    wait_for(lambda: grown(before, plant.stats(), (*counters, *DROPS)) >= sent, 5, f"{sent} frames counted")
    after = plant.stats()
    counted, dropped = grown(before, after, counters), grown(before, after, DROPS)
    took = sorted(t for a in askers for t in a.took)
    slow = sum(t > 0.5 for t in took)
    figure(kind, f"{sent / SECONDS / 1e3:.0f} k/s, {100 * dropped // sent}% not read, {len(took)} asked, {slow} slow, worst "
                 f"{took[-1]:.2f} s, {(most - at_rest) >> 10} KiB")
    assert sent > 20000
    assert sent - dropped <= counted <= sent, f"{kind}: {sent} sent, {counted} counted, {dropped} not read"
    assert most - at_rest < ROOM, f"{kind}: memory from {at_rest} to {most}"
    assert after["running"] == len(SLAVES) and not plant.lost(), plant.lost()
    return after


def test_floods_of_control_messages_cost_neither_slaves_nor_memory(lan, figure):
    plant = Plant(lan)
    at_rest = memory_of(plant.master)
    for kind, counters, whose in (("hello", ["other_master"], ()), ("discover", ["drop_unlisted"], ()),
                                  ("impostor", ["rx_discover"], SLAVES), ("answer", ["drop_unknown"], ()),
                                  ("stolen", ["coap_drop_unmatched", "coap_drop_endpoint"], plant.macs)):
        under_flood(plant, kind, counters, figure, at_rest, whose)


@pytest.mark.parametrize("policy", ["list", "admit"])
def test_candidates_that_are_inventions_are_bounded(lan, policy, figure):
    plant = Plant(lan, "--unlisted", policy)
    at_rest = memory_of(plant.master)
    before = plant.stats()
    after = under_flood(plant, "discover", ["rx_discover"], figure, at_rest)
    assert after["candidates"] == 256
    received, refused = (grown(before, after, [c]) for c in ("rx_discover", "drop_candidates"))
    assert received - 256 - 20 <= refused <= received - 256, "all but the candidates, some of which were drawn twice"
    if policy == "admit":
        assert 256 <= grown(before, after, ["tx_assoc_request"]) < 256 + 20 + 2 * SECONDS * len(SLAVES)
