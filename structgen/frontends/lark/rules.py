"""Rules: from Lark's trees to expressions in which `Ref(name)` is a call, templates written out.

Aliases, `?`, `!`, `_` and priorities shape parse trees, not the language, so they vanish here. Trees are walked without recursion. Every
terminal becomes a rule too, under its name or as it is written (`"+"`), so that ignored text can be put around it in one place.

Not here: rewriting (`ir.rewrite`).
"""

from __future__ import annotations

from typing import Any

from lark.grammar import NonTerminal, Terminal
from lark.tree import Tree

from structgen.errors import BudgetExceeded, LarkError
from structgen.frontends.lark.load import Definitions, token_place
from structgen.frontends.lark.terminals import Terminals
from structgen.ir.expr import Alt, Expr, Seq, optional, repeat
from structgen.ir.finite import Ref

MAX_INSTANCES = 10_000
"""Most uses of templates with different arguments."""

_Values = dict[str, tuple[str, Any]]  # parameter -> (its name in messages, the tree that it stands for)


class Rules:
    """Makes the expressions of all rules that `start` can reach (`trees`) and of the terminals in them (`used`)."""

    def __init__(self, definitions: Definitions, terminals: Terminals) -> None:
        self.definitions, self.terminals = definitions, terminals
        self.trees: dict[str, Expr] = {}
        self.todo: list[tuple[str, Any, _Values]] = []
        self.queued: set[str] = set()
        self.used: dict[str, Expr] = {}
        self.instances = 0

    def make(self, start: str) -> dict[str, Expr]:
        """The rules by name, without the terminals. Raises LarkError, UnsupportedFeature, BudgetExceeded."""
        rules = self.definitions.rules
        if start not in rules or rules[start][0]:
            names = [name for name, (parameters, _) in rules.items() if not parameters]
            hint = f"give start= one of: {', '.join(names[:8])}" if names else 'a grammar needs a rule, such as  start: "a"'
            raise LarkError(f"there is no rule named {start!r}", where="start", hint=hint)
        self._call(start)
        while self.todo:
            name, tree, values = self.todo.pop()
            self.trees[name] = self._expression(tree, values)
        return self.trees

    def _call(self, name: str) -> Expr:
        if name not in self.queued:
            self.queued.add(name)
            parameters, tree = self.definitions.rules[name]
            if tree is None:
                raise LarkError(f"the rule {name} is declared, not defined", where=self.definitions.place(name))
            if parameters:
                raise LarkError(f"the template {name} needs arguments", where=self.definitions.place(name), hint=f"write {name}{{...}}")
            self.todo.append((name, tree, {}))
        return Ref(name)

    def _expression(self, tree: Any, values: _Values) -> Expr:
        """The expression of one rule, children before parents."""
        done: list[Expr] = []
        todo: list[tuple[Any, bool]] = [(tree, False)]
        while todo:
            one, ready = todo.pop()
            if not isinstance(one, Tree):
                done.append(self._symbol(one, values))
            elif one.data in ("literal", "range"):
                done.append(self._terminal(_spelled(one), one))
            elif one.data == "template_usage":
                done.append(self._instance(one, values))
            elif not ready:
                todo.append((one, True))
                parts = one.children if one.data in ("expansions", "expansion") else one.children[:1]
                todo += [(part, False) for part in reversed(parts)]
            else:
                count = len(one.children) if one.data in ("expansions", "expansion") else 1
                parts = done[len(done) - count :]
                del done[len(done) - count :]
                done.append(self._joined(one, parts))
        return done[0]

    def _joined(self, tree: Any, parts: list[Expr]) -> Expr:
        if tree.data == "expansions":
            return parts[0] if len(parts) == 1 else Alt(tuple(parts))
        if tree.data == "expansion":
            return parts[0] if len(parts) == 1 else Seq(tuple(parts))
        if tree.data == "maybe":
            return optional(parts[0])
        if tree.data == "expr":
            return self._repeated(parts[0], tree.children[1:])
        return parts[0]  # value, alias

    def _repeated(self, body: Expr, operator: list[Any]) -> Expr:
        sign = str(operator[0])
        if sign == "~":
            low, high = int(operator[1]), int(operator[-1])
            if not 0 <= low <= high:
                place = token_place(self.definitions.text, operator[0])
                raise LarkError("a count is ~n or ~low..high, with low at most high", where=place)
            return repeat(body, low, high)
        low, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
        return repeat(body, low, most)

    def _symbol(self, symbol: Any, values: _Values) -> Expr:
        name = str(symbol.name)
        if name in values:
            return self._expression(values[name][1], {})
        if isinstance(symbol, Terminal):
            return self._terminal(name)
        assert isinstance(symbol, NonTerminal)
        return self._call(name)

    def _terminal(self, name: str, literal: Any = None) -> Expr:
        if name not in self.used:
            if name in self.definitions.specials:
                self.used[name] = self.definitions.specials[name]
            else:
                self.used[name] = self.terminals.named(name) if literal is None else self.terminals.literal(literal)
        return Ref(name)

    def _instance(self, tree: Any, values: _Values) -> Expr:
        """A use of a template: a rule of its own for each list of arguments."""
        name = str(tree.children[0].name)
        if name in values:  # a template that was itself an argument
            name = values[name][0]
        arguments = [self._argument(one, values) for one in tree.children[1:]]
        full = f"{name}{{{','.join(label for label, _ in arguments)}}}"
        if full not in self.queued:
            found = self.definitions.rules.get(name)
            if found is None or len(found[0]) != len(arguments):
                raise LarkError(f"{full} does not fit any template", where=self.definitions.place(name), hint="count its parameters")
            self.instances += 1
            if self.instances > MAX_INSTANCES or len(full) > MAX_INSTANCES:
                raise BudgetExceeded("templates that use each other never come to an end", where=self.definitions.place(name))
            self.queued.add(full)
            self.todo.append((full, found[1], dict(zip(found[0], arguments, strict=True))))
        return Ref(full)

    def _argument(self, tree: Any, values: _Values) -> tuple[str, Any]:
        """An argument as (name, tree without parameters)."""
        one = tree.children[0] if isinstance(tree, Tree) and tree.data == "value" else tree
        if not isinstance(one, Tree):
            name = str(one.name)
            return values.get(name, (name, one))
        if one.data == "template_usage":
            reference = self._instance(one, values)
            assert isinstance(reference, Ref)
            return reference.name, NonTerminal(reference.name)
        return _spelled(one), one


def _spelled(literal: Any) -> str:
    """A string, regex or range as it is written."""
    return "..".join(str(token) for token in literal.children)
