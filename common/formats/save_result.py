"""Masks of new images, written once more as files that an annotator's tool opens."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform

import common
from common.errors import InputError
from common.formats.dicom_seg_writing import Algorithm, write_dicom_seg
from common.formats.dicom_series import read_series
from common.formats.grid import OFF_GRID, Grid, image_grid, voxel_steps
from common.formats.label_studio import write_label_studio
from common.formats.seg_nrrd import write_seg_nrrd
from common.formats.segments import Segments
from common.io.formats import is_picture
from common.io.optional_library import optional_library

__all__ = ["OUTPUT_FORMATS", "SaveInFormatd", "output_fault"]

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

    Raises:
        InputError: there is no such format, or its library (extra ``formats``) is not installed; when called, what
            `output_fault` says, a map of another size than its image, or a value without a name.

    Example:
        >>> import tempfile
        >>> image = MetaTensor(torch.zeros(1, 3, 2), meta={"filename_or_obj": "a.png"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save = SaveInFormatd("pred", folder, ["background", "disc"], "t_loss", "label_studio")
        ...     _ = save({"case": "a", "image": image, "pred": torch.ones(1, 3, 2)})
        ...     [path.name for path in Path(folder).iterdir()]
        ['a_mask.json']
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        class_names: Sequence[str],
        algorithm: str,
        output_format: str | None = None,
    ) -> None:
        super().__init__(keys)
        output_fault("", output_format)
        if library := LIBRARIES.get(output_format or ""):
            optional_library(library, "formats", f"--output_format {output_format}")
        self.output_dir, self.output_format = Path(output_dir), output_format
        self.names = {index: str(name) for index, name in enumerate(class_names) if index}
        self.algorithm = algorithm

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """
        Args:
            data: item with the class map and its image.

        Returns:
            The item as it came.
        """
        item = dict(data)
        if self.output_format is None or "case" not in item:
            return item
        for key in self.key_iterator(item):
            source = item["image"].meta["filename_or_obj"]
            if fault := output_fault(source, self.output_format):
                raise InputError(f"Case {item['case']}: {source}: {fault}.")
            classes = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().numpy()[0].astype(np.int16)
            target = self.output_dir / f"{item['case']}_mask{OUTPUT_FORMATS[self.output_format]}"
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.output_format == "label_studio":
                self._save_picture(item["case"], source, classes, target)
            elif self.output_format == "seg.nrrd":
                grid = image_grid(source)
                write_seg_nrrd(target, classes.reshape(grid.shape), grid.affine, self.names)
            else:
                self._save_series(item["image"], source, classes, target)
        return item

    def _save_picture(self, case: str, source: str, classes: np.ndarray, target: Path) -> None:
        plane = classes.reshape(classes.shape[:2]).T
        masks = {name: plane == index for index, name in self.names.items()}
        address = LOCAL_FILES + Path(source).absolute().as_posix().lstrip("/")
        write_label_studio(target, [Segments(case, self.algorithm, masks)], {case: address})

    def _save_series(self, image: MetaTensor, source: str, classes: np.ndarray, target: Path) -> None:
        series = read_series(source, voxels=False)
        read_at = np.asarray(image.meta["original_affine"], float)
        steps = voxel_steps(read_at, classes.shape, Grid(series.shape, series.affine))
        if steps is None or (steps[0] != np.eye(3)).any() or steps[1].any():
            raise InputError(f"{source}: its slices lie {OFF_GRID} voxels or more beside where the image was read.")
        made_by = Algorithm(self.algorithm, common.__version__)
        write_dicom_seg(target, classes, series, self.names, made_by, description=f"{self.algorithm} segmentation")
