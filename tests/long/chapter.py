# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of a chapter of the README, to be run as they stand there: a test that runs them all cannot pass while the chapter is wrong.

import os
import re

README = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "README.md")
# what a reader would type: `lockgate ...`, `make ...` and so on, inside a sentence
COMMAND = re.compile(r"`((?:lockgate|make|apt|tests/\S+) [^`]+)`")


class Chapter:
    def __init__(self, title, readme=README):
        with open(readme) as f:
            text = re.sub(r"^   (?=\S)", "", f.read(), flags=re.M)
        self.text = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
        self.commands = list(dict.fromkeys(" ".join(c.split()) for c in COMMAND.findall(self.text)))
        self.blocks = [re.sub(r"^ {4,}", "", b, flags=re.M) for b in re.findall(r"(?<=\n\n)((?: {4,}\S.*\n)+)", self.text)]
        self.used = set()

    def command(self, wanted):
        """The command as it stands there, by its beginning; an AssertionError when the chapter has none, or several."""
        found = [c for c in self.commands if c == wanted] or [c for c in self.commands if c.startswith(wanted)]
        assert len(found) == 1, f"the README says {found} for {wanted!r}"
        self.used.add(found[0])
        return found[0]

    def setting(self, beginning):
        """A line of the configuration that stands there."""
        return re.search(rf"`({re.escape(beginning)}[^`]*)`", self.text).group(1)

    def block(self, word):
        """The lines that hold the word."""
        found = [b for b in self.blocks if word in b]
        assert len(found) == 1, f"the README has {len(found)} blocks with {word!r}"
        self.used.add(found[0])
        return found[0]

    def unused(self):
        """What stands there and was not asked for."""
        return [c for c in [*self.commands, *self.blocks] if c not in self.used]
