"""From lark's parse to the syntax tree, bottom-up while parsing (no recursion over the text)."""

from __future__ import annotations

from typing import Any, Literal, cast

from lark import Token
from lark.tree import Meta

from kspec.lang import ast
from kspec.lang.build_expr import ExprBuilder, unescape
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Span


class AstBuilder(ExprBuilder):
    """Statements, declarations, checks and scenarios; methods are named after rules and aliases."""

    # -- statements -----------------------------------------------------------------------------

    def block(self, m: Meta, c: list[Any]) -> tuple[ast.Stmt, ...]:
        return tuple(c)

    def plain_assign(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.AssignStmt(c[0], "=", c[1], self._span(m))

    def assign(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.AssignStmt(c[0], str(c[1]), c[2], self._span(m))

    def step_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.StepStmt(c[0], cast(Any, str(c[1])), self._span(m))

    def call_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        match c[0]:
            case ast.Call(name, args):
                return ast.CallStmt(name, args, self._span(m))
            case ast.MethodStmt() as method:
                return method
            case _:
                raise Failed(
                    [
                        Diagnostic(
                            "E0105",
                            "an expression is not a statement",
                            self._span(m),
                            "this has no effect",
                            help="assign it with `=`, or call a procedure",
                        )
                    ]
                )

    def if_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        other = c[2]
        branch = () if other is None else other if isinstance(other, tuple) else (other,)
        return ast.IfStmt(c[0], c[1], branch, self._span(m))

    def for_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.ForStmt(c[0], c[1], self._span(m))

    def while_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.WhileStmt(c[0], c[1], self._span(m))

    def loop_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.WhileStmt(None, c[0], self._span(m))

    def either_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.EitherStmt(tuple(c), self._span(m))

    def atomic_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.AtomicStmt(c[0], self._span(m))

    def let_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.LetStmt(self._name(c[0]), c[1], c[2], self._span(m))

    def local_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.LocalStmt(self._name(c[0]), self._keyed(m, c[1:-2], c[-2]), c[-1], self._span(m))

    def choose_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.ChooseStmt(c[0], self._span(m))

    def require_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.RequireStmt(c[0], False, self._span(m))

    def await_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.RequireStmt(c[0], True, self._span(m))

    def assert_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.AssertStmt(self._name(c[0]), c[1], self._message(c[2]), self._span(m))

    def label_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.LabelStmt(self._name(c[0]), self._span(m))

    def goto_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.JumpStmt("goto", str(c[0]), self._span(m))

    def jump_stmt(self, m: Meta, c: list[Any]) -> ast.Stmt:
        return ast.JumpStmt(cast(Any, str(c[0])), "", self._span(m))

    def _keyed(self, m: Meta, keys: list[Any], element: ast.TypeExpr) -> ast.TypeExpr:
        t = element
        for k in reversed(keys):
            t = ast.MapTypeExpr(k, t, self._span(m))
        return t

    def _message(self, token: Token | None) -> ast.Message | None:
        """Splits ``"text {expr} text"``; ``{{`` and ``}}`` stand for themselves."""
        if token is None:
            return None
        raw = str(token)[1:-1]
        parts: list[str | ast.Expr] = []
        text = ""
        i = 0
        while i < len(raw):
            if raw[i] == "\\" and i + 1 < len(raw):
                text += unescape(f'"{raw[i : i + 2]}"')
                i += 2
            elif raw[i : i + 2] in ("{{", "}}"):
                text += raw[i]
                i += 2
            elif raw[i] == "{" and (end := raw.find("}", i)) > 0:
                if text:
                    parts.append(text)
                text = ""
                parts.append(
                    self.parse_expr(raw[i + 1 : end], token.line or 1, (token.column or 1) + i + 2)
                )
                i = end + 1
            else:
                text += raw[i]
                i += 1
        if text:
            parts.append(text)
        return ast.Message(tuple(parts), self._at(token))

    # -- declarations ---------------------------------------------------------------------------

    def module_name(self, m: Meta, c: list[Any]) -> str:
        return ".".join(map(str, c))

    def use(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.UseDecl(c[0], tuple((str(t), self._at(t)) for t in c[1:]), self._span(m))

    def param(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ParamDecl(self._name(c[0]), c[1], c[2], self._span(m))

    def const(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ConstDecl(self._name(c[0]), c[1], self._span(m))

    def enum(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.EnumDecl(
            self._name(c[0]), tuple((self._name(t), self._at(t)) for t in c[1:]), self._span(m)
        )

    def id(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.IdDecl(self._name(c[-2]), c[-1], len(c) == 3 and c[0] is not None, self._span(m))

    def type_decl(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.TypeDecl(self._name(c[0]), c[1], self._span(m))

    def field_decl(self, m: Meta, c: list[Any]) -> tuple[str, ast.TypeExpr, Span]:
        return self._name(c[0]), self._keyed(m, c[1:-1], c[-1]), self._span(m)

    def struct(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.StructDecl(self._name(c[0]), tuple(c[1:]), self._span(m))

    def var_decl(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.VarDecl(self._name(c[0]), tuple(c[1:-2]), c[-2], c[-1], self._span(m))

    def init(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.InitDecl(c[0], self._span(m))

    def params(self, m: Meta, c: list[Any]) -> tuple[ast.ParamItem, ...]:
        return tuple(c)

    def typed_formal(self, m: Meta, c: list[Any]) -> ast.ParamItem:
        return ast.ParamItem(self._name(c[-2]), c[-1], None, len(c) == 3 and c[0] is not None, self._span(m))

    def domain_formal(self, m: Meta, c: list[Any]) -> ast.ParamItem:
        return ast.ParamItem(self._name(c[0]), None, c[1], False, self._span(m))

    def fun(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.FunDecl(self._name(c[0]), c[1] or (), c[2], c[3], self._span(m))

    def proc(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ProcDecl(self._name(c[0]), c[1] or (), c[2], self._span(m))

    def action(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ActionDecl(self._name(c[1]), c[2] or (), c[3], c[4], self._span(m), c[0])

    def process(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ProcessDecl(self._name(c[1]), c[2], c[4], self._span(m), c[0], c[3])

    def fairness(self, m: Meta, c: list[Any]) -> str:
        return str(c[0])

    def fair(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.FairDecl(cast(ast.Fairness, c[0]), tuple(c[1:-1]), c[-1], self._span(m))

    def fair_steps(self, m: Meta, c: list[Any]) -> tuple[str, str | None, Span]:
        return self._name(c[0]), None if c[1] is None else str(c[1]), self._span(m)

    def property(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.PropertyDecl(
            cast(Any, str(c[0])), self._name(c[1]), c[2], self._message(c[3]), self._span(m)
        )

    def anonymous(self, m: Meta, c: list[Any]) -> ast.Decl:
        kind = cast(Literal["terminal", "limit"], str(c[0]))
        return ast.PropertyDecl(kind, self._name(c[1]) if c[1] else "", c[2], None, self._span(m))

    def refines(self, m: Meta, c: list[Any]) -> ast.Decl:
        name = "refines" if c[1] is None else self._name(c[1])
        return ast.RefinesDecl(c[0], name, c[2] or (), tuple(c[3:]), self._span(m))

    def mapped(self, m: Meta, c: list[Any]) -> ast.Mapped:
        return ast.Mapped(str(c[0]), c[1], self._span(m))

    def deadlock(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.DeadlockDecl(self._span(m))

    # -- observations ---------------------------------------------------------------------------

    def observe(self, m: Meta, c: list[Any]) -> ast.Decl:
        fields = tuple(x for x in c if isinstance(x, ast.ObservedField))
        calls = tuple(x for x in c if isinstance(x, ast.ObservedCall))
        rest = [x for x in c[1:] if x is not None and not isinstance(x, (ast.ObservedField, ast.ObservedCall))]
        return ast.ObserveDecl(str(c[0]), fields, rest[0] if rest else None, calls, self._span(m))

    def _observed(self, m: Meta, c: list[Any], mode: Literal["use", "birth", "death"]) -> ast.ObservedField:
        return ast.ObservedField(str(c[0]), self._name(c[1] or c[0]), c[2], mode, self._span(m))

    def observed_use(self, m: Meta, c: list[Any]) -> ast.ObservedField:
        return self._observed(m, c, "use")

    def observed_birth(self, m: Meta, c: list[Any]) -> ast.ObservedField:
        return self._observed(m, c, "birth")

    def observed_death(self, m: Meta, c: list[Any]) -> ast.ObservedField:
        return self._observed(m, c, "death")

    def observed_call(self, m: Meta, c: list[Any]) -> ast.ObservedCall:
        return ast.ObservedCall(str(c[0]), c[1] or (), self._span(m))

    def ignore(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.UnobservedDecl("ignore", tuple((str(t), self._at(t)) for t in c), self._span(m))

    def silent(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.UnobservedDecl("silent", tuple((str(t), self._at(t)) for t in c), self._span(m))

    # -- checks and scenarios -------------------------------------------------------------------

    def settings(self, m: Meta, c: list[Any]) -> tuple[ast.Setting, ...]:
        return tuple(x for x in c if x is not None)

    def set_one(self, m: Meta, c: list[Any]) -> ast.Setting:
        return ast.Setting(str(c[0]), (c[1],), None, self._span(m))

    def set_list(self, m: Meta, c: list[Any]) -> ast.Setting:
        return ast.Setting(str(c[0]), tuple(c[1:]), None, self._span(m))

    def set_range(self, m: Meta, c: list[Any]) -> ast.Setting:
        span = self._span(m)
        return ast.Setting(str(c[0]), (), ast.Domain(None, c[1], c[2], span), span)

    def tier(self, m: Meta, c: list[Any]) -> tuple[str, str, Span]:
        return "tier", str(c[0]), self._span(m)

    def up_to(self, m: Meta, c: list[Any]) -> tuple[str, int]:
        return "up_to", self._int(c[0])

    def within_limit(self, m: Meta, c: list[Any]) -> tuple[str, int]:
        return "within_limit", 1

    def states(self, m: Meta, c: list[Any]) -> tuple[str, int]:
        return "states", self._int(c[0])

    def transitions(self, m: Meta, c: list[Any]) -> tuple[str, int]:
        return "transitions", self._int(c[0])

    def property_name(self, m: Meta, c: list[Any]) -> str:
        return ".".join(str(x) for x in c if x is not None)

    def deadlock_name(self, m: Meta, c: list[Any]) -> str:
        return "deadlock"

    def expect_holds(self, m: Meta, c: list[Any]) -> ast.ExpectClause:
        got = dict(c)
        return ast.ExpectClause(
            "holds",
            None,
            False,
            got.get("up_to"),
            "within_limit" in got,
            got.get("states"),
            got.get("transitions"),
            self._span(m),
        )

    def expect_violates(self, m: Meta, c: list[Any]) -> ast.ExpectClause:
        only = len(c) == 2 and c[0] is not None
        return ast.ExpectClause("violates", c[-1], only, None, False, None, None, self._span(m))

    def check(self, m: Meta, c: list[Any]) -> ast.Decl:
        span = self._span(m)
        tiers = [x for x in c[3:] if isinstance(x, tuple)]
        expects = [x for x in c[3:] if isinstance(x, ast.ExpectClause)]
        problem = ""
        if len(expects) != 1:
            problem = f"a check has one `expect` clause, this one has {len(expects)}"
        elif len(tiers) > 1:
            problem = "a check has at most one `tier` clause"
        elif tiers and tiers[0][1] not in ("quick", "slow"):
            problem = f"there is no tier `{tiers[0][1]}`"
        if problem:
            raise Failed(
                [
                    Diagnostic(
                        "E0106",
                        problem,
                        span,
                        help='write `check name "story" { PARAM = value } tier slow expect holds;` '
                        "(tiers are `quick` and `slow`)",
                    )
                ]
            )
        slow = bool(tiers) and tiers[0][1] == "slow"
        story = unescape(str(c[1])) if c[1] else ""
        return ast.CheckDecl(self._name(c[0]), story, c[2] or (), slow, expects[0], span)

    def do_step(self, m: Meta, c: list[Any]) -> ast.ScenarioItem:
        return ast.DoStep(str(c[0]), c[1] or (), str(c[2]) if c[2] else None, c[3], self._span(m))

    def disabled_step(self, m: Meta, c: list[Any]) -> ast.ScenarioItem:
        return ast.DisabledStep(str(c[0]), c[1] or (), str(c[2]) if c[2] else None, self._span(m))

    def expect_step(self, m: Meta, c: list[Any]) -> ast.ScenarioItem:
        return ast.ExpectStep(c[0], self._span(m))

    def pick_step(self, m: Meta, c: list[Any]) -> ast.ScenarioItem:
        return ast.PickStep(c[0], self._span(m))

    def repeat_step(self, m: Meta, c: list[Any]) -> ast.ScenarioItem:
        return ast.RepeatStep(c[0], tuple(c[1:]), self._span(m))

    def scenario(self, m: Meta, c: list[Any]) -> ast.Decl:
        return ast.ScenarioDecl(unescape(str(c[0])), c[1] or (), tuple(c[2:]), self._span(m))

    def start(self, m: Meta, c: list[Any]) -> Any:
        return c[0], tuple(c[1:])
