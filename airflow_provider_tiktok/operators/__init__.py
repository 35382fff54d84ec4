"""Operators on segments."""
