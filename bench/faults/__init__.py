"""The kill harness (``make faults``): processes die at named points and at random instants.

What it shows is figure R1 and R3 of the design: no event lost or doubled, and routes equal to
the state within five seconds of the successor's start. Crash points live here, in wrappers
of what the product calls; the product knows nothing of them.
"""
