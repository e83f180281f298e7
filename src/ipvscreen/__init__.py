"""Private health questions inside the record system: labelled, verified, with a referral that arrives."""
