#!/usr/bin/python3
"""lsoed_run.py - run the original lsoed as it is: lsoed_run.py FILE [options of lsoed]

It was written for a pyroute2 in which RTNLGRP_* were bits; since 0.5 they are numbers of groups, and it would hear of
no address that comes or goes. They are bits again for the time of the run, in memory only.
"""
import runpy
import sys

import pyroute2.netlink.rtnl as rtnl

for name in ("LINK", "IPV4_IFADDR", "IPV6_IFADDR"):
    mask = getattr(rtnl, f"RTMGRP_{name}", None)
    if mask is not None:
        setattr(rtnl, f"RTNLGRP_{name}", mask)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
