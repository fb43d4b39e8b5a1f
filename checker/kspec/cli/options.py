"""The values that options take."""

from __future__ import annotations

import re

import click

from kspec.engine import capacity

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_SCALE = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?")
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


class Size(click.ParamType["int"]):
    """An amount of memory: ``2G``, ``500M``, ``60%`` of what is free, or bytes."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if text.endswith("%") and text[:-1].isdecimal() and 0 < int(text[:-1]) <= 100:
            return capacity.free_memory() * int(text[:-1]) // 100
        match = _SIZE.fullmatch(text)
        amount = int(float(match[1]) * _SCALE[match[2].lower()]) if match else 0
        if amount <= 0:
            self.fail(f"{text!r} is no amount of memory; write 2G, 500M or 60%", param, ctx)
        return amount


class HuntSize(Size):
    """An amount of memory, or ``all`` for what there is (0)."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value in ("all", 0):
            return 0
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as e:
            raise click.BadParameter(f"{e.message}, or put --hunt behind the paths", ctx, param) from None


class Duration(click.ParamType["float"]):
    """A time: ``30``, ``30s``, ``5m`` or ``1h``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = _TIME.fullmatch(str(value).strip())
        seconds = float(match[1]) * _SECONDS[match[2] or ""] if match else 0.0
        if seconds <= 0:
            self.fail(f"{value!r} is no time; write 30, 30s, 5m or 1h", param, ctx)
        return seconds


class Setting(click.ParamType["tuple[str, str]"]):
    """``NAME=VALUE``: a parameter of the model and its value."""

    name = "setting"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip().isidentifier() or not text.strip():
            self.fail(f"{value!r} is no setting; write NAME=VALUE", param, ctx)
        return name.strip(), text.strip()
