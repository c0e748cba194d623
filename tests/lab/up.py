# SPDX-License-Identifier: GPL-3.0-or-later
# The body of `make lab-up`: the lab, left standing for work by hand. tests/lab/down removes it.
import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))


def main():
    p = argparse.ArgumentParser(prog="up", description="Builds the lab and leaves it standing.")
    p.add_argument("--layout", default="routed", choices=["routed", "bridge", "proxy", "direct"],
                   help="direct: without a gateway (default: routed)")
    p.add_argument("--high", default="prosody", choices=["prosody", "ejabberd"])
    p.add_argument("--low", default="ejabberd", choices=["prosody", "ejabberd"])
    p.add_argument("--dialback", action="store_true", help="servers prove themselves by dialback, not by certificate")
    p.add_argument("--no-gateway", action="store_true", help="all but the gateway's programs")
    a = p.parse_args()
    from lab.build import build
    from lab.lab import Lab
    from lab.net import LabError
    from lab.story import by_hand
    lab = Lab("", a.layout, a.high, a.low, a.dialback, say=lambda t: print(f"lab: {t}", flush=True))
    try:
        if a.layout != "direct" and not a.no_gateway:
            build()
        lab.up()
        if a.layout != "direct" and not a.no_gateway:
            lab.say("gateway")
            lab.start_gateway()
        lab.leave_standing()
    except BaseException as error:
        lab.down()
        if isinstance(error, LabError):
            sys.exit(f"lab: {error}")
        raise
    print(by_hand(lab))
    print("\nmake lab-down   removes all of it")
    os._exit(0)     # client threads, if any, end with the process


if __name__ == "__main__":
    main()
