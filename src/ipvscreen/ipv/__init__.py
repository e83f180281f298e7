"""Instruments and their validity, the gate, the assessment, the state tables, which service fits: pure."""
