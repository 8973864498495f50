"""Handwritten digits segmented by simulated annotators (Zhang et al. 2020; LeCun et al. 1998; Castro et al. 2019)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from common.errors import InputError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import ANNOTATOR_KINDS, simulate_annotator
from common.phantoms.folder import write_phantom_once

VERSION = 1
IMAGES_MAGIC = b"\0\0\x08\x03"  # unsigned bytes, three axes
NOISE = 0.2  # standard deviation that gives the gray values of the paper's published sample


def write_mnist_annotators(
    folder: str | os.PathLike[str],
    source: str | os.PathLike[str],
    num_training: int = 48000,
    num_validation: int = 12000,
    num_test: int = 10000,
    seed: int = 0,
) -> str:
    """Unpacks MNIST or Morpho-MNIST once into the layout ``mnist``, with noise and simulated annotators.

    The image is the digit with Gaussian noise of standard deviation 0.2, cut to 0 … 1; the truth is the digit itself;
    over, under, wrong and blank are `simulate_annotator` of the digit's foreground. Everything is drawn from
    (seed, number of the digit). Training and validation digits are the first of ``train-images``, test digits the first
    of ``t10k-images``.

    Args:
        folder: to write; its parents are made. One written with the same arguments is left as it is.
        source: folder that holds ``train-images-idx3-ubyte`` and ``t10k-images-idx3-ubyte``, packed (``.gz``) or not.
        num_training: digits (paper: 48000).
        num_validation: digits (paper: 12000, a fifth of the training images).
        num_test: digits (paper: 10000).
        seed: another seed, other noise and fractures.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: a file is missing, damaged or holds too few digits, or the folder holds something else.
    """
    numbers = {"train": num_training, "validate": num_validation, "test": num_test}
    if min(numbers.values()) < 0:
        raise InputError(f"Numbers of digits must be at least 0, got {num_training}, {num_validation} and {num_test}.")

    def write(root: Path) -> None:
        sets = {name: _read_idx(Path(source).expanduser(), name) for name in ("train", "t10k")}
        first = {"train": 0, "validate": num_training, "test": 0}
        for section, count in numbers.items():
            name = "t10k" if section == "test" else "train"
            digits = sets[name][first[section] : first[section] + count]
            if len(digits) < count:
                raise InputError(f"{source}: {name} holds {len(sets[name])} digits, too few for {section} {count}.")
            for index, digit in enumerate(digits, start=first[section]):
                _write_digit(root / section, f"{name}_{index:05d}", digit, seed)

    return write_phantom_once(folder, {"version": VERSION, **numbers, "seed": seed}, write)


def _read_idx(source: Path, name: str) -> NDArray[np.uint8]:
    found = [source / f"{name}-images-idx3-ubyte{suffix}" for suffix in ("", ".gz")]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise InputError(f"{source} must hold {found[0].name} or {found[1].name}, but there is neither.")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be unpacked: {error}.") from error
    shape = np.frombuffer(content[4:16], ">u4").tolist() if len(content) >= 16 else []
    if content[:4] != IMAGES_MAGIC or len(content) != 16 + np.prod(shape):
        raise InputError(f"{path} must hold images in the idx format of MNIST, but its header does not fit its length.")
    return np.frombuffer(content, np.uint8, offset=16).reshape(shape)


def _write_digit(section: Path, case: str, digit: NDArray[np.uint8], seed: int) -> None:
    generator = case_generator(seed, case, "noise")
    noise = NOISE * torch.randn(digit.shape, generator=generator).numpy()
    mask = torch.from_numpy((digit > digit.max() / 2).astype(np.uint8))
    pictures = {"image": np.rint(255 * np.clip(digit / 255 + noise, 0, 1)), "truth": digit}
    for kind in ANNOTATOR_KINDS:
        if kind != "good":
            pictures[kind] = 255 * simulate_annotator(mask, kind, case_generator(seed, case, kind)).numpy()
    for name, values in pictures.items():
        (section / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.astype(np.uint8)).save(section / name / f"{case}.tif")
