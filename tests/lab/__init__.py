# SPDX-License-Identifier: GPL-3.0-or-later
# The lab: two security domains with real XMPP servers on one machine, in network namespaces.
# Read README.md in this folder first; lab.py ties the pieces together.
