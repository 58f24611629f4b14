"""The predicate and the reference of the requirement's properties. They run in their own box, without the judged code."""


def runs_are_whole(runs, text):
    """Check that no run is empty, and that neighbouring runs have different letters."""
    letters = [letter for letter, _ in runs]
    return all(count > 0 for _, count in runs) and all(one != other for one, other in zip(letters, letters[1:]))


def rank(runs):
    return sorted(runs, key=lambda run: run[1])
