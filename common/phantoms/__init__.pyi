from .cardiac import write_cardiac_phantom
from .chest import write_chest_phantom
from .ct import write_ct_phantom
from .knee import write_knee_phantom
from .lesion import write_lesion_phantom

__all__ = [
    "write_cardiac_phantom",
    "write_chest_phantom",
    "write_ct_phantom",
    "write_knee_phantom",
    "write_lesion_phantom",
]
