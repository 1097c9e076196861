"""Writes docs/DIAGNOSIS.md from the catalogue and the texts below; --check only compares.

python3 tools/docs/diagnosis_page.py [--check]
"""

# ruff: noqa: E501, RUF001 (texts of a page)
from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "mflux/parity/diagnose/catalogue.cpp"
PAGE = ROOT / "docs/DIAGNOSIS.md"

HEAD = """# Diagnosis: the causes, and how each looks in the numbers

`mflux parity diagnose RUN` (or `REF MLX`) names the cause of the first divergence; `mflux parity report` shows the same with
pictures of its own. This page is written by tools/docs/diagnosis_page.py from the catalogue; a test holds both together.

## How a cause is proven

A cause is a model of a bug: from the reference it computes what the port would hold if the bug were there. It is named only if

- what is left, ‖port − predicted‖ / ‖predicted‖, is at most 5 % of the error, or is down at twice the noise floor from at
  least four times as much;
- parameters that it fits were fitted on one half of the elements and scored on the other, both ways;
- no other explains more: within 5× of the best (or both below the noise floor) the more specific is named, in the order of
  mflux/parity/diagnose/catalogue.cpp.

With the cause applied the rest is diagnosed again, so two bugs in one place are both named. Where nothing can be
predicted, a cause may be stated from what both sides hold, if nothing above holds: `rng.mismatch`, `noise.accumulation`,
`dump.stale`, a schedule of no known kind (`scheduler.sigmas`), values on a narrower grid (`dtype.compute`), a dumped weight with
other numbers (`weights.missing`). Three proofs rest on other tensors than the output: weights that differ by a transposition,
a right copy of a stale dump, an error that lies in a frame alone (`edge.padding`). No proof, no name: then the output says what
was ruled out, with the error before and after, and what to dump next.

## Reading the output

`proof` is relative L2 as found → with the cause applied; `sure` grows with the fall, the distance to the runner-up and the
count of elements; `try` undoes the bug on the port's side; `fix` and `wrong` are the usual line in MLX and the usual mistake.

In the pictures, from real diffusers and transformers modules with the bug planted (tools/docs/diagnosis_pictures.py): left,
elements of the port over the reference's (or their difference, where it is small); right, |d| over the two longest axes.
"""

FAMILIES = {
    "dump": "The dump itself", "timestep": "Timesteps", "scheduler": "The schedule", "cfg": "Guidance",
    "dtype": "Number types", "sign": "Signs and scales", "scale": "Signs and scales", "concat": "Order of parts", "rope": "Rotary embeddings",
    "layout": "Layouts", "norm": "Norms", "modulation": "Modulation", "activation": "Activations",
    "attention": "Attention", "mask": "Attention", "bias": "Weights", "broadcast": "Borders and broadcasting", "edge": "Borders and broadcasting", "weights": "Weights", "rng": "Random numbers",
    "noise": "Rounding",
}

OUTPUT = "the output alone"
# Of each cause: how it looks, and what must be dumped on both sides for the proof.
TEXTS = {
    "dump.duplicate": ("a checkpoint equals another of the same run; the reference's two differ", "both checkpoints"),
    "dump.stale": ("wrong here, while everything computed from it agrees", "what is computed from it"),
    "dump.hidden_index": ("the port equals another layer's hidden states", "the neighbouring layers"),
    "timestep.rounded": ("few values, errors below 1 %, each port value one of a narrower type", OUTPUT),
    "timestep.scale": ("a constant ratio of 1000, or mirrored: 1 − t", OUTPUT),
    "scheduler.offset": ("the port's step k is the reference's step k ± 1, or uses its sigma", "several steps' latents"),
    "scheduler.sigmas": ("sigmas differ before anything else does", "`sigmas`"),
    "scheduler.update": ("predictions agree, latents do not", "`latents` and `noise_pred` of the step"),
    "cfg.swapped": ("cond + uncond agree, their difference has the other sign",
                    "`noise_pred_cond`, `noise_pred_uncond`"),
    "cfg.scale": ("the guided prediction lies on the line from uncond to cond, elsewhere on it",
                  "`noise_pred_cond`, `noise_pred_uncond`"),
    "dtype.tf32": ("errors near 3e-4 to 8e-4 from one matmul on, without the port's low bits being zero",
                   "the module's input and weight"),
    "dtype.output": ("all low bits of the port are zero; differences are a sawtooth over the value", OUTPUT),
    "dtype.compute": ("errors near 2e-3 that no rounding of the output alone explains", "the module's input and weights"),
    "sign.flip": ("the points lie on the other diagonal; relative error 2", OUTPUT),
    "scale.constant": ("the points lie on a line through 0 of another slope", OUTPUT),
    "concat.order": ("the same rows in another order: blocks of tokens changed places", OUTPUT),
    "rope.pairing": ("position 0 is exact, the norm of each row agrees, the rest does not", "q, k or `.rope_q`, `.rope_k`"),
    "rope.sign": ("position 0 is exact, every pair is turned by twice its angle", "q, k or the rotary tables"),
    "rope.offset": ("every pair is turned by an angle that is the same at all positions", "q, k or the rotary tables"),
    "rope.theta": ("the error grows with the position, and over the pairs as the frequencies do",
                   "q, k or the rotary tables"),
    "rope.axes": ("blocks of the head's width have each other's angles", "q, k or the rotary tables"),
    "rope.broadcast": ("each head has one angle at all positions", "q and k before and after the rotation"),
    "layout.gqa_repeat": ("heads equal other heads", "the output alone, or q, k, v for what comes after them"),
    "layout.permute": ("the same values elsewhere: cosine near 0, equal norms and moments", OUTPUT),
    "layout.heads": ("the same values elsewhere along the width: heads or q, k, v interleaved", OUTPUT),
    "layout.patch_order": ("the same values elsewhere within each patch", OUTPUT),
    "norm.eps": ("rows of small inputs are scaled most; in large rows hardly anything differs", "the norm's input"),
    "norm.mean": ("every row is shifted, in proportion to the mean of its input", "the norm's input"),
    "norm.groups": ("blocks of channels have another scale and shift", "the norm's input"),
    "modulation.swapped": ("every channel is an affine function of the reference's", "the modulation's scale and shift"),
    "modulation.one": ("every channel lacks, or has once more, the normed input itself", "the modulation's input and scale"),
    "activation.variant": ("the difference is a curve over the input", "the activation's input"),
    "attention.scale": ("outputs are closer to the mean of v, or further from it", "q, k and v, or what they come from"),
    "mask.causal": ("the error falls with the position: the last row is exact (or the first)", "q, k and v"),
    "mask.padding": ("all rows differ, those of padding tokens most", "q, k and v, best the mask"),
    "rng.dropout": ("exact zeros on one side, the rest scaled by 1 / (1 − p)", OUTPUT),
    "edge.padding": ("only the border differs, or every 2^k-th row", "the output; the input to prove convolutions"),
    "bias.missing": ("parallel lines: one constant per channel", OUTPUT),
    "broadcast.axis": ("the difference is one vector, over another axis", OUTPUT),
    "weights.transposed": ("a cloud where the input agrees", "the input and `weights/`"),
    "weights.missing": ("zeros, a constant or a cloud where the input agrees", "the input and `weights/`"),
    "rng.mismatch": ("a round cloud: equal moments, cosine 0, relative error √2", OUTPUT),
    "noise.accumulation": ("errors without direction that grow like √layers", "`ref32/`"),
}


def catalogue() -> list[tuple[str, str, str, str]]:
    """id, meaning, fix, wrong."""
    text = CATALOGUE.read_text(encoding="utf-8")
    string = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
    found = re.findall(r"\{" + r",\s*".join([string] * 4) + r"\}", text)
    return [tuple(ast.literal_eval(f"({part})") for part in entry) for entry in found]


def entry(cause: str, meaning: str, fix: str, wrong: str) -> str:
    looks, needs = TEXTS[cause]
    lines = [f"### {cause}", "", f"{meaning[0].upper()}{meaning[1:]}. In the numbers: {looks}. Needs: {needs}.", ""]
    if (ROOT / f"docs/images/diagnosis/{cause}.svg").exists():
        lines += [f"![{cause}: port over reference, and where they differ](images/diagnosis/{cause}.svg)", ""]
    lines += ["```text", f"fix    {fix}", *([f"wrong  {wrong}"] if wrong else []), "```", ""]
    return "\n".join(lines)


def page() -> str:
    causes = catalogue()
    ids = [cause[0] for cause in causes]
    if set(ids) != set(TEXTS):
        raise SystemExit(f"{CATALOGUE.name} and this script name different causes: {sorted(set(ids) ^ set(TEXTS))}")
    families: dict[str, list[str]] = {}
    for cause in causes:
        families.setdefault(FAMILIES[cause[0].partition(".")[0]], []).append(entry(*cause))
    sections = [f"## {title}\n\n" + "\n".join(entries) for title, entries in families.items()]
    return "\n".join([HEAD, *sections]).rstrip() + "\n"


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        print("docs/DIAGNOSIS.md is not what the catalogue says: run python3 tools/docs/diagnosis_page.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
