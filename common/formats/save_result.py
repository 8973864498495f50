"""Class maps written as files that an annotator's tool opens."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from monai.transforms import MapTransform

import common
from common.errors import InputError
from common.formats.class_colors import named_values
from common.formats.dicom_seg_writing import Algorithm, write_dicom_seg
from common.formats.dicom_series import read_series
from common.formats.grid import Grid, image_grid, lay_voxels
from common.formats.label_studio import write_label_studio
from common.formats.seg_nrrd import write_seg_nrrd
from common.formats.segments import Segments
from common.io.formats import is_picture, read_header
from common.io.optional_library import optional_library

__all__ = ["OUTPUT_FORMATS", "UNWRITTEN", "SaveInFormatd", "check_output_format", "output_fault", "write_in_format"]

logger = logging.getLogger(__name__)
UNWRITTEN = "unwritten"  # in an item: its mask is not in the format that was asked for

OUTPUT_FORMATS = {"seg.nrrd": ".seg.nrrd", "dicom_seg": ".dcm", "label_studio": ".json"}  # and how their files end
LIBRARIES = {"seg.nrrd": "SimpleITK", "dicom_seg": "highdicom"}
LOCAL_FILES = "/data/local-files/?d="


def output_fault(image: str | os.PathLike[str], output_format: str | None) -> str:
    """Why the mask of an image cannot be written in a format.

    Args:
        image: its file, or the folder of its DICOM series.
        output_format: one of `OUTPUT_FORMATS`; None for the format of the image itself.

    Returns:
        The reason; empty if it can be written.

    Raises:
        InputError: there is no such format.

    Example:
        >>> output_fault("a.png", "label_studio"), output_fault("a.png", "seg.nrrd")
        ('', 'its result cannot be written as seg.nrrd, which is for volumes')
    """
    if output_format is None:
        return ""
    if not isinstance(output_format, str) or output_format not in OUTPUT_FORMATS:
        raise InputError(f"output_format: expected {', '.join(OUTPUT_FORMATS)} or null, got {output_format!r}.")
    kind, fits = {
        "seg.nrrd": ("volumes", not is_picture(image)),
        "dicom_seg": ("folders of DICOM series", Path(image).is_dir()),
        "label_studio": ("pictures", is_picture(image)),
    }[output_format]
    return "" if fits else f"its result cannot be written as {output_format}, which is for {kind}"


def check_output_format(output_format: str | None) -> None:
    """Refuses a format that cannot be written, before anything is computed.

    Args:
        output_format: one of `OUTPUT_FORMATS`, or None.

    Raises:
        InputError: there is no such format, or its library (extra ``formats``) is not installed.

    Example:
        >>> check_output_format("label_studio")
    """
    output_fault("", output_format)
    if library := LIBRARIES.get(output_format or ""):
        optional_library(library, "formats", f"--output_format {output_format}")


def write_in_format(
    path_without_suffix: str | os.PathLike[str],
    output_format: str,
    classes: np.ndarray,
    affine: np.ndarray,
    names: Mapping[int, str],
    image: str | os.PathLike[str],
    made_by: Algorithm | None,
    marks: Mapping[str, np.ndarray] | None = None,
    marked_by: Algorithm | None = None,
) -> Path:
    """Writes a class map as the file of an annotation tool, laid on the image that the tool shows.

    Args:
        path_without_suffix: where to write.
        output_format: one of `OUTPUT_FORMATS`.
        classes: integers (*spatial) as it was read, the first axis x; 0 is the background, and −1, which was not
            labeled, becomes the segment ``not labeled``.
        affine: (4, 4) of the class map to mm in RAS; of no meaning for pictures.
        names: value → name of its segment.
        image: its file, or the folder of its DICOM series.
        made_by: what made the class map; None: an annotator drew it.
        marks: further segments by name, which may overlap the classes: bool, of their size.
        marked_by: what made the marks.

    Returns:
        The file.

    Raises:
        InputError: what `output_fault` says, the voxels are not those of the image, or what the format's own writer
            refuses.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2)).save(f"{folder}/a.png")
        ...     drawn, made_by = np.ones((3, 2), int), Algorithm("STAPLE", "1")
        ...     places = f"{folder}/b", "label_studio", drawn, np.eye(4), {1: "disc"}, f"{folder}/a.png"
        ...     write_in_format(*places, made_by).name
        'b.json'
    """
    if fault := output_fault(image, output_format):
        raise InputError(f"{image}: {fault}.")
    target = Path(f"{os.fspath(path_without_suffix)}{OUTPUT_FORMATS[output_format]}")
    marks = marks or {}
    if output_format == "label_studio":
        plane = classes.reshape(classes.shape[:2]).T
        size = tuple(read_header(image).shape[::-1])
        if plane.shape != size:
            raise InputError(f"{target}: expected the size {size[::-1]} of {image}, got {plane.shape[::-1]}.")
        masks = {name: plane == value for value, name in named_values(classes, names, target, marks).items()}
        masks |= {name: mask.reshape(mask.shape[:2]).T for name, mask in marks.items()}
        by = marked_by or made_by
        address = LOCAL_FILES + quote(Path(image).absolute().as_posix().lstrip("/"))  # as Label Studio itself does
        drawn = [Segments(target.stem, by.name if by else "", masks)]
        target.parent.mkdir(parents=True, exist_ok=True)
        write_label_studio(target, drawn, {target.stem: address})
        return target
    series = read_series(image, voxels=False) if Path(image).is_dir() else None
    grid = image_grid(image) if series is None else Grid(series.shape, series.affine)

    def laid(voxels: np.ndarray) -> np.ndarray:
        return lay_voxels(voxels, affine, grid, f"{target}: expected the voxels of {image}")

    classes, marks = laid(classes), {name: laid(mask) for name, mask in marks.items()}
    if series is None or output_format == "seg.nrrd":
        return write_seg_nrrd(target, classes, grid.affine, names, marks=marks)
    description = f"{(marked_by or made_by or Algorithm('Annotator', '')).name} segmentation"
    return write_dicom_seg(
        target, classes, series, names, made_by, description=description, marks=marks, marked_by=marked_by
    )


class SaveInFormatd(MapTransform):
    """Writes the mask of a case in the format of an annotation tool, beside what was written already.

    ``seg.nrrd`` gives ``<case>_mask.seg.nrrd`` of a volume, for 3D Slicer, with names and colors of the classes.
    ``dicom_seg`` gives ``<case>_mask.dcm`` of a DICOM series: a coded segment for each class, the algorithm, and
    references to every slice (`write_dicom_seg`). ``label_studio`` gives ``<case>_mask.json`` of a picture: a task with
    a brush for each class as pre-annotation (`write_label_studio`), whose picture is the file as Label Studio finds it
    if `its root of local files <https://labelstud.io/guide/storage#Local-storage>`_ is ``/``.

    Args:
        keys: one, of a class map (1, *spatial) in the geometry of the file that the item's ``image`` was read from. An
            item without ``case`` gets no file.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        class_names: of all classes, background included.
        algorithm: name of what made the mask, which the files say.
        output_format: one of `OUTPUT_FORMATS`; None writes nothing.
        keep_going: an image whose mask the format does not take stops nothing: a warning is logged, ``failures`` keeps
            it, and the item gets `UNWRITTEN`.

    Attributes:
        failures: (path, reason) of each such image.

    Raises:
        InputError: there is no such format, or its library (extra ``formats``) is not installed; when called, unless it
            keeps going, what `output_fault` says, a map that is not on its image's grid, a value without a name, or
            what the format's own writer refuses.

    Example:
        >>> import tempfile
        >>> from monai.data import MetaTensor
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2)).save(f"{folder}/a.png")
        ...     image = MetaTensor(torch.zeros(1, 3, 2), meta={"filename_or_obj": f"{folder}/a.png"})
        ...     save = SaveInFormatd("pred", f"{folder}/out", ["background", "disc"], "t_loss", "label_studio")
        ...     _ = save({"case": "a", "image": image, "pred": torch.ones(1, 3, 2)})
        ...     [path.name for path in Path(folder, "out").iterdir()]
        ['a_mask.json']
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        class_names: Sequence[str],
        algorithm: str,
        output_format: str | None = None,
        keep_going: bool = False,
    ) -> None:
        super().__init__(keys)
        check_output_format(output_format)
        self.output_dir, self.output_format = Path(output_dir), output_format
        self.names = {index: str(name) for index, name in enumerate(class_names) if index}
        self.algorithm, self.keep_going = algorithm, keep_going
        self.failures: list[tuple[str, str]] = []

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """
        Args:
            data: item with the class map and its image.

        Returns:
            The item as it came, with `UNWRITTEN` where the mask could not be written.
        """
        item = dict(data)
        if self.output_format is None or "case" not in item:
            return item
        try:
            self._write(item, self.output_format)
        except InputError as error:
            if not self.keep_going:
                raise
            source, reason = str(item["image"].meta["filename_or_obj"]), str(error).rstrip(".")
            logger.warning("The mask of %s is not written as %s: %s.", source, self.output_format, reason)
            self.failures.append((source, reason))
            item[UNWRITTEN] = True
        return item

    def _write(self, item: Mapping[Hashable, Any], output_format: str) -> None:
        for key in self.key_iterator(item):
            source = item["image"].meta["filename_or_obj"]
            if fault := output_fault(source, output_format):
                raise InputError(f"Case {item['case']}: {source}: {fault}.")
            classes = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().numpy()[0].astype(np.int16)
            stem = self.output_dir / f"{item['case']}_mask"
            read_at = np.asarray(item["image"].meta.get("original_affine", np.eye(4)), float)  # a picture has none
            made_by = Algorithm(self.algorithm, common.__version__)
            write_in_format(stem, output_format, classes, read_at, self.names, source, made_by)
