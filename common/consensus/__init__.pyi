from .one_case import Settings, fuse_case
from .page import write_tables
from .run import Outcome, fuse_cases
from .settings import make_settings
from .sources import FusionCase, Sources, dataset_cases, folder_cases
from .summary import AnnotatorSummary, agreement, summarize_annotators, trouble_sentences
from .writing import write_consensus, written_values

__all__ = [
    "AnnotatorSummary",
    "FusionCase",
    "Outcome",
    "Settings",
    "Sources",
    "agreement",
    "dataset_cases",
    "folder_cases",
    "fuse_case",
    "fuse_cases",
    "make_settings",
    "summarize_annotators",
    "trouble_sentences",
    "write_consensus",
    "write_tables",
    "written_values",
]
