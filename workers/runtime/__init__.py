"""Starts, watches and connects the processes; the only package that imports the other three."""
