"""Sensors on segments."""
