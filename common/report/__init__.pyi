from .annotators import draw_annotators, draw_confusion_matrices, draw_validation
from .calibration import draw_improvement, draw_probabilities, draw_reliability
from .curves import draw_dice_by_setting, draw_memorisation, draw_nu_path
from .noise_levels import draw_dice_by_noise_level, draw_noise_levels
from .overlays import Example, draw_examples, draw_overlay, examples_from_dataset
from .page import write_page
from .soft_label import SoftLabelExample, draw_predictions, draw_soft_label_pipeline, soft_label_examples
from .statistics import GroupComparison, compare_groups, last_epochs_mean, mean_and_std, paired_permutation_test
from .tables import insert_between_markers, load_results, markdown_table, results_table, summarise_runs, write_results

__all__ = [
    "Example",
    "GroupComparison",
    "SoftLabelExample",
    "compare_groups",
    "draw_annotators",
    "draw_confusion_matrices",
    "draw_dice_by_noise_level",
    "draw_dice_by_setting",
    "draw_examples",
    "draw_improvement",
    "draw_memorisation",
    "draw_noise_levels",
    "draw_nu_path",
    "draw_overlay",
    "draw_predictions",
    "draw_probabilities",
    "draw_reliability",
    "draw_soft_label_pipeline",
    "draw_validation",
    "examples_from_dataset",
    "insert_between_markers",
    "last_epochs_mean",
    "load_results",
    "markdown_table",
    "mean_and_std",
    "paired_permutation_test",
    "results_table",
    "soft_label_examples",
    "summarise_runs",
    "write_page",
    "write_results",
]
