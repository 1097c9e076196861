"""Replaces a line of one instance's method, as somebody porting it would have written it wrong."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any


def rewrite(owner: Any, method: str, *changes: tuple[str, str], **names: Any) -> None:
    """Every (old, new) must occur in the method's source; `names` are further globals that the new lines use."""
    original = getattr(type(owner), method)
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(original)))
    source = source[source.index("def ") :] if not source.startswith("def ") else source
    for old, new in changes:
        if old not in source:
            raise ValueError(f"{type(owner).__name__}.{method} has no {old!r}")
        source = source.replace(old, new)
    scope: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source, {**inspect.unwrap(original).__globals__, **names}, scope)
    replace_method(owner, method, scope[method])


def replace_method(owner: Any, method: str, function: Any) -> None:
    """For this instance alone, and also where Python looks a method up in the class (__call__)."""
    cls = type(owner)
    owner.__class__ = type(cls.__name__, (cls,), {method: function, "__module__": cls.__module__})
