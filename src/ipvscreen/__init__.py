"""Screening for partner violence inside the record system, labelled, verified, and with a referral that arrives."""
