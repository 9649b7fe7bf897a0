"""report.py - figures with goals, as a table and as JSON.

A figure is a list of measurements of one thing, shown as median (min - max),
with the goal it has to meet if there is one. Whether it is met is stated, never
enforced: a benchmark says how things are on this machine, at this moment.
"""
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    group: str
    name: str
    unit: str
    values: list
    goal: tuple = None          # ("<=" or ">=", number)
    judge: str = "median"       # what must meet it: "median", "max" or "min"
    note: str = ""
    extra: dict = field(default_factory=dict)

    def value(self):
        return {"max": max, "min": min, "median": median}[self.judge](self.values)

    def met(self):
        if self.goal is None:
            return None
        op, bound = self.goal
        return self.value() <= bound if op == "<=" else self.value() >= bound

    def document(self):
        doc = {"group": self.group, "name": self.name, "unit": self.unit, "median": median(self.values),
               "min": min(self.values), "max": max(self.values), "n": len(self.values), **self.extra}
        if self.goal:
            doc |= {"goal": f"{self.goal[0]} {self.goal[1]:g}", "judged": self.judge, "met": self.met()}
        if self.note:
            doc["note"] = self.note
        return doc


def number(x):
    """Three significant digits, thousands and millions by letter."""
    for bound, letter in ((1e6, "M"), (1e4, "k")):
        if abs(x) >= bound:
            return f"{x / bound * (1 if letter == 'M' else 10):.3g}{letter}"
    return f"{x:.0f}" if abs(x) >= 100 else f"{x:.3g}"


def shown(figure):
    mid, low, high = median(figure.values), min(figure.values), max(figure.values)
    return f"{number(mid)}" if len(figure.values) == 1 else f"{number(mid)} ({number(low)} - {number(high)})"


def verdict(figure):
    if figure.goal is None:
        return ""
    what = f"{figure.goal[0]} {figure.goal[1]:g}" + ("" if figure.judge == "median" else f" ({figure.judge})")
    return f"{what:14s} {'met' if figure.met() else 'NOT MET'}"


def table(figures):
    lines, group = [], None
    for f in figures:
        if f.group != group:
            group = f.group
            lines += ["", group]
        lines.append(f"  {f.name:46s} {shown(f):30s} {f.unit:10s} {verdict(f):24s} {f.note}".rstrip())
    return "\n".join(lines)
