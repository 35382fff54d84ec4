"""Operators that bring data from elsewhere."""
