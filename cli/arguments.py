"""Commands that take a number where `-5` is one, and not an option that nobody knows."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

from typer.core import TyperCommand

_NUMBER: Final = re.compile(r"-\d+(\.\d+)?")


class NumberCommand(TyperCommand):
    """`@app.command(cls=NumberCommand)`: its arguments may be negative numbers, which their own checks then refuse."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        valued = {
            name
            for parameter in self.params
            if parameter.param_type_name == "option" and not getattr(parameter, "is_flag", False)
            for name in parameter.opts
        }
        options: list[str] = []
        values: list[str] = []
        rest = iter(args)
        for argument in rest:
            if argument == "--":
                values.extend(rest)
            elif argument.startswith("-") and not _NUMBER.fullmatch(argument):
                options += [argument, *islice(rest, 1 if argument in valued else 0)]
            else:
                values.append(argument)
        return super().parse_args(ctx, [*options, "--", *values])
