"""The intrinsic functions of CloudFormation that template.yaml uses, as far as a template alone can resolve them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

ACCOUNT: Final = "123456789012"
"""The account that moto plays."""
REGION: Final = "us-east-1"

PSEUDO_PARAMETERS: Final[Mapping[str, str]] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "clipferry-local",
    "AWS::URLSuffix": "amazonaws.com",
}
"""The local values of `Ref AWS::…`."""

_NO_VALUE: Final = object()
_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([^}]+)\}")


class UnresolvedError(Exception):
    """Only a deployment knows this value; the message says what was asked for."""


class _Loader(yaml.SafeLoader):
    """YAML with the short forms: `!Ref X` reads as `{"Ref": "X"}`."""


def _long_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.constructor.ConstructorError(problem=f"!{name}", problem_mark=node.start_mark)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _long_form)


def parse(text: str) -> dict[str, Any]:
    """The template as plain data, every intrinsic function in its long form."""
    return yaml.load(text, _Loader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intrinsics:
    """Resolves values of `document`. `attribute(resource, name)` answers GetAtt, and Ref as "Ref"."""

    document: Mapping[str, Any]
    parameters: Mapping[str, str]
    attribute: Callable[[str, str], str]

    def resolve(self, node: Any) -> Any:
        """`node` with every intrinsic function replaced by its value; raises UnresolvedError."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Ref" or str(name).startswith("Fn::"):
                return self._call(name, argument)
        values = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not _NO_VALUE}

    def holds(self, condition: str) -> bool:
        """Returns whether the named condition is true."""
        return self._truth(self.document.get("Conditions", {})[condition])

    def _call(self, name: str, argument: Any) -> Any:
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        if name not in functions:
            raise UnresolvedError(f"{name} {json.dumps(argument, default=str)}")
        return functions[name](argument)

    def _truth(self, node: Any) -> bool:
        name, argument = next(iter(node.items()))
        match name:
            case "Fn::Equals":
                first, second = (_text(self.resolve(side)) for side in argument)
                return first == second
            case "Fn::Not":
                return not self._truth(argument[0])
            case _:
                raise UnresolvedError(f"{name} in a condition")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        declared = self.document.get("Parameters", {}).get(name)
        if declared is None:
            return self.attribute(name, "Ref")
        value = self.parameters.get(name, declared.get("Default"))
        if value is None:
            raise UnresolvedError(f"parameter {name}, which has no default")
        if declared["Type"] not in ("String", "Number"):
            raise UnresolvedError(f"parameter {name}, whose type is {declared['Type']}")
        return _text(value)

    def _get_att(self, argument: Any) -> str:
        resource, _, name = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
        return self.attribute(resource, name)

    def _sub(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            name = name.strip()
            if name in local:
                return _text(self.resolve(local[name]))
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _if(self, argument: Any) -> Any:
        condition, when_true, when_false = argument
        return self.resolve(when_true if self.holds(condition) else when_false)

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return _text(self.resolve(text)).split(separator)

    def _find_in_map(self, argument: Any) -> Any:
        mapping, first, second = self.resolve(argument)
        return self.document["Mappings"][mapping][_text(first)][_text(second)]


def _text(value: Any) -> str:
    """As CloudFormation writes a scalar: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
