"""The policies that are compared: the router, and the baselines that every table must show."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from statistics import median_low

from director.routing_bench.chain import best_chain
from director.routing_bench.world import TaskResult, World
from domain.routing import book as books
from domain.routing.beta import quantile
from domain.routing.book import AttemptEnded, Book
from domain.routing.choice import Candidate, Situation, size_of
from domain.routing.difficulty import NO_SCORES, best_shape, scored
from domain.routing.draws import draw
from domain.routing.evidence import Attempt, Posterior
from domain.routing.fixed_point import MICRO
from domain.routing.strategies import choose

KNOWN_WEIGHT = 1_000_000 * MICRO
"""The count of invented attempts that makes a rate known."""

Policy = Callable[[World], list[TaskResult]]


def cascade(world: World) -> list[TaskResult]:
    """Route with the strategy `cascade`, which learns from nothing."""
    return _Router(world).run()


def cascade_from(world: World, book: Book) -> list[TaskResult]:
    """Route with the strategy `cascade`, which begins with the evidence of a book."""
    router = _Router(world)
    router.book = book
    return router.run()


def known_rates(world: World) -> list[TaskResult]:
    """Route with the strategy `cascade`, which knows each model's rate and average cost on the whole table."""
    return _KnownRouter(world).run()


def oracle(world: World) -> list[TaskResult]:
    """Make one attempt, by the cheapest model that solves the task. No attempt is made if nobody solves it."""
    done = []
    for number in range(len(world.tasks)):
        results = [world.result(number, model) for model in range(len(world.table.models))]
        costs = [result.cost for result in results if result.correct]
        done.append(TaskResult(True, min(costs), 1) if costs else TaskResult(False, 0, 0))
    return done


def best_single(world: World) -> list[TaskResult]:
    """Give each task to the model that solves most of the table. The cheaper one wins a tie."""
    table = world.table
    best = max(range(len(table.models)), key=lambda model: (table.rate(model), -table.cost(model)))
    return [_chain(world, number, (best,)) for number in range(len(world.tasks))]


def at_random(world: World) -> list[TaskResult]:
    """Give each task to one model at random."""
    draws = Random(f"random {world.seed}")
    models = range(len(world.table.models))
    return [_chain(world, number, (draws.choice(models),)) for number in range(len(world.tasks))]


def price_order(world: World) -> list[TaskResult]:
    """Try all models in the order of their average cost, until one is verified."""
    order = sorted(range(len(world.table.models)), key=world.table.cost)
    return [_chain(world, number, order) for number in range(len(world.tasks))]


def chain_in_hindsight(world: World) -> list[TaskResult]:
    """Try the models of the best fixed chain for the whole table, until one is verified. It is found by a search."""
    order = best_chain(world.table, world.conditions.value)
    return [_chain(world, number, order) for number in range(len(world.tasks))]


def plain_thompson(world: World) -> list[TaskResult]:
    """Make one attempt at each task, by the model with the highest v * p - c for a drawn rate p. Learn from nothing."""
    counts = [[MICRO, MICRO] for _ in world.table.models]
    counter, done = 0, []
    for number in range(len(world.tasks)):
        worth = []
        for model, (successes, failures) in enumerate(counts):
            rate = quantile(successes, failures, draw(f"thompson {world.seed}", counter))
            worth.append(world.conditions.value * rate // MICRO - world.table.cost(model))
            counter += 1
        best = worth.index(max(worth))
        counts[best][0 if world.verdict(number, best) else 1] += MICRO
        done.append(_chain(world, number, (best,)))
    return done


POLICIES: Mapping[str, Policy] = {
    "oracle": oracle,
    "chain_in_hindsight": chain_in_hindsight,
    "known_rates": known_rates,
    "cascade": cascade,
    "best_single": best_single,
    "plain_thompson": plain_thompson,
    "price_order": price_order,
    "random": at_random,
}


def _chain(world: World, number: int, order: Iterable[int]) -> TaskResult:
    cost = attempts = 0
    for model in order:
        result = world.result(number, model)
        cost, attempts = cost + result.cost, attempts + 1
        if world.verdict(number, model):
            return TaskResult(result.correct, cost, attempts)
    return TaskResult(False, cost, attempts)


class _Router:
    """The strategy `cascade` with its book. It learns from each attempt."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.book = Book()
        self.names = [f"{model:04}" for model in range(len(world.table.models))]
        costs = [world.table.cost(model) for model in range(len(self.names))]
        self.listed = costs if world.conditions.known_prices else [median_low(costs)] * len(costs)
        self.counter = 0

    def run(self) -> list[TaskResult]:
        return [self.task(number) for number in range(len(self.world.tasks))]

    def task(self, number: int) -> TaskResult:
        """Make attempts at one task until one is verified or none is worth its price."""
        failed: tuple[int, ...] = ()
        left = list(range(len(self.names)))
        cost = expected = 0
        skill = self.world.category(number)
        while left:
            situation = Situation(
                value=self.world.conditions.value,
                failed=failed,
                shape=best_shape(self.book.scores),
                size=size_of(cost, expected),
                seed=f"cascade {self.world.seed}",
                counter=self.counter,
                spent=self.book.spent,
                explored=self.book.explored,
            )
            choice = choose("cascade", situation, self.candidates(left, skill))
            self.counter, chosen = choice.counter, choice.chosen
            if chosen is None:
                break
            model = int(chosen.version)
            left.remove(model)
            result, verified = self.world.result(number, model), self.world.verdict(number, model)
            cost, expected = cost + result.cost, expected + chosen.cost * MICRO // situation.size
            attempt = Attempt(verified=verified, rate=chosen.rate, rate_now=chosen.rate_now, cost=result.cost)
            explores = choice.reason == "explores"
            self.learn(
                AttemptEnded(version=chosen.version, skill=skill, failed=failed, attempt=attempt, explores=explores)
            )
            if verified:
                return TaskResult(result.correct, cost, len(self.names) - len(left))
            failed = (*failed, chosen.rate)
        return TaskResult(False, cost, len(self.names) - len(left))

    def candidates(self, models: list[int], skill: str) -> list[Candidate]:
        staff = self.book.staff_rate
        return [
            Candidate(
                version=self.names[model],
                posterior=self.book.posterior(self.names[model], skill, staff),
                cost=self.book.cost(self.names[model], self.listed[model]),
            )
            for model in models
        ]

    def learn(self, ended: AttemptEnded) -> None:
        self.book = books.evolve(self.book, ended)


class _KnownRouter(_Router):
    """The strategy `cascade` with known rates and costs. It learns only how much tasks differ."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.book = Book(explored=1)  # nothing is spent, so no attempt is made to learn
        self.known = [
            Candidate(version=name, posterior=_known(world.table.rate(model)), cost=world.table.cost(model))
            for model, name in enumerate(self.names)
        ]

    def candidates(self, models: list[int], skill: str) -> list[Candidate]:
        del skill
        return [self.known[model] for model in models]

    def learn(self, ended: AttemptEnded) -> None:
        scores = scored(self.book.scores, ended.failed, ended.attempt.rate, solved=ended.attempt.verified)
        self.book = Book(explored=1, scores=scores) if scores != NO_SCORES else self.book


def _known(rate: int) -> Posterior:
    return Posterior(rate * (KNOWN_WEIGHT // MICRO), (MICRO - rate) * (KNOWN_WEIGHT // MICRO))
