"""How many pictures figures take. The spec is held to it as far as it tells, and so is the set that is measured.

Each raises ValueError where there are fewer, and says what to set.
"""

from __future__ import annotations


def for_covariance(count: int) -> None:
    """Two pictures scatter; one does not."""
    if count < 2:
        raise ValueError(f"a covariance takes 2 pictures at the least, not {count}: let it take more pictures")


def for_classes(side: str, count: int, classes: int) -> None:
    """Pictures of each class scatter; whether real ones lie so evenly is seen once they are looked at."""
    if count < 2 * classes:
        remedy = f"let {side} be {2 * classes} at least"
        raise ValueError(f"{classes} classes take 2 {side} pictures each, and {count} are fewer: {remedy}")


def for_subset(size: int, count: int) -> None:
    """A subset holds no more than half of the pictures."""
    if 2 * size > count:
        remedy = _let(f"size be {count // 2} at most", possible=count >= 4)
        raise ValueError(f"a subset of {size} pictures is more than half of {count}: {remedy}")


def for_ball(neighbours: int, count: int) -> None:
    """A ball reaches as far as the neighbour of that number."""
    if neighbours >= count:
        remedy = _let(f"neighbours be {count - 1} at most", possible=count >= 2)
        raise ValueError(f"{count} pictures have no neighbour number {neighbours}: {remedy}")


def for_neighbours(neighbours: int, count: int) -> None:
    """Real pictures lie beside a generated one, and beside one of their own."""
    if neighbours >= count:
        remedy = _let(f"neighbours be {count - 1} at most", possible=count >= 2)
        raise ValueError(f"{count} real pictures have no {neighbours} neighbours: {remedy}")


def for_levels(generated: int, real: int) -> None:
    """Patches of both sides are compared one by one."""
    if generated != real:
        counts = f"{generated:,} and {real:,}"
        fewer = min(generated, real)
        remedy = _let(f"both be {fewer}", possible=fewer >= 2)
        raise ValueError(f"it compares as many generated pictures as real ones, not {counts}: {remedy}")


def most(wanted: int, there: int, least: int = 1) -> int:
    """As much of what a parameter asks for as there is; all of it where that is less than the parameter may be."""
    return min(wanted, there) if there >= least else wanted


def _let(remedy: str, *, possible: bool) -> str:
    """possible: whether the parameter may be so small."""
    return f"let {remedy}" if possible else "let it take more pictures"
