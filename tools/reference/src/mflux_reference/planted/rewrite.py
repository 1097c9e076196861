"""Replaces a line of one instance's method, as somebody porting it would have written it wrong."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any


def rewrite(owner: Any, method: str, *changes: tuple[str, str], **names: Any) -> None:
    """Every (old, new) must occur in the method's source; `names` are further globals that the new lines use."""
    original = inspect.unwrap(getattr(type(owner), method))
    source = getattr(original, "rewritten", None) or textwrap.dedent(inspect.getsource(original))
    source = source[source.index("def ") :]
    for old, new in changes:
        if old not in source:
            raise ValueError(f"{type(owner).__name__}.{method} has no {old!r}")
        source = source.replace(old, new)
    scope: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source, {**original.__globals__, **names}, scope)
    scope[method].rewritten = source
    replace_method(owner, method, scope[method])


def replace_method(owner: Any, method: str, function: Any) -> None:
    """For this instance alone, and also where Python looks a method up in the class (__call__)."""
    cls = type(owner)
    owner.__class__ = type(cls.__name__, (cls,), {method: function, "__module__": cls.__module__})
