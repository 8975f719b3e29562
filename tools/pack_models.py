"""Validates a catalogue of models and packs it as a layer for ModelsLayerArn: a zip with models.toml at its top.

python tools/pack_models.py models.toml .aws-sam/models.zip
"""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from clipferry import catalog
from clipferry.errors import ConfigurationError

NAME = "models.toml"
"""The file's name in the layer: Lambda unpacks it to /opt, and the template sets MODELS_FILE to /opt/models.toml."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""A fixed time, so that the same file always gives the same zip."""


def pack(source: Path, target: Path) -> int:
    """Writes the layer and returns the number of models it offers; raises ConfigurationError for an invalid file."""
    offered = [model for model in catalog.load(source).models.values() if not model.retired]
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        entry = ZipInfo(NAME, EPOCH)
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, source.read_bytes())
    return len(offered)


def main() -> int:
    source, target = (Path(argument) for argument in sys.argv[1:3])
    try:
        count = pack(source, target)
    except ConfigurationError as error:
        sys.stderr.write(f"{source}: {error}\n")
        return 1
    sys.stdout.write(
        f"{target} offers {count} models. Publish it, and give the ARN as ModelsLayerArn:\n\n"
        "  aws lambda publish-layer-version --layer-name clipferry-models \\\n"
        f"    --zip-file fileb://{target} --query LayerVersionArn --output text\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
