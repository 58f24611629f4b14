"""Careers as text: the rules of tiers, trust and fines, and the career of each employee."""

from collections.abc import Mapping, Sequence
from typing import Any

from director.terminal.text import clock, money, table
from domain.tiers import Ceilings
from domain.wording import counted
from governance.hr_rules import HrRules
from governance.tier_rules import Higher

PERCENT = 10_000
"""Micro-units of one percent."""


def career_rules(rules: HrRules) -> list[str]:
    """Return the rules of tiers, trust and fines, one sentence each."""
    tiers = rules.of_tiers
    lines = [f"a new employee begins as {rules.tiers.start}"]
    for rule, line in zip(tiers.tiers, rules.tiers.in_order, strict=True):
        terms = ""
        if isinstance(line, Higher):
            terms = f"rises at a lower bound of {line.rise_percent}% after "
            terms += f"{counted(line.rise_verified_tasks, 'verified task')}; "
        if rule.fall_below:
            terms += f"falls at an upper bound below {rule.fall_below // PERCENT}%; "
        lines.append(f"tier {rule.tier}: {terms}{ceilings_text(rule.ceilings)}")
    half_life = rules.trust.half_life_days
    lines.append("trust: never lost" if half_life is None else f"trust: half of it is left after {half_life} days")
    lines += [
        f"fine for {line.breach}: {line.percent}% more cost in routing, for {counted(line.tasks, 'attempt')}"
        for line in rules.fines
    ]
    return lines


def ceilings_text(ceilings: Ceilings) -> str:
    """Return what a tier allows."""
    usd, most = ceilings.attempt_usd_max, ceilings.open_attempts_max
    limits = [
        *(() if ceilings.high_risk else ("no high risk",)),
        *(() if usd is None else (f"at most {money(usd)} for an attempt",)),
        *(() if most is None else (f"at most {counted(most, 'attempt')} at the same time",)),
    ]
    return ", ".join(limits) or "no ceilings"


def careers_text(people: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table with the careers; nothing if nobody has one."""
    known = [(person["name"], person["career"]) for person in people if person.get("career") is not None]
    if not known:
        return []
    lines = [
        (
            name,
            career["tier"],
            clock(career["since"]),
            f"{career['tier_verified']}/{career['tier_verified'] + career['tier_failed']}",
            f"{career['lower'] / PERCENT:.0f} to {career['upper'] / PERCENT:.0f}%",
            f"+{career['handicap_percent']}%" if career["handicap_percent"] else "none",
            clock(career["loses_trust_at"]) if career["loses_trust_at"] is not None else "never",
        )
        for name, career in known
    ]
    header = ("career", "tier", "since", "verified there", "rate", "fine", "falls if unused until")
    return ["\n" + table(header, lines)]
