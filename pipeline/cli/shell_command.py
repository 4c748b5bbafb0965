"""Commands as text for a shell.

Imports nothing heavy.
"""

import shlex


def shell_command(*words: object) -> str:
    """Quotes the words of a command so that it can be pasted into a shell.

    Args:
        words: The program and its arguments. Each is converted to text.
    """
    return shlex.join(str(word) for word in words)
