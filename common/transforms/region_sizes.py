"""How large regions are, as columns of the tables that inference writes."""

from __future__ import annotations

from pathlib import Path

from common.io.formats import is_picture
from common.io.rounding import rounded
from common.io.writers import voxel_mm3

__all__ = ["size_columns", "voxel_volume"]


def voxel_volume(source: str | Path) -> float | None:
    """The volume of a voxel of an image.

    Args:
        source: file of the image.

    Returns:
        mm³; None of a picture, whose pixels have no size.
    """
    return None if is_picture(source) else voxel_mm3(source)


def size_columns(
    count: float, voxel: float | None, name: str = "", kind: str = "{}", voxels: bool = False
) -> dict[str, float]:
    """The size of a region: in a volume mm³, in a picture pixels, under names that say which.

    ==========================  ==================================  ========================
    region                      volume                              picture
    ==========================  ==================================  ========================
    all that is foreground      ``volume_mm3``                      ``foreground_pixels``
    a class                     ``volume_mm3_<class>``              ``pixels_<class>``
    a class, ``expected_{}``    ``expected_volume_mm3_<class>``     ``expected_pixels_<class>``
    ==========================  ==================================  ========================

    Args:
        count: of the region's voxels or pixels; the sum of their probabilities is no whole number.
        voxel: `voxel_volume`.
        name: of the region's class; empty for all that is foreground.
        kind: what is put before or behind ``volume`` or ``pixels``, at the place of ``{}``.
        voxels: of a volume also the count, ``foreground_voxels`` or ``voxels_<class>``.

    Returns:
        Size by column, in three decimals.

    Example:
        >>> size_columns(4, 1.5, "liver", voxels=True), size_columns(4, None, "liver")
        ({'voxels_liver': 4, 'volume_mm3_liver': 6.0}, {'pixels_liver': 4})
        >>> size_columns(4.5, 2.0, "liver", "expected_{}"), size_columns(3, None, kind="{}_at_half")
        ({'expected_volume_mm3_liver': 9.0}, {'foreground_pixels_at_half': 3})
    """
    behind = f"_{name}" if name else ""
    if voxel is None:
        return {kind.format("pixels" if name else "foreground_pixels") + behind: round(count, 3)}
    counted = {kind.format("voxels" if name else "foreground_voxels") + behind: round(count, 3)} if voxels else {}
    return counted | {f"{kind.format('volume')}_mm3{behind}": rounded(count * voxel, 3)}
