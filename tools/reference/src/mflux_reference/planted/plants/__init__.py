"""Every bug that is planted; importing a module registers its plants."""

from mflux_reference.planted.plants import (  # noqa: F401
    activations,
    attention,
    dumps,
    edges,
    layouts,
    leaves,
    modulation,
    norms,
    odd,
    pipeline,
    rope,
    stacked,
)
