"""The report as Markdown: its rows, what each says about the goals, and the tables."""

import datetime
import re
from dataclasses import dataclass, field

from . import machine
from .goals import CLIFF, CONVOLUTIONS, CONVOLUTIONS_MEAN, geometric_mean, goals_of

EXPLANATION = f"""Ratio: the best peer's figure over cygrad's; above 1 cygrad is ahead. Of limit: the time that the
machine's peaks below allow over cygrad's (the larger of multiply-adds and of bytes at the bandwidth of that size). CPU:
processor seconds over wall seconds, so who burns a second core (of calls after a rest: with what is burnt in the rest).
Spread: cygrad's slowest round over its best. Apart: the nanoseconds that a cache line took from one core to another and
back before each round, least and most. Where it is several hundred, the cores share no cache at the moment (a virtual
machine's cores move), and small work on two threads takes up to twice as long, in every framework. Goal: the ratio
asked for (against one peer where it is named); rows without a goal must not fall below {CLIFF.ratio}.
`python -m benchmarks.report` makes this table."""


@dataclass
class Row:
    """One line of the report: what each framework took, by round."""

    name: str
    section: str
    work: tuple = (0, 0, None)  # floating-point operations, bytes, instruction set
    least: float = 0.0  # seconds by the machine's limits
    unit: str = "s"
    median: bool = False  # of the rounds; else their best
    rounds: dict = field(default_factory=dict)  # {framework: [seconds]}
    cpu: dict = field(default_factory=dict)  # {framework: [processor seconds over wall seconds]}
    apart: list = field(default_factory=list)  # nanoseconds between the cores, by round
    skipped: dict = field(default_factory=dict)  # {framework: why}
    wrong: dict = field(default_factory=dict)  # {framework: what}

    def add(self, framework, value, cpu=None):
        self.rounds.setdefault(framework, []).append(value)
        if cpu is not None:
            self.cpu.setdefault(framework, []).append(cpu)

    def value(self, framework):
        taken = sorted(self.rounds[framework])
        return taken[len(taken) // 2] if self.median else taken[0]

    def cpu_text(self, framework):
        return f"({min(self.cpu[framework]):.1f})" if framework in self.cpu else ""

    @property
    def mine(self):
        return self.value("cygrad") if "cygrad" in self.rounds else None

    @property
    def peers(self):
        return {f: self.value(f) for f in self.rounds if f != "cygrad"}

    @property
    def ratio(self):
        return min(self.peers.values()) / self.mine if self.peers and self.mine else None

    def judged(self):
        """[(asked, is, reached)] of the goals that can be judged here."""
        if self.mine is None:
            return []
        return [j for goal in goals_of(self.name) if (j := goal.judge(self.mine, self.peers, self.least))]


def show(row, value):
    if row.unit != "s":
        return f"{value:g}"
    return f"{value * 1e6:.1f} us" if value < 1e-3 else f"{value * 1e3:.2f} ms"


def one_line(row):
    """A row while the report runs."""
    taken = ", ".join(f"{f} {show(row, row.value(f))}" for f in row.rounds)
    rest = [f"{f} WRONG: {why}" for f, why in row.wrong.items()]
    if row.mine is None and "cygrad" in row.skipped:
        rest.append(f"skipped: {row.skipped['cygrad']}")
    return "; ".join([f"{row.name}: {taken}", *rest])


def verdict(asked, found, reached):
    return f"{asked}: reached" if reached else f"**{asked}: is {found}**"


def table(rows):
    """Markdown lines of one section."""
    lines = [
        "| row | cygrad (CPU) | spread | apart | of limit | best peer (CPU) | ratio | goal | others (CPU) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.mine is None:
            continue
        best, *others = sorted((v, f) for f, v in row.peers.items()) or [(None, None)]
        spread = max(row.rounds["cygrad"]) / min(row.rounds["cygrad"]) - 1
        cells = [
            row.name,
            f"{show(row, row.mine)} {row.cpu_text('cygrad')}",
            f"{spread:.0%}" if len(row.rounds["cygrad"]) > 1 else "",
            "-".join(dict.fromkeys([str(min(row.apart)), str(max(row.apart))])) if any(row.apart) else "",
            f"{row.least / row.mine:.0%}" if row.least else "",
            f"{best[1]} {show(row, best[0])} {row.cpu_text(best[1])}" if best[1] else "",
            f"{row.ratio:.2f}" if row.ratio else "",
            "; ".join(verdict(*j) for j in row.judged()),
            ", ".join(f"{f} {show(row, v)} {row.cpu_text(f)}".strip() for v, f in others),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def summary(rows):
    """What was reached, and by name what was not."""
    judged = [(row, j) for row in rows for j in row.judged()]
    goals = [(row, j) for row, j in judged if goals_of(row.name) != [CLIFF]]
    lines = [f"{sum(j[2] for _, j in goals)} of {len(goals)} goals are reached."]
    cliffs = [row for row in rows if row.ratio and row.section != "footprint" and row.ratio < CLIFF.ratio]
    compared, named = sum(row.ratio is not None for row in rows), [f"{row.name} ({row.ratio:.2f})" for row in cliffs]
    slower = f"{len(cliffs)} of {compared} rows are slower than {CLIFF.ratio} of the best peer"
    lines.append(slower + (": " + ", ".join(named) if named else "") + ".")
    convolutions = [row.ratio for row in rows if row.ratio and re.fullmatch(CONVOLUTIONS, row.name)]
    if convolutions:
        mean = geometric_mean(convolutions)
        asked = verdict(f"{CONVOLUTIONS_MEAN:g}", f"{mean:.2f}", mean >= CONVOLUTIONS_MEAN)
        over = f"the ratios of {len(convolutions)} rows of conv2d forward+backward"
        lines.append(f"Geometric mean of {over}: {mean:.2f} ({asked}).")
    missed = [f"{row.name} ({j[0]}: {j[1]})" for row, j in goals if not j[2]]
    if missed:
        lines.append("Not reached: " + ", ".join(missed) + ".")
    return lines


def render(rows, versions, peaks, options, threads_section=""):
    """The report as Markdown."""
    text = [
        f"# Results, {datetime.date.today()}",
        "",
        f"{machine.name()}; {options.threads} threads. " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ". "
        f"{options.rounds} round{'s' * (options.rounds > 1)}"
        + (f"; cygrad on {options.isa}" if options.isa else "")
        + ".",
        "",
        EXPLANATION,
        "",
        *(line + "\n" for line in summary(rows)),
        *peaks.describe(),
    ]
    for section in dict.fromkeys(row.section for row in rows):
        chosen = [row for row in rows if row.section == section]
        if any(row.mine is not None for row in chosen):
            text += ["", f"## {section.capitalize()}", "", *table(chosen)]
    missing = [f"- {row.name}: {row.skipped['cygrad']}" for row in rows if "cygrad" in row.skipped]
    wrong = [f"- {row.name}: {name}: {what}" for row in rows for name, what in row.wrong.items()]
    text += ["", "## Not measured", "", *missing] if missing else []
    text += ["", "## Wrong or failed, so not timed", "", *wrong] if wrong else []
    return "\n".join(text) + "\n" + threads_section
