"""Detectors and decisions in virtual time: ours, and faithful models of its peers.

Seeded and without a network: the same command gives the same table on every machine.
What is ours is the product's own code; only the passing of time and the lines are made up.
"""
