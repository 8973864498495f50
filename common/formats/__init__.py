"""Annotators' files as their tools write them."""
