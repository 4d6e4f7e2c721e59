"""`ModelPackage`: a package that `modelberth package` has written, uploaded file by file."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pulumi
from pulumi_gcp import storage

_MANIFEST = "modelberth.json"
_FILES = {_MANIFEST, "model.onnx", "preprocess.py"}


@dataclass(frozen=True)
class ModelPackageArgs:
    """What is uploaded, and where to."""

    folder: Path
    """Of the package."""
    bucket: pulumi.Input[str]
    prefix: str
    """Folder in the bucket, with the version in it: the files of a version never change."""


class ModelPackage(pulumi.ComponentResource):
    """The objects of one version. They stay when another one comes: a roll back reads them."""

    sha256: str
    """Of the manifest, which names the sha256 of each other file: it pins the model."""
    objects: list[storage.BucketObject]

    def __init__(self, name: str, args: ModelPackageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("digits:index:ModelPackage", name, {}, opts)
        self.sha256 = sha256((args.folder / _MANIFEST).read_bytes()).hexdigest()
        self.objects = [
            storage.BucketObject(
                f"{name}-{file.name}",
                bucket=args.bucket,
                name=f"{args.prefix}/{file.name}",
                source=pulumi.FileAsset(str(file)),
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
            for file in sorted(args.folder.iterdir())
            if file.name in _FILES
        ]
        self.register_outputs({"sha256": self.sha256})

    def before(self, value: pulumi.Output[str]) -> pulumi.Output[str]:
        """Return a value for what has to come after the files."""
        return pulumi.Output.all(value, *(one.name for one in self.objects)).apply(
            lambda known: str(known[0])
        )
