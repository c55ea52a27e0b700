"""Probing a path because a person asks for it: orders, their carrying out, their figures.

Shared by API and console, which take orders, and the task that carries them out. What the
monitor does by itself may not enter.
"""
