from .confusion import draw_confusion_matrices, read_confusion
from .curves import draw_memorisation, draw_nu_path
from .overlays import Example, draw_examples, draw_overlay, examples_from_dataset
from .page import write_page
from .reliability import draw_reliability
from .soft_label import (
    SoftLabelExample,
    draw_predictions,
    draw_soft_label_examples,
    draw_soft_label_pipeline,
    soft_label_examples,
)
from .tables import markdown_table

__all__ = [
    "Example",
    "SoftLabelExample",
    "draw_confusion_matrices",
    "draw_examples",
    "draw_memorisation",
    "draw_nu_path",
    "draw_overlay",
    "draw_predictions",
    "draw_reliability",
    "draw_soft_label_examples",
    "draw_soft_label_pipeline",
    "examples_from_dataset",
    "markdown_table",
    "read_confusion",
    "soft_label_examples",
    "write_page",
]
