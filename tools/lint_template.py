"""Lints template.yaml as CloudFormation sees it, with SAM's transform applied, which linters don't do themselves.

Only then do circular dependencies show, such as an API's URL in the environment of one of its functions.
Run it with the Python of SAM's environment. With `--print` it prints the transformed template instead, for another
linter.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from cfnlint.api import lint
from samcli.yamlhelper import parse_yaml_file
from transform_template import REGION, transformed

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    options = [argument for argument in sys.argv[1:] if argument != "--print"]
    source = parse_yaml_file(Path(options[0]) if options else TEMPLATE)
    required = {name: "x" for name, parameter in source["Parameters"].items() if "Default" not in parameter}
    template = json.dumps(transformed(source, required), default=str)
    if "--print" in sys.argv:
        sys.stdout.write(template)
        sys.exit()
    matches = lint(template, regions=[REGION])
    for match in matches:
        sys.stderr.write(f"{match.rule.id} {match.message} (transformed {match.path})\n")
    sys.exit(bool(matches))
