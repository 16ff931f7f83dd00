"""The parser's view of a text: its events one by one, and its errors in one clear line each.

Importing this module imports ruamel.yaml (some 30 ms): do it where a spec is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from ganreg.errors import Mistake, SpecError
from ganreg.spec.node import Text

# Control characters and halves of surrogate pairs, raw or escaped. U+0085, U+2028 and U+2029 are line breaks to the
# parser, but not in YAML 1.2 nor to editors: positions would be wrong after them.
UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

# What the parser says, what is said instead, and whether it is said of the place where the parser began.
WORDS = [
    (r"^while \w+ an? tag", "a spec has no tags: put a value that begins with '!' in quotes", True),
    (r"could not find expected ':'", "a ':' is missing: this line is not 'key: value'", True),
    (
        r"mapping values are not allowed",
        "a ':' cannot stand here: check the indentation, or put text that holds ': ' in quotes",
        False,
    ),
    (r"sequence entries are not allowed", "a list item cannot begin here: put '- ' on a line of its own", False),
    (r"expected <block end>", "this does not fit the lines above: check indentation and quotes", False),
    (r"but got '<stream end>'", "this bracket is never closed", True),
    (r"expected ',' or '(.)'", r"expected ',' or '\1' here", False),
    (r"unexpected (?:end of stream|document separator)", "this quote is never closed", True),
    (r"expected '<document start>'", "this cannot follow what stands before it", False),
    (r"expected the node content", "a value is missing here", False),
    (r"found character '(.+)' that cannot start", r"a value cannot begin with '\1': put it in quotes", False),
    (r"expected (?:chomping|a comment)", "the text of a '|' or '>' block begins on the next line", False),
    (r"unknown escape character '(.+)'", r"'\\\1' means nothing in double quotes: use single quotes", False),
]
SORTS = {"mapping": "mapping", "sequence": "list", "collection": "list", "scalar": "text"}


def unfit(found: re.Match[str]) -> str:
    """The message about a character that UNFIT found."""
    return f"the character U+{ord(found[0]):04X} cannot stand in a spec"


def check_characters(text: Text) -> None:
    """Raise SpecError at the first character that no spec holds, such as a control character."""
    if found := UNFIT.search(text.content):
        raise SpecError([Mistake(unfit(found), position=text.position(found.start()))])


def events(text: Text, start: int) -> Iterator[Any]:
    """The parser's events for a text of checked characters from `start` on. Raises SpecError where it stops."""
    stream = YAML(typ="safe", pure=True).parse(text.content[start:])
    reached = start
    while True:
        try:
            event = next(stream)
        except StopIteration:
            return
        except MarkedYAMLError as error:
            raise SpecError([_reworded(error, text, start)]) from None
        except Exception as error:  # what a hostile text makes of the parser: OverflowError, AssertionError, …
            message = f"this cannot be read as YAML ({type(error).__name__})"
            raise SpecError([Mistake(message, position=text.position(reached))]) from error
        reached = start + event.end_mark.index
        yield event


def _reworded(error: MarkedYAMLError, text: Text, start: int) -> Mistake:
    """The parser's error in the words of someone who writes a spec."""
    problem = str(error.problem or error.context)
    problem = re.sub(r"\('(.*?)',\)", r"'\1'", problem).replace("'\\x00'", "the end")
    context = f"{error.context}: {problem}"
    began = text.position(start + error.context_mark.index) if error.context_mark else None
    found = text.position(start + error.problem_mark.index) if error.problem_mark else began
    assert found is not None, error
    if "'\\t'" in problem:
        indents = not found.text[: found.column - 1].strip()
        return Mistake(f"a tab {'indents this line' if indents else 'stands here'}: use spaces", position=found)
    for pattern, words, at_beginning in WORDS:
        if match := re.search(pattern, context):
            if at_beginning and began:
                return Mistake(match.expand(words), position=began)
            sort = SORTS.get(str(error.context).rpartition(" ")[2], "part")
            related = [(f"the {sort} begins here", began)] if began and began != found else []
            return Mistake(match.expand(words), position=found, related=related)
    return Mistake(f"this is not YAML: {problem}", position=found)
