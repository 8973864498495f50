from .check import check_cases

__all__ = [
    "check_cases",
]
