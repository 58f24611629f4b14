"""What the requirement's properties ask. It runs in a box of its own, never beside the code that is judged."""


def runs_are_whole(runs, text):
    """No run is empty, and neighbours are runs of different letters."""
    letters = [letter for letter, _ in runs]
    return all(count > 0 for _, count in runs) and all(one != other for one, other in zip(letters, letters[1:]))


def rank(runs):
    return sorted(runs, key=lambda run: run[1])
