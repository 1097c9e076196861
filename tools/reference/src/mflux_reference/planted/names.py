"""Parts of a checkpoint's name: MODULE[.callN][.in[.ARGUMENT] | .out.N][@step=K]."""

from __future__ import annotations

import re

ROLE = re.compile(r"\.(in|out)(\.[^@]*)?(?=@|$)")
STEP = re.compile(r"@step=\d+$")


def without_step(name: str) -> str:
    return STEP.sub("", name)


def site(name: str) -> str:
    """The module's call and step: all inputs and outputs of one call share it."""
    return ROLE.sub("", name)


def is_input(name: str) -> bool:
    found = ROLE.search(name)
    return found is not None and found[1] == "in"


def module_path(name: str) -> str:
    return without_step(site(name)).split(".call")[0]


def plain(name: str) -> str:
    """As the tool prints it: without step, NAME.out.0 as NAME."""
    name = without_step(name)
    return name.removesuffix(".out.0")
