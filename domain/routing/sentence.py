"""The reason of a choice, in one plain sentence."""

from collections.abc import Mapping

from domain.routing.choice import Choice, Valued
from domain.routing.fixed_point import MICRO


def sentence_of(choice: Choice, names: Mapping[str, str] | None = None) -> str:
    """Return why the choice was made. `names`: the name of each version; without a name, its id is shown."""
    known, chosen = names or {}, choice.chosen
    if chosen is None:
        return _without(choice, known)
    name, count = known.get(chosen.version, chosen.version), len(choice.candidates)
    chance = f"about {percent(chosen.rate_now)}" if chosen.rate_now >= MICRO // 100 else "less than 1%"
    price = f"{usd(chosen.cost)} per attempt" if chosen.cost else "at no cost"
    numbers = f"{chance} chance of success, {price}"
    match choice.reason:
        case "explores":
            text = f"{name} was chosen to learn more about it ({numbers}), within the share of spending for this"
        case "cheapest":
            text = f"{name} was chosen because it has the lowest price of those who have not tried ({numbers})"
        case "turn":
            text = f"{name} was chosen because it had its turn: nobody has tried this task less often"
        case "best_free":
            text = f"{name} was chosen because it is free now and almost as good as the best, who is busy ({numbers})"
        case "best_single":
            text = f"{name} was chosen for the only attempt, with the highest expected value ({numbers})"
        case _ if count == 1:
            text = f"{name} was chosen because nobody else may try the task now ({numbers})"
        case _:
            text = f"{name} was chosen because its attempt has the best value among {count} employees ({numbers})"
    others = ", ".join(known.get(each, each) for each in choice.parallel)
    return f"{text}; at the same time, to meet the deadline: {others}." if others else f"{text}."


def _without(choice: Choice, names: Mapping[str, str]) -> str:
    if choice.reason == "waits":
        best = max(choice.candidates, key=lambda each: each.reservation, default=None)
        return f"The task waits for {_name(best, names) if best else 'an employee'}, who is busy and clearly the best."
    if choice.reason == "already_tried":
        return "Nobody was chosen, because this strategy makes only one attempt at a task."
    best = max(choice.candidates, key=lambda each: each.reservation, default=None)
    if choice.reason != "not_worth_it" or best is None:
        return "Nobody was chosen, because nobody may try the task within its budget."
    return (
        f"Nobody was chosen, because no attempt is worth its price: the best, {_name(best, names)}, would cost "
        f"{usd(best.cost)} for a {percent(best.rate_now)} chance of a result worth {usd(choice.value)}."
    )


def _name(candidate: Valued, names: Mapping[str, str]) -> str:
    return names.get(candidate.version, candidate.version)


def percent(rate: int) -> str:
    """Return a rate in micro-units as whole percent."""
    return f"{(rate * 100 + MICRO // 2) // MICRO}%"


def usd(amount: int) -> str:
    """Return an amount in micro-dollars as dollars with four places."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    return f"{sign}${amount // MICRO}.{amount % MICRO // 100:04}"
