"""Pictures as people send them into what the model takes: part of the package, the server runs it.

An instance is a picture in grey levels, 0 black to 255 white, the digit light on dark: as rows of pixels, or
as the base64 text of a binary PGM file. All pictures of a request have one size.
"""

import base64
import binascii
import re

import numpy as np
import numpy.typing as npt

# P5, width, height and the largest value, each after white space or comments:
# https://netpbm.sourceforge.net/doc/pgm.html
_HEADER = re.compile(rb"P5(?:\s+#[^\n]*)*\s+(\d{1,4})(?:\s+#[^\n]*)*\s+(\d{1,4})(?:\s+#[^\n]*)*\s+255\s")
_MAX_SIDE = 4096


def preprocess(instances: list[object]) -> dict[str, npt.NDArray[np.uint8]]:
    """Make the model's `image`, uint8 `[rows, height, width]`.

    Raises:
        ValueError: an instance is no picture, or has another size than the first.

    """
    pictures = [_picture(instance, f"instances[{index}]") for index, instance in enumerate(instances)]
    for index, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (picture.shape, pictures[0].shape))
            raise ValueError(f"instances[{index}]: pictures of {sizes} pixels; send one size in a request")
    return {"image": np.stack(pictures)}


def _picture(instance: object, field: str) -> npt.NDArray[np.uint8]:
    if isinstance(instance, str):
        return _pgm(instance, field)
    if not isinstance(instance, list):
        raise ValueError(  # noqa: TRY004 - what the server turns into a 400
            f"{field}: expected rows of pixels, or a PGM file in base64"
        )
    try:
        pixels = np.array(instance)
    except ValueError:
        raise ValueError(f"{field}: the rows of pixels have different lengths") from None
    if pixels.ndim != 2 or pixels.dtype.kind not in "iu" or not pixels.size:
        raise ValueError(f"{field}: expected rows of whole numbers, 0 to 255")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{field}: a pixel is {pixels.min()} or {pixels.max()}, allowed: 0 to 255")
    return pixels.astype(np.uint8)


def _pgm(text: str, field: str) -> npt.NDArray[np.uint8]:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{field}: not base64") from None
    header = _HEADER.match(data)
    if header is None:
        raise ValueError(f"{field}: not a binary PGM file (P5) with values to 255")
    width, height = int(header[1]), int(header[2])
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE) or len(data) - header.end() != width * height:
        raise ValueError(f"{field}: {len(data) - header.end()} pixels for {width}x{height}")
    return np.frombuffer(data, np.uint8, offset=header.end()).reshape(height, width)
