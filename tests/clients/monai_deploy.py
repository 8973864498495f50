"""`make clients`: the real MONAI Deploy runs packages of this repository on a DICOM series, without a container.

    python tests/clients/monai_deploy.py                     # all five bundles, a minute each after installation
    python tests/clients/monai_deploy.py --bundles t_loss

Run by a Python that has this repository and its extra formats. It makes an environment for the application
(``--environment``, some minutes once), trains every bundle for a few epochs on small volumes, packages it, exports its
network as TorchScript from the unpacked zip, and runs `monai_deploy_app.py` on a series of DICOM files. The segments
of the DICOM SEG that it writes are those that ``inferring`` finds in the same series, voxel by voxel.

It prints a table and ends with 1 if anything differs. No part of the suite: it needs two gigabytes of packages.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
from monai_label import SHAPES, SIZES, install, write_data
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

REPOSITORY = Path(__file__).resolve().parents[2]
APPLICATION = Path(__file__).with_name("monai_deploy_app.py")
REQUIREMENTS = ["monai-deploy-app-sdk==4.0.0", "highdicom==0.28.2", "SimpleITK==2.5.7", "setuptools"]
OVERLAYS = {"soft_label_apl": ["unet"]}  # TorchScript has no Mask R-CNN
EPOCHS = {"bwcr": 250}  # until its network finds something
SPACING = (1.25, 1.25, 3.0)  # the SDK exchanges rows and columns of pixels that are not square
STACK = 32 * 1024  # kilobytes that Holoscan asks for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", nargs="*", default=sorted(SIZES), help="all by default")
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir(), "monai_deploy_environment"))
    options = parser.parse_args()
    python = _environment(options.environment)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_data("volume", work / "data", work / "studies")
        _write_series(work / "series")
        for bundle in options.bundles:
            try:
                result = _compare(bundle, work, python)
            except Exception as error:
                result = f"{' '.join(str(error).split())[-600:]} FAILED"
            rows.append(f"{bundle:26}{result}")
            print(rows[-1], file=sys.stderr, flush=True)
    print(*rows, sep="\n")
    sys.exit(any(row.endswith("FAILED") for row in rows))


def _environment(folder: Path) -> Path:
    """The application's Python, made and filled if the folder has none."""
    python = folder / "bin/python"
    if not (folder / "filled").is_file():
        venv.create(folder, with_pip=True, clear=True)
        pinned = [line for line in (REPOSITORY / "requirements.txt").read_text().splitlines() if "==" in line]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *pinned, *REQUIREMENTS], check=True)
        (folder / "filled").touch()
    return python


def _write_series(folder: Path) -> None:
    """A volume as axial slices of CT, from the feet up: a bright block in noise."""
    columns, rows, slices = SHAPES["volume"]
    volume = np.random.default_rng(1).normal(100, 12, (columns, rows, slices))  # the SDK wraps values below 0
    volume[columns // 4 : columns // 2, rows // 4 : rows // 2, 2:] += 80
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for index in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        for name in ("PatientID", "StudyID", "SeriesDescription", "StudyDescription"):
            setattr(image, name, "1")
        for name in ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"):
            setattr(image, name, "")
        image.StudyDate, image.StudyTime, image.Manufacturer = "20260101", "000000", ""
        image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 1, index + 1
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.Rows, image.Columns, image.PixelSpacing = rows, columns, [SPACING[1], SPACING[0]]
        image.SliceThickness = image.SpacingBetweenSlices = SPACING[2]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [-20, -15, 100 + SPACING[2] * index]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 1
        image.RescaleIntercept, image.RescaleSlope = 0, 1
        image.PixelData = volume[:, :, index].T.astype(np.int16).tobytes()
        image.save_as(folder / f"{index}.dcm", enforce_file_format=True)


def _compare(bundle: str, work: Path, python: Path) -> str:
    """The segments of the application's DICOM SEG, and the classes of the mask that `inferring` writes."""
    overlays = OVERLAYS.get(bundle, [])
    install(bundle, work / "models", work / "data", work, overlays, EPOCHS.get(bundle, 2))
    folder, output = work / "models" / bundle, work / "inferred" / bundle
    names = ["inference", *overlays]
    configs = [f"configs/{name}.json" for name in names]
    weights, model = "models/model.pt", folder / "models/model.ts"
    files = ["--ckpt_file", weights, "--meta_file", "configs/metadata.json", "--config_file", str(configs)]
    _run([python, "-m", "monai.bundle", "ckpt_export", "network_def", "--filepath", model, *files], folder)
    places = ["--dataset_dir", work / "series", "--output_dir", output]
    _run([python, "-m", "monai.bundle", "run", "inferring", "--config_file", str(configs), *places], folder)
    segmented = work / "segmented" / bundle
    _run([python, APPLICATION, "-i", work / "series", "-o", segmented, "-m", model], folder, ",".join(names))

    mask = nib.as_closest_canonical(nib.load(next(output.glob("*_mask.nii.gz"))))
    classes = np.asarray(mask.dataobj)
    wanted = json.loads((folder / "models/plan.json").read_text(encoding="utf-8"))["class_names"][1:]
    (path,) = segmented.glob("*.dcm")
    seg = highdicom.seg.segread(path)
    found = np.zeros_like(classes)
    volume = seg.get_volume(combine_segments=True).to_patient_orientation("RAS")
    start = np.linalg.inv(mask.affine) @ np.diag([-1, -1, 1, 1]) @ volume.affine @ [0, 0, 0, 1]  # of the SEG's frames
    place = tuple(slice(round(a), round(a) + n) for a, n in zip(start[:3], volume.spatial_shape, strict=True))
    found[place] = volume.array
    labels = [seg.get_segment_description(number).segment_label for number in seg.segment_numbers]
    if labels != wanted:
        raise RuntimeError(f"segments {labels}, expected {wanted}")
    if not np.array_equal(found, classes) or not classes.any():
        raise RuntimeError(f"{(found != classes).sum()} of {classes.size} voxels differ, {classes.sum()} segmented")
    return f"equal to inferring, {np.unique(classes).tolist()} of {dict(enumerate(labels, 1))}"


def _run(command: Sequence[str | Path], folder: Path, configs: str = "") -> None:
    """A process in the unpacked bundle, which is all that it knows of this repository."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    variables |= {"PYTHONPATH": str(folder), "BUNDLE_CONFIGS": configs}
    limited = ["sh", "-c", f'ulimit -s {STACK}; exec "$@"', "sh", *map(str, command)]
    done = subprocess.run(limited, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)


if __name__ == "__main__":
    main()
