"""The one exception that means: the input is at fault, not the program."""


class InputError(ValueError):
    """Bad input, told in one sentence: what was given, what was expected, what to do.

    Commands print the sentence and leave with status 2; any other exception is a bug of ours
    and keeps its traceback.
    """
