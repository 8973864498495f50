from .border import BorderNoise, border_products, estimate_border_noise, fit_border_noise
from .cases import case_record
from .geometry import Residuals, border_residuals, signed_distance
from .inputs import LoadedCase, load_case, read_probabilities
from .kinds import Kind, find_kinds, gravest
from .run import audit_cases, audit_folders, print_audit
from .scores import (
    border_probabilities,
    case_scores,
    certainty,
    drawn_probabilities,
    entropy_corrected,
    likelihood_ratio,
    mean_dice,
    soft_dice,
    softmin,
)
from .summary import advice, rank_records, summarize, suspicions

__all__ = [
    "BorderNoise",
    "Kind",
    "LoadedCase",
    "Residuals",
    "advice",
    "audit_cases",
    "audit_folders",
    "border_probabilities",
    "border_products",
    "border_residuals",
    "case_record",
    "case_scores",
    "certainty",
    "drawn_probabilities",
    "entropy_corrected",
    "estimate_border_noise",
    "find_kinds",
    "fit_border_noise",
    "gravest",
    "likelihood_ratio",
    "load_case",
    "mean_dice",
    "print_audit",
    "rank_records",
    "read_probabilities",
    "signed_distance",
    "soft_dice",
    "softmin",
    "summarize",
    "suspicions",
]
