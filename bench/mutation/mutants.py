"""Small changes of a module's source: each alone turns one rule into a slightly wrong one.

Comparisons, logic, arithmetic, numbers, conditions and a few calls; texts for people,
annotations and decorators are left alone. Knows no test and runs nothing.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}

Change = Callable[[ast.AST], None]
"""Changes a node in place."""


class Mutant(NamedTuple):
    """A changed module; ``line`` and ``what`` say where and how."""

    line: int
    what: str
    tree: ast.Module


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its source."""
    tree = ast.parse(source)
    for number, node in enumerate(_changeable(tree)):
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            change(list(_changeable(changed))[number])
            yield Mutant(getattr(node, "lineno", 0), what, ast.fix_missing_locations(changed))


def _changeable(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that say what happens: no annotations, decorators, texts or type checks."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"} or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_type_checking(child):
                yield from _changeable(child)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            if type(op) in COMPARISONS:
                other = COMPARISONS[type(op)]
                yield f"{_name(op)} → {other.__name__}", _comparison(place, other)
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{_name(node.op)} → {swapped.__name__}", _operator(swapped)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        opposite = ARITHMETIC[type(node.op)]
        yield f"{_name(node.op)} → {opposite.__name__}", _operator(opposite)
    elif isinstance(node, ast.If | ast.IfExp):
        yield "condition negated", _negate
    elif isinstance(node, ast.Continue):
        yield "continue → pass", _no_change_of_flow
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}", _value(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        doubled = node.value * 2 or 1
        yield f"{node.value} → {doubled}", _value(doubled)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in CALLS:
        yield f"{node.id} → {CALLS[node.id]}", _call(CALLS[node.id])


def _name(op: ast.AST) -> str:
    return type(op).__name__


def _comparison(place: int, other: type[ast.cmpop]) -> Change:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Compare)
        node.ops[place] = other()

    return change


def _operator(other: type[ast.boolop] | type[ast.operator]) -> Change:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.BoolOp | ast.BinOp)
        node.op = other()

    return change


def _negate(node: ast.AST) -> None:
    assert isinstance(node, ast.If | ast.IfExp)
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _no_change_of_flow(node: ast.AST) -> None:
    # A statement that does nothing, in the place of one that skips the rest of the loop.
    node.__class__ = ast.Pass


def _value(value: float) -> Change:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Constant)
        node.value = value

    return change


def _call(name: str) -> Change:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Name)
        node.id = name

    return change
