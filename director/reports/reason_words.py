"""Words for the reasons of a rejection: a sentence and a next step for each kind of finding and each kind of cause."""

from collections.abc import Mapping

from director.reports.finding_causes import CauseKind
from verification.verdict.model import FindingKind

LEADS: Mapping[FindingKind, tuple[str, str]] = {
    "wrong_result": ("A case of {of} gave a wrong result", "{n} cases of {of} gave wrong results"),
    "sealed_failed": ("Sealed cases of {of} failed", "Sealed cases of {of} failed"),
    "did_not_start": ("A case of {of} did not start", "{n} cases of {of} did not start"),
    "timeout": ("A case of {of} ran out of time", "{n} cases of {of} ran out of time"),
    "memory": ("A case of {of} needed too much memory", "{n} cases of {of} needed too much memory"),
    "output_limit": ("A case of {of} wrote too much output", "{n} cases of {of} wrote too much output"),
    "no_answer": ("A case of {of} ended without an answer", "{n} cases of {of} ended without an answer"),
    "forged_answer": ("The code forged an answer to a case of {of}", "The code forged {n} answers to cases of {of}"),
    "outside_scope": ("A path was written outside the scope", "{n} paths were written outside the scope"),
    "steering_file": (
        "A file that could influence the verdict was written",
        "{n} files that could influence the verdict were written",
    ),
    "tampering": ("The code of {of} tries to influence the judge", "The code of {of} tries to influence the judge"),
    "hard_coded": (
        "The code contains the answers of {of}'s visible cases",
        "The code contains the answers of {of}'s cases",
    ),
    "not_accepted": (
        "A case of {of} returned a value that cannot be compared",
        "{n} cases of {of} returned values that cannot be compared",
    ),
    "mass_deletion": ("A file lost most of its lines", "{n} files lost most of their lines"),
    "leftover_files": (
        "A case of {of} left files that are not allowed",
        "{n} cases of {of} left files that are not allowed",
    ),
    "secret": ("A changed file holds a secret", "Changed files hold {n} secrets"),
    "stub": ("A function has no implementation", "{n} functions have no implementation"),
    "does_not_parse": ("A changed file is not valid Python", "{n} changed files are not valid Python"),
    "not_built": ("The judge does not build a changed file", "The judge does not build {n} changed files"),
    "nothing_changed": ("The tree is the same as the base", "The tree is the same as the base"),
    "base_suite": ("Too few of the base's own tests run", "Too few of the base's own tests run"),
    "holds_on_base": ("The base meets {of} already", "The base meets {of} already"),
    "fails_on_base": ("The base does not meet {of}", "The base does not meet {of}"),
    "unknown_test": (
        "The requirement names a test that does not exist",
        "The requirement names tests that do not exist",
    ),
    "regression": ("The change breaks earlier behaviour", "The change breaks earlier behaviour"),
    "property_failed": ("A property of {of} does not hold", "{n} properties of {of} do not hold"),
    "suite_failed": ("The given tests of {of} failed", "The given tests of {of} failed"),
    "flaky": ("The same code sometimes fails {of}", "The same code sometimes fails {of}"),
    "smoke_failed": ("The delivery does not install or start", "The delivery does not install or start"),
    "blocked": ("The reviewer blocks the work", "The reviewer blocks the work"),
    "repeated": ("The tree was rejected before", "The tree was rejected before"),
}
"""The beginning of a reason's sentence, for one finding and for several. `{of}`: the criterion. `{n}`: the number."""

LEADS_OF_FILES: Mapping[FindingKind, tuple[str, str]] = {
    "not_accepted": ("A file does not have the required form", "{n} files do not have the required form"),
    "leftover_files": ("The tree has a path that cannot be judged", "The tree has {n} paths that cannot be judged"),
}
"""Beginnings for findings that name no criterion, for the kinds of findings that then concern a file."""

NEXT: Mapping[FindingKind, str] = {
    "wrong_result": "Correct the code, or correct the case if the requirement is wrong.",
    "sealed_failed": "Correct the code so that it meets the criterion for every input.",
    "did_not_start": "Change the code so that it can be imported and called in the way of the case.",
    "timeout": "Make the code faster, or raise `within_s` of the case.",
    "memory": "Change the code so that it uses less memory, or raise `memory_mb` of the case.",
    "output_limit": "Change the code so that it writes less output.",
    "no_answer": "Find out why the process ended (an exit, a crash or a kill), and correct the code.",
    "forged_answer": "Do not use this code. Find the part that forged the answer, and give the task to another author.",
    "outside_scope": "Undo these changes, or add the paths to `scope` in the requirement.",
    "steering_file": "Undo these changes. A task may never write such a file.",
    "tampering": "Do not use this code. Find the part that influences the judge, and give the task to another author.",
    "hard_coded": "Replace the table of answers with code that computes them.",
    "not_accepted": "Return plain values: text, numbers, booleans, lists and mappings.",
    "mass_deletion": "Restore the lines, or write in the requirement that the file is to be shortened.",
    "leftover_files": "Change the code so that it removes these files.",
    "secret": "Remove the secret, revoke it, and read a new one from the environment.",
    "stub": "Write the body of the function.",
    "does_not_parse": "Correct the syntax.",
    "not_built": "Restore the file of the base.",
    "nothing_changed": "Judge the folder or the commit that contains the changes.",
    "base_suite": "Write `dependencies: from-base` or `base_suite:` in the requirement.",
    "holds_on_base": "Add a case that fails on the base, or write `holds_already: true`.",
    "fails_on_base": "Correct the requirement, so that it agrees with the base.",
    "unknown_test": "Name the tests by their ids, as `pytest --collect-only -q` prints them.",
    "regression": "Restore the behaviour that these tests check. If a test may change, name it under `may_change:`.",
    "property_failed": "Correct the code for the shown input.",
    "suite_failed": "Run the suite on the code with pytest, and correct the failures.",
    "flaky": "Make the result the same in every run. Usual causes: time, order of sets, random numbers, shared state.",
    "smoke_failed": "Run `pip install .` in a new environment, and correct the error.",
    "blocked": "Correct the points that the reviewer names.",
    "repeated": "Submit different work. The other reasons are the reasons of the earlier rejection.",
}
"""The next step after a finding of each kind."""

NEXT_OF_FILES: Mapping[FindingKind, str] = {
    "not_accepted": "Correct the form of the file.",
    "leftover_files": "Remove the path from the tree.",
}
"""Next steps for the kinds of LEADS_OF_FILES if no criterion is named."""

STOPPED: Mapping[CauseKind, str] = {
    "missing_module": "The module `{subject}` is missing: {what} cannot start",
    "syntax": "`{subject}` is not valid Python: {what} cannot start",
    "import": "An import fails ({subject}): {what} cannot start",
    "not_callable": "The requirement calls something that does not exist ({subject}): {what} cannot start",
    "not_collected": "Tests cannot be collected ({subject}): {what} cannot start",
    "not_started": "The command does not start ({subject}): {what} cannot start",
    "service_down": "The service does not start ({subject}): {what} cannot start",
    "suite_down": "The tests gave no result ({subject}): {what} cannot be judged",
}
"""The sentence of a cause. `{what}`: the cases and tests that it stops."""

NEXT_AFTER: Mapping[CauseKind, str] = {
    "syntax": "Correct the syntax of `{subject}`.",
    "import": "Define the imported name, or correct the import.",
    "not_callable": "Define it in the code, or correct the name in the requirement.",
    "not_collected": "Run pytest on the tests, and correct the error that it shows.",
    "not_started": "Correct the code, or `command` in the requirement: the function that it names must exist.",
    "service_down": "Start the service by hand with the command of `serve`, and correct the errors that it prints.",
    "suite_down": "Run pytest on the tests, and find out why they do not end normally. `suite_limits` sets the limits.",
}
"""The next step after each kind of cause, except a missing module."""
