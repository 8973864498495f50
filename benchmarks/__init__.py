"""Tables of the papers, and speed against other software: run from the repository root, not part of the package."""
