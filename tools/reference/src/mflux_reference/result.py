"""What a comparison found, as rows and columns."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COLUMNS = ("verdict", "name", "step", "shape", "dtype", "rel_l2", "max_abs", "max_rel", "gain", "rule")
WORST_FIRST = ("SHAPE", "NONFINITE", "FAIL", "INCONCLUSIVE", "MISSING", "INHERITED", "PASS")
SHOWN = 20


@dataclass(frozen=True, repr=False)
class Comparison:
    """`facts` is the object that `mflux parity compare --json` prints, less its checkpoints; `rows` are those, in
    execution order, of `total` in the run."""

    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    total: int

    @property
    def verdict(self) -> str:
        return self.facts["verdict"]

    @property
    def passed(self) -> bool:
        return self.verdict == "PASS"

    @property
    def first_divergence(self) -> dict[str, Any] | None:
        """Its `name`, `step` and the module that owns it, or None."""
        return self.facts["first_divergence"]

    @property
    def columns(self) -> list[str]:
        """Every field of any row; the first ones are those that are shown."""
        fields = {field: None for row in self.rows for field in row}
        return [*COLUMNS, *(field for field in fields if field not in COLUMNS)]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, key: str) -> Any:
        """The row of a checkpoint (`latents@step=2` with its step), or else a column as a list."""
        for row in self.rows:
            if key in (row["name"], _full_name(row)):
                return row
        if key in self.columns:
            return [row.get(key) for row in self.rows]
        raise KeyError(f"no checkpoint and no column named {key}")

    def filter(self, *verdicts: str) -> Comparison:
        """The rows of these verdicts; what is said of the run stays."""
        unknown = set(verdicts) - set(WORST_FIRST)
        if unknown:
            raise ValueError(f"no verdict named {', '.join(sorted(unknown))}; there are {', '.join(WORST_FIRST)}")
        return Comparison(self.facts, [row for row in self.rows if row["verdict"] in verdicts], self.total)

    def worst(self, count: int = 5) -> Comparison:
        """The rows to look at first: by verdict, then by rel_l2."""
        ranked = sorted(self.rows, key=lambda row: (WORST_FIRST.index(row["verdict"]), -(row.get("rel_l2") or 0)))
        return Comparison(self.facts, ranked[:count], self.total)

    def to_pandas(self) -> Any:
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_pandas needs the package pandas: pip install pandas") from error
        return pandas.DataFrame(self.rows, columns=self.columns)

    def __repr__(self) -> str:
        cells = [list(COLUMNS), *([_cell(row.get(column)) for column in COLUMNS] for row in self.rows[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        more = len(self.rows) - SHOWN
        return "\n".join([self.summary(), *lines, *([f"… and {more} more rows"] if more > 0 else [])])

    def _repr_html_(self) -> str:
        def line(tag: str, cells: list[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(line("td", [_cell(row.get(column)) for column in COLUMNS]) for row in self.rows)
        head = line("th", list(COLUMNS))
        return f"<p>{html.escape(self.summary())}</p><table><thead>{head}</thead><tbody>{body}</tbody></table>"

    def summary(self) -> str:
        """One line: the run's verdict and where it starts to differ."""
        text = f"{self.verdict}, {self.total} checkpoints"
        found = self.first_divergence
        if found is None:
            return text
        owner = found.get("owner")
        inside = f", in the forward of {owner}" if owner and owner != found["name"] else ""
        return f"{text}; first divergence: {_full_name(found)}{inside}"


def _full_name(row: dict[str, Any]) -> str:
    name, step = row["name"], row.get("step")
    return name if step is None or "@step=" in name else f"{name}@step={step}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
