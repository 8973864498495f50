from common.transforms.morphological_noise import MorphologicalNoised

__all__ = [
    "MorphologicalNoised",
]
