from .annotators import audit_annotators, print_annotators
from .border import BorderNoise, border_products, estimate_border_noise, fit_border_noise
from .cases import case_record, case_scores, usual_border_deviation
from .choosing import advice
from .geometry import Residuals, border_residuals, signed_distance
from .habits import Drift, annotator_habits, drift
from .inputs import LoadedCase, load_case, read_probabilities
from .kinds import Kind, find_kinds, gravest
from .run import audit_cases, audit_folders, print_audit
from .scores import (
    border_probabilities,
    certainty,
    drawn_probabilities,
    entropy_corrected,
    likelihood_ratio,
    mean_dice,
    soft_dice,
    softmin,
)
from .second import compare_audits, read_audit
from .summary import rank_records, summarize
from .surprise import structure_doubts, surprises
from .truth import TruthGivenLabel, share_without_regard, truth_given_label
from .wrong import wrong_probabilities

__all__ = [
    "BorderNoise",
    "Drift",
    "Kind",
    "LoadedCase",
    "Residuals",
    "TruthGivenLabel",
    "advice",
    "annotator_habits",
    "audit_annotators",
    "audit_cases",
    "audit_folders",
    "border_probabilities",
    "border_products",
    "border_residuals",
    "case_record",
    "case_scores",
    "certainty",
    "compare_audits",
    "drawn_probabilities",
    "drift",
    "entropy_corrected",
    "estimate_border_noise",
    "find_kinds",
    "fit_border_noise",
    "gravest",
    "likelihood_ratio",
    "load_case",
    "mean_dice",
    "print_annotators",
    "print_audit",
    "rank_records",
    "read_audit",
    "read_probabilities",
    "share_without_regard",
    "signed_distance",
    "soft_dice",
    "softmin",
    "structure_doubts",
    "summarize",
    "surprises",
    "truth_given_label",
    "usual_border_deviation",
    "wrong_probabilities",
]
